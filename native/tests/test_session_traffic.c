// Messages in a session: their order, the device's clock, and a bad line between two whole ends.

#include "seeded.h"
#include "session_rig.h"

// The clock.

static struct amp_wire_time ask_time(struct amp_session *device, uint16_t number, uint16_t sequence,
                                     uint32_t token, uint64_t heard_us, uint64_t told_us) {
    const struct amp_wire_clock clock = {token};
    uint8_t payload[AMP_CLOCK_SIZE];
    const size_t length = amp_wire_clock_encode(&clock, payload);
    CHECK(rig_feed(device, AMP_FRAME_CLOCK, number, sequence, payload, length, heard_us).kind ==
          AMP_ON_NOTHING);
    struct amp_wire_time time = {0};
    const struct amp_frame frame = rig_pending(device, told_us);
    CHECK(frame.type == 0 || amp_wire_time_decode(frame.payload, frame.length, &time));
    return time;
}

static void test_device_tells_its_clock_and_for_how_long_it_held_the_question(void) {
    struct amp_session device;
    rig_device_up(&device);
    const struct amp_wire_time time = ask_time(&device, RIG_NUMBER, 1, 77, 5000, 5123);
    CHECK(time.token == 77 && time.received_us == 5000 && time.held_us == 123);
    CHECK(rig_pending(&device, 6000).type == 0); // once
    CHECK(ask_time(&device, RIG_NUMBER, 2, 78, 1, 1 + 0x100000000u).held_us == AMP_WIRE_NONE);
}

static void test_question_of_another_session_or_size_is_not_answered(void) {
    struct amp_session device;
    rig_device_up(&device);
    CHECK(ask_time(&device, RIG_NUMBER + 1, 1, 77, 5000, 5123).token == 0);
    CHECK(device.counters.foreign == 1);
    const uint8_t payload[AMP_CLOCK_SIZE + 1] = {1};
    (void)rig_feed(&device, AMP_FRAME_CLOCK, RIG_NUMBER, 1, payload, sizeof payload, 0);
    CHECK(device.counters.unexpected == 1);
    CHECK(rig_pending(&device, 0).type == 0);
}

static void test_answer_that_waits_ends_with_its_session(void) {
    struct amp_session device;
    rig_device_up(&device);
    const uint8_t payload[AMP_CLOCK_SIZE] = {1};
    (void)rig_feed(&device, AMP_FRAME_CLOCK, RIG_NUMBER, 1, payload, sizeof payload, 0);
    (void)rig_feed_identify(&device, RIG_NUMBER + 1, AMP_PROTOCOL_MAJOR, RIG_SCHEMA);
    CHECK(rig_pending(&device, 0).type == AMP_FRAME_IDENTITY);
    CHECK(rig_pending(&device, 0).type == 0);
}

// Order.

static void test_gaps_are_counted_and_old_frames_discarded(void) {
    struct amp_session host;
    rig_host_up(&host, 0);
    static const struct {
        uint16_t sequence;
        bool taken;
        uint64_t gaps, repeated;
    } STEPS[] = {
        {500, true, 0, 0}, // the first is taken as it comes
        {501, true, 0, 0},
        {501, false, 0, 1},
        {500, false, 0, 2},
        {505, true, 3, 2},
        {502, false, 3, 3},
        {506, true, 3, 3},
        {507 + 0x7FFF, true, 3 + 0x7FFF, 3},
        {507, false, 3 + 0x7FFF, 4},
    };
    for (size_t n = 0; n < COUNT(STEPS); n++) {
        const struct amp_session_event event =
            rig_feed_state(&host, RIG_NUMBER, STEPS[n].sequence, 0);
        CHECK(event.kind == (STEPS[n].taken ? AMP_ON_MESSAGE : AMP_ON_NOTHING));
        CHECK(host.counters.sequence_gaps == STEPS[n].gaps);
        CHECK(host.counters.repeated == STEPS[n].repeated);
    }
}

static void test_after_ten_seconds_of_silence_any_sequence_will_do(void) {
    struct amp_session host;
    const uint64_t heard_us = 1000;
    rig_host_up(&host, 0);
    CHECK(rig_feed_state(&host, RIG_NUMBER, 9, heard_us).kind == AMP_ON_MESSAGE);
    const uint64_t end_us = heard_us + AMP_SEQUENCE_FORGET_US;
    CHECK(rig_feed_state(&host, RIG_NUMBER, 8, end_us - 1).kind == AMP_ON_NOTHING);
    CHECK(rig_feed_state(&host, RIG_NUMBER, 8, end_us).kind == AMP_ON_MESSAGE);
    CHECK(rig_feed_state(&host, RIG_NUMBER, 8, end_us).kind == AMP_ON_NOTHING);
    CHECK(rig_feed_state(&host, RIG_NUMBER, 9, end_us).kind == AMP_ON_MESSAGE);
    CHECK(host.counters.sequence_gaps == 0 && host.counters.repeated == 2);
}

