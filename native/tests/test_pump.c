/* The pump against the device's own C, in virtual time: what it forwards, arms, ends and counts. */

#include "pump_rig.h"

static void test_handshake_comes_up_and_states_are_published(void) {
    rig_open();
    rig_run(60);
    CHECK(rig.pump.session.state == AMP_SESSION_UP);
    CHECK(rig_gauge(AMP_GAUGE_LINK) == AMP_SESSION_UP);
    CHECK(rig_gauge(AMP_GAUGE_READY) == 1);
    union {
        struct amp_sample sample;
        uint64_t words[3 + 4];
    } last;
    CHECK(amp_channel_latest(&rig.pump.channel, &last.sample, NULL) == AMP_READ_VALUE);
    double position;
    memcpy(&position, &last.sample.words[0], sizeof position);
    CHECK(position > 1.49 && position < 1.51);
    CHECK(last.sample.words[1] == rig.device.state.sampled_us);
}

static void test_device_is_not_armed_while_the_mode_is_disarmed(void) {
    rig_open();
    rig_run(200);
    CHECK(rig.device.mode == AMP_DEVICE_READY);
    CHECK(rig.device.counters.applied == 0);
}

static void test_each_publication_is_forwarded_once(void) {
    rig_open();
    rig_arm(1);
    const uint64_t before = rig.device.counters.applied;
    rig.voltage = 3.0;
    rig_run(5);
    CHECK(rig.device.counters.applied == before + 5);
    CHECK(amp_device_output(&rig.device, 0) > 2.9f);
    rig.control_publishes = false; /* a dead control role */
    rig_run(2);
    const uint64_t last = rig.device.counters.applied;
    rig_run(10);
    CHECK(rig.device.counters.applied == last);
}

static void test_dead_control_role_lets_the_lease_end_and_ends_the_arming(void) {
    rig_open();
    rig_arm(1);
    rig.control_publishes = false;
    rig_run(40);
    CHECK(rig.device.mode == AMP_DEVICE_SAFE);
    CHECK(rig.device.reason == AMP_REASON_LEASE);
    CHECK(!rig.pump.device_armed);
    CHECK(rig_has_fault(AMP_FAULT_DEVICE_SAFE));
    CHECK(rig_gauge(AMP_GAUGE_REFUSED_ARMING) == 1);
    rig.control_publishes = true; /* no silent resume */
    rig_run(100);
    CHECK(rig.device.mode == AMP_DEVICE_SAFE);
    CHECK(rig.pump.arming == 0);
}

static void test_new_act_of_arming_leaves_safe(void) {
    rig_open();
    rig_arm(1);
    rig.control_publishes = false;
    rig_run(40);
    rig.control_publishes = true;
    amp_system_set_mode(&rig.system, AMP_MODE_ARMED, 2);
    rig_run(10);
    CHECK(rig.device.mode == AMP_DEVICE_ARMED);
    CHECK(rig_gauge(AMP_GAUGE_DEVICE_ARMED) == 2);
}

static void test_disarm_waits_for_safe_outputs(void) {
    rig_open();
    rig_arm(1);
    amp_system_set_mode(&rig.system, AMP_MODE_DISARMED, 1);
    rig.flags = 0; /* still ramping */
    rig_run(5);
    CHECK(rig.device.mode == AMP_DEVICE_ARMED);
    rig.flags = AMP_FLAG_AT_SAFE;
    rig_run(5);
    CHECK(rig.device.mode == AMP_DEVICE_READY);
    CHECK(!rig.pump.device_armed);
    CHECK(!rig_has_fault(AMP_FAULT_DEVICE_SAFE));
    CHECK(rig_gauge(AMP_GAUGE_REFUSED_ARMING) == 0);
}

static void test_last_safe_publication_is_applied_before_the_disarm(void) {
    rig_open();
    rig_arm(1);
    rig.voltage = 5.0;
    rig_run(3);
    amp_system_set_mode(&rig.system, AMP_MODE_DISARMED, 1);
    const uint64_t before = rig.device.counters.applied;
    rig.voltage = 0.0;
    rig.flags = AMP_FLAG_AT_SAFE;
    rig_run(2);
    CHECK(rig.device.mode == AMP_DEVICE_READY);
    CHECK(rig.device.counters.applied == before + 2); /* the one on its way, and the safe one */
}

