// The lease, the way to safe, and that nothing comes back by itself.

#include "device_rig.h"
#include "seeded.h"

#define SAFE_US (RIG_BEGIN_US + RIG_LEASE_US) // rig_run(): actuated at RIG_BEGIN_US

// The lease.

static void test_the_lease_ends_exactly_at_its_length(void) {
    struct rig rig;
    rig_run(&rig);
    rig_tick(&rig, SAFE_US - 1);
    CHECK(rig.device.mode == AMP_DEVICE_ARMED && rig_outputs_are(&rig, 10.0f, 1.0f, -3.0f));
    rig_tick(&rig, SAFE_US);
    CHECK(rig.device.mode == AMP_DEVICE_SAFE && rig.device.reason == AMP_REASON_LEASE);
    CHECK(rig.device.counters.leases_ended == 1 && rig.device.safe_begin_us == SAFE_US);
}

static void test_each_valid_actuation_renews_the_lease(void) {
    struct rig rig;
    rig_run(&rig);
    for (unsigned n = 1; n <= 100; n++) {
        rig_tick(&rig, RIG_BEGIN_US + n * (RIG_LEASE_US - 1));
        CHECK(rig.device.mode == AMP_DEVICE_ARMED);
        rig_actuate(&rig, 1.0f, 0, 0);
    }
    const uint64_t last = rig.now_us;
    rig_tick(&rig, last + RIG_LEASE_US - 1);
    CHECK(rig.device.mode == AMP_DEVICE_ARMED);
    rig_tick(&rig, last + RIG_LEASE_US);
    CHECK(rig.device.mode == AMP_DEVICE_SAFE);
}

static void test_the_lease_starts_with_arming(void) {
    struct rig rig;
    rig_begin(&rig);
    rig_join(&rig);
    rig_tick(&rig, RIG_BEGIN_US + 3000000);
    rig_arm(&rig);
    rig_tick(&rig, RIG_BEGIN_US + 3000000 + RIG_LEASE_US - 1);
    CHECK(rig.device.mode == AMP_DEVICE_ARMED && rig.device.at_safe);
    rig_tick(&rig, RIG_BEGIN_US + 3000000 + RIG_LEASE_US);
    CHECK(rig.device.mode == AMP_DEVICE_SAFE && rig.device.reason == AMP_REASON_LEASE);
}

static void test_arming_again_does_not_renew_the_lease(void) {
    struct rig rig;
    rig_run(&rig);
    rig.now_us = SAFE_US - 1;
    rig_arm(&rig);
    rig_tick(&rig, SAFE_US);
    CHECK(rig.device.mode == AMP_DEVICE_SAFE);
}

static void test_refused_values_do_not_renew_the_lease_and_are_the_reason(void) {
    struct rig rig;
    rig_run(&rig);
    for (uint64_t now_us = RIG_BEGIN_US; now_us < SAFE_US; now_us += 1000) {
        rig.now_us = now_us;
        rig_actuate(&rig, NAN, 1.0f, 1.0f);
    }
    rig_tick(&rig, SAFE_US - 1);
    CHECK(rig.device.mode == AMP_DEVICE_ARMED && rig_outputs_are(&rig, 10.0f, 1.0f, -3.0f));
    rig_tick(&rig, SAFE_US);
    CHECK(rig.device.mode == AMP_DEVICE_SAFE && rig.device.reason == AMP_REASON_BAD_VALUE);
}

static void test_repeated_and_foreign_actuations_do_not_renew_the_lease(void) {
    struct rig rig;
    rig_run(&rig);
    uint8_t actuation[AMP_FRAME_WIRE_MAX];
    const size_t size = rig.sent_size;
    memcpy(actuation, rig.sent, size);
    rig.host.number++; // another session's
    for (uint64_t now_us = RIG_BEGIN_US; now_us < SAFE_US; now_us += 1000) {
        amp_device_receive(&rig.device, actuation, size, now_us);
        rig.now_us = now_us;
        rig_actuate(&rig, 2.0f, 0, 0);
    }
    CHECK(rig.device.counters.applied == 1);
    CHECK(rig.device.session.counters.repeated == 50 && rig.device.session.counters.foreign == 50);
    rig_tick(&rig, SAFE_US);
    CHECK(rig.device.mode == AMP_DEVICE_SAFE && rig.device.reason == AMP_REASON_LEASE);
}

