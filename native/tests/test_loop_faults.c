/* What the loop decides about time and about its supervisor: overruns, blackouts, suspend, a
 * supervisor that stopped, the e-stop word, and when it may end.
 */
#include "loop_rig.h"

#define BUDGET (RIG_PERIOD / 2)

static void step_costing(amp_ns costs_ns) {
    rig.costs_ns = costs_ns;
    rig_step();
    rig.costs_ns = 0;
}

/* Overruns. */

static void test_overrun_is_counted_only_over_the_budget(void) {
    rig_open();
    rig_run_armed(1);
    step_costing(BUDGET);
    CHECK(rig_count(AMP_COUNT_OVERRUNS) == 0);
    step_costing(BUDGET + 1);
    CHECK(rig_count(AMP_COUNT_OVERRUNS) == 1);
    CHECK(rig_count(AMP_COUNT_DEADLINE_MISSES) == 0);
    rig_check_armed(1);
}

static void test_three_overruns_in_a_row_trip(void) {
    rig_open();
    rig_run_armed(1);
    for (int k = 0; k < 3; k++) {
        CHECK(rig_gauge(AMP_GAUGE_REFUSED_ARMING) == 0);
        step_costing(BUDGET + 7);
    }
    rig_step(); /* it is known when the third ends, and acted on in the next period */
    rig_check_tripped(1, AMP_FAULT_OVERRUN, BUDGET + 7);
}

static void test_two_overruns_in_a_row_again_and_again_do_not_trip_as_three(void) {
    rig_prepare();
    rig.loop.timing.overruns_per_s = 0;
    CHECK(amp_loop_init(&rig.loop) == 0);
    rig_run_armed(1);
    for (int k = 0; k < 300; k++) {
        step_costing(k % 3 == 2 ? 0 : BUDGET + 1);
    }
    CHECK(rig_count(AMP_COUNT_OVERRUNS) == 200);
    rig_check_armed(1);
}

static void test_ten_overruns_in_a_second_trip(void) {
    rig_open();
    rig_run_armed(1);
    for (int k = 0; k < 10; k++) {
        rig_check_armed(1);
        step_costing(BUDGET + 1);
        rig_steps(k < 9 ? 109 : 1); /* the tenth comes 990 ms after the first */
    }
    rig_check_tripped(1, AMP_FAULT_OVERRUN, BUDGET + 1);
}

static void test_ten_overruns_in_more_than_a_second_do_not_trip(void) {
    rig_open();
    rig_run_armed(1);
    for (int k = 0; k < 60; k++) {
        step_costing(BUDGET + 1);
        rig_steps(111); /* ten of them span 1008 ms */
    }
    CHECK(rig_count(AMP_COUNT_OVERRUNS) == 60);
    rig_check_armed(1);
}

static void test_overruns_when_not_limited_are_only_counted(void) {
    rig_prepare();
    rig.loop.timing.overruns_in_row = 0;
    rig.loop.timing.overruns_per_s = 0;
    CHECK(amp_loop_init(&rig.loop) == 0);
    rig_run_armed(1);
    for (int k = 0; k < 100; k++) {
        step_costing(BUDGET + 1);
    }
    CHECK(rig_count(AMP_COUNT_OVERRUNS) == 100);
    rig_check_armed(1);
}

/* Blackout and suspend. */

static void test_blackout_trips_at_the_next_wake_up(void) {
    rig_open();
    rig_run_armed(1);
    rig_step_late(20 * MS);
    rig_check_armed(1);
    rig_open();
    rig_run_armed(1);
    rig_step_late(20 * MS + 1);
    rig_check_tripped(1, AMP_FAULT_BLACKOUT, 20 * MS + 1);
}

static void test_blackout_in_the_middle_of_a_period_trips_too(void) {
    rig_open();
    rig_run_armed(1);
    step_costing(30 * MS);
    rig_step();
    CHECK(rig_gauge(AMP_GAUGE_ARMED) == 0);
    CHECK((rig_faults().mask & 1u << AMP_FAULT_BLACKOUT) != 0);
}

static void test_blackout_when_nothing_is_armed_latches_nothing(void) {
    rig_open();
    rig_steps(3);
    rig_step_late(50 * MS);
    CHECK(rig_count(AMP_COUNT_TRIPS) == 0);
    rig_run_armed(1);
}

