#define FRAME_VECTORS_OF_CODECS
#include "check.h"
#include "frame_vectors.h"
#include "seeded.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

// The CRC in each of its three sizes, side by side with the one that was built.

uint32_t crc_of_16(const uint8_t *bytes, size_t size, uint32_t seed);
uint32_t crc_of_256(const uint8_t *bytes, size_t size, uint32_t seed);
uint32_t crc_of_1024(const uint8_t *bytes, size_t size, uint32_t seed);

#define AMP_CRC_ENTRIES 16
#define TABLE table_of_16
#define amp_crc32 crc_of_16
#include "../device/src/crc.c"
#undef AMP_CRC_ENTRIES
#undef TABLE
#undef amp_crc32
#define AMP_CRC_ENTRIES 256
#define TABLE table_of_256
#define amp_crc32 crc_of_256
#include "../device/src/crc.c"
#undef AMP_CRC_ENTRIES
#undef TABLE
#undef amp_crc32
#define AMP_CRC_ENTRIES 1024
#define TABLE table_of_1024
#define amp_crc32 crc_of_1024
#include "../device/src/crc.c"
#undef amp_crc32

static uint32_t (*const CRCS[])(const uint8_t *, size_t, uint32_t) = {crc_of_16, crc_of_256,
                                                                      crc_of_1024, amp_crc32};

static void fill_random(uint8_t *bytes, size_t size, unsigned zeros_in_8) {
    for (size_t i = 0; i < size; i++) {
        bytes[i] = seeded_below(8) < zeros_in_8 ? 0 : (uint8_t)seeded_next();
    }
}

static void test_crc_gives_the_published_values(void) {
    for (size_t n = 0; n < COUNT(crc_vectors); n++) {
        for (size_t c = 0; c < COUNT(CRCS); c++) {
            const struct crc_vector *v = &crc_vectors[n];
            CHECK(CRCS[c](v->bytes, v->size, v->seed) == v->crc);
        }
    }
    CHECK(amp_crc32(NULL, 0, 7) == 7);
}

static void test_crc_in_pieces_is_the_crc_of_the_whole(void) {
    uint8_t bytes[67];
    fill_random(bytes, sizeof bytes, 1);
    for (size_t c = 0; c < COUNT(CRCS); c++) {
        const uint32_t whole = CRCS[c](bytes, sizeof bytes, 0x5EED0A17u);
        for (size_t cut = 0; cut <= sizeof bytes; cut++) {
            const uint32_t head = CRCS[c](bytes, cut, 0x5EED0A17u);
            CHECK(CRCS[c](bytes + cut, sizeof bytes - cut, head) == whole);
        }
    }
}

static void test_crc_tables_agree_at_every_length_and_alignment(void) {
    uint8_t bytes[300];
    fill_random(bytes, sizeof bytes, 2);
    for (size_t begin = 0; begin < 4; begin++) {
        for (size_t size = 0; size < sizeof bytes - 4; size++) {
            const uint32_t seed = (uint32_t)seeded_next();
            const uint32_t expected = crc_of_16(bytes + begin, size, seed);
            CHECK(crc_of_256(bytes + begin, size, seed) == expected);
            CHECK(crc_of_1024(bytes + begin, size, seed) == expected);
        }
    }
}

// COBS of any size, as the paper has it: the library's own works in place, on one group.
static size_t cobs_of(const uint8_t *bytes, size_t size, uint8_t *out) {
    size_t code_at = 0;
    size_t at = 1;
    for (size_t i = 0; i < size; i++) {
        if (at - code_at == 255) {
            out[code_at] = 255;
            code_at = at++;
        }
        if (bytes[i] == 0) {
            out[code_at] = (uint8_t)(at - code_at);
            code_at = at++;
        } else {
            out[at++] = bytes[i];
        }
    }
    out[code_at] = (uint8_t)(at - code_at);
    return at;
}

static void test_cobs_gives_the_published_values(void) {
    size_t in_place = 0;
    for (size_t n = 0; n < COUNT(cobs_vectors); n++) {
        const struct cobs_vector *v = &cobs_vectors[n];
        uint8_t out[600];
        CHECK(cobs_of(v->decoded, v->decoded_size, out) == v->encoded_size);
        CHECK(memcmp(out, v->encoded, v->encoded_size) == 0);
        if (v->decoded_size > AMP_COBS_SIZE_MAX) {
            continue;
        }
        in_place++;
        memset(out, 0xEE, sizeof out);
        memcpy(out + 1, v->decoded, v->decoded_size);
        amp_cobs_encode(out, v->decoded_size);
        CHECK(memcmp(out, v->encoded, v->encoded_size) == 0);
        CHECK(out[v->encoded_size] == 0 && out[v->encoded_size + 1] == 0xEE);
        CHECK(amp_cobs_decode(out, v->encoded_size));
        CHECK(memcmp(out + 1, v->decoded, v->decoded_size) == 0);
    }
    CHECK(in_place > COUNT(cobs_vectors) / 2);
}