static void test_a_refusal_between_two_handshakes_begins_the_count_anew(void) {
    struct amp_session host;
    struct amp_wire_identity identity = rig_identity();
    rig_host_up(&host, 0);
    CHECK(rig_feed_state(&host, RIG_NUMBER, 100, 0).kind == AMP_ON_MESSAGE);
    identity.schema_hash++;
    CHECK(rig_feed_identity(&host, RIG_NUMBER, &identity, 0).kind == AMP_ON_REFUSED);
    identity.schema_hash--;
    CHECK(rig_feed_identity(&host, RIG_NUMBER, &identity, 0).kind == AMP_ON_UP);
    CHECK(rig_feed_state(&host, RIG_NUMBER, 5, 0).kind == AMP_ON_MESSAGE);
    CHECK(host.counters.sequence_gaps == 0 && host.counters.repeated == 0);
}

static void test_sequences_wrap(void) {
    struct amp_session device;
    rig_device_up(&device);
    uint16_t sequence = 0xFFF0;
    for (unsigned n = 0; n < 200000; n++) {
        const struct amp_session_event event = rig_feed_actuate(&device, RIG_NUMBER, sequence++);
        CHECK(event.kind == AMP_ON_MESSAGE);
    }
    CHECK(device.counters.sequence_gaps == 0 && device.counters.repeated == 0);
    CHECK(rig_feed_actuate(&device, RIG_NUMBER, (uint16_t)(sequence + 2)).kind == AMP_ON_MESSAGE);
    CHECK(device.counters.sequence_gaps == 2);
}

static void test_sent_frames_carry_rising_sequences_and_the_session(void) {
    struct amp_session host;
    uint8_t wire[AMP_FRAME_WIRE_MAX];
    const uint8_t payload[8] = {1, 2, 3};
    rig_host_begin(&host);
    CHECK(amp_session_send(&host, AMP_FRAME_ACTUATE, payload, 8, wire, sizeof wire) == 0);
    rig_host_up(&host, 0);
    host.sent_sequence = 0xFFFE;
    for (uint16_t n = 0; n < 4; n++) {
        struct amp_frame_parser parser;
        struct amp_frame frame;
        enum amp_frame_verdict verdict = AMP_FRAME_MORE;
        const size_t size = amp_session_send(&host, AMP_FRAME_ACTUATE, payload, 8, wire, 21);
        CHECK(size == 21);
        amp_frame_parser_init(&parser, RIG_SCHEMA);
        CHECK(amp_frame_parse(&parser, wire, size, &verdict, &frame) == size);
        CHECK(verdict == AMP_FRAME_GOOD && frame.session == RIG_NUMBER && frame.flags == 0);
        CHECK(frame.sequence == (uint16_t)(0xFFFF + n) && frame.sequence == host.sent_sequence);
    }
    CHECK(host.counters.frames_out == 4);
    CHECK(amp_session_send(&host, AMP_FRAME_ACTUATE, payload, 8, wire, 20) == 0);
    CHECK(amp_session_send(&host, AMP_FRAME_ACTUATE, payload, 241, wire, sizeof wire) == 0);
    CHECK(amp_session_send(&host, AMP_FRAME_ACTUATE, payload, 256 + 8, wire, sizeof wire) == 0);
    CHECK(host.sent_sequence == 2 && host.counters.frames_out == 4);
}

static void test_a_replaced_frame_leaves_no_gap(void) {
    struct amp_session host;
    struct amp_session device;
    struct amp_session_event event;
    uint8_t first[64];
    uint8_t second[64];
    const uint8_t old[AMP_ACTUATE_SIZE + 4] = {1};
    const uint8_t newer[AMP_ACTUATE_SIZE + 4] = {2};
    rig_host_up(&host, 0);
    rig_device_up(&device);
    const size_t size = amp_session_send(&host, AMP_FRAME_ACTUATE, old, 8, first, sizeof first);
    const uint16_t sequence = host.sent_sequence;
    CHECK(amp_session_send(&host, AMP_FRAME_ACTUATE, old, 8, second, sizeof second) == size);
    CHECK(amp_session_replace(&host, sequence, AMP_FRAME_ACTUATE, newer, 8, first, size) == size);
    CHECK(amp_session_receive(&device, first, size, 0, &event) == size);
    CHECK(event.kind == AMP_ON_MESSAGE && event.frame.payload[0] == 2);
    CHECK(amp_session_receive(&device, second, size, 0, &event) == size);
    CHECK(event.kind == AMP_ON_MESSAGE && event.frame.payload[0] == 1);
    CHECK(device.counters.sequence_gaps == 0 && device.counters.repeated == 0);
}

