/* The pump's look at the device's clock, against the device's own C in virtual time. */

#include "pump_rig.h"

#include <stdlib.h>

static void check_offset(amp_ns within) {
    const amp_ns at = (amp_ns)rig_gauge(AMP_GAUGE_CLOCK_AT_NS);
    const int64_t offset = (int64_t)rig_gauge(AMP_GAUGE_CLOCK_OFFSET_NS);
    CHECK(at != 0);
    CHECK(llabs(offset - (1000 - RIG_ORIGIN)) <= (amp_ns)rig_gauge(AMP_GAUGE_CLOCK_BOUND_NS));
    CHECK((amp_ns)rig_gauge(AMP_GAUGE_CLOCK_BOUND_NS) <= within);
}

static void test_offset_is_found_within_its_bound(void) {
    rig_open();
    CHECK(rig_gauge(AMP_GAUGE_CLOCK_AT_NS) == 0);
    rig_run(2000);
    check_offset(2 * MS); /* the line of the rig takes one period each way */
    CHECK(rig.pump.clock.taken >= 15);
    CHECK(llabs((int64_t)rig_gauge(AMP_GAUGE_CLOCK_SKEW_PPB)) < 2000000);
}

static void test_each_state_carries_when_it_was_sampled_here(void) {
    union {
        struct amp_sample sample;
        uint64_t words[3 + 4];
    } last;
    rig_open();
    rig_run(20);
    rig_run(2000);
    CHECK(amp_channel_latest(&rig.pump.channel, &last.sample, NULL) == AMP_READ_VALUE);
    const amp_ns sampled_ns = (amp_ns)last.sample.words[3];
    const amp_ns bound = (amp_ns)rig_gauge(AMP_GAUGE_CLOCK_BOUND_NS);
    CHECK(llabs(sampled_ns - rig.machine.now_ns) <= bound + MS);
}

static void test_it_is_asked_at_its_own_period_while_actuations_go_out(void) {
    rig_open();
    rig_arm(1);
    const uint64_t before = rig.pump.clock.taken;
    rig_run(970);
    CHECK(rig.pump.clock.taken >= before + 9);
    CHECK(rig.pump.clock.taken <= before + 11);
    CHECK(rig.pump.device_armed);
    CHECK(rig.device.session.counters.sequence_gaps == 0);
}

static void test_another_boot_has_another_clock(void) {
    rig_open();
    rig_run(1000);
    rig_boot_device(8);
    const uint64_t taken = rig.pump.clock.taken;
    CHECK(taken > 5);
    rig_run(60);
    CHECK(rig.pump.session.state == AMP_SESSION_UP);
    CHECK(rig.pump.clock.taken <= 1);
    rig_run(500);
    check_offset(3 * MS);
}

static void test_same_boot_keeps_what_is_known_of_its_clock(void) {
    rig_open();
    rig_run(1000);
    const uint64_t taken = rig.pump.clock.taken;
    rig.line_is_cut = true;
    CHECK(!rig_run(1));
    rig.line_is_cut = false;
    rig.to_host.size = rig.to_device.size = 0;
    amp_pump_open(&rig.pump, 6, rig.machine.now_ns);
    rig_run(500);
    CHECK(rig.pump.clock.taken > taken);
    check_offset(2 * MS);
}

static void test_answer_to_another_question_is_none(void) {
    rig_open();
    rig_run(60);
    const struct amp_wire_time time = {.token = rig.pump.clock_token + 77, .received_us = 5};
    uint8_t payload[AMP_TIME_SIZE];
    struct amp_frame frame = {.type = AMP_FRAME_TIME, .payload = payload};
    frame.length = (uint8_t)amp_wire_time_encode(&time, payload);
    const uint64_t taken = rig.pump.clock.taken, refused = rig.pump.clock.refused;
    rig.to_host.size += amp_session_send(&rig.device.session, AMP_FRAME_TIME, payload, frame.length,
                                         rig.to_host.bytes, RIG_LINE);
    rig_run(1);
    CHECK(rig.pump.clock.taken <= taken + 1);
    CHECK(rig.pump.clock.refused == refused);
}

int main(void) {
    RUN(test_offset_is_found_within_its_bound);
    RUN(test_each_state_carries_when_it_was_sampled_here);
    RUN(test_it_is_asked_at_its_own_period_while_actuations_go_out);
    RUN(test_another_boot_has_another_clock);
    RUN(test_same_boot_keeps_what_is_known_of_its_clock);
    RUN(test_answer_to_another_question_is_none);
    return CHECK_DONE();
}
