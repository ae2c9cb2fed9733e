// Modes, commands, actuations and states of a device.

#include "device_rig.h"

static void test_a_device_boots_safe_and_idle(void) {
    struct rig rig;
    rig_begin(&rig);
    CHECK(rig.device.mode == AMP_DEVICE_IDLE && rig.device.reason == AMP_REASON_NONE);
    CHECK(rig.device.at_safe && rig_outputs_are(&rig, 0, 0, 2.0f));
    rig_tick(&rig, RIG_BEGIN_US + 100000);
    CHECK(rig.device.counters.states == 0); // nobody to tell
}

static void test_a_config_that_breaks_a_rule_is_refused(void) {
    struct amp_device device;
    struct amp_device_config config = rig_config();
    struct amp_value accepts[4];
    config.accepts = accepts;
    const struct amp_device_config good = config;
    memset(&device, 0x5A, sizeof device);
#define REFUSED(change)                                                                            \
    do {                                                                                           \
        config = good;                                                                             \
        memcpy(accepts, RIG_ACCEPTS, sizeof RIG_ACCEPTS);                                          \
        change;                                                                                    \
        CHECK(!amp_device_init(&device, &config, 0));                                              \
    } while (0)
#define ACCEPTED(change)                                                                           \
    do {                                                                                           \
        config = good;                                                                             \
        memcpy(accepts, RIG_ACCEPTS, sizeof RIG_ACCEPTS);                                          \
        change;                                                                                    \
        CHECK(amp_device_init(&device, &config, 0));                                               \
    } while (0)
    REFUSED(config.board = "");
    REFUSED(config.board = "123456789012345678901234567890123");
    REFUSED(config.board = "tab\t");
    REFUSED(config.board = "gr\xC3\xBC"
                           "n");
    REFUSED(config.lease_us = 0);
    REFUSED(config.lease_us = AMP_SEQUENCE_FORGET_US + 1);
    REFUSED(config.state_period_us = 0);
    REFUSED(config.sends_count = AMP_DEVICE_VALUES_MAX + 1);
    REFUSED(config.accepts_count = AMP_DEVICE_VALUES_MAX + 1);
    REFUSED(accepts[0].low = NAN);
    REFUSED(accepts[1].high = INFINITY);
    REFUSED(accepts[2].safe = NAN);
    REFUSED(accepts[0].ramp_per_s = NAN);
    REFUSED(accepts[0].ramp_per_s = -1);
    REFUSED(accepts[0].ramp_per_s = 24.0f / 3700);
    REFUSED(accepts[0].safe = 12.5f);
    REFUSED(accepts[0].safe = -12.5f);
    CHECK(*(uint8_t *)&device == 0x5A); // nothing was touched
    ACCEPTED(config.board = "12345678901234567890123456789012");
    ACCEPTED(config.board = " ~");
    ACCEPTED(config.lease_us = AMP_SEQUENCE_FORGET_US);
    ACCEPTED(config.accepts_count = 0);
    ACCEPTED(config.sends_count = 0);
    ACCEPTED(accepts[0].safe = 12.0f);
    ACCEPTED(accepts[0].ramp_per_s = 24.0f / 3500);
    ACCEPTED(accepts[3].low = NAN); // behind the count
}

static void test_the_identity_says_what_the_firmware_is(void) {
    struct rig rig;
    rig_begin(&rig);
    rig_join(&rig);
    const struct amp_wire_identity *identity = &rig.host.identity;
    CHECK(strcmp(identity->board, "bench") == 0 && identity->reset_cause == AMP_RESET_POWER);
    CHECK(identity->firmware[0] == 1 && identity->firmware[1] == 2 && identity->firmware[2] == 3);
    CHECK(identity->boot_nonce == 0xB0070001u && identity->schema_hash == RIG_SCHEMA);
    CHECK(identity->baud == 1000000 && identity->lease_us == RIG_LEASE_US);
    CHECK(identity->sends_count == 2 && identity->accepts_count == 3);
    CHECK(rig.device.mode == AMP_DEVICE_READY);
}

// Modes: every mode against everything that can happen to it.

enum happening { JOINS, STRANGER, ARM, DISARM, ESTOP, LOCAL_STOP, LEASE_END, HAPPENINGS };

struct mode {
    enum amp_device_mode mode;
    enum amp_device_reason reason;
};

