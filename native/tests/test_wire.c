#include "check.h"
#include "frame_vectors.h"
#include "seeded.h"

#include "amp/wire.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define VALUES_MAX 16
#define PAYLOAD_MAX 255

// The messages that tests/vectors/frame.yaml describes field by field.

static const struct amp_wire_identify IDENTIFY = {2, 0, 0x5EED0A17u};
static const struct amp_wire_identity IDENTITY = {.major = 2,
                                                  .minor = 0,
                                                  .firmware = {2, 7, 19},
                                                  .reset_cause = AMP_RESET_WATCHDOG,
                                                  .boot_nonce = 0xDEADBEEFu,
                                                  .challenge = 0x0BADC0DEu,
                                                  .schema_hash = 0x5EED0A17u,
                                                  .baud = 1000000,
                                                  .lease_us = 50000,
                                                  .state_period_us = 2000,
                                                  .sends_count = 2,
                                                  .accepts_count = 1,
                                                  .board = "loopback"};
static const struct amp_wire_state STATE = {0x123456789u, 2, 0, 0xFFFE, 7, 950, 1800};
static const float SENSED[] = {1.5f, -0.25f};
static const struct amp_wire_actuate ACTUATE = {0x23456789u};
static const float VOLTAGE[] = {-11.75f};
static const struct amp_wire_command COMMAND = {41, AMP_VERB_ARM, 0x0BADC0DEu, 500};
static const struct amp_wire_ack ACK = {41, AMP_RESULT_DONE};
static const struct amp_wire_event EVENT = {AMP_EVENT_AT_SAFE, 74000, UINT64_MAX};

static const struct amp_wire_clock CLOCK = {0x10203u};
static const struct amp_wire_time TIME = {0x10203u, 0x123456789u, 137};
static const struct amp_wire_describe DESCRIBE = {56};
static const struct amp_wire_dictionary DICTIONARY = {56, 121};
static const char PIECE[] = "rad 1 -100 100\nsend current i16 0.001 A -20 20\n";
static const struct amp_wire_log LOG = {0x123456789u};
static const char LINE[] = "homing: found the mark";

// Behind STATE and ACTUATE stand values; here all of them are f32.
static const struct amp_value FLOATS[VALUES_MAX];

static size_t encode_state(const struct amp_wire_state *state, const float *values, size_t count,
                           uint8_t *payload) {
    size_t bad;
    const size_t at = amp_wire_state_encode(state, payload);
    return at + amp_values_encode(FLOATS, values, count, payload + at, &bad);
}

static bool decode_state(const uint8_t *payload, size_t length, struct amp_wire_state *out,
                         float *values, size_t count) {
    return amp_wire_state_decode(payload, length, out) &&
           amp_values_decode(FLOATS, count, payload + AMP_STATE_SIZE, length - AMP_STATE_SIZE,
                             values);
}

static size_t encode_actuate(const struct amp_wire_actuate *actuate, const float *values,
                             size_t count, uint8_t *payload) {
    size_t bad;
    const size_t at = amp_wire_actuate_encode(actuate, payload);
    return at + amp_values_encode(FLOATS, values, count, payload + at, &bad);
}

static bool decode_actuate(const uint8_t *payload, size_t length, struct amp_wire_actuate *out,
                           float *values, size_t count) {
    return amp_wire_actuate_decode(payload, length, out) &&
           amp_values_decode(FLOATS, count, payload + AMP_ACTUATE_SIZE, length - AMP_ACTUATE_SIZE,
                             values);
}

static const struct amp_frame *golden(enum amp_frame_type type) {
    for (size_t n = 0; n < COUNT(frame_vectors); n++) {
        if (frame_vectors[n].frame.type == type) {
            return &frame_vectors[n].frame;
        }
    }
    return NULL;
}

static void check_golden(enum amp_frame_type type, const uint8_t *payload, size_t size) {
    const struct amp_frame *frame = golden(type);
    CHECK(frame != NULL && frame->length == size);
    CHECK(frame != NULL && memcmp(frame->payload, payload, size) == 0);
}