static void test_one_call_reports_one_event_and_the_rest_is_fed_again(void) {
    struct amp_session source;
    struct amp_session host;
    struct amp_session_event event;
    uint8_t bytes[5 * 64];
    size_t size = 0;
    rig_host_up(&host, 0);
    rig_device_up(&source);
    const uint8_t payload[AMP_STATE_SIZE] = {0};
    for (unsigned n = 0; n < 5; n++) {
        size += amp_session_send(&source, AMP_FRAME_STATE, payload, sizeof payload, bytes + size,
                                 sizeof bytes - size);
    }
    size_t events = 0;
    for (size_t used = 0; used < size;) {
        const size_t taken = amp_session_receive(&host, bytes + used, size - used, 0, &event);
        CHECK(taken > 0);
        used += taken;
        events += event.kind == AMP_ON_MESSAGE;
    }
    CHECK(events == 5);
    CHECK(amp_session_receive(&host, bytes, 0, 0, &event) == 0 && event.kind == AMP_ON_NOTHING);
}

static void test_no_byte_behind_the_end_is_read(void) {
    struct amp_session source;
    struct amp_session host;
    struct amp_session_event event;
    uint8_t bytes[5 * 64];
    size_t ends[5];
    size_t size = 0;
    const uint8_t payload[AMP_STATE_SIZE] = {0};
    rig_host_up(&host, 0);
    rig_device_up(&source);
    for (size_t n = 0; n < COUNT(ends); n++) { // foreign, but for the last one
        source.number = (uint16_t)(RIG_NUMBER + 4 - n);
        size += amp_session_send(&source, AMP_FRAME_STATE, payload, sizeof payload, bytes + size,
                                 sizeof bytes - size);
        ends[n] = size;
    }
    CHECK(amp_session_receive(&host, bytes, ends[3], 0, &event) == ends[3]);
    CHECK(event.kind == AMP_ON_NOTHING && host.counters.foreign == 4);
    CHECK(amp_session_receive(&host, bytes + ends[3], size - ends[3], 0, &event) > 0);
    CHECK(event.kind == AMP_ON_MESSAGE);
}

static void test_damage_is_counted_by_its_kind(void) {
    struct amp_session host;
    struct amp_session_event event;
    const uint8_t cut[] = {9, 1, 2, 0};
    const uint8_t tiny[] = {3, 1, 2, 0};
    const uint8_t spoilt[] = {14, 99, 1, 1, 1, 1, 1, 2, 7, 7, 7, 7, 7, 7, 0};
    rig_host_up(&host, 0);
    CHECK(amp_session_receive(&host, cut, sizeof cut, 0, &event) == sizeof cut);
    CHECK(amp_session_receive(&host, tiny, sizeof tiny, 0, &event) == sizeof tiny);
    CHECK(amp_session_receive(&host, spoilt, sizeof spoilt, 0, &event) == sizeof spoilt);
    CHECK(host.counters.bad_cobs == 1 && host.counters.bad_length == 1);
    CHECK(host.counters.bad_crc == 1 && host.counters.frames_in == 1);
}

// Two whole ends and the line between them.

struct line {
    uint8_t bytes[4096];
    size_t size;
    unsigned errors_in_1000; // frames hit
    uint8_t late[AMP_FRAME_WIRE_MAX];
    size_t late_size;
};

struct world {
    struct amp_session host, device;
    struct line to_host, to_device;
    uint64_t now_us;
    uint16_t host_sequence;     // newest taken
    uint64_t applied_ids[1024]; // one bit each
    uint32_t asked_value[3], acked_value[3], device_value[3];
    unsigned sets_acked;
    unsigned applied, acked, expired, asked, ups, losses;
    bool quiet; // the line is perfect now
};

