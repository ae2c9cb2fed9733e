// Handshakes: every state of each end against everything that can happen to it.

#include "session_rig.h"

#define ANOTHER 0x0B0B // a session number that is not ours

// The host.

enum start {
    START_FRESH, // IDENTIFYING, and no device was ever heard
    START_LOST,  // IDENTIFYING again after a loss
    START_UP,
    START_REFUSED, // by the board's name
    START_DOWN,
    STARTS,
};

enum stimulus {
    SEES_MATCH,
    SEES_PROTOCOL,
    SEES_SCHEMA,
    SEES_BOARD,
    SEES_COUNTS,
    SEES_LEASE,
    SEES_REBOOT,
    SEES_RENEWED,
    SEES_BOOT_OF_SAME,
    SEES_BOOT_OF_OTHER,
    SEES_STATE,
    SEES_FOREIGN_STATE,
    SEES_ECHO,
    SEES_STRAY_ACK,
    SEES_SILENCE,
    STIMULI,
};

struct outcome {
    enum amp_session_event_kind kind;
    enum amp_session_state state;
    bool renewed;
};

#define QUIET(state) {AMP_ON_NOTHING, AMP_SESSION_##state, false}
#define COMES_UP {AMP_ON_UP, AMP_SESSION_UP, false}
#define REFUSES {AMP_ON_REFUSED, AMP_SESSION_REFUSED, false}
#define REBOOTS {AMP_ON_REBOOT, AMP_SESSION_IDENTIFYING, true}
#define LOSES {AMP_ON_LOST, AMP_SESSION_IDENTIFYING, true}

static const struct outcome HOST[STARTS][STIMULI] = {
    [START_FRESH] = {COMES_UP, REFUSES, REFUSES, REFUSES, REFUSES, REFUSES, COMES_UP, COMES_UP,
                     QUIET(IDENTIFYING), QUIET(IDENTIFYING), QUIET(IDENTIFYING), QUIET(IDENTIFYING),
                     QUIET(IDENTIFYING), QUIET(IDENTIFYING), QUIET(IDENTIFYING)},
    [START_LOST] = {COMES_UP, REFUSES, REFUSES, REFUSES, REFUSES, REFUSES, REBOOTS, COMES_UP,
                    QUIET(IDENTIFYING), REBOOTS, QUIET(IDENTIFYING), QUIET(IDENTIFYING),
                    QUIET(IDENTIFYING), QUIET(IDENTIFYING), QUIET(IDENTIFYING)},
    [START_UP] = {QUIET(UP),
                  REFUSES,
                  REFUSES,
                  REFUSES,
                  REFUSES,
                  REFUSES,
                  REBOOTS,
                  LOSES,
                  QUIET(UP),
                  REBOOTS,
                  {AMP_ON_MESSAGE, AMP_SESSION_UP, false},
                  QUIET(UP),
                  QUIET(UP),
                  QUIET(UP),
                  LOSES},
    [START_REFUSED] = {COMES_UP, REFUSES, REFUSES, QUIET(REFUSED), REFUSES, REFUSES, REBOOTS,
                       COMES_UP, QUIET(REFUSED), REBOOTS, QUIET(REFUSED), QUIET(REFUSED),
                       QUIET(REFUSED), QUIET(REFUSED), QUIET(REFUSED)},
    [START_DOWN] = {QUIET(DOWN), QUIET(DOWN), QUIET(DOWN), QUIET(DOWN), QUIET(DOWN), QUIET(DOWN),
                    QUIET(DOWN), QUIET(DOWN), QUIET(DOWN), QUIET(DOWN), QUIET(DOWN), QUIET(DOWN),
                    QUIET(DOWN), QUIET(DOWN), QUIET(DOWN)},
};

#define T0 1000000u