static void check_round_trip(const uint8_t *bytes, size_t size) {
    uint8_t expected[AMP_COBS_SIZE_MAX + 1];
    uint8_t wire[AMP_COBS_SIZE_MAX + 3];
    memset(wire, 0xEE, sizeof wire);
    memcpy(wire + 1, bytes, size);
    amp_cobs_encode(wire, size);
    CHECK(cobs_of(bytes, size, expected) == size + 1);
    CHECK(memcmp(wire, expected, size + 1) == 0);
    CHECK(wire[size + 1] == 0 && wire[size + 2] == 0xEE);
    CHECK(amp_cobs_decode(wire, size + 1));
    CHECK(memcmp(wire + 1, bytes, size) == 0);
    wire[0] = 0; // where a code should stand
    CHECK(!amp_cobs_decode(wire, size + 1));
}

static void test_cobs_round_trips_up_to_a_whole_group(void) {
    uint8_t bytes[AMP_COBS_SIZE_MAX];
    for (size_t size = 0; size <= sizeof bytes; size++) {
        memset(bytes, 0, sizeof bytes);
        check_round_trip(bytes, size);
        memset(bytes, 0xFF, sizeof bytes);
        check_round_trip(bytes, size);
        if (size > 0) {
            bytes[size - 1] = 0;
            check_round_trip(bytes, size);
        }
        fill_random(bytes, sizeof bytes, 1);
        check_round_trip(bytes, size);
    }
    memset(bytes, 1, sizeof bytes);
    for (size_t zero = 0; zero < sizeof bytes; zero++) {
        bytes[zero] = 0;
        check_round_trip(bytes, sizeof bytes);
        bytes[zero] = 1;
    }
}

static void test_cobs_refuses_a_cut_block(void) {
    for (size_t cut = 1; cut < AMP_COBS_SIZE_MAX + 1; cut++) {
        uint8_t wire[AMP_COBS_SIZE_MAX + 2];
        memset(wire + 1, 7, AMP_COBS_SIZE_MAX);
        amp_cobs_encode(wire, AMP_COBS_SIZE_MAX);
        CHECK(!amp_cobs_decode(wire, cut));
    }
}

static bool frames_equal(const struct amp_frame *a, const struct amp_frame *b) {
    return a->type == b->type && a->flags == b->flags && a->session == b->session &&
           a->sequence == b->sequence && a->length == b->length &&
           (a->length == 0 || memcmp(a->payload, b->payload, a->length) == 0);
}

static void test_frames_have_the_golden_bytes(void) {
    for (size_t n = 0; n < COUNT(frame_vectors); n++) {
        const struct frame_vector *v = &frame_vectors[n];
        uint8_t wire[AMP_FRAME_WIRE_MAX];
        CHECK(amp_frame_encode(&v->frame, v->schema_hash, wire, sizeof wire) == (int)v->wire_size);
        CHECK(memcmp(wire, v->wire, v->wire_size) == 0);
    }
}

static void test_golden_bytes_parse_whole_and_byte_by_byte(void) {
    for (size_t n = 0; n < COUNT(frame_vectors); n++) {
        const struct frame_vector *v = &frame_vectors[n];
        struct amp_frame_parser parser;
        struct amp_frame frame;
        enum amp_frame_verdict verdict = AMP_FRAME_MORE;
        amp_frame_parser_init(&parser, v->schema_hash);
        CHECK(amp_frame_parse(&parser, v->wire, v->wire_size, &verdict, &frame) == v->wire_size);
        CHECK(verdict == AMP_FRAME_GOOD && frames_equal(&frame, &v->frame));
        for (size_t i = 0; i < v->wire_size; i++) {
            CHECK(amp_frame_parse(&parser, v->wire + i, 1, &verdict, &frame) == 1);
            CHECK(verdict == (i + 1 < v->wire_size ? AMP_FRAME_MORE : AMP_FRAME_GOOD));
        }
        CHECK(frames_equal(&frame, &v->frame));
    }
}