static void test_messages_have_the_golden_bytes(void) {
    uint8_t out[PAYLOAD_MAX];
    check_golden(AMP_FRAME_IDENTIFY, out, amp_wire_identify_encode(&IDENTIFY, out));
    check_golden(AMP_FRAME_IDENTITY, out, amp_wire_identity_encode(&IDENTITY, out));
    check_golden(AMP_FRAME_STATE, out, encode_state(&STATE, SENSED, 2, out));
    check_golden(AMP_FRAME_ACTUATE, out, encode_actuate(&ACTUATE, VOLTAGE, 1, out));
    check_golden(AMP_FRAME_COMMAND, out, amp_wire_command_encode(&COMMAND, out));
    check_golden(AMP_FRAME_ACK, out, amp_wire_ack_encode(&ACK, out));
    check_golden(AMP_FRAME_EVENT, out, amp_wire_event_encode(&EVENT, out));
    check_golden(AMP_FRAME_CLOCK, out, amp_wire_clock_encode(&CLOCK, out));
    check_golden(AMP_FRAME_TIME, out, amp_wire_time_encode(&TIME, out));
    check_golden(AMP_FRAME_DESCRIBE, out, amp_wire_describe_encode(&DESCRIBE, out));
    size_t size = amp_wire_dictionary_encode(&DICTIONARY, out);
    memcpy(out + size, PIECE, sizeof PIECE - 1);
    check_golden(AMP_FRAME_DICTIONARY, out, size + sizeof PIECE - 1);
    size = amp_wire_log_encode(&LOG, out);
    memcpy(out + size, LINE, sizeof LINE - 1);
    check_golden(AMP_FRAME_LOG, out, size + sizeof LINE - 1);
}

static void test_golden_handshakes_decode_to_their_fields(void) {
    const struct amp_frame *frame = golden(AMP_FRAME_IDENTIFY);
    struct amp_wire_identify identify;
    CHECK(amp_wire_identify_decode(frame->payload, frame->length, &identify));
    CHECK(identify.major == 2 && identify.minor == 0 && identify.schema_hash == 0x5EED0A17u);

    frame = golden(AMP_FRAME_IDENTITY);
    struct amp_wire_identity identity;
    memset(&identity, 0x55, sizeof identity);
    CHECK(amp_wire_identity_decode(frame->payload, frame->length, &identity));
    CHECK(identity.major == 2 && identity.minor == 0 && identity.reset_cause == 3);
    CHECK(memcmp(identity.firmware, IDENTITY.firmware, 3) == 0);
    CHECK(identity.boot_nonce == 0xDEADBEEFu && identity.challenge == 0x0BADC0DEu);
    CHECK(identity.schema_hash == 0x5EED0A17u && identity.baud == 1000000);
    CHECK(identity.lease_us == 50000 && identity.state_period_us == 2000);
    CHECK(identity.sends_count == 2 && identity.accepts_count == 1);
    CHECK(strcmp(identity.board, "loopback") == 0);
}

static void test_golden_messages_decode_to_their_fields(void) {
    const struct amp_frame *frame = golden(AMP_FRAME_STATE);
    struct amp_wire_state state;
    float values[VALUES_MAX];
    CHECK(decode_state(frame->payload, frame->length, &state, values, 2));
    CHECK(state.sampled_us == 0x123456789u && state.mode == 2 && state.reason == 0);
    CHECK(state.applied_sequence == 0xFFFE && state.applied_count == 7);
    CHECK(state.applied_age_us == 950 && state.sense_to_actuate_us == 1800);
    CHECK(memcmp(values, SENSED, sizeof SENSED) == 0);

    frame = golden(AMP_FRAME_ACTUATE);
    struct amp_wire_actuate actuate;
    CHECK(decode_actuate(frame->payload, frame->length, &actuate, values, 1));
    CHECK(actuate.answers_us == 0x23456789u && memcmp(values, VOLTAGE, sizeof VOLTAGE) == 0);

    frame = golden(AMP_FRAME_COMMAND);
    struct amp_wire_command command;
    CHECK(amp_wire_command_decode(frame->payload, frame->length, &command));
    CHECK(command.id == 41 && command.verb == AMP_VERB_ARM && command.argument == 0x0BADC0DEu &&
          command.ttl_ms == 500);

    frame = golden(AMP_FRAME_ACK);
    struct amp_wire_ack ack;
    CHECK(amp_wire_ack_decode(frame->payload, frame->length, &ack));
    CHECK(ack.id == 41 && ack.result == AMP_RESULT_DONE);

    frame = golden(AMP_FRAME_EVENT);
    struct amp_wire_event event;
    CHECK(amp_wire_event_decode(frame->payload, frame->length, &event));
    CHECK(event.code == AMP_EVENT_AT_SAFE && event.argument == 74000 &&
          event.clock_us == UINT64_MAX);

    frame = golden(AMP_FRAME_CLOCK);
    struct amp_wire_clock clock;
    CHECK(amp_wire_clock_decode(frame->payload, frame->length, &clock));
    CHECK(clock.token == 0x10203u);

    frame = golden(AMP_FRAME_TIME);
    struct amp_wire_time time;
    CHECK(amp_wire_time_decode(frame->payload, frame->length, &time));
    CHECK(time.token == 0x10203u && time.received_us == 0x123456789u && time.held_us == 137);
}

