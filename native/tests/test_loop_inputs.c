/* What the loop does about its inputs: age and each policy, invalid samples, torn and wild sources. */
#include "loop_rig.h"

/* The producer publishes 7 at the rig's last release and then falls silent. */
static void fall_silent(void) {
    rig.in[0] = bits_of(7);
    rig_step();
    rig.producer_publishes = false;
}

static void open_with(enum amp_stale stale) {
    rig_prepare();
    rig.loop.inputs[0].stale = stale;
    rig.loop.inputs[0].stale_value = -3;
    rig.loop.inputs[0].stale_ramp_per_s = 2000; /* 2 a period */
    rig.loop.inputs[1].max_age_ns = 0;
    CHECK(amp_loop_init(&rig.loop) == 0);
    rig_run_armed(1);
    fall_silent();
}

/* Age. */

static void test_input_is_stale_in_the_very_period_its_age_ends(void) {
    for (int stale = AMP_STALE_HOLD; stale <= AMP_STALE_RAMP; stale++) {
        open_with((enum amp_stale)stale);
        const uint64_t before = rig_count(AMP_COUNT_STALE);
        rig_steps(5); /* 5 ms old: still within 5 ms */
        CHECK(!rig_flag(AMP_FLAG_STALE) && rig_count(AMP_COUNT_STALE) == before);
        CHECK(rig_near(rig.seen[0], 7));
        rig_step();
        CHECK(rig_flag(AMP_FLAG_STALE) && rig_count(AMP_COUNT_STALE) == before + 1);
        rig_check_armed(1);
    }
}

static void test_input_is_stale_one_ns_over_its_age(void) {
    open_with(AMP_STALE_HOLD);
    rig_steps(4);
    rig_step_late(0);
    CHECK(!rig_flag(AMP_FLAG_STALE));
    open_with(AMP_STALE_HOLD);
    rig_steps(4);
    rig_step_late(1);
    CHECK(rig_flag(AMP_FLAG_STALE));
}

static void test_input_when_it_comes_back_is_fresh_again(void) {
    for (int stale = AMP_STALE_HOLD; stale <= AMP_STALE_RAMP; stale++) {
        open_with((enum amp_stale)stale);
        rig_steps(10);
        CHECK(rig_flag(AMP_FLAG_STALE));
        rig.producer_publishes = true;
        rig.in[0] = bits_of(8);
        rig_step();
        CHECK(!rig_flag(AMP_FLAG_STALE));
        CHECK(rig_near(rig.seen[0], 8));
        rig_steps(100);
        rig_check_armed(1);
    }
}

static void test_hold_keeps_the_last_value_then_trips_after_its_time(void) {
    open_with(AMP_STALE_HOLD);
    for (int k = 1; k <= 25; k++) { /* 5 of age and 20 more */
        rig_step();
        CHECK(rig_near(rig.seen[0], 7));
        rig_check_armed(1);
    }
    rig_step();
    rig_check_tripped(1, AMP_FAULT_INPUT_STALE, 0);
}

static void test_hold_without_trip_after_never_trips(void) {
    open_with(AMP_STALE_HOLD);
    rig.loop.inputs[0].trip_after_ns = 0;
    rig_steps(1000);
    CHECK(rig_near(rig.seen[0], 7));
    rig_check_armed(1);
}

static void test_value_stands_in_for_as_long_as_it_lasts(void) {
    open_with(AMP_STALE_VALUE);
    rig.loop.inputs[0].trip_after_ns = 0;
    rig_steps(5);
    CHECK(rig_near(rig.seen[0], 7));
    for (int k = 0; k < 1000; k++) {
        rig_step();
        CHECK(rig_near(rig.seen[0], -3) && rig_flag(AMP_FLAG_STALE));
    }
    rig_check_armed(1);
}

static void test_ramp_moves_to_its_value_then_trips(void) {
    open_with(AMP_STALE_RAMP);
    rig_steps(5);
    CHECK(rig_near(rig.seen[0], 7));
    for (int k = 1; k <= 20; k++) {
        rig_step();
        const double expected = 7 - 2.0 * k;
        CHECK(rig_near(rig.seen[0], expected > -3 ? expected : -3));
        rig_check_armed(1);
    }
    rig_step();
    rig_check_tripped(1, AMP_FAULT_INPUT_STALE, 0);
}

static void test_trip_policy_trips_in_the_very_period(void) {
    open_with(AMP_STALE_TRIP);
    rig_steps(5);
    rig_check_armed(1);
    rig_step();
    rig_check_tripped(1, AMP_FAULT_INPUT_STALE, 0);
}