/// Loses, repeats, damages, garbles or delays a frame now and then: a delayed one comes behind the
/// next.
static void carry(struct line *line, const uint8_t *wire, size_t size) {
    const bool hit = seeded_below(1000) < line->errors_in_1000;
    const uint64_t fault = seeded_below(5);
    if (hit && fault == 4 && line->late_size == 0 && size > 0) {
        memcpy(line->late, wire, size);
        line->late_size = size;
        return;
    }
    for (unsigned copy = 0; copy < (hit && fault == 0 ? 2u : 1u); copy++) {
        for (size_t i = 0; i < size && !(hit && fault == 1); i++) {
            const bool flipped = hit && fault == 2 && i == size / 2;
            if (line->size < sizeof line->bytes && !(hit && fault == 3 && i > size / 2)) {
                line->bytes[line->size++] = (uint8_t)(wire[i] ^ (flipped ? 0x10u : 0u));
            }
        }
    }
    if (line->late_size > 0 && size > 0 && line->size + line->late_size < sizeof line->bytes) {
        memcpy(line->bytes + line->size, line->late, line->late_size);
        line->size += line->late_size;
        line->late_size = 0;
    }
}

static void host_turn(struct world *world) {
    uint8_t wire[AMP_FRAME_WIRE_MAX];
    struct amp_session_event event;
    for (size_t used = 0; used < world->to_host.size;) {
        used += amp_session_receive(&world->host, world->to_host.bytes + used,
                                    world->to_host.size - used, world->now_us, &event);
        const bool set = event.kind == AMP_ON_ACKED && event.verb >= AMP_VERB_SET;
        if (set) { // what was acknowledged stands, or something newer
            world->sets_acked++;
            world->acked_value[event.verb - AMP_VERB_SET] = event.argument;
            CHECK(world->device_value[event.verb - AMP_VERB_SET] >= event.argument);
        }
        world->acked += event.kind == AMP_ON_ACKED && !set;
        world->ups += event.kind == AMP_ON_UP;
        CHECK(event.kind != AMP_ON_REFUSED && event.kind != AMP_ON_REBOOT);
        CHECK(event.kind != AMP_ON_ACKED || event.result == AMP_RESULT_DONE);
    }
    world->to_host.size = 0;
    while (amp_session_poll(&world->host, world->now_us, &event)) {
        world->expired += event.kind == AMP_ON_EXPIRED && event.verb < AMP_VERB_SET;
        world->losses += event.kind == AMP_ON_LOST;
    }
    if (world->host.state == AMP_SESSION_UP && seeded_below(30) == 0 &&
        amp_session_command(&world->host, AMP_VERB_ARM, 1, 300, world->now_us) != 0) {
        world->asked++;
    }
    const uint8_t index = (uint8_t)seeded_below(3);
    if (world->host.state == AMP_SESSION_UP && seeded_below(20) == 0 &&
        amp_session_command(&world->host, (enum amp_verb)(AMP_VERB_SET + index),
                            world->asked_value[index] + 1, 300, world->now_us) != 0) {
        world->asked_value[index]++;
    }
    for (size_t size = 1; size > 0;) {
        size = amp_session_pending(&world->host, world->now_us, wire, sizeof wire);
        carry(&world->to_device, wire, size);
    }
}

static void device_turn(struct world *world) {
    uint8_t wire[AMP_FRAME_WIRE_MAX];
    const uint8_t state[AMP_STATE_SIZE + 8] = {0};
    struct amp_session_event event;
    for (size_t used = 0; used < world->to_device.size;) {
        used += amp_session_receive(&world->device, world->to_device.bytes + used,
                                    world->to_device.size - used, world->now_us, &event);
        if (event.kind == AMP_ON_COMMAND) {
            const uint64_t bit = (uint64_t)1 << event.id % 64;
            CHECK((world->applied_ids[event.id / 64] & bit) == 0);
            world->applied_ids[event.id / 64] |= bit;
            if (event.verb >= AMP_VERB_SET) { // never an older value after a newer one
                CHECK(event.argument > world->device_value[event.verb - AMP_VERB_SET]);
                world->device_value[event.verb - AMP_VERB_SET] = event.argument;
            } else {
                world->applied++;
            }
            amp_session_acknowledge(&world->device, event.id, AMP_RESULT_DONE);
        }
        CHECK(event.kind != AMP_ON_REFUSED);
    }
    world->to_device.size = 0;
    for (size_t size = 1; size > 0;) {
        size = amp_session_pending(&world->device, world->now_us, wire, sizeof wire);
        carry(&world->to_host, wire, size);
    }
    carry(
        &world->to_host, wire,
        amp_session_send(&world->device, AMP_FRAME_STATE, state, sizeof state, wire, sizeof wire));
}