static void begin_host(struct amp_session *host, enum start start) {
    struct amp_wire_identity identity = rig_identity();
    struct amp_session_event event;
    switch (start) {
    case START_FRESH:
        rig_host_begin(host);
        break;
    case START_LOST:
        rig_host_up(host, T0 - RIG_LOST_US);
        CHECK(amp_session_poll(host, T0, &event) && event.kind == AMP_ON_LOST);
        break;
    case START_UP:
        rig_host_up(host, T0);
        break;
    case START_REFUSED:
        rig_host_begin(host);
        memcpy(identity.board, "other", sizeof "other");
        event = rig_feed_identity(host, RIG_NUMBER, &identity, T0);
        CHECK(event.kind == AMP_ON_REFUSED && event.refusal == AMP_REFUSAL_BOARD);
        break;
    case START_DOWN:
    case STARTS:
        rig_host_up(host, T0);
        amp_session_close(host);
        break;
    }
}

static struct amp_session_event show_identity(struct amp_session *host, enum stimulus stimulus) {
    struct amp_wire_identity identity = rig_identity();
    identity.major = (uint8_t)(AMP_PROTOCOL_MAJOR + (stimulus == SEES_PROTOCOL));
    identity.schema_hash += stimulus == SEES_SCHEMA;
    identity.sends_count = (uint8_t)(identity.sends_count + (stimulus == SEES_COUNTS));
    identity.lease_us += stimulus == SEES_LEASE;
    identity.boot_nonce += stimulus == SEES_REBOOT;
    identity.challenge += stimulus == SEES_RENEWED;
    if (stimulus == SEES_BOARD) {
        memcpy(identity.board, "other", sizeof "other");
    }
    return rig_feed_identity(host, host->number, &identity, T0);
}

static struct amp_session_event stimulate(struct amp_session *host, enum stimulus stimulus) {
    struct amp_wire_event boot = {AMP_EVENT_BOOT, RIG_NONCE, 5};
    struct amp_session_event event = {.kind = AMP_ON_NOTHING};
    switch (stimulus) {
    case SEES_BOOT_OF_SAME:
        return rig_feed_event(host, 0, 0, &boot, T0);
    case SEES_BOOT_OF_OTHER:
        boot.argument++;
        return rig_feed_event(host, 0, 0, &boot, T0);
    case SEES_STATE:
        return rig_feed_state(host, host->number, 7, T0);
    case SEES_FOREIGN_STATE:
        return rig_feed_state(host, ANOTHER, 7, T0);
    case SEES_ECHO:
        return rig_feed_actuate(host, host->number, 7);
    case SEES_STRAY_ACK:
        return rig_feed_ack(host, host->number, 7, 1, AMP_RESULT_DONE, T0);
    case SEES_SILENCE:
        (void)amp_session_poll(host, T0 + RIG_LOST_US, &event);
        return event;
    default:
        return show_identity(host, stimulus);
    }
}

static void test_host_in_every_state_meets_everything(void) {
    for (int start = 0; start < STARTS; start++) {
        for (int stimulus = 0; stimulus < STIMULI; stimulus++) {
            struct amp_session host;
            begin_host(&host, (enum start)start);
            const uint16_t number = host.number;
            const struct amp_session_counters before = host.counters;
            const struct outcome *expected = &HOST[start][stimulus];
            const struct amp_session_event event = stimulate(&host, (enum stimulus)stimulus);
            const struct amp_session_counters *counters = &host.counters;
            const bool as_said = event.kind == expected->kind && host.state == expected->state &&
                                 host.number == number + expected->renewed;
            CHECK(as_said);
            CHECK(counters->handshakes == before.handshakes + (event.kind == AMP_ON_UP));
            CHECK(counters->refusals == before.refusals + (event.kind == AMP_ON_REFUSED));
            CHECK(counters->losses == before.losses + (event.kind == AMP_ON_LOST));
            CHECK(counters->reboots == before.reboots + (event.kind == AMP_ON_REBOOT));
            CHECK(counters->unexpected ==
                  before.unexpected +
                      (stimulus == SEES_ECHO || (stimulus == SEES_STRAY_ACK && start == START_UP)));
            if (!as_said) {
                fprintf(stderr, "start %d, stimulus %d: event %d, state %d\n", start, stimulus,
                        (int)event.kind, (int)host.state);
            }
        }
    }
}