static void test_disarm_comes_after_a_lease_even_if_outputs_never_get_safe(void) {
    rig_open();
    rig_arm(1);
    amp_system_set_mode(&rig.system, AMP_MODE_DISARMED, 1);
    rig.flags = 0;
    rig_run(30);
    CHECK(rig.device.mode == AMP_DEVICE_READY);
}

static void test_estop_word_disarms(void) {
    rig_open();
    rig_arm(1);
    amp_system_trip(&rig.system, 1, AMP_FAULT_HEARTBEAT, 2);
    rig.flags = AMP_FLAG_AT_SAFE;
    rig_run(5);
    CHECK(rig.device.mode == AMP_DEVICE_READY);
    CHECK(rig.pump.arming == 0);
}

static void test_silence_is_a_lost_link(void) {
    rig_open();
    rig_arm(1);
    rig.device_runs = false;
    rig_run(49);
    CHECK(rig.pump.session.state == AMP_SESSION_UP);
    rig_run(5);
    CHECK(rig.pump.session.state == AMP_SESSION_IDENTIFYING);
    CHECK(rig_has_fault(AMP_FAULT_LINK_LOST));
    CHECK(rig_gauge(AMP_GAUGE_READY) == 0);
    rig.device_runs = true;
    rig_run(100);
    CHECK(rig.pump.session.state == AMP_SESSION_UP);
    CHECK(rig.device.mode == AMP_DEVICE_SAFE);
    CHECK(rig.pump.arming == 0);
}

static void test_reboot_of_the_device_ends_the_arming(void) {
    rig_open();
    rig_arm(1);
    rig_boot_device(8);
    rig_run(100);
    CHECK(rig_has_fault(AMP_FAULT_DEVICE_REBOOT));
    CHECK(rig.pump.session.state == AMP_SESSION_UP);
    CHECK(rig.device.mode != AMP_DEVICE_ARMED);
    CHECK(rig_gauge(AMP_GAUGE_REFUSED_ARMING) == 1);
    CHECK(rig_gauge(AMP_GAUGE_DEVICE_NONCE) == 8);
}

static void test_wrong_schema_is_refused_by_name(void) {
    rig_open();
    rig.pump.expected.schema_hash = RIG_SCHEMA + 1;
    CHECK(amp_pump_init(&rig.pump) == 0);
    amp_system_set_mode(&rig.system, AMP_MODE_ARMED, 1);
    rig_run(100);
    CHECK(rig.pump.session.state == AMP_SESSION_REFUSED);
    CHECK(rig_gauge(AMP_GAUGE_REFUSAL) == AMP_REFUSAL_SCHEMA);
    CHECK(rig.device.mode != AMP_DEVICE_ARMED);
}

static void test_longer_lease_than_planned_is_refused(void) {
    rig_open();
    rig.pump.expected.lease_us_max = RIG_LEASE_US - 1;
    CHECK(amp_pump_init(&rig.pump) == 0);
    rig_run(100);
    CHECK(rig.pump.session.state == AMP_SESSION_REFUSED);
    CHECK(rig_gauge(AMP_GAUGE_REFUSAL) == AMP_REFUSAL_LEASE);
}

static void test_full_line_replaces_the_waiting_actuation_in_place(void) {
    rig_open();
    rig_arm(1);
    rig.line_takes = false;
    rig.voltage = 1.0;
    rig_run(3);
    rig.voltage = 2.0;
    rig_run(3);
    CHECK(amp_owner_counter(&rig.owner, AMP_COUNT_REPLACED) == 5);
    const uint64_t before = rig.device.counters.applied;
    rig.line_takes = true;
    rig.control_publishes = false;
    rig_run(2);
    CHECK(rig.device.counters.applied == before + 1);
    CHECK(amp_device_output(&rig.device, 0) > 1.9f);
    CHECK(rig.device.session.counters.sequence_gaps == 0);
    CHECK(rig.device.session.counters.repeated == 0);
}