static void test_every_length_round_trips_in_every_pair_of_pieces(void) {
    uint8_t payload[AMP_FRAME_PAYLOAD_MAX];
    for (unsigned length = 0; length <= AMP_FRAME_PAYLOAD_MAX; length++) {
        fill_random(payload, sizeof payload, length % 8);
        const struct amp_frame sent = {(uint8_t)seeded_next(),  (uint8_t)seeded_next(),
                                       (uint16_t)seeded_next(), (uint16_t)seeded_next(),
                                       (uint8_t)length,         payload};
        uint8_t wire[AMP_FRAME_WIRE_MAX];
        const int size = amp_frame_encode(&sent, 0xA5A5A5A5u, wire, sizeof wire);
        CHECK(size == (int)length + AMP_FRAME_OVERHEAD);
        struct amp_frame_parser parser;
        amp_frame_parser_init(&parser, 0xA5A5A5A5u);
        for (size_t cut = 0; cut < (size_t)size; cut++) {
            struct amp_frame frame;
            enum amp_frame_verdict verdict = AMP_FRAME_GOOD;
            CHECK(amp_frame_parse(&parser, wire, cut, &verdict, &frame) == cut);
            CHECK(verdict == AMP_FRAME_MORE);
            CHECK(amp_frame_parse(&parser, wire + cut, (size_t)size - cut, &verdict, &frame) ==
                  (size_t)size - cut);
            CHECK(verdict == AMP_FRAME_GOOD && frames_equal(&frame, &sent));
        }
    }
}

static void test_encode_refuses_what_does_not_fit_and_writes_nothing(void) {
    uint8_t payload[255] = {1, 2, 3};
    uint8_t wire[AMP_FRAME_WIRE_MAX];
    memset(wire, 0xEE, sizeof wire);
    struct amp_frame frame = {.type = 200, .length = AMP_FRAME_PAYLOAD_MAX + 1, .payload = payload};
    CHECK(amp_frame_encode(&frame, 0, wire, sizeof wire) == -AMP_FRAME_EARG);
    frame.length = 1;
    frame.payload = NULL;
    CHECK(amp_frame_encode(&frame, 0, wire, sizeof wire) == -AMP_FRAME_EARG);
    frame.payload = payload;
    for (unsigned length = 0; length <= AMP_FRAME_PAYLOAD_MAX; length++) {
        frame.length = (uint8_t)length;
        const size_t needed = length + AMP_FRAME_OVERHEAD;
        CHECK(amp_frame_encode(&frame, 0, wire, needed - 1) == -AMP_FRAME_EROOM);
    }
    for (size_t i = 0; i < sizeof wire; i++) {
        CHECK(wire[i] == 0xEE);
    }
    frame.length = 3;
    CHECK(amp_frame_encode(&frame, 0, wire, 16) == 16);
    CHECK(wire[15] == 0 && wire[16] == 0xEE);
}

/// Puts |body| on the wire as it is, with a CRC that agrees.
static size_t forge(const uint8_t *body, size_t size, uint8_t *wire) {
    uint8_t whole[600];
    memcpy(whole, body, size);
    const uint32_t crc = amp_crc32(body, size, size > 0 && body[0] < AMP_FRAME_SEEDED ? 0 : 77);
    for (unsigned i = 0; i < 4; i++) {
        whole[size + i] = (uint8_t)(crc >> (8 * i));
    }
    const size_t encoded = cobs_of(whole, size + 4, wire);
    wire[encoded] = 0;
    return encoded + 1;
}

static enum amp_frame_verdict verdict_of(const uint8_t *wire, size_t size) {
    struct amp_frame_parser parser;
    struct amp_frame frame;
    enum amp_frame_verdict verdict = AMP_FRAME_MORE;
    amp_frame_parser_init(&parser, 77);
    CHECK(amp_frame_parse(&parser, wire, size, &verdict, &frame) == size);
    return verdict;
}

static void test_the_length_byte_is_not_believed(void) {
    uint8_t wire[600];
    uint8_t body[AMP_FRAME_HEADER_SIZE + 20] = {200, 0, 1, 0, 1, 0, 20, 5, 5, 5};
    for (unsigned claimed = 0; claimed < 256; claimed++) {
        body[6] = (uint8_t)claimed;
        CHECK(verdict_of(wire, forge(body, sizeof body, wire)) ==
              (claimed == 20 ? AMP_FRAME_GOOD : AMP_FRAME_ELENGTH));
    }
}