#define IDLE {AMP_DEVICE_IDLE, AMP_REASON_NONE}
#define READY {AMP_DEVICE_READY, AMP_REASON_NONE}
#define ARMED {AMP_DEVICE_ARMED, AMP_REASON_NONE}
#define SAFE(reason) {AMP_DEVICE_SAFE, AMP_REASON_##reason}
#define NEVER {AMP_DEVICE_IDLE, AMP_REASON_BAD_VALUE} // a command needs a session

static const struct mode MODES[4][HAPPENINGS] = {
    [AMP_DEVICE_IDLE] = {READY, IDLE, NEVER, NEVER, NEVER, SAFE(ESTOP), IDLE},
    [AMP_DEVICE_READY] = {READY, IDLE, ARMED, READY, SAFE(ESTOP), SAFE(ESTOP), READY},
    [AMP_DEVICE_ARMED] = {SAFE(NEW_SESSION),
                          SAFE(NEW_SESSION),
                          ARMED,
                          {AMP_DEVICE_READY, AMP_REASON_DISARM},
                          SAFE(ESTOP),
                          SAFE(ESTOP),
                          SAFE(LEASE)},
    [AMP_DEVICE_SAFE] = {SAFE(LEASE), SAFE(LEASE), ARMED, SAFE(LEASE), SAFE(LEASE), SAFE(LEASE),
                         SAFE(LEASE)},
};

static void enter(struct rig *rig, enum amp_device_mode mode) {
    rig_begin(rig);
    if (mode != AMP_DEVICE_IDLE) {
        rig_join(rig);
    }
    if (mode == AMP_DEVICE_ARMED || mode == AMP_DEVICE_SAFE) {
        rig_arm(rig);
    }
    if (mode == AMP_DEVICE_SAFE) {
        rig_tick(rig, RIG_BEGIN_US + RIG_LEASE_US);
    }
    CHECK(rig->device.mode == mode);
}

static void identify_as(struct rig *rig, uint16_t number, uint32_t schema_hash) {
    struct amp_session other;
    uint8_t wire[AMP_FRAME_WIRE_MAX];
    rig_host(rig, &other, number);
    other.expected.schema_hash = schema_hash;
    const size_t size = amp_session_pending(&other, rig->now_us, wire, sizeof wire);
    CHECK(size > 0);
    amp_device_receive(&rig->device, wire, size, rig->now_us);
}

static void cause(struct rig *rig, enum happening what) {
    switch (what) {
    case JOINS:
        identify_as(rig, 99, RIG_SCHEMA);
        break;
    case STRANGER:
        identify_as(rig, 99, RIG_SCHEMA + 1);
        break;
    case ARM:
    case DISARM:
    case ESTOP:
        CHECK(rig_command(rig, (enum amp_verb)(AMP_VERB_ARM + what - ARM)) == AMP_RESULT_DONE);
        break;
    case LOCAL_STOP:
        amp_device_stop(&rig->device, rig->now_us);
        break;
    case LEASE_END:
    case HAPPENINGS:
        rig_tick(rig, rig->now_us + RIG_LEASE_US);
        break;
    }
}

static void test_every_mode_meets_everything(void) {
    for (int mode = 0; mode < 4; mode++) {
        for (int what = 0; what < HAPPENINGS; what++) {
            const struct mode *expected = &MODES[mode][what];
            struct rig rig;
            enter(&rig, (enum amp_device_mode)mode);
            if (expected->mode == AMP_DEVICE_IDLE && expected->reason == AMP_REASON_BAD_VALUE) {
                continue;
            }
            cause(&rig, (enum happening)what);
            const bool as_said =
                rig.device.mode == expected->mode && rig.device.reason == expected->reason;
            CHECK(as_said);
            if (!as_said) {
                fprintf(stderr, "mode %d, happening %d: mode %d, reason %d\n", mode, what,
                        (int)rig.device.mode, (int)rig.device.reason);
            }
        }
    }
}

static void test_a_held_stop_button_outlasts_arming(void) {
    struct rig rig;
    rig_run(&rig);
    amp_device_stop(&rig.device, rig.now_us);
    rig_arm(&rig); // the act of arming is acknowledged, and then the button speaks again
    amp_device_stop(&rig.device, rig.now_us);
    CHECK(rig.device.mode == AMP_DEVICE_SAFE && rig.device.reason == AMP_REASON_ESTOP);
}

