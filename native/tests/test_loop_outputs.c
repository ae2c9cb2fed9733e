/* The guard behind the law: limits, slew, ramps to safe, and what never leaves. */
#include "loop_rig.h"

static const double never[] = {NAN, INFINITY, -INFINITY, 12.000001, -12.000001, 1e300};

static void test_bad_output_never_leaves_and_trips_on_the_first(void) {
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        for (uint32_t index = 0; index < 2; index++) {
            rig_open();
            rig_run_armed(1);
            rig.out[index] = never[i];
            rig_step();
            rig_check_tripped(1, AMP_FAULT_OUTPUT_INVALID, index);
            CHECK((rig_faults().mask & 1u << AMP_FAULT_OUTPUT_INVALID) != 0);
            CHECK(rig_faults().first_t_ns == rig.release);
        }
    }
}

static void test_output_at_its_limits_leaves(void) {
    rig_open();
    rig_run_armed(1);
    rig.out[0] = 12;
    rig.out[1] = -12;
    rig_step();
    CHECK(rig_near(rig_out(0), 12) && rig_near(rig_out(1), -12));
    rig_check_armed(1);
}

static void test_bad_first_output_after_arming_leaves_the_safe_values(void) {
    rig_prepare();
    rig.loop.outputs[0].safe = 1.5;
    CHECK(amp_loop_init(&rig.loop) == 0);
    rig.out[0] = NAN;
    rig_arm(1);
    rig_steps(2);
    rig_check_tripped(1, AMP_FAULT_OUTPUT_INVALID, 0);
}

/* Ramps: 500 a second are 0.5 a period. */

static void open_with_ramp(void) {
    rig_prepare();
    rig.loop.outputs[0].ramp_per_s = 500;
    rig.loop.outputs[0].safe = 1;
    CHECK(amp_loop_init(&rig.loop) == 0);
    rig_run_armed(1);
}

static void check_ramp_down_from_5_to_1(void) {
    for (int k = 1; k <= 7; k++) {
        CHECK(rig_near(rig_out(0), 5 - 0.5 * k));
        CHECK(rig_near(rig_out(1), 0)); /* it has no ramp: at once */
        CHECK(!rig_flag(AMP_FLAG_AT_SAFE) && rig_gauge(AMP_GAUGE_AT_SAFE) == 0);
        CHECK(!rig_flag(AMP_FLAG_ARMED));
        rig_step();
    }
    CHECK(rig_out(0) <= 1 && rig_out(0) >= 1); /* the very value */
    CHECK(rig_flag(AMP_FLAG_AT_SAFE) && rig_gauge(AMP_GAUGE_AT_SAFE) == 1);
    rig_steps(3);
    CHECK(rig_out(0) <= 1 && rig_out(0) >= 1);
}

static void test_outputs_ramp_to_safe_after_a_trip_from_that_period_on(void) {
    open_with_ramp();
    rig.out[1] = NAN;
    rig_step();
    check_ramp_down_from_5_to_1();
}

static void test_outputs_ramp_to_safe_when_disarmed(void) {
    static const enum amp_mode modes[] = {AMP_MODE_DISARMED, AMP_MODE_SAFE, AMP_MODE_BOOT};
    for (size_t i = 0; i < 3; i++) {
        open_with_ramp();
        amp_system_set_mode(&rig.system, modes[i], 1);
        rig_step();
        check_ramp_down_from_5_to_1();
    }
}

static void test_ramp_from_below_goes_up_and_does_not_overshoot(void) {
    open_with_ramp();
    rig.loop.outputs[0].ramp_per_s = 700;
    rig.out[0] = -1;
    rig_step();
    amp_system_set_mode(&rig.system, AMP_MODE_SAFE, 1);
    static const double expected[] = {-0.3, 0.4, 1, 1};
    for (size_t k = 0; k < 4; k++) {
        rig_step();
        CHECK(rig_near(rig_out(0), expected[k]));
    }
}

