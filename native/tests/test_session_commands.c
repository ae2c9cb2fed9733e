// Commands and their acknowledgement, each end by itself.

#include "session_rig.h"

// Commands: the host's end.

static struct amp_wire_command sent_command(struct amp_session *host, uint64_t now_us) {
    struct amp_wire_command command = {.id = 0};
    const struct amp_frame frame = rig_pending(host, now_us);
    if (frame.type == AMP_FRAME_COMMAND) {
        CHECK(amp_wire_command_decode(frame.payload, frame.length, &command));
    }
    return command;
}

static void test_a_command_repeats_until_it_is_acknowledged(void) {
    struct amp_session host;
    rig_host_up(&host, 0);
    const uint16_t id = amp_session_command(&host, AMP_VERB_DISARM, 77, 100, 5000);
    CHECK(id != 0);
    for (uint64_t n = 0; n < 3; n++) {
        const uint64_t now_us = 5000 + 20000 * n;
        const struct amp_wire_command command = sent_command(&host, now_us);
        CHECK(command.id == id && command.verb == AMP_VERB_DISARM && command.argument == 77);
        CHECK(command.ttl_ms == 100 - 20 * n);
        CHECK(sent_command(&host, now_us + 19999).id == 0);
    }
    CHECK(host.counters.retransmissions == 2);
    CHECK(rig_feed_ack(&host, RIG_NUMBER, 1, (uint16_t)(id + 1), AMP_RESULT_DONE, 0).kind ==
          AMP_ON_NOTHING);
    const struct amp_session_event event =
        rig_feed_ack(&host, RIG_NUMBER, 2, id, AMP_RESULT_UNKNOWN_VERB, 60000);
    CHECK(event.kind == AMP_ON_ACKED && event.id == id && event.verb == AMP_VERB_DISARM);
    CHECK(event.argument == 77 && event.result == AMP_RESULT_UNKNOWN_VERB);
    CHECK(sent_command(&host, 70000).id == 0);
    CHECK(rig_feed_ack(&host, RIG_NUMBER, 3, id, AMP_RESULT_DONE, 0).kind == AMP_ON_NOTHING);
    CHECK(host.counters.unexpected == 2);
}

static void test_a_command_stays_due_until_there_is_room(void) {
    struct amp_session host;
    uint8_t wire[AMP_FRAME_WIRE_MAX];
    rig_host_up(&host, 0);
    CHECK(amp_session_command(&host, AMP_VERB_DISARM, 0, 100, 0) == 1);
    const size_t size = AMP_COMMAND_SIZE + AMP_FRAME_OVERHEAD;
    CHECK(amp_session_pending(&host, 0, wire, size - 1) == 0);
    CHECK(amp_session_pending(&host, 1, wire, size) == size);
    CHECK(host.counters.retransmissions == 0);
}

static void test_a_command_expires_exactly_at_its_time(void) {
    struct amp_session host;
    struct amp_session_event event;
    rig_host_up(&host, 0);
    const uint16_t id = amp_session_command(&host, AMP_VERB_ESTOP, 5, 10, 1000);
    CHECK(sent_command(&host, 10999).ttl_ms == 1);
    CHECK(!amp_session_poll(&host, 10999, &event));
    CHECK(amp_session_poll(&host, 11000, &event));
    CHECK(event.kind == AMP_ON_EXPIRED && event.id == id && event.argument == 5);
    CHECK(!amp_session_poll(&host, 11000, &event));
    CHECK(sent_command(&host, 40000).id == 0);
    CHECK(amp_session_command(&host, AMP_VERB_ESTOP, 0, 0, 0) == 0);
}