static void test_a_refusal_names_the_field(void) {
    static const enum amp_refusal NAMES[] = {
        [SEES_PROTOCOL] = AMP_REFUSAL_PROTOCOL, [SEES_SCHEMA] = AMP_REFUSAL_SCHEMA,
        [SEES_BOARD] = AMP_REFUSAL_BOARD,       [SEES_COUNTS] = AMP_REFUSAL_COUNTS,
        [SEES_LEASE] = AMP_REFUSAL_LEASE,
    };
    for (int stimulus = SEES_PROTOCOL; stimulus <= SEES_LEASE; stimulus++) {
        struct amp_session host;
        rig_host_begin(&host);
        const struct amp_session_event event = stimulate(&host, (enum stimulus)stimulus);
        CHECK(event.refusal == NAMES[stimulus] && host.refusal == NAMES[stimulus]);
        CHECK(stimulate(&host, (enum stimulus)stimulus).kind == AMP_ON_NOTHING);
        CHECK(host.counters.refusals == 1);
        CHECK(stimulate(&host, SEES_MATCH).kind == AMP_ON_UP);
        CHECK(host.refusal == AMP_REFUSAL_NONE);
    }
}

static void test_what_the_host_does_not_ask_for_is_not_compared(void) {
    struct amp_session_host any = RIG_EXPECTED;
    const char *const names[] = {NULL, ""};
    any.lease_us_max = 0;
    for (size_t n = 0; n < COUNT(names); n++) {
        struct amp_session host;
        struct amp_wire_identity identity = rig_identity();
        any.board = names[n];
        identity.lease_us = UINT32_MAX;
        identity.minor = 200;
        amp_session_host_init(&host, &any, RIG_NUMBER, 0);
        CHECK(rig_feed_identity(&host, RIG_NUMBER, &identity, 0).kind == AMP_ON_UP);
    }
}

static void test_board_names_are_compared_to_their_end(void) {
    static const char *const OTHERS[] = {"", "b", "benc", "bench2", "Bench"};
    for (size_t n = 0; n < COUNT(OTHERS); n++) {
        struct amp_session host;
        struct amp_wire_identity identity = rig_identity();
        memset(identity.board, 0, sizeof identity.board);
        memcpy(identity.board, OTHERS[n], strlen(OTHERS[n]));
        rig_host_begin(&host);
        CHECK(rig_feed_identity(&host, RIG_NUMBER, &identity, 0).refusal == AMP_REFUSAL_BOARD);
    }
}

static void test_a_stranger_of_another_protocol_may_have_another_layout(void) {
    for (size_t length = 0; length < 40; length++) {
        const uint8_t payload[40] = {AMP_PROTOCOL_MAJOR + 1, 9};
        struct amp_session host;
        rig_host_begin(&host);
        const struct amp_session_event event =
            rig_feed(&host, AMP_FRAME_IDENTITY, RIG_NUMBER, 0, payload, length, 0);
        CHECK(event.kind == (length < 2 ? AMP_ON_NOTHING : AMP_ON_REFUSED));
        CHECK(host.counters.unexpected == (length < 2));
        CHECK(length < 2 || (host.identity.major == AMP_PROTOCOL_MAJOR + 1 &&
                             host.refusal == AMP_REFUSAL_PROTOCOL));
    }
}

static void test_a_malformed_identity_changes_nothing(void) {
    struct amp_session host;
    uint8_t payload[AMP_IDENTITY_SIZE] = {AMP_PROTOCOL_MAJOR, 0};
    rig_host_up(&host, 0);
    const struct amp_wire_identity before = host.identity;
    payload[AMP_IDENTITY_SIZE - AMP_BOARD_ID_MAX] = 0x07;
    CHECK(rig_feed(&host, AMP_FRAME_IDENTITY, RIG_NUMBER, 0, payload, sizeof payload, 0).kind ==
          AMP_ON_NOTHING);
    CHECK(rig_feed(&host, AMP_FRAME_IDENTITY, RIG_NUMBER, 0, payload, 59, 0).kind ==
          AMP_ON_NOTHING);
    CHECK(host.state == AMP_SESSION_UP && host.counters.unexpected == 2);
    CHECK(memcmp(&before, &host.identity, sizeof before) == 0);
}