static void test_rearming_in_the_middle_of_a_ramp_goes_on_from_there(void) {
    rig_prepare();
    rig.loop.outputs[0].ramp_per_s = 500;
    rig.loop.outputs[0].slew_per_s = 1000;
    CHECK(amp_loop_init(&rig.loop) == 0);
    rig.out[0] = 5;
    rig_arm(1);
    rig_steps(8);
    amp_system_set_mode(&rig.system, AMP_MODE_SAFE, 1);
    rig_steps(4);
    CHECK(rig_near(rig_out(0), 3));
    rig_arm(2);
    rig_step();
    CHECK(rig_near(rig_out(0), 4));
}

/* Slew: 1000 a second are 1 a period. */

static void test_slew_limits_what_the_law_asks_for(void) {
    rig_prepare();
    rig.loop.outputs[0].slew_per_s = 1000;
    CHECK(amp_loop_init(&rig.loop) == 0);
    rig_steps(2);
    rig.out[0] = 3.5;
    rig.out[1] = 9;
    rig_arm(1);
    static const double up[] = {1, 2, 3, 3.5, 3.5};
    for (size_t k = 0; k < 5; k++) {
        rig_step();
        CHECK(rig_near(rig_out(0), up[k]) && rig_near(rig_out(1), 9));
    }
    rig.out[0] = 0;
    static const double down[] = {2.5, 1.5, 0.5, 0};
    for (size_t k = 0; k < 4; k++) {
        rig_step();
        CHECK(rig_near(rig_out(0), down[k]));
    }
    rig_check_armed(1); /* limited, not a fault */
}

static void test_slew_allows_for_the_time_that_skipped_periods_took(void) {
    rig_prepare();
    rig.loop.outputs[0].slew_per_s = 1000;
    CHECK(amp_loop_init(&rig.loop) == 0);
    rig.out[0] = 12;
    rig_arm(1);
    rig_steps(2);
    const double before = rig_out(0);
    rig.machine.now_ns = rig.release + 4 * MS;
    rig_step();
    CHECK(rig_near(rig_out(0), before + 4));
    CHECK(rig_near(rig.seen_dt_s, 0.004));
}

static void test_slew_and_ramp_stay_in_limits_whatever_the_law_asks(void) {
    rig_prepare();
    rig.loop.outputs[0].slew_per_s = 1500;
    rig.loop.outputs[0].ramp_per_s = 900;
    CHECK(amp_loop_init(&rig.loop) == 0);
    double before = 0;
    for (uint64_t k = 0; k < 20000; k++) {
        if (k % 37 == 0) {
            rig_arm(k);
        } else if (k % 37 == 30) {
            amp_system_set_mode(&rig.system, AMP_MODE_DISARMED, k);
        }
        rig.out[0] = 12 * sin((double)k * 1.7);
        rig_step();
        CHECK(fabs(rig_out(0)) <= 12);
        CHECK(fabs(rig_out(0) - before) <= 1.5 + 1e-9);
        before = rig_out(0);
    }
}

int main(void) {
    RUN(test_bad_output_never_leaves_and_trips_on_the_first);
    RUN(test_output_at_its_limits_leaves);
    RUN(test_bad_first_output_after_arming_leaves_the_safe_values);
    RUN(test_outputs_ramp_to_safe_after_a_trip_from_that_period_on);
    RUN(test_outputs_ramp_to_safe_when_disarmed);
    RUN(test_ramp_from_below_goes_up_and_does_not_overshoot);
    RUN(test_rearming_in_the_middle_of_a_ramp_goes_on_from_there);
    RUN(test_slew_limits_what_the_law_asks_for);
    RUN(test_slew_allows_for_the_time_that_skipped_periods_took);
    RUN(test_slew_and_ramp_stay_in_limits_whatever_the_law_asks);
    return CHECK_DONE();
}