static void test_the_lease_is_looked_at_before_bytes_that_came_late(void) {
    struct rig rig;
    rig_run(&rig);
    rig.now_us = SAFE_US; // no tick since the actuation
    rig_actuate(&rig, 5.0f, 0, 0);
    CHECK(rig.device.mode == AMP_DEVICE_SAFE && rig.device.counters.applied == 1);
    CHECK(rig.device.counters.refused_mode == 1 && rig.device.safe_begin_us == SAFE_US);
    rig_run(&rig);
    rig.now_us = SAFE_US - 1;
    rig_actuate(&rig, 5.0f, 0, 0);
    CHECK(rig.device.mode == AMP_DEVICE_ARMED && rig.device.counters.applied == 2);
}

static void test_a_clock_that_steps_back_holds_nothing_up(void) {
    struct rig rig;
    rig_run(&rig);
    rig_tick(&rig, SAFE_US - 1);
    rig_tick(&rig, 0);
    CHECK(rig.device.now_us == SAFE_US - 1);
    rig_actuate(&rig, 1.0f, 0, 0); // received "at 0": counts from the newest time seen
    CHECK(rig.device.lease_end_us == SAFE_US - 1 + RIG_LEASE_US);
}

// The ramp.

static void test_outputs_follow_their_ramps_and_end_at_safe(void) {
    struct rig rig;
    rig_run(&rig); // from 10 at 100 a second: 100 ms; from -3 to 2 at 10 a second: 500 ms
    rig_tick(&rig, SAFE_US);
    CHECK(rig_outputs_are(&rig, 10.0f, 0, -3.0f)); // no ramp: at once
    rig_tick(&rig, SAFE_US + 1);
    CHECK(rig_outputs_are(&rig, 9.9999f, 0, -2.99999f));
    rig_tick(&rig, SAFE_US + 50000);
    CHECK(rig_outputs_are(&rig, 5.0f, 0, -2.5f));
    rig_tick(&rig, SAFE_US + 99000);
    CHECK(rig_outputs_are(&rig, 0.1f, 0, -2.01f));
    rig_tick(&rig, SAFE_US + 100000);
    CHECK(rig_outputs_are(&rig, 0, 0, -2.0f) && !rig.device.at_safe);
    rig_tick(&rig, SAFE_US + 499000);
    CHECK(!rig.device.at_safe && rig.device.safe_reached_us == 0);
    rig_tick(&rig, SAFE_US + 500000);
    CHECK(rig.device.at_safe && rig.device.safe_reached_us == SAFE_US + 500000);
    CHECK(amp_device_output(&rig.device, 2) == 2.0f && amp_device_output(&rig.device, 0) == 0.0f);
    rig_tick(&rig, SAFE_US + 900000);
    CHECK(rig_outputs_are(&rig, 0, 0, 2.0f) && rig.device.safe_reached_us == SAFE_US + 500000);
    rig_exchange(&rig);
    const struct amp_wire_event *event = rig_last_event(&rig, AMP_EVENT_AT_SAFE);
    CHECK(event != NULL && event->argument == RIG_LEASE_US + 500000);
    CHECK(event != NULL && event->clock_us == SAFE_US + 500000);
}

static void test_a_ramp_does_not_depend_on_how_often_it_is_looked_at(void) {
    for (unsigned round = 0; round < 300; round++) {
        struct rig often;
        struct rig seldom;
        rig_run(&often);
        rig_run(&seldom);
        const float from = (float)(seeded_unit() * 24 - 12);
        rig_actuate(&often, from, 0.5f, from / 3);
        rig_actuate(&seldom, from, 0.5f, from / 3);
        uint64_t now_us = RIG_BEGIN_US;
        const uint64_t end_us = SAFE_US + seeded_below(700000);
        while (now_us < end_us) {
            rig_tick(&often, now_us);
            now_us += 1 + seeded_below(20000);
        }
        rig_tick(&often, end_us);
        rig_tick(&seldom, end_us);
        for (size_t i = 0; i < 3; i++) {
            CHECK(amp_device_output(&often.device, i) == amp_device_output(&seldom.device, i));
        }
        CHECK(often.device.at_safe == seldom.device.at_safe);
    }
}

static void test_a_late_tick_finds_the_ramp_where_it_should_be(void) {
    struct rig rig;
    rig_run(&rig);
    rig_tick(&rig, SAFE_US + 30000);
    CHECK(rig.device.mode == AMP_DEVICE_SAFE && rig.device.safe_begin_us == SAFE_US);
    CHECK(rig_outputs_are(&rig, 7.0f, 0, -2.7f));
    rig_exchange(&rig);
    CHECK(rig_last_event(&rig, AMP_EVENT_MODE)->clock_us == SAFE_US);
    rig_run(&rig);
    rig_tick(&rig, SAFE_US + 3600000000u);
    CHECK(rig.device.at_safe && rig_outputs_are(&rig, 0, 0, 2.0f));
}