static void test_arm_carries_the_challenge_and_waits_for_its_turn(void) {
    struct amp_session host;
    struct amp_session_event event;
    rig_host_up(&host, 0);
    const uint16_t arm = amp_session_command(&host, AMP_VERB_ARM, 3, 100, 0);
    CHECK(sent_command(&host, 0).argument == RIG_CHALLENGE);
    CHECK(amp_session_command(&host, AMP_VERB_ARM, 4, 100, 0) == 0);
    const uint16_t stop = amp_session_command(&host, AMP_VERB_ESTOP, 9, 100, 0);
    CHECK(stop == arm + 1 && sent_command(&host, 0).verb == AMP_VERB_ESTOP);
    CHECK(rig_feed_ack(&host, RIG_NUMBER, 1, arm, AMP_RESULT_DONE, 0).kind == AMP_ON_NOTHING);
    event = rig_feed_ack(&host, RIG_NUMBER, 2, stop, AMP_RESULT_DONE, 0);
    CHECK(event.kind == AMP_ON_ACKED && event.argument == 9);
    CHECK(!amp_session_poll(&host, 1000, &event));
    CHECK(amp_session_command(&host, AMP_VERB_ARM, 4, 100, 0) == stop + 1);
    CHECK(amp_session_command(&host, AMP_VERB_RESET, 0, 100, 0) == 0);
    CHECK(rig_feed_ack(&host, RIG_NUMBER, 3, (uint16_t)(stop + 1), AMP_RESULT_DONE, 0).kind ==
          AMP_ON_NOTHING); // it has not even been sent
    CHECK(sent_command(&host, 0).verb == AMP_VERB_ARM);
    event = rig_feed_ack(&host, RIG_NUMBER, 4, (uint16_t)(stop + 1), AMP_RESULT_DONE, 0);
    CHECK(event.kind == AMP_ON_ACKED && event.argument == 4);
}

static void test_the_end_of_a_session_ends_its_command(void) {
    enum { BY_SILENCE, BY_REBOOT, BY_RESTART, BY_REFUSAL, ENDS };
    for (int end = 0; end < ENDS; end++) {
        struct amp_session host;
        struct amp_session_event event;
        struct amp_wire_identity identity = rig_identity();
        rig_host_up(&host, 0);
        const uint16_t id = amp_session_command(&host, AMP_VERB_ARM, 6, 60000, 0);
        CHECK(id != 0);
        if (end == BY_SILENCE) {
            CHECK(amp_session_poll(&host, RIG_LOST_US, &event) && event.kind == AMP_ON_LOST);
        } else if (end == BY_RESTART) {
            amp_session_restart(&host, RIG_NUMBER + 1, 0);
        } else {
            identity.boot_nonce += end == BY_REBOOT;
            identity.schema_hash += end == BY_REFUSAL;
            CHECK(rig_feed_identity(&host, RIG_NUMBER, &identity, 0).kind ==
                  (end == BY_REBOOT ? AMP_ON_REBOOT : AMP_ON_REFUSED));
        }
        CHECK(amp_session_command(&host, AMP_VERB_ARM, 7, 100, 0) == 0);
        identity.schema_hash = RIG_SCHEMA;
        CHECK(rig_feed_identity(&host, host.number, &identity, RIG_LOST_US).kind == AMP_ON_UP);
        CHECK(sent_command(&host, RIG_LOST_US).id == 0);
        CHECK(amp_session_command(&host, AMP_VERB_ARM, 7, 100, 0) == 0);
        CHECK(amp_session_poll(&host, RIG_LOST_US, &event));
        CHECK(event.kind == AMP_ON_EXPIRED && event.id == id && event.argument == 6);
        CHECK(amp_session_command(&host, AMP_VERB_ARM, 7, 100, 0) != 0);
    }
}

static void test_command_ids_skip_zero(void) {
    struct amp_session host;
    rig_host_up(&host, 0);
    host.command_id = 0xFFFF;
    CHECK(amp_session_command(&host, AMP_VERB_DISARM, 0, 100, 0) == 1);
}

// Commands: the device's end.

static uint8_t acked(struct amp_session *device, uint16_t id) {
    struct amp_wire_ack ack = {.result = 0xEE};
    const struct amp_frame frame = rig_pending(device, 0);
    CHECK(frame.type == AMP_FRAME_ACK);
    if (frame.type == AMP_FRAME_ACK) {
        CHECK(amp_wire_ack_decode(frame.payload, frame.length, &ack) && ack.id == id);
    }
    CHECK(rig_pending(device, 0).type == 0);
    return ack.result;
}