static void test_spoiled_bytes_are_counted_and_change_nothing(void) {
    rig_open();
    rig_arm(1);
    for (int i = 0; i < 50; i++) {
        rig.machine.now_ns += MS;
        rig_world();
        if (i % 5 == 0) {
            rig.to_host.bytes[rig.to_host.size / 2] ^= 0x10;
        }
        (void)amp_pump_receive(&rig.pump, rig.machine.now_ns);
        amp_pump_send(&rig.pump, rig.machine.now_ns);
    }
    CHECK(amp_owner_counter(&rig.owner, AMP_COUNT_BAD_FRAMES) == 10);
    CHECK(amp_owner_counter(&rig.owner, AMP_COUNT_SEQUENCE_GAPS) == 10);
    CHECK(rig.pump.device_armed);
}

static void test_lost_supervisor_disarms(void) {
    rig_open();
    rig_arm(1);
    rig.supervisor_beats = false;
    rig_run(101);
    CHECK(rig.pump.supervisor_lost);
    CHECK(rig_has_fault(AMP_FAULT_SUPERVISOR_LOST));
    rig.flags = AMP_FLAG_AT_SAFE; /* control has seen it too */
    rig_run(5);
    CHECK(rig.device.mode == AMP_DEVICE_READY);
}

static void test_pump_that_was_away_itself_does_not_accuse_the_supervisor(void) {
    rig_open();
    rig_arm(1);
    rig.machine.now_ns += 150 * MS; /* the whole machine stood still */
    amp_pump_send(&rig.pump, rig.machine.now_ns);
    CHECK(!rig.pump.supervisor_lost);
}

static void test_new_act_while_the_old_one_still_ramps_disarms_first(void) {
    rig_open();
    rig_arm(1);
    rig.flags = 0; /* ramping: DISARM has not been sent */
    amp_system_set_mode(&rig.system, AMP_MODE_DISARMED, 1);
    rig_run(2);
    CHECK(rig.device.mode == AMP_DEVICE_ARMED);
    amp_system_set_mode(&rig.system, AMP_MODE_ARMED, 2);
    rig_run(1);
    CHECK(rig.pump.disarming);
    rig.flags = AMP_FLAG_ARMED;
    rig_run(10);
    CHECK(rig_gauge(AMP_GAUGE_DEVICE_ARMED) == 2);
    CHECK(!rig_has_fault(AMP_FAULT_DEVICE_SAFE));
}

static void test_link_lost_between_two_acts_ends_the_new_one(void) {
    rig_open();
    rig_arm(1);
    rig.flags = 0;
    amp_system_set_mode(&rig.system, AMP_MODE_DISARMED, 1);
    rig_run(2);
    amp_system_set_mode(&rig.system, AMP_MODE_ARMED, 2); /* and before the pump can do anything: */
    rig.device_runs = false;
    rig_run(60);
    rig.device_runs = true;
    rig.flags = AMP_FLAG_ARMED;
    rig_run(200);
    CHECK(rig.device.mode != AMP_DEVICE_ARMED);
    CHECK(rig_gauge(AMP_GAUGE_REFUSED_ARMING) == 2);
}

static void test_link_lost_before_arm_is_sent_ends_that_act(void) {
    rig_open();
    rig_run(60);
    rig.device_runs = false;
    rig_run(49);
    rig.line_takes = false;
    amp_system_set_mode(&rig.system, AMP_MODE_ARMED, 1);
    rig_run(10);
    rig.line_takes = rig.device_runs = true;
    rig_run(200);
    CHECK(rig.device.mode != AMP_DEVICE_ARMED);
    CHECK(rig_gauge(AMP_GAUGE_REFUSED_ARMING) == 1);
}

static void test_successor_of_the_control_role_is_not_forwarded(void) {
    rig_open();
    rig_arm(1);
    rig.voltage = 5.0;
    rig_run(3);
    const uint64_t before = rig.device.counters.applied;
    amp_channel_attach(&rig.source, 2); /* it comes up within the lease and publishes safe values */
    rig.voltage = 0.0;
    rig.flags = AMP_FLAG_AT_SAFE;
    rig_run(5);
    CHECK(rig.device.counters.applied <= before + 1); /* what was on its way */
    CHECK(amp_device_output(&rig.device, 0) > 4.9f);
}

