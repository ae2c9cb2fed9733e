/* tap.h: what goes over a line, in the blocks in which its pump read and wrote it.
 *
 * A channel of its own in the io role's memory, always on: its writer never looks at a reader, so
 * it costs the same whether anybody listens, and who comes late still finds the moment before. A
 * reader that is too slow counts exactly what it missed. A block longer than AMP_TAP_PIECE becomes
 * several publications, all but the last marked AMP_TAP_MORE.
 *
 * What a publication is stands in its flags: kind | AMP_TAP_MORE | bytes << AMP_TAP_SIZE_SHIFT. Its
 * words are the bytes as they came, in memory order, the rest zero; of a mark that carries none,
 * the first word is its argument.
 */
#ifndef AMP_TAP_H
#define AMP_TAP_H

#include "amp/base.h"
#include "amp/channel.h"

/// Words of a publication, and the bytes they hold: with the header two cache lines.
#define AMP_TAP_WORDS 13
#define AMP_TAP_PIECE 104
/// The block goes on in the next publication.
#define AMP_TAP_MORE 16
#define AMP_TAP_KIND_MASK 15
#define AMP_TAP_SIZE_SHIFT 8

enum amp_tap_kind {
    AMP_TAP_FROM_DEVICE = 1, /* stamped when the pump woke for them */
    AMP_TAP_TO_DEVICE = 2,   /* stamped when Linux had taken them */
    AMP_TAP_PORT_LOST = 3,   /* argument: the error, as in base.h */
    AMP_TAP_PORT_OPENED = 4, /* argument: 0 */
};

/// Publish a block. Nothing happens while |tap| is not bound (all zero) or |size| is 0.
/// Context: real-time. Progress: bounded (|size|). Cost: one publication each 104 bytes. One writer.
void amp_tap_bytes(struct amp_channel *tap, amp_ns t_ns, enum amp_tap_kind kind,
                   const uint8_t *bytes, size_t size);

/// Publish that something happened to the port.
/// Context: real-time. Progress: wait-free. One writer.
void amp_tap_mark(struct amp_channel *tap, amp_ns t_ns, enum amp_tap_kind kind, int64_t argument);

#endif