static void test_a_command_is_applied_once_and_acknowledged_each_time(void) {
    struct amp_session device;
    rig_device_up(&device);
    struct amp_wire_command command = {5, AMP_VERB_DISARM, 0xABCD1234u, 100};
    const struct amp_session_event event = rig_feed_command(&device, 1, &command);
    CHECK(event.kind == AMP_ON_COMMAND && event.id == 5 && event.verb == AMP_VERB_DISARM);
    CHECK(event.argument == 0xABCD1234u);
    CHECK(rig_feed_command(&device, 2, &command).kind == AMP_ON_NOTHING);
    CHECK(rig_pending(&device, 0).type == 0); // not before it was applied
    amp_session_acknowledge(&device, 4, AMP_RESULT_STALE);
    CHECK(rig_pending(&device, 0).type == 0);
    amp_session_acknowledge(&device, 5, AMP_RESULT_DONE);
    CHECK(acked(&device, 5) == AMP_RESULT_DONE);
    for (uint16_t n = 0; n < 5; n++) {
        CHECK(rig_feed_command(&device, (uint16_t)(3 + n), &command).kind == AMP_ON_NOTHING);
        CHECK(acked(&device, 5) == AMP_RESULT_DONE);
    }
    command.id = 4;
    CHECK(rig_feed_command(&device, 9, &command).kind == AMP_ON_NOTHING);
    CHECK(acked(&device, 4) == AMP_RESULT_SUPERSEDED);
    CHECK(device.counters.repeated == 6);
    command.id = 6;
    CHECK(rig_feed_command(&device, 10, &command).kind == AMP_ON_COMMAND);
}

static void test_only_an_arm_that_answers_the_challenge_arms(void) {
    struct amp_session device;
    rig_device_up(&device);
    const uint32_t challenge = device.identity.challenge;
    struct amp_wire_command command = {1, AMP_VERB_ARM, challenge + 1, 100};
    CHECK(rig_feed_command(&device, 1, &command).kind == AMP_ON_NOTHING);
    CHECK(acked(&device, 1) == AMP_RESULT_STALE);
    command.argument = challenge;
    CHECK(rig_feed_command(&device, 2, &command).kind == AMP_ON_NOTHING); // the id is spent
    CHECK(acked(&device, 1) == AMP_RESULT_STALE);
    command.id = 2;
    command.ttl_ms = 0;
    CHECK(rig_feed_command(&device, 3, &command).kind == AMP_ON_NOTHING);
    CHECK(acked(&device, 2) == AMP_RESULT_EXPIRED);
    command.id = 3;
    command.ttl_ms = 1;
    const struct amp_session_event event = rig_feed_command(&device, 4, &command);
    CHECK(event.kind == AMP_ON_COMMAND && event.verb == AMP_VERB_ARM && event.id == 3);
    command = (struct amp_wire_command){4, AMP_VERB_ESTOP, 0, 0}; // never too late to stop
    CHECK(rig_feed_command(&device, 5, &command).kind == AMP_ON_COMMAND);
    for (unsigned verb = 0; verb < 256; verb++) {
        command = (struct amp_wire_command){(uint16_t)(10 + verb), (uint8_t)verb, 0, 100};
        (void)rig_feed_command(&device, (uint16_t)(10 + verb), &command);
        if (verb < AMP_VERB_ARM || (verb > AMP_VERB_RESET && verb < AMP_VERB_SET) ||
            verb > AMP_VERB_SET_LAST) {
            CHECK(acked(&device, command.id) == AMP_RESULT_UNKNOWN_VERB);
        }
        (void)rig_pending(&device, 0);
    }
}

static void test_a_replayed_old_session_arms_nothing(void) {
    struct amp_session device;
    rig_device_up(&device);
    const struct amp_wire_command arm = {1, AMP_VERB_ARM, device.identity.challenge, 100};
    CHECK(rig_feed_command(&device, 1, &arm).kind == AMP_ON_COMMAND);
    for (unsigned n = 0; n < 3; n++) { // IDENTIFY and ARM, as they were recorded
        CHECK(rig_feed_identify(&device, RIG_NUMBER, AMP_PROTOCOL_MAJOR, RIG_SCHEMA).kind ==
              AMP_ON_UP);
        CHECK(rig_pending(&device, 0).type == AMP_FRAME_IDENTITY);
        CHECK(rig_feed_command(&device, 1, &arm).kind == AMP_ON_NOTHING);
        CHECK(acked(&device, 1) == AMP_RESULT_STALE);
    }
}