static void test_the_host_hears_of_every_change_of_mode(void) {
    struct rig rig;
    rig_run(&rig);
    CHECK(rig_command(&rig, AMP_VERB_ESTOP) == AMP_RESULT_DONE);
    CHECK(rig_command(&rig, AMP_VERB_ARM) == AMP_RESULT_DONE);
    CHECK(rig_command(&rig, AMP_VERB_DISARM) == AMP_RESULT_DONE);
    static const uint32_t EXPECTED[] = {
        AMP_DEVICE_READY,
        AMP_DEVICE_ARMED,
        AMP_DEVICE_SAFE | AMP_REASON_ESTOP << 8,
        AMP_DEVICE_ARMED,
        AMP_DEVICE_READY | AMP_REASON_DISARM << 8,
    };
    size_t found = 0;
    for (size_t n = 0; n < rig.event_count; n++) {
        if (rig.events[n].code == AMP_EVENT_MODE) {
            CHECK(found < COUNT(EXPECTED) && rig.events[n].argument == EXPECTED[found]);
            CHECK(rig.events[n].clock_us == RIG_BEGIN_US);
            found++;
        }
    }
    CHECK(found == COUNT(EXPECTED));
}

// Actuations.

static void test_actuations_are_applied_only_while_armed(void) {
    struct rig rig;
    rig_begin(&rig);
    rig_join(&rig);
    rig_actuate(&rig, 10.0f, 1.0f, -3.0f);
    CHECK(rig_outputs_are(&rig, 0, 0, 2.0f) && rig.device.counters.refused_mode == 1);
    rig_arm(&rig);
    CHECK(rig_outputs_are(&rig, 0, 0, 2.0f)); // the one before does not count
    rig_actuate(&rig, 10.0f, 1.0f, -3.0f);
    CHECK(rig_outputs_are(&rig, 10.0f, 1.0f, -3.0f) && rig.device.counters.applied == 1);
    CHECK(rig.device.applied_us == RIG_BEGIN_US && !rig.device.at_safe);
}

static void test_the_limits_belong_to_the_range_and_nothing_beyond(void) {
    struct rig rig;
    rig_run(&rig);
    rig_actuate(&rig, 12.0f, 0.0f, -5.0f);
    CHECK(rig_outputs_are(&rig, 12.0f, 0.0f, -5.0f));
    rig_actuate(&rig, -12.0f, 1.0f, 5.0f);
    CHECK(rig_outputs_are(&rig, -12.0f, 1.0f, 5.0f));
    const float bad[] = {
        NAN,    -NAN, INFINITY, -INFINITY, nextafterf(12.0f, 13.0f), nextafterf(-12.0f, -13.0f),
        3.4e38f};
    for (size_t n = 0; n < COUNT(bad); n++) {
        rig_actuate(&rig, bad[n], 0.5f, 0.5f);
        rig_actuate(&rig, 0.5f, bad[n], 0.5f);
        rig_actuate(&rig, 0.5f, 0.5f, bad[n]);
        CHECK(rig_outputs_are(&rig, -12.0f, 1.0f, 5.0f)); // refused whole
    }
    CHECK(rig.device.counters.refused_values == 3 * COUNT(bad));
    CHECK(rig.device.counters.applied == 3 && rig.device.mode == AMP_DEVICE_ARMED);
    rig_exchange(&rig);
    CHECK(rig_last_event(&rig, AMP_EVENT_BAD_VALUE)->argument == 0); // once, for the first in a row
    CHECK(rig.device.counters.events_lost == 0);
    rig_actuate(&rig, 1.0f, 1.0f, 1.0f);
    rig_actuate(&rig, 1.0f, 1.0f, NAN);
    rig_exchange(&rig);
    CHECK(rig_last_event(&rig, AMP_EVENT_BAD_VALUE)->argument == 2);
}

static void test_the_newest_of_several_wins_and_old_ones_do_nothing(void) {
    struct rig rig;
    uint8_t first[AMP_FRAME_WIRE_MAX];
    uint8_t chunk[3 * AMP_FRAME_WIRE_MAX];
    size_t size = 0;
    rig_run(&rig);
    for (int n = 1; n <= 3; n++) {
        const float values[] = {(float)n, 0, 0};
        const size_t one = rig_actuate_frame(&rig, values, 0, chunk + size, AMP_FRAME_WIRE_MAX);
        if (n == 1) {
            memcpy(first, chunk, one);
        }
        size += one;
    }
    const size_t first_size = size / 3;
    amp_device_receive(&rig.device, chunk, 2 * first_size, rig.now_us);
    CHECK(rig_outputs_are(&rig, 2.0f, 0, 0) && rig.device.counters.applied == 3);
    amp_device_receive(&rig.device, chunk + 2 * first_size, first_size, rig.now_us);
    CHECK(rig_outputs_are(&rig, 3.0f, 0, 0) && rig.device.counters.applied == 4);
    amp_device_receive(&rig.device, first, first_size, rig.now_us);
    CHECK(rig_outputs_are(&rig, 3.0f, 0, 0) && rig.device.session.counters.repeated == 1);
}

