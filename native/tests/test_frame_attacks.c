// What a line can do to a frame: nothing of it may pass for another frame. Every attack also runs
// against a broken twin, the same source with an 8-bit CRC, which must let some through: a test
// that cannot fail shows nothing.

#include "check.h"
#include "frame_vectors.h"
#include "seeded.h"
#include "weak_frame.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/// Vectors of a message are attacked by every attack; the edges of a frame behind them by most.
static bool is_message(const struct frame_vector *vector) {
    return vector->frame.type < 200;
}

/// One frame on its way through one codec.
struct trial {
    const struct codec *codec;
    const struct frame_vector *vector;
    uint8_t wire[AMP_FRAME_WIRE_MAX + 8];
    size_t size;
    uint64_t tried;
    uint64_t undetected; // frames that passed and are not the one that was sent
};

static void trial_begin(struct trial *trial, const struct codec *codec, size_t vector) {
    trial->codec = codec;
    trial->vector = &frame_vectors[vector];
    trial->size = trial->vector->wire_size;
    trial->tried = 0;
    trial->undetected = 0;
    CHECK(codec->encode(&trial->vector->frame, trial->vector->schema_hash, trial->wire,
                        sizeof trial->wire) == (int)trial->size);
}

/// Feeds what came out of the line, then a delimiter, so that nothing stays in the parser.
static void receive(struct trial *trial, const uint8_t *bytes, size_t size) {
    static const uint8_t delimiter = 0;
    struct amp_frame_parser parser;
    trial->codec->init(&parser, trial->vector->schema_hash);
    trial->tried++;
    for (size_t used = 0; used <= size;) {
        struct amp_frame frame;
        enum amp_frame_verdict verdict = AMP_FRAME_MORE;
        if (used < size) {
            used += trial->codec->parse(&parser, bytes + used, size - used, &verdict, &frame);
        } else {
            used += trial->codec->parse(&parser, &delimiter, 1, &verdict, &frame);
        }
        if (verdict == AMP_FRAME_GOOD && !same_frame(&trial->vector->frame, &frame)) {
            trial->undetected++;
        }
    }
}

static void flip(uint8_t *wire, size_t bit) {
    wire[bit / 8] = (uint8_t)(wire[bit / 8] ^ 1u << bit % 8);
}

static void flip_every_bit(struct trial *trial) {
    for (size_t bit = 0; bit < 8 * trial->size; bit++) {
        flip(trial->wire, bit);
        receive(trial, trial->wire, trial->size);
        flip(trial->wire, bit);
    }
}

static void flip_every_pair(struct trial *trial) {
    for (size_t first = 0; first < 8 * trial->size; first++) {
        flip(trial->wire, first);
        for (size_t second = first + 1; second < 8 * trial->size; second++) {
            flip(trial->wire, second);
            receive(trial, trial->wire, trial->size);
            flip(trial->wire, second);
        }
        flip(trial->wire, first);
    }
}

static void flip_bursts(struct trial *trial) {
    for (size_t begin = 0; begin < 8 * trial->size; begin++) {
        for (size_t length = 1; length <= 32 && begin + length <= 8 * trial->size; length++) {
            uint8_t hit[sizeof trial->wire];
            memcpy(hit, trial->wire, trial->size);
            const uint64_t pattern = seeded_next() | 1u | (uint64_t)1 << (length - 1);
            for (size_t bit = 0; bit < length; bit++) {
                if ((pattern >> bit & 1u) != 0) {
                    flip(hit, begin + bit);
                }
            }
            receive(trial, hit, trial->size);
        }
    }
}

/// Every way of losing one run of bytes: truncations at both ends are among them.
static void drop_every_run(struct trial *trial) {
    for (size_t begin = 0; begin < trial->size; begin++) {
        for (size_t end = begin + 1; end <= trial->size; end++) {
            uint8_t rest[sizeof trial->wire];
            memcpy(rest, trial->wire, begin);
            memcpy(rest + begin, trial->wire + end, trial->size - end);
            receive(trial, rest, trial->size - (end - begin));
        }
    }
}