static void test_input_without_a_contract_is_never_stale(void) {
    rig_prepare();
    rig.loop.inputs[0].max_age_ns = 0;
    rig.loop.inputs[1].max_age_ns = 0;
    CHECK(amp_loop_init(&rig.loop) == 0);
    rig_run_armed(1);
    fall_silent();
    rig_steps(5000);
    CHECK(rig_near(rig.seen[0], 7) && !rig_flag(AMP_FLAG_STALE));
    CHECK(rig_last.sample.words[1] == 0); /* no contract, no sampling time */
    rig_check_armed(1);
}

static void test_samples_that_come_too_old_are_as_good_as_none(void) {
    open_with(AMP_STALE_HOLD);
    rig.producer_publishes = true;
    rig.producer_age_ns = 6 * MS; /* each is whole, and over its age when it comes */
    rig.in[0] = bits_of(9);
    rig_steps(5);
    CHECK(!rig_flag(AMP_FLAG_STALE) && rig_near(rig.seen[0], 7));
    rig_steps(20);
    CHECK(rig_near(rig.seen[0], 7));
    rig_check_armed(1);
    rig_step();
    rig_check_tripped(1, AMP_FAULT_INPUT_STALE, 0);
}

static void test_ramp_goes_on_when_samples_come_too_old(void) {
    open_with(AMP_STALE_RAMP);
    rig.producer_publishes = true;
    rig.producer_age_ns = 6 * MS;
    rig_steps(5);
    for (int k = 1; k <= 5; k++) {
        rig_step();
        CHECK(rig_near(rig.seen[0], 7 - 2.0 * k));
    }
}

static void test_sampling_time_is_of_the_value_in_use(void) {
    open_with(AMP_STALE_HOLD);
    const amp_ns sampled = rig.release;
    rig_steps(9);
    CHECK((amp_ns)rig_last.sample.words[1] == sampled);
}

static void test_sampling_time_is_unknown_while_an_input_is(void) {
    rig_prepare();
    static alignas(AMP_CACHE_LINE) unsigned char silent[4096];
    for (uint32_t order = 0; order < 2; order++) {
        rig_prepare();
        memset(silent, 0, sizeof silent);
        rig.loop.source_count = 2;
        CHECK(amp_channel_bind(&rig.loop.sources[1].channel, silent, sizeof silent, 2, 4) == 0);
        rig.loop.inputs[order].source = 1;
        rig.loop.inputs[order].stale = AMP_STALE_VALUE;
        CHECK(amp_loop_init(&rig.loop) == 0);
        rig_step();
        CHECK(rig_last.sample.words[1] == 0);
    }
}

/* Invalid samples. */

static const double invalid[] = {NAN, -NAN, INFINITY, -INFINITY, 100.5, -100.5, 1e308};

static void test_invalid_sample_is_held_twice_and_the_third_trips(void) {
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++) {
        rig_open();
        rig.in[1] = bits_of(4);
        rig_run_armed(1);
        rig.in[1] = bits_of(invalid[i]);
        for (int k = 0; k < 2; k++) {
            rig_step();
            CHECK(rig_near(rig.seen[1], 4));
            rig_check_armed(1);
        }
        const uint64_t steps = rig.steps;
        rig_step();
        CHECK(rig.steps == steps); /* the law never saw it */
        rig_check_tripped(1, AMP_FAULT_INPUT_INVALID, 1);
        CHECK(rig_count(AMP_COUNT_HELD) == 3);
    }
}

static void test_good_sample_between_invalid_ones_forgives(void) {
    rig_open();
    rig_run_armed(1);
    for (int k = 0; k < 300; k++) {
        rig.in[0] = k % 3 == 2 ? bits_of(k % 50) : bits_of(NAN);
        rig_step();
        CHECK(isfinite(rig.seen[0]));
    }
    rig_check_armed(1);
    CHECK(rig_count(AMP_COUNT_HELD) == 200);
}

static void test_invalid_sample_is_judged_once_not_every_period(void) {
    rig_open();
    rig_run_armed(1);
    rig.in[0] = bits_of(NAN);
    rig_step();
    rig.producer_publishes = false;
    rig_steps(4);
    rig_check_armed(1);
    CHECK(rig_count(AMP_COUNT_HELD) == 1);
}