static void test_an_actuation_of_another_size_is_refused(void) {
    struct rig rig;
    uint8_t wire[AMP_FRAME_WIRE_MAX];
    const uint8_t payload[64] = {0};
    rig_run(&rig);
    for (size_t length = 0; length < sizeof payload; length++) {
        const size_t size =
            amp_session_send(&rig.host, AMP_FRAME_ACTUATE, payload, length, wire, sizeof wire);
        if (length != AMP_ACTUATE_SIZE + 12) {
            amp_device_receive(&rig.device, wire, size, rig.now_us);
        }
    }
    CHECK(rig_outputs_are(&rig, 10.0f, 1.0f, -3.0f) && rig.device.counters.applied == 1);
    CHECK(rig.device.session.counters.unexpected == sizeof payload - 1);
}

// States.

static void test_states_are_due_on_a_grid_that_never_shifts(void) {
    struct rig rig;
    rig_begin(&rig);
    rig_join(&rig);
    const uint64_t begin = RIG_BEGIN_US;
    static const struct {
        uint64_t after_us;
        unsigned states, skipped;
    } STEPS[] = {{0, 1, 0},    {1, 1, 0},    {999, 1, 0},  {1000, 2, 0}, {1700, 2, 0},
                 {2300, 3, 0}, {2999, 3, 0}, {3000, 4, 0}, {7500, 5, 3}, {7999, 5, 3},
                 {8000, 6, 3}, {9999, 7, 3}, {10000, 8, 3}};
    for (size_t n = 0; n < COUNT(STEPS); n++) {
        rig.sensed[0] = (float)n;
        rig_tick(&rig, begin + STEPS[n].after_us);
        const unsigned before = rig.states;
        rig_exchange(&rig);
        CHECK(rig.states == STEPS[n].states);
        CHECK(rig.device.counters.states_skipped == STEPS[n].skipped);
        if (rig.states > before) {
            CHECK(rig.state.sampled_us == begin + STEPS[n].after_us && rig.values[0] == (float)n);
        }
    }
}

static void test_the_newest_state_takes_the_place_of_one_that_waits(void) {
    struct rig rig;
    rig_begin(&rig);
    rig_join(&rig);
    for (unsigned n = 0; n < 10; n++) {
        rig.sensed[1] = (float)n;
        rig_tick(&rig, RIG_BEGIN_US + 1000 * n);
    }
    rig_exchange(&rig);
    CHECK(rig.states == 1 && rig.values[1] == 9.0f);
    CHECK(rig.device.counters.states == 10 && rig.device.counters.states_replaced == 9);
    CHECK(rig.host.counters.sequence_gaps == 0);
}

static void test_a_state_of_an_older_session_is_not_sent_in_a_new_one(void) {
    struct rig rig;
    rig_begin(&rig);
    rig_join(&rig);
    rig_tick(&rig, RIG_BEGIN_US);
    CHECK(rig.device.state_due);
    rig_host(&rig, &rig.host, 8);
    uint8_t wire[AMP_FRAME_WIRE_MAX];
    const size_t size = amp_session_pending(&rig.host, rig.now_us, wire, sizeof wire);
    rig_give(&rig, wire, size);
    rig_exchange(&rig);
    CHECK(rig.host.state == AMP_SESSION_UP && rig.states == 0);
    rig_tick(&rig, RIG_BEGIN_US + 1);
    rig_exchange(&rig);
    CHECK(rig.states == 1 && rig.state.sampled_us == RIG_BEGIN_US + 1);
}