static void test_golden_texts_decode_to_their_fields(void) {
    const struct amp_frame *frame = golden(AMP_FRAME_DESCRIBE);
    struct amp_wire_describe describe;
    CHECK(amp_wire_describe_decode(frame->payload, frame->length, &describe));
    CHECK(describe.offset == 56);

    frame = golden(AMP_FRAME_DICTIONARY);
    struct amp_wire_dictionary dictionary;
    CHECK(amp_wire_dictionary_decode(frame->payload, frame->length, &dictionary));
    CHECK(dictionary.offset == 56 && dictionary.size == 121);

    frame = golden(AMP_FRAME_LOG);
    struct amp_wire_log log;
    CHECK(amp_wire_log_decode(frame->payload, frame->length, &log));
    CHECK(log.clock_us == 0x123456789u);
}

static bool decodes(enum amp_frame_type type, const uint8_t *payload, size_t length, size_t count) {
    union {
        struct amp_wire_identify identify;
        struct amp_wire_identity identity;
        struct amp_wire_state state;
        struct amp_wire_actuate actuate;
        struct amp_wire_command command;
        struct amp_wire_ack ack;
        struct amp_wire_event event;
        struct amp_wire_clock clock;
        struct amp_wire_time time;
        struct amp_wire_describe describe;
        struct amp_wire_dictionary dictionary;
        struct amp_wire_log log;
    } out;
    float values[VALUES_MAX];
    switch (type) {
    case AMP_FRAME_IDENTIFY:
        return amp_wire_identify_decode(payload, length, &out.identify);
    case AMP_FRAME_IDENTITY:
        return amp_wire_identity_decode(payload, length, &out.identity);
    case AMP_FRAME_STATE:
        return decode_state(payload, length, &out.state, values, count);
    case AMP_FRAME_ACTUATE:
        return decode_actuate(payload, length, &out.actuate, values, count);
    case AMP_FRAME_COMMAND:
        return amp_wire_command_decode(payload, length, &out.command);
    case AMP_FRAME_ACK:
        return amp_wire_ack_decode(payload, length, &out.ack);
    case AMP_FRAME_EVENT:
        return amp_wire_event_decode(payload, length, &out.event);
    case AMP_FRAME_CLOCK:
        return amp_wire_clock_decode(payload, length, &out.clock);
    case AMP_FRAME_TIME:
        return amp_wire_time_decode(payload, length, &out.time);
    case AMP_FRAME_DESCRIBE:
        return amp_wire_describe_decode(payload, length, &out.describe);
    case AMP_FRAME_DICTIONARY:
        return amp_wire_dictionary_decode(payload, length, &out.dictionary);
    case AMP_FRAME_LOG:
        return amp_wire_log_decode(payload, length, &out.log);
    }
    return false;
}

static void test_decoders_accept_exactly_one_length(void) {
    static const struct {
        enum amp_frame_type type;
        size_t size, per_value;
    } MESSAGES[] = {
        {AMP_FRAME_IDENTIFY, AMP_IDENTIFY_SIZE, 0}, {AMP_FRAME_IDENTITY, AMP_IDENTITY_SIZE, 0},
        {AMP_FRAME_STATE, AMP_STATE_SIZE, 4},       {AMP_FRAME_ACTUATE, AMP_ACTUATE_SIZE, 4},
        {AMP_FRAME_COMMAND, AMP_COMMAND_SIZE, 0},   {AMP_FRAME_ACK, AMP_ACK_SIZE, 0},
        {AMP_FRAME_EVENT, AMP_EVENT_SIZE, 0},       {AMP_FRAME_CLOCK, AMP_CLOCK_SIZE, 0},
        {AMP_FRAME_TIME, AMP_TIME_SIZE, 0},         {AMP_FRAME_DESCRIBE, AMP_DESCRIBE_SIZE, 0},
    };
    const uint8_t zeros[PAYLOAD_MAX] = {0};
    for (size_t n = 0; n < COUNT(MESSAGES); n++) {
        for (size_t count = 0; count <= VALUES_MAX; count++) {
            const size_t size = MESSAGES[n].size + MESSAGES[n].per_value * count;
            for (size_t length = 0; length <= PAYLOAD_MAX; length++) {
                CHECK(decodes(MESSAGES[n].type, zeros, length, count) == (length == size));
            }
        }
    }
}

