#include "amp/tap.h"

#include <string.h>

_Static_assert(AMP_TAP_PIECE == AMP_TAP_WORDS * 8, "a piece fills its words");

static uint32_t flags_of(enum amp_tap_kind kind, size_t size, bool more) {
    return (uint32_t)kind | (more ? AMP_TAP_MORE : 0u) | (uint32_t)size << AMP_TAP_SIZE_SHIFT;
}

void amp_tap_bytes(struct amp_channel *tap, amp_ns t_ns, enum amp_tap_kind kind,
                   const uint8_t *bytes, size_t size) {
    if (tap->line == NULL) {
        return;
    }
    while (size > 0) {
        const size_t piece = size < AMP_TAP_PIECE ? size : AMP_TAP_PIECE;
        uint64_t words[AMP_TAP_WORDS] = {0};
        memcpy(words, bytes, piece);
        bytes += piece;
        size -= piece;
        amp_channel_publish(tap, t_ns, flags_of(kind, piece, size > 0), words);
    }
}

void amp_tap_mark(struct amp_channel *tap, amp_ns t_ns, enum amp_tap_kind kind, int64_t argument) {
    if (tap->line != NULL) {
        const uint64_t words[AMP_TAP_WORDS] = {(uint64_t)argument};
        amp_channel_publish(tap, t_ns, flags_of(kind, 0, false), words);
    }
}