static void test_every_ramp_ends_exactly_at_safe_in_its_time(void) {
    for (unsigned round = 0; round < 20000; round++) {
        struct amp_device_config config = rig_config();
        struct amp_value described = {.type = AMP_VALUE_F32};
        struct amp_value *const accept = &described;
        config.accepts = accept;
        const float span = (float)exp2(seeded_unit() * 40 - 20);
        accept->low = -span * (float)seeded_unit();
        accept->high = accept->low + span;
        accept->safe = accept->low + (accept->high - accept->low) * (float)seeded_unit();
        const double ramp_s = 1e-4 * exp2(seeded_unit() * 20);
        accept->ramp_per_s = (float)((double)span / ramp_s);
        config.accepts_count = 1;
        struct rig rig;
        rig_begin_as(&rig, &config, RIG_BEGIN_US);
        rig_join(&rig);
        rig_arm(&rig);
        const float from = seeded_below(2) == 0 ? accept->low : accept->high;
        rig_actuate(&rig, from, 0, 0);
        const double way = fabs((double)from - (double)accept->safe);
        const double way_us = way / (double)accept->ramp_per_s * 1e6;
        rig_tick(&rig, SAFE_US + (uint64_t)(way_us * 0.999));
        // Where the way is a few steps of a float, rounding may take the last one early.
        const bool measurable = way > 1e-3 * (fabs((double)from) + fabs((double)accept->safe));
        CHECK(!rig.device.at_safe || way_us < 100 || !measurable);
        rig_tick(&rig, SAFE_US + (uint64_t)ceil(way_us));
        CHECK(rig.device.at_safe && amp_device_output(&rig.device, 0) == accept->safe);
    }
}

static void test_disarm_and_stop_ramp_from_where_the_outputs_stand(void) {
    for (int verb = AMP_VERB_DISARM; verb <= AMP_VERB_ESTOP; verb++) {
        struct rig rig;
        rig_run(&rig);
        rig.now_us += 1000;
        CHECK(rig_command(&rig, (enum amp_verb)verb) == AMP_RESULT_DONE);
        CHECK(rig_outputs_are(&rig, 10.0f, 0, -3.0f)); // the one without a ramp at once
        rig_tick(&rig, RIG_BEGIN_US + 1000 + 20000);
        CHECK(rig_outputs_are(&rig, 8.0f, 0, -2.8f));
        rig_actuate(&rig, 3.0f, 0, 0);
        CHECK(rig_outputs_are(&rig, 8.0f, 0, -2.8f));
    }
}

static void test_arming_in_the_middle_of_a_ramp_goes_on_with_it(void) {
    struct rig rig;
    rig_run(&rig);
    rig_tick(&rig, SAFE_US + 20000);
    rig_arm(&rig);
    rig_tick(&rig, SAFE_US + 40000);
    CHECK(rig.device.mode == AMP_DEVICE_ARMED && rig_outputs_are(&rig, 6.0f, 0, -2.6f));
    rig_actuate(&rig, -4.0f, 0, 0);
    CHECK(rig_outputs_are(&rig, -4.0f, 0, 0));
    rig_tick(&rig, SAFE_US + 40000 + RIG_LEASE_US + 10000);
    CHECK(rig_outputs_are(&rig, -3.0f, 0, 0.1f));
}

// No silent resume.

static void test_nothing_but_a_fresh_arm_leaves_safe(void) {
    struct rig rig;
    rig_begin(&rig);
    rig_join(&rig);
    rig_arm(&rig);
    uint8_t arm[AMP_FRAME_WIRE_MAX];
    const size_t size = rig.sent_size;
    memcpy(arm, rig.sent, size);
    const uint16_t id = rig.host.command_id;
    rig_tick(&rig, RIG_BEGIN_US + 1000000);
    CHECK(rig.device.mode == AMP_DEVICE_SAFE);
    rig_actuate(&rig, 1.0f, 1.0f, 1.0f);
    amp_device_receive(&rig.device, arm, size, rig.now_us); // the very bytes
    CHECK(rig.device.mode == AMP_DEVICE_SAFE);
    const struct amp_wire_command again = {id, AMP_VERB_ARM, rig.host.identity.challenge, 100};
    uint8_t payload[AMP_COMMAND_SIZE];
    uint8_t wire[AMP_FRAME_WIRE_MAX];
    for (unsigned n = 0; n < 3; n++) { // the same id under new sequences
        const size_t sent =
            amp_session_send(&rig.host, AMP_FRAME_COMMAND, payload,
                             amp_wire_command_encode(&again, payload), wire, sizeof wire);
        rig_give(&rig, wire, sent);
        CHECK(rig.device.mode == AMP_DEVICE_SAFE && rig.device.session.commands.answering.due != 0);
        rig_exchange(&rig);
    }
    CHECK(rig_command(&rig, AMP_VERB_DISARM) == AMP_RESULT_DONE);
    CHECK(rig.device.mode == AMP_DEVICE_SAFE);
    rig_arm(&rig);
    CHECK(rig.device.reason == AMP_REASON_NONE);
}