static void test_malformed_commands_are_counted_and_nothing_else(void) {
    struct amp_session device;
    rig_device_up(&device);
    const uint8_t payload[32] = {1, 0, AMP_VERB_ESTOP};
    uint16_t sequence = 1;
    for (size_t length = 0; length < sizeof payload; length++) {
        const struct amp_session_event event =
            rig_feed(&device, AMP_FRAME_COMMAND, RIG_NUMBER, sequence++, payload, length, 0);
        CHECK(event.kind == (length == AMP_COMMAND_SIZE ? AMP_ON_COMMAND : AMP_ON_NOTHING));
    }
    CHECK(device.counters.unexpected == sizeof payload - 1);
}

static void test_ids_in_the_window_are_applied_once_in_any_order(void) {
    struct amp_session device;
    rig_device_up(&device);
    static const uint16_t ORDER[] = {100, 98, 99, 98, 100, 37, 36, 160, 97, 96, 98};
    static const bool APPLIED[] = {true,  true, true, false, false, true,
                                   false, true, true, false, false};
    for (size_t n = 0; n < COUNT(ORDER); n++) {
        const struct amp_wire_command command = {ORDER[n], AMP_VERB_SET, 7, 100};
        const struct amp_session_event event =
            rig_feed_command(&device, (uint16_t)(n + 1), &command);
        CHECK((event.kind == AMP_ON_COMMAND) == APPLIED[n]);
        amp_session_acknowledge(&device, ORDER[n], AMP_RESULT_DONE);
    }
    CHECK(device.counters.repeated == 5);
    static const uint16_t ACKED[] = {97, 98, 99, 100, 160}; // 37 fell out of the window
    for (size_t n = 0; n < COUNT(ACKED); n++) {
        struct amp_wire_ack ack = {.id = 0};
        const struct amp_frame frame = rig_pending(&device, 0);
        CHECK(amp_wire_ack_decode(frame.payload, frame.length, &ack) && ack.id == ACKED[n]);
    }
    CHECK(rig_pending(&device, 0).type == 0);
}

static void test_an_older_command_about_the_mode_changes_nothing(void) {
    struct amp_session device;
    rig_device_up(&device);
    struct amp_wire_command command = {10, AMP_VERB_DISARM, 0, 100};
    CHECK(rig_feed_command(&device, 1, &command).kind == AMP_ON_COMMAND);
    amp_session_acknowledge(&device, 10, AMP_RESULT_DONE);
    CHECK(acked(&device, 10) == AMP_RESULT_DONE);
    command = (struct amp_wire_command){9, AMP_VERB_ARM, device.identity.challenge, 100};
    CHECK(rig_feed_command(&device, 2, &command).kind == AMP_ON_NOTHING);
    CHECK(acked(&device, 9) == AMP_RESULT_SUPERSEDED);
    command = (struct amp_wire_command){8, AMP_VERB_SET + 3, 0, 100};
    CHECK(rig_feed_command(&device, 3, &command).kind == AMP_ON_COMMAND); // another subject
}