static void test_bodies_too_short_or_long_are_refused(void) {
    uint8_t wire[600];
    uint8_t body[500] = {200, 0, 1, 0, 1};
    for (size_t size = 0; size < sizeof body; size++) {
        const bool fits =
            size >= AMP_FRAME_HEADER_SIZE && size <= AMP_FRAME_HEADER_SIZE + AMP_FRAME_PAYLOAD_MAX;
        body[6] = (uint8_t)(fits ? size - AMP_FRAME_HEADER_SIZE : 0);
        CHECK(verdict_of(wire, forge(body, size, wire)) ==
              (fits ? AMP_FRAME_GOOD : AMP_FRAME_ELENGTH));
    }
    for (uint8_t code = 1; code < 16; code++) {
        memset(wire, 9, sizeof wire);
        wire[0] = code;
        wire[code] = 0;
        CHECK(verdict_of(wire, code + 1u) == AMP_FRAME_ELENGTH);
        wire[0] = (uint8_t)(code + 1);
        CHECK(verdict_of(wire, code + 1u) == AMP_FRAME_ECOBS);
    }
}

static void test_delimiters_alone_say_nothing(void) {
    const uint8_t zeros[40] = {0};
    CHECK(verdict_of(zeros, sizeof zeros) == AMP_FRAME_MORE);
}

static void test_a_line_that_never_delimits_costs_one_verdict(void) {
    const struct frame_vector *v = &frame_vectors[3];
    struct amp_frame_parser parser;
    struct amp_frame frame;
    enum amp_frame_verdict verdict = AMP_FRAME_MORE;
    amp_frame_parser_init(&parser, v->schema_hash);
    uint8_t babble[1000];
    for (unsigned round = 0; round < 200; round++) {
        fill_random(babble, sizeof babble, 0);
        for (size_t i = 0; i < sizeof babble; i++) {
            babble[i] = (uint8_t)(babble[i] | 1u);
        }
        CHECK(amp_frame_parse(&parser, babble, sizeof babble, &verdict, &frame) == sizeof babble);
        CHECK(verdict == AMP_FRAME_MORE);
    }
    CHECK(amp_frame_parse(&parser, v->wire, v->wire_size, &verdict, &frame) == v->wire_size);
    CHECK(verdict == AMP_FRAME_ELENGTH);
    CHECK(amp_frame_parse(&parser, v->wire, v->wire_size, &verdict, &frame) == v->wire_size);
    CHECK(verdict == AMP_FRAME_GOOD && frames_equal(&frame, &v->frame));
}

static void test_another_schema_never_passes_but_may_identify(void) {
    for (size_t n = 0; n < COUNT(frame_vectors); n++) {
        const struct frame_vector *v = &frame_vectors[n];
        for (unsigned bit = 0; bit < 32; bit++) {
            struct amp_frame_parser parser;
            struct amp_frame frame;
            enum amp_frame_verdict verdict = AMP_FRAME_MORE;
            amp_frame_parser_init(&parser, v->schema_hash ^ 1u << bit);
            (void)amp_frame_parse(&parser, v->wire, v->wire_size, &verdict, &frame);
            CHECK(verdict == (v->frame.type < AMP_FRAME_SEEDED ? AMP_FRAME_GOOD : AMP_FRAME_ECRC));
        }
    }
}

int main(void) {
    seeded_begin();
    RUN(test_crc_gives_the_published_values);
    RUN(test_crc_in_pieces_is_the_crc_of_the_whole);
    RUN(test_crc_tables_agree_at_every_length_and_alignment);
    RUN(test_cobs_gives_the_published_values);
    RUN(test_cobs_round_trips_up_to_a_whole_group);
    RUN(test_cobs_refuses_a_cut_block);
    RUN(test_frames_have_the_golden_bytes);
    RUN(test_golden_bytes_parse_whole_and_byte_by_byte);
    RUN(test_every_length_round_trips_in_every_pair_of_pieces);
    RUN(test_encode_refuses_what_does_not_fit_and_writes_nothing);
    RUN(test_the_length_byte_is_not_believed);
    RUN(test_bodies_too_short_or_long_are_refused);
    RUN(test_delimiters_alone_say_nothing);
    RUN(test_a_line_that_never_delimits_costs_one_verdict);
    RUN(test_another_schema_never_passes_but_may_identify);
    return CHECK_DONE();
}