static void world_run(struct world *world, unsigned errors_in_1000, unsigned turns) {
    world->to_host.errors_in_1000 = errors_in_1000;
    world->to_device.errors_in_1000 = errors_in_1000;
    for (unsigned turn = 0; turn < turns; turn++) {
        world->now_us += 5000;
        host_turn(world);
        device_turn(world);
    }
}

static void world_begin(struct world *world) {
    const struct amp_wire_identity identity = rig_identity();
    memset(world, 0, sizeof *world);
    amp_session_device_init(&world->device, &identity);
    amp_session_host_init(&world->host, &RIG_EXPECTED, RIG_NUMBER, 0);
}

static void test_two_ends_over_a_good_line_lose_nothing(void) {
    struct world world;
    world_begin(&world);
    world_run(&world, 0, 2000);
    CHECK(world.ups == 1 && world.losses == 0 && world.expired == 0);
    CHECK(world.asked > 10 && world.applied >= world.asked - 1);
    CHECK(world.applied <= world.asked && world.acked >= world.asked - 1);
    CHECK(world.host.counters.sequence_gaps == 0 && world.host.counters.bad_crc == 0);
    CHECK(world.device.counters.sequence_gaps == 0 && world.device.counters.repeated == 0);
    CHECK(world.host.counters.retransmissions == 0);
}

static void test_two_ends_over_a_bad_line_apply_each_command_at_most_once(void) {
    static const unsigned RATES[] = {10, 100, 300, 600, 900};
    for (size_t n = 0; n < COUNT(RATES); n++) {
        struct world world;
        world_begin(&world);
        world_run(&world, RATES[n], 20000);
        CHECK(world.applied <= world.asked);
        CHECK(world.acked + world.expired <= world.asked);
        CHECK(world.acked <= world.applied);
        CHECK(world.asked > 0);
        world_run(&world, 0, 200); // and find together again
        CHECK(world.host.state == AMP_SESSION_UP && world.device.state == AMP_SESSION_UP);
        CHECK(world.host.number == world.device.number);
    }
}

static void test_random_frames_from_either_end_break_nothing(void) {
    static const uint8_t TYPES[] = {1, 2, 16, 17, 18, 19, 20, 0, 21, 255};
    struct amp_session ends[2];
    const struct amp_wire_identity identity = rig_identity();
    amp_session_device_init(&ends[0], &identity);
    rig_host_begin(&ends[1]);
    for (unsigned n = 0; n < 200000; n++) {
        uint8_t payload[64];
        struct amp_session *end = &ends[seeded_below(2)];
        struct amp_session_event event;
        for (size_t i = 0; i < sizeof payload; i++) {
            payload[i] = (uint8_t)(seeded_below(3) == 0 ? AMP_PROTOCOL_MAJOR : seeded_next());
        }
        event = rig_feed(end, (enum amp_frame_type)TYPES[seeded_below(sizeof TYPES)],
                         seeded_below(2) == 0 ? end->number : (uint16_t)seeded_below(3),
                         (uint16_t)seeded_next(), payload, (size_t)seeded_below(65), n);
        CHECK(event.kind <= AMP_ON_COMMAND && end->state <= AMP_SESSION_REFUSED);
        (void)amp_session_poll(end, n, &event);
        (void)rig_pending(end, n);
    }
}

int main(void) {
    seeded_begin();
    RUN(test_device_tells_its_clock_and_for_how_long_it_held_the_question);
    RUN(test_question_of_another_session_or_size_is_not_answered);
    RUN(test_answer_that_waits_ends_with_its_session);
    RUN(test_gaps_are_counted_and_old_frames_discarded);
    RUN(test_after_ten_seconds_of_silence_any_sequence_will_do);
    RUN(test_a_refusal_between_two_handshakes_begins_the_count_anew);
    RUN(test_sequences_wrap);
    RUN(test_sent_frames_carry_rising_sequences_and_the_session);
    RUN(test_a_replaced_frame_leaves_no_gap);
    RUN(test_one_call_reports_one_event_and_the_rest_is_fed_again);
    RUN(test_no_byte_behind_the_end_is_read);
    RUN(test_damage_is_counted_by_its_kind);
    RUN(test_two_ends_over_a_good_line_lose_nothing);
    RUN(test_two_ends_over_a_bad_line_apply_each_command_at_most_once);
    RUN(test_random_frames_from_either_end_break_nothing);
    return CHECK_DONE();
}
