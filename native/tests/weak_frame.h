/* weak_frame.h: a broken twin of the frame codec, the same source with a CRC of 8 bits, beside the
 * real one. What is shown of the real one has to fail with this: about 1 damaged frame in 256 passes.
 */
#ifndef AMP_TESTS_WEAK_FRAME_H
#define AMP_TESTS_WEAK_FRAME_H

#include "amp/frame.h"

#include <string.h>

static inline uint32_t weak_crc(const uint8_t *bytes, size_t size, uint32_t seed) {
    static uint8_t table[256];
    if (table[1] == 0) {
        for (unsigned value = 0; value < 256; value++) {
            unsigned crc = value;
            for (unsigned bit = 0; bit < 8; bit++) {
                crc = (crc << 1) ^ ((crc & 0x80u) != 0 ? 0x107u : 0u);
            }
            table[value] = (uint8_t)crc;
        }
    }
    uint32_t crc = seed & 0xFFu;
    for (size_t i = 0; i < size; i++) {
        crc = table[crc ^ bytes[i]];
    }
    return crc;
}

// Renamed, every function of frame.c is one of this program's own, whatever its prototype is.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#define amp_crc32 weak_crc
#define amp_cobs_size_max weak_cobs_size_max
#define amp_cobs_encode weak_cobs_encode
#define amp_cobs_decode weak_cobs_decode
#define amp_frame_encode weak_encode
#define amp_frame_parser_init weak_init
#define amp_frame_parse weak_parse
#include "../device/src/frame.c"
#undef amp_crc32
#undef amp_cobs_size_max
#undef amp_cobs_encode
#undef amp_cobs_decode
#undef amp_frame_encode
#undef amp_frame_parser_init
#undef amp_frame_parse
#pragma GCC diagnostic pop

struct codec {
    int (*encode)(const struct amp_frame *, uint32_t, uint8_t *, size_t);
    void (*init)(struct amp_frame_parser *, uint32_t);
    size_t (*parse)(struct amp_frame_parser *, const uint8_t *, size_t, enum amp_frame_verdict *,
                    struct amp_frame *);
};

static const struct codec REAL = {amp_frame_encode, amp_frame_parser_init, amp_frame_parse};
static const struct codec WEAK = {weak_encode, weak_init, weak_parse};

static inline bool same_frame(const struct amp_frame *one, const struct amp_frame *other) {
    return one->type == other->type && one->flags == other->flags &&
           one->session == other->session && one->sequence == other->sequence &&
           one->length == other->length &&
           (one->length == 0 || memcmp(one->payload, other->payload, one->length) == 0);
}

#endif