static void test_a_new_session_takes_over_disarmed_and_the_old_one_is_foreign(void) {
    struct rig rig;
    rig_run(&rig);
    struct amp_session old = rig.host;
    rig_host(&rig, &rig.host, 4711);
    rig_join(&rig);
    CHECK(rig.device.mode == AMP_DEVICE_SAFE && rig.device.reason == AMP_REASON_NEW_SESSION);
    CHECK(rig.device.safe_begin_us == RIG_BEGIN_US);
    struct amp_session newer = rig.host;
    rig.host = old;
    rig_actuate(&rig, 9.0f, 0, 0);
    uint8_t wire[AMP_FRAME_WIRE_MAX];
    CHECK(amp_session_command(&rig.host, AMP_VERB_ARM, 0, 100, rig.now_us) != 0);
    const size_t size = amp_session_pending(&rig.host, rig.now_us, wire, sizeof wire);
    rig_give(&rig, wire, size);
    CHECK(rig.device.mode == AMP_DEVICE_SAFE && rig.device.session.counters.foreign == 2);
    rig.host = newer;
    rig_tick(&rig, RIG_BEGIN_US + 10000);
    rig_exchange(&rig);
    CHECK(rig.state.applied_count == 0 && rig.state.applied_age_us == AMP_WIRE_NONE);
    rig_arm(&rig);
    rig_actuate(&rig, -9.0f, 0, 0);
    CHECK(rig_outputs_are(&rig, -9.0f, 0, 0));
    rig_tick(&rig, RIG_BEGIN_US + 11000);
    rig_exchange(&rig);
    CHECK(rig.state.applied_count == 1);
}

static void test_a_recorded_run_replayed_arms_nothing(void) {
    static uint8_t record[8192];
    size_t size = 0;
    struct rig rig;
    rig_begin(&rig);
    for (unsigned n = 0; n < 3; n++) { // IDENTIFY, ARM, an actuation: as the host sent them
        if (n == 0) {
            rig_join(&rig);
        } else if (n == 1) {
            rig_arm(&rig);
        } else {
            rig_actuate(&rig, 10.0f, 1.0f, -3.0f);
        }
        memcpy(record + size, rig.sent, rig.sent_size);
        size += rig.sent_size;
    }
    CHECK(rig.device.counters.applied == 1);
    amp_device_receive(&rig.device, record, size, SAFE_US + 1000000);
    CHECK(rig.device.mode == AMP_DEVICE_SAFE && rig.device.counters.applied == 1);
    CHECK(rig.device.counters.refused_mode == 1);
    struct rig fresh; // the same firmware after a boot: the nonce differs, so does the challenge
    struct amp_device_config config = rig_config();
    config.boot_nonce++;
    rig_begin_as(&fresh, &config, RIG_BEGIN_US);
    amp_device_receive(&fresh.device, record, size, RIG_BEGIN_US);
    CHECK(fresh.device.mode == AMP_DEVICE_READY && fresh.device.counters.applied == 0);
    CHECK(fresh.device.at_safe);
}

static void test_noise_neither_renews_the_lease_nor_moves_an_output(void) {
    struct rig rig;
    rig_run(&rig);
    for (uint64_t now_us = RIG_BEGIN_US; now_us < SAFE_US; now_us += 100) {
        uint8_t noise[64];
        for (size_t i = 0; i < sizeof noise; i++) {
            noise[i] = (uint8_t)(seeded_below(16) == 0 ? 0 : seeded_next());
        }
        amp_device_receive(&rig.device, noise, sizeof noise, now_us);
    }
    CHECK(rig.device.mode == AMP_DEVICE_ARMED && rig_outputs_are(&rig, 10.0f, 1.0f, -3.0f));
    rig_tick(&rig, SAFE_US);
    CHECK(rig.device.mode == AMP_DEVICE_SAFE);
}