static void test_an_event_of_no_session_is_a_boot_or_nothing(void) {
    struct amp_session host;
    const struct amp_wire_event other = {AMP_EVENT_AT_SAFE, RIG_NONCE + 1, 0};
    const uint8_t payload[AMP_EVENT_SIZE + 1] = {AMP_EVENT_BOOT, 9};
    rig_host_up(&host, 0);
    CHECK(rig_feed_event(&host, 0, 0, &other, 0).kind == AMP_ON_NOTHING);
    CHECK(host.counters.unexpected == 1);
    for (size_t length = 0; length <= sizeof payload; length++) {
        const struct amp_session_event event =
            rig_feed(&host, AMP_FRAME_EVENT, 0, 0, payload, length, 0);
        CHECK(event.kind == (length == AMP_EVENT_SIZE ? AMP_ON_REBOOT : AMP_ON_NOTHING));
    }
    CHECK(host.counters.unexpected == 1 + AMP_EVENT_SIZE + 1);
    CHECK(host.identity.boot_nonce == 9 && host.counters.reboots == 1);
}

static void test_an_identity_of_an_older_session_is_foreign(void) {
    struct amp_session host;
    const struct amp_wire_identity identity = rig_identity();
    rig_host_begin(&host);
    CHECK(rig_feed_identity(&host, RIG_NUMBER - 1, &identity, 0).kind == AMP_ON_NOTHING);
    CHECK(host.state == AMP_SESSION_IDENTIFYING && host.counters.foreign == 1);
}

static void test_identify_repeats_every_20_ms_and_refused_every_500(void) {
    struct amp_session host;
    const uint64_t begin = 123456;
    amp_session_host_init(&host, &RIG_EXPECTED, RIG_NUMBER, begin);
    CHECK(rig_pending(&host, begin - 1).type == 0);
    for (uint64_t n = 0; n < 5; n++) {
        const struct amp_frame frame = rig_pending(&host, begin + 20000 * n);
        struct amp_wire_identify identify;
        CHECK(frame.type == AMP_FRAME_IDENTIFY && frame.session == RIG_NUMBER);
        CHECK(amp_wire_identify_decode(frame.payload, frame.length, &identify));
        CHECK(identify.schema_hash == RIG_SCHEMA && identify.major == AMP_PROTOCOL_MAJOR);
        CHECK(rig_pending(&host, begin + 20000 * n).type == 0);
        CHECK(rig_pending(&host, begin + 20000 * n + 19999).type == 0);
    }
    struct amp_wire_identity identity = rig_identity();
    identity.schema_hash++;
    CHECK(rig_feed_identity(&host, RIG_NUMBER, &identity, T0).kind == AMP_ON_REFUSED);
    CHECK(rig_pending(&host, T0 + 499999).type == 0);
    CHECK(rig_pending(&host, T0 + 500000).type == AMP_FRAME_IDENTIFY);
    CHECK(rig_pending(&host, T0 + 999999).type == 0);
    CHECK(rig_pending(&host, T0 + 1000000).type == AMP_FRAME_IDENTIFY);
    identity.schema_hash--;
    CHECK(rig_feed_identity(&host, RIG_NUMBER, &identity, T0).kind == AMP_ON_UP);
    CHECK(rig_pending(&host, T0 + 5000000).type == 0);
}

static void test_a_pending_frame_stays_due_until_there_is_room(void) {
    struct amp_session host;
    uint8_t wire[AMP_FRAME_WIRE_MAX];
    rig_host_begin(&host);
    for (size_t room = 0; room < AMP_IDENTIFY_SIZE + AMP_FRAME_OVERHEAD; room++) {
        CHECK(amp_session_pending(&host, 0, wire, room) == 0);
    }
    CHECK(host.counters.frames_out == 0);
    CHECK(amp_session_pending(&host, 0, wire, AMP_IDENTIFY_SIZE + AMP_FRAME_OVERHEAD) > 0);
    CHECK(host.counters.frames_out == 1);
}