static void test_a_state_tells_what_was_applied_and_when(void) {
    struct rig rig;
    uint8_t wire[AMP_FRAME_WIRE_MAX];
    const float values[] = {1.0f, 1.0f, 1.0f};
    rig_begin(&rig);
    rig_join(&rig);
    rig_tick(&rig, RIG_BEGIN_US);
    rig_exchange(&rig);
    CHECK(rig.state.applied_age_us == AMP_WIRE_NONE && rig.state.applied_count == 0);
    CHECK(rig.state.sense_to_actuate_us == AMP_WIRE_NONE && rig.state.mode == AMP_DEVICE_READY);
    rig_arm(&rig);
    rig.now_us = RIG_BEGIN_US + 700;
    size_t size = rig_actuate_frame(&rig, values, (uint32_t)RIG_BEGIN_US, wire, sizeof wire);
    rig_give(&rig, wire, size);
    const uint16_t sequence = rig.host.sent_sequence;
    rig_tick(&rig, RIG_BEGIN_US + 1000);
    rig_exchange(&rig);
    CHECK(rig.state.applied_age_us == 300 && rig.state.applied_count == 1);
    CHECK(rig.state.sense_to_actuate_us == 700 && rig.state.mode == AMP_DEVICE_ARMED);
    CHECK(rig.state.applied_sequence == sequence);
    size = rig_actuate_frame(&rig, values, 0, wire, sizeof wire); // answers no state
    rig_give(&rig, wire, size);
    rig_tick(&rig, RIG_BEGIN_US + 2000);
    rig_exchange(&rig);
    CHECK(rig.state.applied_count == 2 && rig.state.applied_age_us == 1000);
    CHECK(rig.state.sense_to_actuate_us == AMP_WIRE_NONE);
    size = rig_actuate_frame(&rig, values, (uint32_t)RIG_BEGIN_US + 2001, wire, sizeof wire);
    rig_give(&rig, wire, size); // answers a state of the future
    rig_tick(&rig, RIG_BEGIN_US + 3000);
    rig_exchange(&rig);
    CHECK(rig.state.applied_count == 3 && rig.state.sense_to_actuate_us == AMP_WIRE_NONE);
}

static void test_latencies_hold_where_32_bits_of_time_wrap(void) {
    const uint64_t wraps[] = {(uint64_t)1 << 32, (uint64_t)5 << 32, (uint64_t)1 << 53};
    for (size_t n = 0; n < COUNT(wraps); n++) {
        const struct amp_device_config config = rig_config();
        struct rig rig;
        uint8_t wire[AMP_FRAME_WIRE_MAX];
        const float values[] = {1.0f, 1.0f, 1.0f};
        rig_begin_as(&rig, &config, wraps[n] - 400);
        rig_join(&rig);
        rig_arm(&rig);
        rig_tick(&rig, wraps[n] - 400);
        rig_exchange(&rig);
        CHECK(rig.state.sampled_us == wraps[n] - 400);
        rig.now_us = wraps[n] + 350;
        const size_t size =
            rig_actuate_frame(&rig, values, (uint32_t)rig.state.sampled_us, wire, sizeof wire);
        rig_give(&rig, wire, size);
        rig_tick(&rig, wraps[n] + 600);
        rig_exchange(&rig);
        CHECK(rig.state.sense_to_actuate_us == 750 && rig.state.applied_age_us == 250);
        rig_tick(&rig, wraps[n] + 350 + RIG_LEASE_US - 1);
        CHECK(rig.device.mode == AMP_DEVICE_ARMED);
        rig_tick(&rig, wraps[n] + 350 + RIG_LEASE_US);
        CHECK(rig.device.mode == AMP_DEVICE_SAFE);
    }
}

static void test_a_latency_of_half_the_clocks_range_is_the_longest(void) {
    const uint32_t behind[] = {INT32_MAX, (uint32_t)INT32_MAX + 1};
    for (size_t n = 0; n < COUNT(behind); n++) {
        struct rig rig;
        uint8_t wire[AMP_FRAME_WIRE_MAX];
        const float values[] = {1.0f, 1.0f, 1.0f};
        rig_run(&rig);
        const size_t size =
            rig_actuate_frame(&rig, values, (uint32_t)RIG_BEGIN_US - behind[n], wire, sizeof wire);
        rig_give(&rig, wire, size);
        rig_tick(&rig, RIG_BEGIN_US);
        rig_exchange(&rig);
        CHECK(rig.state.sense_to_actuate_us == (n == 0 ? behind[n] : AMP_WIRE_NONE));
    }
}

static void test_a_very_old_actuation_has_no_age_that_fits(void) {
    struct rig rig;
    rig_run(&rig);
    rig_tick(&rig, RIG_BEGIN_US + 0xFFFFFFFEu);
    rig_exchange(&rig);
    CHECK(rig.state.applied_age_us == 0xFFFFFFFEu);
    rig_tick(&rig, RIG_BEGIN_US + 0x100000000u + RIG_PERIOD_US);
    rig_exchange(&rig);
    CHECK(rig.state.applied_age_us == AMP_WIRE_NONE);
}

// Out.