static void insert_every_byte(struct trial *trial) {
    for (size_t at = 0; at <= trial->size; at++) {
        for (unsigned value = 0; value < 256; value++) {
            uint8_t more[sizeof trial->wire];
            memcpy(more, trial->wire, at);
            more[at] = (uint8_t)value;
            memcpy(more + at + 1, trial->wire + at, trial->size - at);
            receive(trial, more, trial->size + 1);
        }
    }
}

static void swap_and_repeat_bytes(struct trial *trial) {
    for (size_t at = 0; at + 1 < trial->size; at++) {
        uint8_t hit[sizeof trial->wire];
        memcpy(hit, trial->wire, trial->size);
        hit[at] = trial->wire[at + 1];
        hit[at + 1] = trial->wire[at];
        receive(trial, hit, trial->size);
        hit[at] = trial->wire[at + 1];
        hit[at + 1] = trial->wire[at + 1];
        receive(trial, hit, trial->size);
    }
}

static uint64_t undetected_by(const struct codec *codec, void (*attack)(struct trial *),
                              bool edges) {
    struct trial trial;
    uint64_t undetected = 0;
    for (size_t n = 0; n < COUNT(frame_vectors); n++) {
        if (!edges && !is_message(&frame_vectors[n])) {
            continue;
        }
        trial_begin(&trial, codec, n);
        attack(&trial);
        CHECK(trial.tried > 0);
        undetected += trial.undetected;
    }
    return undetected;
}

static void test_no_single_flip_passes(void) {
    CHECK(undetected_by(&REAL, flip_every_bit, true) == 0);
}

static void test_no_pair_of_flips_passes(void) {
    CHECK(undetected_by(&REAL, flip_every_pair, false) == 0);
    CHECK(undetected_by(&WEAK, flip_every_pair, false) > 0);
}

static void test_no_burst_passes(void) {
    CHECK(undetected_by(&REAL, flip_bursts, true) == 0);
    CHECK(undetected_by(&WEAK, flip_bursts, true) > 0);
}

static void test_no_truncation_or_loss_passes(void) {
    CHECK(undetected_by(&REAL, drop_every_run, true) == 0);
}

static void test_no_insertion_passes(void) {
    CHECK(undetected_by(&REAL, insert_every_byte, false) == 0);
}

static void test_no_swap_or_repeat_of_bytes_passes(void) {
    CHECK(undetected_by(&REAL, swap_and_repeat_bytes, true) == 0);
}

// A stream: what one error costs, and what a bad line does.

#define STREAM_FRAMES 6

struct stream {
    uint8_t bytes[STREAM_FRAMES * AMP_FRAME_WIRE_MAX + 16];
    size_t size;
};

static void stream_begin(struct stream *stream) {
    stream->size = 0;
    for (uint8_t n = 0; n < STREAM_FRAMES; n++) {
        uint8_t payload[40];
        for (size_t i = 0; i < sizeof payload; i++) {
            payload[i] = (uint8_t)(seeded_below(4) == 0 ? 0 : seeded_next());
        }
        payload[0] = n;
        const struct amp_frame frame = {
            .type = 16, .session = 9, .sequence = n, .length = sizeof payload, .payload = payload};
        stream->size +=
            (size_t)amp_frame_encode(&frame, 77, stream->bytes + stream->size, AMP_FRAME_WIRE_MAX);
    }
}

/// Returns how many frames came through; each must be one of the stream, and in order.
static size_t received(const uint8_t *bytes, size_t size) {
    struct amp_frame_parser parser;
    size_t good = 0;
    int last = -1;
    amp_frame_parser_init(&parser, 77);
    for (size_t used = 0; used < size;) {
        struct amp_frame frame;
        enum amp_frame_verdict verdict = AMP_FRAME_MORE;
        used += amp_frame_parse(&parser, bytes + used, size - used, &verdict, &frame);
        if (verdict == AMP_FRAME_GOOD) {
            CHECK(frame.sequence == frame.payload[0] && frame.sequence > last);
            last = frame.sequence;
            good++;
        }
    }
    return good;
}