static void test_the_link_is_lost_exactly_when_it_was_silent_for_long_enough(void) {
    struct amp_session host;
    struct amp_session_event event;
    rig_host_up(&host, T0);
    CHECK(!amp_session_poll(&host, T0 + RIG_LOST_US - 1, &event));
    CHECK(rig_feed_state(&host, RIG_NUMBER, 1, T0 + 30000).kind == AMP_ON_MESSAGE);
    CHECK(!amp_session_poll(&host, T0 + RIG_LOST_US, &event));
    CHECK(rig_feed_state(&host, RIG_NUMBER, 1, T0 + 70000).kind == AMP_ON_NOTHING); // a repeat
    CHECK(rig_feed_state(&host, ANOTHER, 2, T0 + 70000).kind == AMP_ON_NOTHING);
    CHECK(!amp_session_poll(&host, T0 + 30000 + RIG_LOST_US - 1, &event));
    CHECK(amp_session_poll(&host, T0 + 30000 + RIG_LOST_US, &event));
    CHECK(event.kind == AMP_ON_LOST && host.counters.losses == 1);
    CHECK(!amp_session_poll(&host, T0 + 900000, &event));
    CHECK(rig_pending(&host, T0 + 900000).session == RIG_NUMBER + 1);
    rig_host_up(&host, T0);
    CHECK(!amp_session_poll(&host, T0 - 1000000, &event)); // a clock that jumped back is no silence
}

static void test_session_numbers_skip_zero(void) {
    struct amp_session host;
    struct amp_session_event event;
    const struct amp_wire_identity identity = rig_identity();
    amp_session_host_init(&host, &RIG_EXPECTED, 0xFFFF, 0);
    CHECK(rig_feed_identity(&host, 0xFFFF, &identity, 0).kind == AMP_ON_UP);
    CHECK(amp_session_poll(&host, RIG_LOST_US, &event) && host.number == 1);
}

static void test_a_restart_keeps_the_nonce_and_notices_a_reboot(void) {
    struct amp_session host;
    struct amp_wire_identity identity = rig_identity();
    rig_host_up(&host, 0);
    amp_session_close(&host);
    CHECK(host.state == AMP_SESSION_DOWN && rig_pending(&host, T0).type == 0);
    amp_session_restart(&host, ANOTHER, T0);
    CHECK(host.state == AMP_SESSION_IDENTIFYING && rig_pending(&host, T0).session == ANOTHER);
    identity.boot_nonce++;
    const struct amp_session_event event = rig_feed_identity(&host, ANOTHER, &identity, T0);
    CHECK(event.kind == AMP_ON_REBOOT && event.argument == identity.boot_nonce);
    CHECK(host.counters.reboots == 1 && host.number == ANOTHER + 1);
    CHECK(rig_feed_identity(&host, ANOTHER + 1, &identity, T0).kind == AMP_ON_UP);
}

static void test_a_restart_forgets_half_a_frame(void) {
    struct amp_session host;
    struct amp_session_event event;
    const uint8_t half[] = {0x30, 1, 2, 3};
    const struct amp_wire_identity identity = rig_identity();
    rig_host_begin(&host);
    CHECK(amp_session_receive(&host, half, sizeof half, 0, &event) == sizeof half);
    amp_session_restart(&host, ANOTHER, 0);
    CHECK(rig_feed_identity(&host, ANOTHER, &identity, 0).kind == AMP_ON_UP);
    CHECK(host.counters.bad_cobs == 0 && host.counters.bad_length == 0);
}

// The device.

enum device_start { DEVICE_DOWN, DEVICE_UP, DEVICE_SPOKEN, DEVICE_REFUSED, DEVICE_STARTS };

enum call {
    CALL_SAME,
    CALL_OTHER,
    CALL_PROTOCOL,
    CALL_SCHEMA,
    CALL_ZERO,
    CALL_SHORT,
    CALL_ACTUATE,
    CALL_FOREIGN,
    CALL_ECHO,
    CALLS,
};