static void test_texts_have_their_bounds(void) {
    const uint8_t zeros[PAYLOAD_MAX] = {0};
    for (size_t length = 0; length <= PAYLOAD_MAX; length++) {
        CHECK(decodes(AMP_FRAME_DICTIONARY, zeros, length, 0) == (length >= AMP_DICTIONARY_SIZE));
        CHECK(decodes(AMP_FRAME_LOG, zeros, length, 0) ==
              (length >= AMP_LOG_SIZE && length <= AMP_LOG_SIZE + AMP_LOG_TEXT_MAX));
    }
}

static void test_a_decoder_reads_no_byte_past_its_payload(void) {
    // The payload ends where the allocation ends: the address sanitizer watches.
    for (size_t n = 0; n < COUNT(frame_vectors); n++) {
        const struct amp_frame *frame = &frame_vectors[n].frame;
        for (size_t length = 0; length <= frame->length; length++) {
            uint8_t *exact = malloc(length);
            CHECK(exact != NULL || length == 0);
            if (exact != NULL) {
                memcpy(exact, frame->payload, length);
                (void)decodes((enum amp_frame_type)frame->type, exact, length, 2);
                free(exact);
            }
        }
    }
}

static void test_the_version_stands_first_in_every_protocol(void) {
    const uint8_t payload[] = {9, 4, 1, 1, 1};
    uint8_t major = 0;
    uint8_t minor = 0;
    CHECK(!amp_wire_protocol(payload, 0, &major, &minor));
    CHECK(!amp_wire_protocol(payload, 1, &major, &minor));
    for (size_t length = 2; length <= sizeof payload; length++) {
        CHECK(amp_wire_protocol(payload, length, &major, &minor) && major == 9 && minor == 4);
    }
    for (size_t type = AMP_FRAME_IDENTIFY; type <= AMP_FRAME_IDENTITY; type++) {
        const struct amp_frame *frame = golden((enum amp_frame_type)type);
        CHECK(amp_wire_protocol(frame->payload, frame->length, &major, &minor));
        CHECK(major == AMP_PROTOCOL_MAJOR && minor == AMP_PROTOCOL_MINOR);
    }
}

static bool board_round_trips(const char *board) {
    struct amp_wire_identity sent = IDENTITY;
    struct amp_wire_identity got;
    uint8_t payload[AMP_IDENTITY_SIZE];
    memset(&got, 0x55, sizeof got);
    memset(sent.board, 0x7F, sizeof sent.board);
    memcpy(sent.board, board, strlen(board) < sizeof sent.board ? strlen(board) + 1 : 0);
    (void)amp_wire_identity_encode(&sent, payload);
    return amp_wire_identity_decode(payload, sizeof payload, &got) && strcmp(got.board, board) == 0;
}

static void test_board_ids_of_every_length_round_trip(void) {
    char board[AMP_BOARD_ID_ROOM] = "";
    for (size_t length = 0; length <= AMP_BOARD_ID_MAX; length++) {
        CHECK(board_round_trips(board));
        if (length < AMP_BOARD_ID_MAX) {
            board[length] = (char)('a' + length % 26);
            board[length + 1] = '\0';
        }
    }
}

static void test_a_board_id_that_is_no_plain_text_is_refused(void) {
    for (unsigned letter = 0; letter < 256; letter++) {
        uint8_t payload[AMP_IDENTITY_SIZE];
        struct amp_wire_identity got;
        (void)amp_wire_identity_encode(&IDENTITY, payload);
        payload[AMP_IDENTITY_SIZE - AMP_BOARD_ID_MAX + 2] = (uint8_t)letter;
        CHECK(amp_wire_identity_decode(payload, sizeof payload, &got) ==
              (letter >= 0x20 && letter < 0x7F));
        (void)amp_wire_identity_encode(&IDENTITY, payload);
        payload[AMP_IDENTITY_SIZE - 1] = (uint8_t)letter;
        CHECK(amp_wire_identity_decode(payload, sizeof payload, &got) == (letter == 0));
    }
}