static void test_one_error_costs_at_most_two_frames(void) {
    struct stream stream;
    stream_begin(&stream);
    CHECK(received(stream.bytes, stream.size) == STREAM_FRAMES);
    for (size_t bit = 0; bit < 8 * stream.size; bit++) {
        flip(stream.bytes, bit);
        CHECK(received(stream.bytes, stream.size) >= STREAM_FRAMES - 2);
        flip(stream.bytes, bit);
    }
    for (size_t at = 0; at < stream.size; at++) {
        uint8_t other[sizeof stream.bytes];
        memcpy(other, stream.bytes, at);
        memcpy(other + at, stream.bytes + at + 1, stream.size - at - 1);
        CHECK(received(other, stream.size - 1) >= STREAM_FRAMES - 2);
        other[at] = (uint8_t)seeded_next();
        memcpy(other + at + 1, stream.bytes + at, stream.size - at);
        CHECK(received(other, stream.size + 1) >= STREAM_FRAMES - 2);
    }
}

static void test_garbage_between_frames_costs_only_the_frame_it_touches(void) {
    struct stream stream;
    for (unsigned round = 0; round < 2000; round++) {
        uint8_t other[sizeof stream.bytes + 600];
        uint8_t garbage[600];
        stream_begin(&stream);
        const size_t at = (size_t)seeded_below(stream.size + 1);
        const size_t size = (size_t)seeded_below(sizeof garbage);
        for (size_t i = 0; i < size; i++) {
            garbage[i] = (uint8_t)seeded_next();
        }
        memcpy(other, stream.bytes, at);
        memcpy(other + at, garbage, size);
        memcpy(other + at + size, stream.bytes + at, stream.size - at);
        CHECK(received(other, stream.size + size) >= STREAM_FRAMES - 1);
    }
}

static void test_noise_alone_is_never_a_frame(void) {
    struct trial trial;
    trial_begin(&trial, &REAL, 0);
    for (unsigned round = 0; round < 4000; round++) {
        uint8_t noise[1024];
        for (size_t i = 0; i < sizeof noise; i++) {
            noise[i] = (uint8_t)(seeded_below(32) == 0 ? 0 : seeded_next());
        }
        receive(&trial, noise, sizeof noise);
    }
    CHECK(trial.undetected == 0);
}

static void test_a_noisy_line_loses_frames_and_forges_none(void) {
    const uint64_t per_million[] = {10, 100, 1000};
    for (size_t rate = 0; rate < COUNT(per_million); rate++) {
        size_t sent = 0;
        size_t good = 0;
        size_t flips = 0;
        for (unsigned round = 0; round < 3000; round++) {
            struct stream stream;
            stream_begin(&stream);
            for (size_t bit = 0; bit < 8 * stream.size; bit++) {
                if (seeded_below(1000000) < per_million[rate]) {
                    flip(stream.bytes, bit);
                    flips++;
                }
            }
            sent += STREAM_FRAMES;
            good += received(stream.bytes, stream.size);
        }
        CHECK(good <= sent && sent - good <= 2 * flips);
        CHECK(flips > 0 && good > 0);
    }
}

int main(void) {
    seeded_begin();
    RUN(test_no_single_flip_passes);
    RUN(test_no_pair_of_flips_passes);
    RUN(test_no_burst_passes);
    RUN(test_no_truncation_or_loss_passes);
    RUN(test_no_insertion_passes);
    RUN(test_no_swap_or_repeat_of_bytes_passes);
    RUN(test_one_error_costs_at_most_two_frames);
    RUN(test_garbage_between_frames_costs_only_the_frame_it_touches);
    RUN(test_noise_alone_is_never_a_frame);
    RUN(test_a_noisy_line_loses_frames_and_forges_none);
    return CHECK_DONE();
}