static void test_suspend_trips_at_the_next_wake_up(void) {
    rig_open();
    rig_run_armed(1);
    rig.machine.suspended_ns += 3600 * 1000 * MS;
    rig_step();
    rig_check_tripped(1, AMP_FAULT_SUSPEND, 3600 * 1000 * MS);
    rig_run_armed(2); /* seen once, not in every period from then on */
    rig_steps(10);
    CHECK(rig_gauge(AMP_GAUGE_ARMED) == 2);
}

static void test_suspend_before_the_start_is_no_fault(void) {
    rig_prepare();
    rig.machine.suspended_ns = 86400 * 1000 * MS;
    CHECK(amp_loop_init(&rig.loop) == 0);
    rig_run_armed(1);
    rig_steps(10);
    rig_check_armed(1);
}

static void test_stall_between_the_two_clocks_is_no_suspend(void) {
    rig_prepare();
    rig.machine.suspended_ns = 5000 * MS;
    CHECK(amp_loop_init(&rig.loop) == 0);
    rig_run_armed(1);
    rig.machine.suspended_ns -= 6 * MS; /* BOOTTIME was read 6 ms before MONOTONIC, once */
    rig_step();
    rig.machine.suspended_ns += 6 * MS;
    rig_step();
    rig_check_armed(1);
}

/* The supervisor. */

static void test_supervisor_lost_trips_and_ends_when_outputs_are_safe(void) {
    rig_prepare();
    rig.loop.outputs[0].ramp_per_s = 125; /* 5 takes 40 periods */
    CHECK(amp_loop_init(&rig.loop) == 0);
    rig_run_armed(1);
    rig.supervisor_beats = false;
    rig_steps(100); /* its last beat was in the period before these */
    rig_check_armed(1);
    CHECK(!amp_loop_may_end(&rig.loop));
    rig_step();
    CHECK(rig_faults().first == AMP_FAULT_SUPERVISOR_LOST);
    CHECK(rig_faults().argument == 101 * MS);
    CHECK(rig_near(rig_out(0), 4.875) && rig_near(rig_out(1), 0));
    rig_steps(38);
    CHECK(!amp_loop_may_end(&rig.loop));
    rig_step();
    rig_check_tripped(1, AMP_FAULT_SUPERVISOR_LOST, 101 * MS);
    CHECK(amp_loop_may_end(&rig.loop));
}

static void test_loop_that_was_away_itself_does_not_accuse_the_supervisor(void) {
    rig_prepare();
    rig.loop.timing.blackout_ns = 1000 * MS;
    rig.loop.inputs[0].max_age_ns = rig.loop.inputs[1].max_age_ns = 0;
    CHECK(amp_loop_init(&rig.loop) == 0);
    rig_run_armed(1);
    rig.supervisor_beats = false; /* the whole machine stood still */
    rig_step_late(150 * MS);
    rig_check_armed(1);
    rig_steps(99);
    rig_check_armed(1);
    rig_steps(3);
    rig_check_tripped(1, AMP_FAULT_SUPERVISOR_LOST, 101 * MS);
}

static void test_supervisor_that_comes_back_too_late_is_lost(void) {
    rig_open();
    rig_run_armed(1);
    rig.supervisor_beats = false;
    rig_steps(101);
    rig.supervisor_beats = true;
    rig_arm(2);
    rig_steps(5);
    CHECK(rig_gauge(AMP_GAUGE_ARMED) == 0);
    CHECK(amp_loop_may_end(&rig.loop));
}

static void test_supervisor_that_beats_slowly_is_not_lost(void) {
    rig_open();
    rig_run_armed(1);
    for (int k = 0; k < 20; k++) {
        rig.supervisor_beats = false;
        rig_steps(99);
        rig.supervisor_beats = true;
        rig_step();
    }
    rig_check_armed(1);
}

/* The e-stop word. */

static void test_e_stop_word_makes_outputs_safe_in_the_next_period(void) {
    rig_open();
    rig_run_armed(3);
    amp_system_trip(&rig.system, 3, AMP_FAULT_HEARTBEAT, 7);
    rig_step();
    CHECK(rig_gauge(AMP_GAUGE_ARMED) == 0 && rig_gauge(AMP_GAUGE_AT_SAFE) == 1);
    CHECK(rig_near(rig_out(0), 0) && rig_near(rig_out(1), 0));
    rig_steps(5);
    CHECK(!rig_flag(AMP_FLAG_ARMED));
    rig_run_armed(4); /* a new act starts with a clear word */
}

static void test_e_stop_word_of_an_older_act_stops_nothing(void) {
    rig_open();
    amp_system_trip(&rig.system, 3, AMP_FAULT_HEARTBEAT, 7);
    rig_run_armed(4);
    rig_steps(10);
    CHECK(rig_gauge(AMP_GAUGE_ARMED) == 4);
}

