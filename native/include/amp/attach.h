/* attach.h: join a running system from a program of one's own, in any language with a C ABI.
 *
 * Whoever starts the program lets it inherit descriptors and names, in the environment variable
 * AMPHOST_MAILBOX, the one that holds the directory: plain text, one line for each segment. The
 * program calls amp_attach(), finds segments by the name of their role, reads with channel.h and
 * queue.h, and publishes into its own segment, which is the only one that is mapped writable.
 *
 *     amphost-mailbox 1
 *     own ROLE ID FD SIZE HASH NONCE PAGE OFFSET WORDS DEPTH EPOCH
 *     read ROLE ID FD SIZE HASH NONCE PAGE OFFSET WORDS DEPTH 0
 *
 * HASH and NONCE are hexadecimal, everything else is decimal; OFFSET, WORDS and DEPTH are 0 where
 * there is no channel. At most one line says `own`; its EPOCH is 1 or more.
 * The text is trusted no more than any other input: what is not exactly this is refused.
 */
#ifndef AMP_ATTACH_H
#define AMP_ATTACH_H

#include "amp/base.h"
#include "amp/channel.h"
#include "amp/segment.h"
#include "amp/stats.h"

#define AMP_ATTACH_VARIABLE "AMPHOST_MAILBOX"
/// Bytes of a role's name, its terminator included.
#define AMP_ATTACH_NAME_ROOM 33
/// Most bytes of a directory.
#define AMP_ATTACH_TEXT_MAX 8192

/// One segment as this process sees it.
struct amp_attached_segment {
    char role[AMP_ATTACH_NAME_ROOM];
    uint32_t role_id;
    bool own; /* mapped writable; the channel is attached */
    bool has_channel;
    uint32_t epoch;
    uint64_t size;
    void *base;
    struct amp_owner *owner;    /* writable only where |own| */
    struct amp_system *system;  /* in the segment of role 0, the supervisor; else NULL */
    struct amp_channel channel; /* where |has_channel| */
};

/// Everything this process was handed. The caller owns it; it may not move while it is used.
struct amp_attached {
    uint32_t count;
    uint32_t
        line; /* of the directory, from 1: where a refusal was found; 0 if it was none of them */
    struct amp_attached_segment segments[AMP_ROLES_MAX];
};

/// Read the directory that the environment names, map and check every segment, attach the own
/// channel. All of it or nothing: returns 0, or -AMP_ESTATE when the variable is not there,
/// -AMP_EFORMAT for a text that is not a directory, or what amp_platform_map() and
/// amp_segment_check() return, with |line| set.
/// Context: init.
int amp_attach(struct amp_attached *out);

/// The same from |text|, which needs no terminator.
/// Context: init.
int amp_attach_text(struct amp_attached *out, const char *text, size_t length);

/// What a negative result of the two above means, in words; never NULL. It is for a log: programs
/// decide by the number.
/// Context: any.
const char *amp_attach_words(int result);

/// The segment of |role|; NULL when it was not handed over.
/// Context: init.
struct amp_attached_segment *amp_attached_find(struct amp_attached *attached, const char *role);

/// The word of |signal| in the channel of |segment|, as its directory names it; -AMP_EARG when it has
/// no signal of that name.
/// Context: init.
int amp_attached_word(const struct amp_attached_segment *segment, const char *signal);

/// Unmap everything.
/// Context: init.
void amp_detach(struct amp_attached *attached);

#endif