static void test_frames_leave_in_pieces_of_any_size(void) {
    for (size_t room = 1; room < 40; room++) {
        struct rig rig;
        size_t bytes = 0;
        rig_begin(&rig);
        rig_join(&rig);
        rig_tick(&rig, RIG_BEGIN_US);
        for (size_t size = 1; size > 0;) {
            uint8_t out[40];
            struct amp_session_event event;
            memset(out, 0xEE, sizeof out);
            size = amp_device_transmit(&rig.device, out, room);
            CHECK(size <= room && out[size] == 0xEE);
            bytes += size;
            for (size_t used = 0; used < size;) {
                used += amp_session_receive(&rig.host, out + used, size - used, rig.now_us, &event);
                rig_take(&rig, &event);
            }
        }
        CHECK(rig.states == 1 && bytes == AMP_STATE_SIZE + 8 + AMP_FRAME_OVERHEAD);
        CHECK(amp_device_transmit(&rig.device, NULL, 0) == 0);
    }
}

static void test_answers_go_before_events_and_events_before_states(void) {
    struct rig rig;
    uint8_t bytes[1024];
    uint8_t types[8] = {0};
    size_t count = 0;
    rig_run(&rig);
    rig_exchange(&rig);
    rig_tick(&rig, RIG_BEGIN_US + 1000);
    CHECK(amp_session_command(&rig.host, AMP_VERB_ESTOP, 0, 100, rig.now_us) != 0);
    size_t size = amp_session_pending(&rig.host, rig.now_us, bytes, sizeof bytes);
    rig_give(&rig, bytes, size);
    size = amp_device_transmit(&rig.device, bytes, sizeof bytes);
    for (size_t used = 0; used < size && count < sizeof types;) {
        struct amp_frame frame;
        enum amp_frame_verdict verdict = AMP_FRAME_MORE;
        used += amp_frame_parse(&rig.host.parser, bytes + used, size - used, &verdict, &frame);
        types[count++] = frame.type;
    }
    CHECK(count == 3 && types[0] == AMP_FRAME_ACK && types[1] == AMP_FRAME_EVENT);
    CHECK(types[2] == AMP_FRAME_STATE);
}

static void test_too_many_events_lose_the_oldest_and_are_counted(void) {
    struct rig rig;
    rig_run(&rig);
    rig_exchange(&rig);
    rig.event_count = 0;
    for (unsigned n = 0; n < 6; n++) {
        rig_actuate(&rig, n % 3 == 0 ? NAN : 0, n % 3 == 1 ? NAN : 0, n % 3 == 2 ? NAN : 0);
        rig_actuate(&rig, 1.0f, 0, 0);
    }
    CHECK(rig.device.counters.events_lost == 6 - AMP_DEVICE_EVENTS_MAX);
    rig_exchange(&rig);
    CHECK(rig.event_count == AMP_DEVICE_EVENTS_MAX);
    for (size_t n = 0; n < rig.event_count; n++) {
        CHECK(rig.events[n].argument == (6 - AMP_DEVICE_EVENTS_MAX + n) % 3);
    }
}

int main(void) {
    RUN(test_a_device_boots_safe_and_idle);
    RUN(test_a_config_that_breaks_a_rule_is_refused);
    RUN(test_the_identity_says_what_the_firmware_is);
    RUN(test_every_mode_meets_everything);
    RUN(test_a_held_stop_button_outlasts_arming);
    RUN(test_the_host_hears_of_every_change_of_mode);
    RUN(test_actuations_are_applied_only_while_armed);
    RUN(test_the_limits_belong_to_the_range_and_nothing_beyond);
    RUN(test_the_newest_of_several_wins_and_old_ones_do_nothing);
    RUN(test_an_actuation_of_another_size_is_refused);
    RUN(test_states_are_due_on_a_grid_that_never_shifts);
    RUN(test_the_newest_state_takes_the_place_of_one_that_waits);
    RUN(test_a_state_of_an_older_session_is_not_sent_in_a_new_one);
    RUN(test_a_state_tells_what_was_applied_and_when);
    RUN(test_latencies_hold_where_32_bits_of_time_wrap);
    RUN(test_a_latency_of_half_the_clocks_range_is_the_longest);
    RUN(test_a_very_old_actuation_has_no_age_that_fits);
    RUN(test_frames_leave_in_pieces_of_any_size);
    RUN(test_answers_go_before_events_and_events_before_states);
    RUN(test_too_many_events_lose_the_oldest_and_are_counted);
    return CHECK_DONE();
}