static const struct outcome DEVICE[DEVICE_STARTS][CALLS] = {
    [DEVICE_DOWN] = {COMES_UP, COMES_UP, REFUSES, REFUSES, QUIET(DOWN), QUIET(DOWN), QUIET(DOWN),
                     QUIET(DOWN), QUIET(DOWN)},
    [DEVICE_UP] = {QUIET(UP),
                   COMES_UP,
                   REFUSES,
                   REFUSES,
                   QUIET(UP),
                   QUIET(UP),
                   {AMP_ON_MESSAGE, AMP_SESSION_UP, false},
                   QUIET(UP),
                   QUIET(UP)},
    [DEVICE_SPOKEN] = {COMES_UP,
                       COMES_UP,
                       REFUSES,
                       REFUSES,
                       QUIET(UP),
                       QUIET(UP),
                       {AMP_ON_MESSAGE, AMP_SESSION_UP, false},
                       QUIET(UP),
                       QUIET(UP)},
    [DEVICE_REFUSED] = {COMES_UP, COMES_UP, REFUSES, QUIET(REFUSED), QUIET(REFUSED), QUIET(REFUSED),
                        QUIET(REFUSED), QUIET(REFUSED), QUIET(REFUSED)},
};

static void begin_device(struct amp_session *device, enum device_start start) {
    const struct amp_wire_identity identity = rig_identity();
    amp_session_device_init(device, &identity);
    if (start == DEVICE_UP || start == DEVICE_SPOKEN) {
        rig_device_up(device);
    }
    if (start == DEVICE_SPOKEN) {
        CHECK(rig_feed_actuate(device, RIG_NUMBER, 1).kind == AMP_ON_MESSAGE);
    }
    if (start == DEVICE_REFUSED) {
        const struct amp_session_event event =
            rig_feed_identify(device, RIG_NUMBER, AMP_PROTOCOL_MAJOR, RIG_SCHEMA + 1);
        CHECK(event.kind == AMP_ON_REFUSED && event.refusal == AMP_REFUSAL_SCHEMA);
        CHECK(rig_pending(device, 0).type == AMP_FRAME_IDENTITY);
    }
}

static struct amp_session_event call_device(struct amp_session *device, enum call call) {
    const uint8_t version[AMP_IDENTIFY_SIZE] = {AMP_PROTOCOL_MAJOR, 0};
    switch (call) {
    case CALL_SAME:
        return rig_feed_identify(device, RIG_NUMBER, AMP_PROTOCOL_MAJOR, RIG_SCHEMA);
    case CALL_OTHER:
        return rig_feed_identify(device, ANOTHER, AMP_PROTOCOL_MAJOR, RIG_SCHEMA);
    case CALL_PROTOCOL:
        return rig_feed_identify(device, RIG_NUMBER, AMP_PROTOCOL_MAJOR + 1, RIG_SCHEMA);
    case CALL_SCHEMA:
        return rig_feed_identify(device, RIG_NUMBER, AMP_PROTOCOL_MAJOR, RIG_SCHEMA + 1);
    case CALL_ZERO:
        return rig_feed_identify(device, 0, AMP_PROTOCOL_MAJOR, RIG_SCHEMA);
    case CALL_SHORT:
        return rig_feed(device, AMP_FRAME_IDENTIFY, ANOTHER, 0, version, 5, 0);
    case CALL_ACTUATE:
        return rig_feed_actuate(device, RIG_NUMBER, 2);
    case CALL_FOREIGN:
        return rig_feed_actuate(device, ANOTHER, 2);
    case CALL_ECHO:
    case CALLS:
        break;
    }
    return rig_feed_state(device, RIG_NUMBER, 2, 0);
}

static void test_device_in_every_state_meets_everything(void) {
    for (int start = 0; start < DEVICE_STARTS; start++) {
        for (int call = 0; call < CALLS; call++) {
            struct amp_session device;
            begin_device(&device, (enum device_start)start);
            const uint32_t challenge = device.identity.challenge;
            const struct amp_session_counters before = device.counters;
            const struct outcome *expected = &DEVICE[start][call];
            const struct amp_session_event event = call_device(&device, (enum call)call);
            const bool begun = event.kind == AMP_ON_UP || event.kind == AMP_ON_REFUSED;
            const bool as_said = event.kind == expected->kind && device.state == expected->state;
            CHECK(as_said);
            CHECK((device.identity.challenge != challenge) == begun);
            CHECK(device.counters.handshakes == before.handshakes + (event.kind == AMP_ON_UP));
            CHECK(device.counters.refusals == before.refusals + (event.kind == AMP_ON_REFUSED));
            CHECK(device.counters.unexpected ==
                  before.unexpected +
                      (call == CALL_ZERO || call == CALL_SHORT || call == CALL_ECHO));
            struct amp_session_event none;
            CHECK(!amp_session_poll(&device, UINT64_MAX, &none) && none.kind == AMP_ON_NOTHING);
            if (!as_said) {
                fprintf(stderr, "start %d, call %d: event %d, state %d\n", start, call,
                        (int)event.kind, (int)device.state);
            }
        }
    }
}