static void test_range_edges_are_valid(void) {
    rig_open();
    rig_run_armed(1);
    rig.in[0] = bits_of(100);
    rig.in[1] = bits_of(-100);
    rig_steps(10);
    CHECK(rig_near(rig.seen[0], 100) && rig_near(rig.seen[1], -100));
    rig_check_armed(1);
    rig.in[0] = bits_of(nextafter(100, 200));
    rig_steps(3);
    rig_check_tripped(1, AMP_FAULT_INPUT_INVALID, 0);
}

static void test_unbounded_range_takes_any_finite_value(void) {
    rig_prepare();
    rig.loop.inputs[0].low = -INFINITY;
    rig.loop.inputs[0].high = INFINITY;
    CHECK(amp_loop_init(&rig.loop) == 0);
    rig_run_armed(1);
    rig.in[0] = bits_of(-1.7976931348623157e308);
    rig_steps(5);
    rig_check_armed(1);
    rig.in[0] = bits_of(INFINITY);
    rig_steps(3);
    rig_check_tripped(1, AMP_FAULT_INPUT_INVALID, 0);
}

/* A source that another process spoiled. */

static struct amp_slot *newest_slot(void) {
    const uint64_t count = amp_channel_count(&rig.source);
    unsigned char *const slots = rig.source.slots;
    return (void *)(slots + (count & rig.source.mask) * rig.source.stride);
}

static void test_source_when_its_slot_is_odd_keeps_the_old_value_and_ages(void) {
    open_with(AMP_STALE_HOLD);
    struct amp_slot *const slot = newest_slot();
    amp_store_relaxed(&slot->seq, amp_load_relaxed(&slot->seq) + 2 * RIG_DEPTH - 1);
    rig_steps(5);
    CHECK(rig_count(AMP_COUNT_NO_NEW) == 5);
    CHECK(rig_near(rig.seen[0], 7) && !rig_flag(AMP_FLAG_STALE));
    rig_step();
    CHECK(rig_flag(AMP_FLAG_STALE));
    rig_steps(20);
    rig_check_tripped(1, AMP_FAULT_INPUT_STALE, 0);
}

static void test_source_when_its_time_is_hostile_does_not_stay_fresh(void) {
    static const amp_ns times[] = {INT64_MIN, INT64_MIN + 1, -1, INT64_MAX, INT64_MAX / 2};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        open_with(AMP_STALE_HOLD);
        amp_channel_publish(&rig.source, times[i], 0, rig.in);
        rig_steps(5 + 20 + 2);
        rig_check_tripped(1, AMP_FAULT_INPUT_STALE, 0);
    }
}

static void test_source_when_published_after_the_wake_up_is_fresh(void) {
    rig_open();
    rig_run_armed(1);
    rig.producer_age_ns = -20000; /* between our wake-up and our read */
    rig_steps(50);
    CHECK(!rig_flag(AMP_FLAG_STALE));
    CHECK((amp_ns)rig_last.sample.words[1] == rig.release + 20000);
    rig_check_armed(1);
}

int main(void) {
    RUN(test_input_is_stale_in_the_very_period_its_age_ends);
    RUN(test_input_is_stale_one_ns_over_its_age);
    RUN(test_input_when_it_comes_back_is_fresh_again);
    RUN(test_hold_keeps_the_last_value_then_trips_after_its_time);
    RUN(test_hold_without_trip_after_never_trips);
    RUN(test_value_stands_in_for_as_long_as_it_lasts);
    RUN(test_ramp_moves_to_its_value_then_trips);
    RUN(test_trip_policy_trips_in_the_very_period);
    RUN(test_input_without_a_contract_is_never_stale);
    RUN(test_samples_that_come_too_old_are_as_good_as_none);
    RUN(test_ramp_goes_on_when_samples_come_too_old);
    RUN(test_sampling_time_is_of_the_value_in_use);
    RUN(test_sampling_time_is_unknown_while_an_input_is);
    RUN(test_invalid_sample_is_held_twice_and_the_third_trips);
    RUN(test_good_sample_between_invalid_ones_forgives);
    RUN(test_invalid_sample_is_judged_once_not_every_period);
    RUN(test_range_edges_are_valid);
    RUN(test_unbounded_range_takes_any_finite_value);
    RUN(test_source_when_its_slot_is_odd_keeps_the_old_value_and_ages);
    RUN(test_source_when_its_time_is_hostile_does_not_stay_fresh);
    RUN(test_source_when_published_after_the_wake_up_is_fresh);
    return CHECK_DONE();
}