static void test_parameters_and_the_mode_do_not_wait_for_one_another(void) {
    struct amp_session host;
    rig_host_up(&host, 0);
    for (uint8_t index = 0; index < AMP_COMMANDS_MAX - 1; index++) {
        CHECK(amp_session_set(&host, index, 1.5f, 100, 0) == index + 1);
    }
    CHECK(amp_session_set(&host, 40, 1, 100, 0) == 0); // every place is taken
    CHECK(amp_session_set(&host, 64, 1, 100, 0) == 0);
    CHECK(amp_session_set(&host, 0, 2.5f, 100, 0) == AMP_COMMANDS_MAX); // the newest wins
    CHECK(amp_session_command(&host, AMP_VERB_ESTOP, 0, 100, 0) != 0);
    CHECK(sent_command(&host, 0).verb == AMP_VERB_ESTOP); // and goes first
    unsigned sent = 0;
    for (struct amp_wire_command command = sent_command(&host, 0); command.id != 0;
         command = sent_command(&host, 0), sent++) {
        CHECK(command.verb >= AMP_VERB_SET && command.verb < AMP_VERB_SET + AMP_COMMANDS_MAX - 1);
        const float value = amp_float_of(command.argument);
        CHECK(value > (command.verb == AMP_VERB_SET ? 2.4f : 1.4f));
    }
    CHECK(sent == AMP_COMMANDS_MAX - 1);
}

static uint64_t timeout_after(struct amp_session *host, uint64_t trip_us, unsigned trips) {
    static uint16_t sequence = 1;
    uint64_t now_us = host->heard_us;
    for (unsigned n = 0; n < trips; n++) {
        now_us += 1000;
        const uint16_t id = amp_session_command(host, AMP_VERB_DISARM, 0, 1000, now_us);
        CHECK(sent_command(host, now_us).id == id);
        now_us += trip_us;
        CHECK(rig_feed_ack(host, RIG_NUMBER, sequence++, id, AMP_RESULT_DONE, now_us).kind ==
              AMP_ON_ACKED);
    }
    return host->commands.asking.timeout_us;
}

static void test_the_timeout_follows_the_round_trip_within_its_bounds(void) {
    struct amp_session host;
    rig_host_up(&host, 0);
    CHECK(host.commands.asking.timeout_us == AMP_COMMAND_US);
    CHECK(timeout_after(&host, 10000, 1) == 10000 + 4 * 5000); // RFC 6298, 2.2
    CHECK(timeout_after(&host, 10000, 1) == 10000 + 4 * 3750); // 2.3
    const uint64_t steady_us = timeout_after(&host, 10000, 50);
    CHECK(steady_us >= 10000 + AMP_TIMEOUT_GRAIN_US && steady_us < 12000);
    CHECK(timeout_after(&host, 0, 100) == AMP_TIMEOUT_US_MIN);
    CHECK(timeout_after(&host, 900000, 1) == AMP_TIMEOUT_US_MAX);
}

static void test_a_repeated_command_says_nothing_about_the_way(void) {
    struct amp_session host;
    rig_host_up(&host, 0);
    const uint16_t id = amp_session_command(&host, AMP_VERB_DISARM, 0, 1000, 0);
    CHECK(sent_command(&host, 0).id == id);
    CHECK(sent_command(&host, 20000).id == id);
    CHECK(rig_feed_ack(&host, RIG_NUMBER, 1, id, AMP_RESULT_DONE, 20100).kind == AMP_ON_ACKED);
    CHECK(!host.commands.asking.round_trip_known);
    CHECK(host.commands.asking.timeout_us == AMP_COMMAND_US);
}

int main(void) {
    RUN(test_a_command_repeats_until_it_is_acknowledged);
    RUN(test_a_command_stays_due_until_there_is_room);
    RUN(test_a_command_expires_exactly_at_its_time);
    RUN(test_arm_carries_the_challenge_and_waits_for_its_turn);
    RUN(test_the_end_of_a_session_ends_its_command);
    RUN(test_command_ids_skip_zero);
    RUN(test_a_command_is_applied_once_and_acknowledged_each_time);
    RUN(test_only_an_arm_that_answers_the_challenge_arms);
    RUN(test_a_replayed_old_session_arms_nothing);
    RUN(test_malformed_commands_are_counted_and_nothing_else);
    RUN(test_ids_in_the_window_are_applied_once_in_any_order);
    RUN(test_an_older_command_about_the_mode_changes_nothing);
    RUN(test_parameters_and_the_mode_do_not_wait_for_one_another);
    RUN(test_the_timeout_follows_the_round_trip_within_its_bounds);
    RUN(test_a_repeated_command_says_nothing_about_the_way);
    return CHECK_DONE();
}