static void test_cut_port_is_said_once_and_ends_the_arming(void) {
    rig_open();
    rig_arm(1);
    rig.line_is_cut = true;
    CHECK(!rig_run(1));
    CHECK(rig.pump.descriptor < 0);
    CHECK(rig_has_fault(AMP_FAULT_PORT));
    CHECK(rig_gauge(AMP_GAUGE_LINK) == AMP_SESSION_DOWN);
    CHECK(rig_gauge(AMP_GAUGE_REFUSED_ARMING) == 1);
}

static void test_sense_to_actuate_is_taken_once_for_each_applied_actuation(void) {
    rig_open();
    rig_arm(1);
    struct amp_summary before;
    amp_owner_summary(&rig.owner, AMP_HISTOGRAM_SENSE_TO_ACTUATE, &before);
    rig_run(100);
    struct amp_summary after;
    amp_owner_summary(&rig.owner, AMP_HISTOGRAM_SENSE_TO_ACTUATE, &after);
    CHECK(after.count - before.count >= 98);
    CHECK(after.count - before.count <= 100);
    CHECK(after.max_ns <= 4 * MS);
    CHECK(after.p50_ns >= MS);
}

static void test_arming_that_was_up_before_a_successor_began_is_not_taken(void) {
    rig_open();
    amp_system_set_mode(&rig.system, AMP_MODE_ARMED, 5);
    CHECK(amp_pump_init(&rig.pump) == 0);
    rig_run(100);
    CHECK(rig.device.mode == AMP_DEVICE_READY);
}

static void test_init_refuses_what_the_header_forbids(void) {
    rig_open();
    rig.pump.session_number = 0;
    CHECK(amp_pump_init(&rig.pump) == -AMP_EARG);
    rig_open();
    rig.pump.accept_words[0] = RIG_SOURCE_WORDS;
    CHECK(amp_pump_init(&rig.pump) == -AMP_EARG);
    rig_open();
    rig.pump.expected.sends_count = 2; /* the channel has one */
    CHECK(amp_pump_init(&rig.pump) == -AMP_EARG);
}

int main(void) {
    RUN(test_handshake_comes_up_and_states_are_published);
    RUN(test_device_is_not_armed_while_the_mode_is_disarmed);
    RUN(test_each_publication_is_forwarded_once);
    RUN(test_dead_control_role_lets_the_lease_end_and_ends_the_arming);
    RUN(test_new_act_of_arming_leaves_safe);
    RUN(test_disarm_waits_for_safe_outputs);
    RUN(test_last_safe_publication_is_applied_before_the_disarm);
    RUN(test_disarm_comes_after_a_lease_even_if_outputs_never_get_safe);
    RUN(test_estop_word_disarms);
    RUN(test_silence_is_a_lost_link);
    RUN(test_reboot_of_the_device_ends_the_arming);
    RUN(test_wrong_schema_is_refused_by_name);
    RUN(test_longer_lease_than_planned_is_refused);
    RUN(test_full_line_replaces_the_waiting_actuation_in_place);
    RUN(test_spoiled_bytes_are_counted_and_change_nothing);
    RUN(test_lost_supervisor_disarms);
    RUN(test_pump_that_was_away_itself_does_not_accuse_the_supervisor);
    RUN(test_new_act_while_the_old_one_still_ramps_disarms_first);
    RUN(test_link_lost_between_two_acts_ends_the_new_one);
    RUN(test_link_lost_before_arm_is_sent_ends_that_act);
    RUN(test_successor_of_the_control_role_is_not_forwarded);
    RUN(test_cut_port_is_said_once_and_ends_the_arming);
    RUN(test_sense_to_actuate_is_taken_once_for_each_applied_actuation);
    RUN(test_arming_that_was_up_before_a_successor_began_is_not_taken);
    RUN(test_init_refuses_what_the_header_forbids);
    return CHECK_DONE();
}