static void test_every_identify_is_answered_and_names_the_device(void) {
    for (int call = CALL_SAME; call <= CALL_SCHEMA; call++) {
        for (int start = 0; start < DEVICE_STARTS; start++) {
            struct amp_session device;
            struct amp_wire_identity identity;
            begin_device(&device, (enum device_start)start);
            (void)call_device(&device, (enum call)call);
            const struct amp_frame frame = rig_pending(&device, 0);
            CHECK(frame.type == AMP_FRAME_IDENTITY);
            CHECK(frame.session == (call == CALL_OTHER ? ANOTHER : RIG_NUMBER));
            CHECK(amp_wire_identity_decode(frame.payload, frame.length, &identity));
            CHECK(identity.schema_hash == RIG_SCHEMA && strcmp(identity.board, "bench") == 0);
            CHECK(identity.challenge == device.identity.challenge);
            CHECK(rig_pending(&device, 0).type == 0);
        }
    }
}

static void test_a_device_announces_its_boot_once_until_somebody_asks(void) {
    struct amp_session device;
    struct amp_wire_event boot;
    const struct amp_wire_identity identity = rig_identity();
    amp_session_device_init(&device, &identity);
    const struct amp_frame frame = rig_pending(&device, 777);
    CHECK(frame.type == AMP_FRAME_EVENT && frame.session == 0);
    CHECK(amp_wire_event_decode(frame.payload, frame.length, &boot));
    CHECK(boot.code == AMP_EVENT_BOOT && boot.argument == RIG_NONCE && boot.clock_us == 777);
    CHECK(rig_pending(&device, 778).type == 0);
    amp_session_device_init(&device, &identity);
    CHECK(call_device(&device, CALL_SAME).kind == AMP_ON_UP);
    CHECK(rig_pending(&device, 0).type == AMP_FRAME_IDENTITY);
    CHECK(rig_pending(&device, 0).type == 0);
}

static void test_challenges_do_not_come_again(void) {
    struct amp_session device;
    const struct amp_wire_identity identity = rig_identity();
    amp_session_device_init(&device, &identity);
    static uint32_t seen[2000];
    for (uint16_t n = 0; n < COUNT(seen); n++) {
        (void)rig_feed_identify(&device, (uint16_t)(n + 1), AMP_PROTOCOL_MAJOR, RIG_SCHEMA);
        seen[n] = device.identity.challenge;
        for (uint16_t before = 0; before < n; before++) {
            CHECK(seen[before] != seen[n]);
        }
    }
}

int main(void) {
    RUN(test_host_in_every_state_meets_everything);
    RUN(test_a_refusal_names_the_field);
    RUN(test_what_the_host_does_not_ask_for_is_not_compared);
    RUN(test_board_names_are_compared_to_their_end);
    RUN(test_a_stranger_of_another_protocol_may_have_another_layout);
    RUN(test_a_malformed_identity_changes_nothing);
    RUN(test_an_event_of_no_session_is_a_boot_or_nothing);
    RUN(test_an_identity_of_an_older_session_is_foreign);
    RUN(test_identify_repeats_every_20_ms_and_refused_every_500);
    RUN(test_a_pending_frame_stays_due_until_there_is_room);
    RUN(test_the_link_is_lost_exactly_when_it_was_silent_for_long_enough);
    RUN(test_session_numbers_skip_zero);
    RUN(test_a_restart_keeps_the_nonce_and_notices_a_reboot);
    RUN(test_a_restart_forgets_half_a_frame);
    RUN(test_device_in_every_state_meets_everything);
    RUN(test_every_identify_is_answered_and_names_the_device);
    RUN(test_a_device_announces_its_boot_once_until_somebody_asks);
    RUN(test_challenges_do_not_come_again);
    return CHECK_DONE();
}