static void test_arming_when_the_e_stop_word_is_latched_does_nothing(void) {
    rig_open();
    rig_step();
    amp_system_trip(&rig.system, 3, AMP_FAULT_ESTOP, 0);
    for (uint64_t act = 1; act <= 3; act++) {
        rig_arm(act);
        rig_steps(2);
        CHECK(rig_gauge(AMP_GAUGE_ARMED) == 0);
    }
}

/* The end. */

static void want_end(void) {
    amp_system_set_role(&rig.system, RIG_ROLE, AMP_ROLE_ENDING, 1, 1, AMP_WANTED_END);
}

static void test_end_is_allowed_only_when_outputs_are_safe(void) {
    rig_prepare();
    rig.loop.outputs[0].ramp_per_s = 1000; /* 5 takes 5 periods */
    CHECK(amp_loop_init(&rig.loop) == 0);
    rig_run_armed(1);
    want_end();
    CHECK(!amp_loop_may_end(&rig.loop));
    for (int k = 1; k <= 4; k++) {
        rig_step();
        CHECK(rig_near(rig_out(0), 5 - k));
        CHECK(!rig_flag(AMP_FLAG_ARMED));
        CHECK(!amp_loop_may_end(&rig.loop));
    }
    rig_step();
    CHECK(rig_flag(AMP_FLAG_AT_SAFE) && amp_loop_may_end(&rig.loop));
    CHECK(rig_count(AMP_COUNT_TRIPS) == 0);
}

static void test_end_is_not_allowed_while_nobody_asked(void) {
    rig_open();
    rig_steps(5);
    CHECK(rig_flag(AMP_FLAG_AT_SAFE) && !amp_loop_may_end(&rig.loop));
    want_end();
    CHECK(amp_loop_may_end(&rig.loop));
}

static void test_end_is_not_allowed_while_armed_even_at_the_safe_values(void) {
    rig_open();
    rig_arm(1);
    rig_steps(2); /* the law gives 0 and 0, the safe values */
    CHECK(rig_flag(AMP_FLAG_ARMED) && rig_flag(AMP_FLAG_AT_SAFE));
    want_end();
    CHECK(!amp_loop_may_end(&rig.loop));
    rig_step();
    CHECK(amp_loop_may_end(&rig.loop));
}

static void test_arming_when_the_end_is_wanted_does_nothing(void) {
    rig_open();
    rig_step();
    want_end();
    rig.out[0] = 5;
    rig_arm(1);
    rig_steps(5);
    CHECK(rig_gauge(AMP_GAUGE_ARMED) == 0 && rig_near(rig_out(0), 0));
}

int main(void) {
    RUN(test_overrun_is_counted_only_over_the_budget);
    RUN(test_three_overruns_in_a_row_trip);
    RUN(test_two_overruns_in_a_row_again_and_again_do_not_trip_as_three);
    RUN(test_ten_overruns_in_a_second_trip);
    RUN(test_ten_overruns_in_more_than_a_second_do_not_trip);
    RUN(test_overruns_when_not_limited_are_only_counted);
    RUN(test_blackout_trips_at_the_next_wake_up);
    RUN(test_blackout_in_the_middle_of_a_period_trips_too);
    RUN(test_blackout_when_nothing_is_armed_latches_nothing);
    RUN(test_suspend_trips_at_the_next_wake_up);
    RUN(test_suspend_before_the_start_is_no_fault);
    RUN(test_stall_between_the_two_clocks_is_no_suspend);
    RUN(test_supervisor_lost_trips_and_ends_when_outputs_are_safe);
    RUN(test_loop_that_was_away_itself_does_not_accuse_the_supervisor);
    RUN(test_supervisor_that_comes_back_too_late_is_lost);
    RUN(test_supervisor_that_beats_slowly_is_not_lost);
    RUN(test_e_stop_word_makes_outputs_safe_in_the_next_period);
    RUN(test_e_stop_word_of_an_older_act_stops_nothing);
    RUN(test_arming_when_the_e_stop_word_is_latched_does_nothing);
    RUN(test_end_is_allowed_only_when_outputs_are_safe);
    RUN(test_end_is_not_allowed_while_nobody_asked);
    RUN(test_end_is_not_allowed_while_armed_even_at_the_safe_values);
    RUN(test_arming_when_the_end_is_wanted_does_nothing);
    return CHECK_DONE();
}