// Everything at once: whatever a host does, and however late the device is called.

static void act_at_random(struct rig *rig) {
    const float values[] = {(float)(seeded_unit() * 26 - 13), (float)(seeded_unit() * 1.1),
                            seeded_below(20) == 0 ? NAN : (float)(seeded_unit() * 10 - 5)};
    switch (seeded_below(12)) {
    case 0:
        if (rig->host.state == AMP_SESSION_UP) {
            (void)amp_session_command(&rig->host, (enum amp_verb)(1 + seeded_below(3)), 0, 100,
                                      rig->now_us);
        }
        break;
    case 1:
        if (seeded_below(20) == 0) {
            amp_session_restart(&rig->host, (uint16_t)(1 + seeded_below(1000)), rig->now_us);
        }
        break;
    case 2:
        amp_device_receive(&rig->device, rig->sent, rig->sent_size, rig->now_us); // once more
        break;
    case 3:
        if (seeded_below(50) == 0) {
            amp_device_stop(&rig->device, rig->now_us);
        }
        break;
    default:
        if (rig->host.state == AMP_SESSION_UP) {
            rig_actuate(rig, values[0], values[1], values[2]);
        }
    }
}

static void test_whatever_happens_outputs_stay_in_range_and_leases_hold(void) {
    struct rig rig;
    rig_begin(&rig);
    unsigned armed = 0;
    unsigned safe = 0;
    for (unsigned n = 0; n < 300000; n++) {
        const uint64_t applied = rig.device.counters.applied;
        rig.now_us += seeded_below(100) == 0 ? seeded_below(300000) : seeded_below(4000);
        act_at_random(&rig);
        if (rig.device.counters.applied > applied) {
            CHECK(rig.device.mode == AMP_DEVICE_ARMED && rig.device.applied_us == rig.now_us);
        }
        if (seeded_below(3) == 0) {
            rig_exchange(&rig);
        }
        rig_tick(&rig, rig.now_us);
        const struct amp_device *device = &rig.device;
        for (size_t i = 0; i < rig.config.accepts_count; i++) {
            const float output = amp_device_output(device, i);
            CHECK(output >= rig.config.accepts[i].low && output <= rig.config.accepts[i].high);
        }
        CHECK(device->mode != AMP_DEVICE_ARMED || device->lease_end_us > rig.now_us);
        CHECK(device->mode != AMP_DEVICE_ARMED || device->session.state == AMP_SESSION_UP);
        CHECK(device->mode == AMP_DEVICE_ARMED || device->ramping);
        if (device->mode != AMP_DEVICE_ARMED && rig.now_us >= device->safe_begin_us + 700000) {
            CHECK(device->at_safe && rig_outputs_are(&rig, 0, 0, 2.0f));
        }
        armed += device->mode == AMP_DEVICE_ARMED;
        safe += device->mode == AMP_DEVICE_SAFE;
    }
    CHECK(armed > 1000 && safe > 1000); // the walk has been where it matters
}

int main(void) {
    seeded_begin();
    RUN(test_the_lease_ends_exactly_at_its_length);
    RUN(test_each_valid_actuation_renews_the_lease);
    RUN(test_the_lease_starts_with_arming);
    RUN(test_arming_again_does_not_renew_the_lease);
    RUN(test_refused_values_do_not_renew_the_lease_and_are_the_reason);
    RUN(test_repeated_and_foreign_actuations_do_not_renew_the_lease);
    RUN(test_the_lease_is_looked_at_before_bytes_that_came_late);
    RUN(test_a_clock_that_steps_back_holds_nothing_up);
    RUN(test_outputs_follow_their_ramps_and_end_at_safe);
    RUN(test_a_ramp_does_not_depend_on_how_often_it_is_looked_at);
    RUN(test_a_late_tick_finds_the_ramp_where_it_should_be);
    RUN(test_every_ramp_ends_exactly_at_safe_in_its_time);
    RUN(test_disarm_and_stop_ramp_from_where_the_outputs_stand);
    RUN(test_arming_in_the_middle_of_a_ramp_goes_on_with_it);
    RUN(test_nothing_but_a_fresh_arm_leaves_safe);
    RUN(test_a_new_session_takes_over_disarmed_and_the_old_one_is_foreign);
    RUN(test_a_recorded_run_replayed_arms_nothing);
    RUN(test_noise_neither_renews_the_lease_nor_moves_an_output);
    RUN(test_whatever_happens_outputs_stay_in_range_and_leases_hold);
    return CHECK_DONE();
}