static void test_floats_keep_every_bit(void) {
    static const float EDGES[] = {0.0f,     -0.0f,     FLT_MIN, FLT_TRUE_MIN, FLT_MAX, -FLT_MAX,
                                  INFINITY, -INFINITY, 1.0f,    0.1f,         -3e-9f,  16777216.0f};
    for (size_t n = 0; n < COUNT(EDGES); n++) {
        uint8_t payload[AMP_ACTUATE_SIZE + 4];
        struct amp_wire_actuate actuate = {.answers_us = 1};
        float value = 0;
        (void)encode_actuate(&actuate, &EDGES[n], 1, payload);
        CHECK(decode_actuate(payload, sizeof payload, &actuate, &value, 1));
        CHECK(memcmp(&value, &EDGES[n], sizeof value) == 0);
    }
}

static void test_finiteness_needs_no_arithmetic(void) {
    CHECK(amp_float_is_finite(0.0f) && amp_float_is_finite(-0.0f));
    CHECK(amp_float_is_finite(FLT_MAX) && amp_float_is_finite(-FLT_MAX));
    CHECK(amp_float_is_finite(FLT_TRUE_MIN) && amp_float_is_finite(FLT_MIN));
    CHECK(!amp_float_is_finite(INFINITY) && !amp_float_is_finite(-INFINITY));
    CHECK(!amp_float_is_finite(NAN) && !amp_float_is_finite(-NAN));
    for (unsigned n = 0; n < 100000; n++) {
        const uint32_t bits = (uint32_t)seeded_next();
        float value = 0;
        memcpy(&value, &bits, sizeof value);
        CHECK(amp_float_is_finite(value) == (isfinite(value) != 0));
    }
}

static void test_random_messages_round_trip(void) {
    for (unsigned n = 0; n < 20000; n++) {
        const size_t count = (size_t)seeded_below(VALUES_MAX + 1);
        float values[VALUES_MAX];
        float got[VALUES_MAX];
        uint8_t out[PAYLOAD_MAX];
        for (size_t i = 0; i < count; i++) {
            values[i] = (float)(seeded_unit() - 0.5);
        }
        const struct amp_wire_state sent = {seeded_next(),           (uint8_t)seeded_next(),
                                            (uint8_t)seeded_next(),  (uint16_t)seeded_next(),
                                            (uint16_t)seeded_next(), (uint32_t)seeded_next(),
                                            (uint32_t)seeded_next()};
        struct amp_wire_state state;
        const size_t size = encode_state(&sent, values, count, out);
        CHECK(size == AMP_STATE_SIZE + 4 * count);
        CHECK(decode_state(out, size, &state, got, count));
        CHECK(state.sampled_us == sent.sampled_us && state.mode == sent.mode &&
              state.reason == sent.reason && state.applied_sequence == sent.applied_sequence &&
              state.applied_count == sent.applied_count &&
              state.applied_age_us == sent.applied_age_us &&
              state.sense_to_actuate_us == sent.sense_to_actuate_us);
        CHECK(memcmp(values, got, 4 * count) == 0);
    }
}

int main(void) {
    seeded_begin();
    RUN(test_messages_have_the_golden_bytes);
    RUN(test_golden_handshakes_decode_to_their_fields);
    RUN(test_golden_messages_decode_to_their_fields);
    RUN(test_golden_texts_decode_to_their_fields);
    RUN(test_decoders_accept_exactly_one_length);
    RUN(test_texts_have_their_bounds);
    RUN(test_a_decoder_reads_no_byte_past_its_payload);
    RUN(test_the_version_stands_first_in_every_protocol);
    RUN(test_board_ids_of_every_length_round_trip);
    RUN(test_a_board_id_that_is_no_plain_text_is_refused);
    RUN(test_floats_keep_every_bit);
    RUN(test_finiteness_needs_no_arithmetic);
    RUN(test_random_messages_round_trip);
    return CHECK_DONE();
}
