/* The native loop: what it refuses, arming, what it publishes, flags, gauges, counters. */
#include "loop_rig.h"

/* Init. */

static void test_init_when_the_plan_is_sound(void) {
    rig_prepare();
    CHECK(amp_loop_init(&rig.loop) == 0);
    CHECK(amp_loop_size() == sizeof(struct amp_loop));
    CHECK(rig_gauge(AMP_GAUGE_ARMED) == 0);
}

#define REFUSED(change)                                                                            \
    do {                                                                                           \
        rig_prepare();                                                                             \
        rig.loop.change;                                                                           \
        CHECK(amp_loop_init(&rig.loop) == -AMP_EARG);                                              \
    } while (0)

static void test_init_when_an_index_or_count_is_out_of_range(void) {
    REFUSED(source_count = AMP_LOOP_SOURCES_MAX + 1);
    REFUSED(input_count = AMP_LOOP_INPUTS_MAX + 1);
    REFUSED(output_count = AMP_LOOP_OUTPUTS_MAX + 1);
    REFUSED(inputs[1].source = 1);
    REFUSED(inputs[0].word = RIG_SOURCE_WORDS);
    REFUSED(outputs[1].word = RIG_WORDS);
    REFUSED(tick_word = RIG_WORDS);
    REFUSED(sensed_word = RIG_WORDS);
    REFUSED(role = AMP_ROLES_MAX);
    REFUSED(channel.words = AMP_LOOP_WORDS_MAX + 1);
    REFUSED(sources[0].channel.words = AMP_LOOP_WORDS_MAX + 1);
}

static void test_init_when_a_time_is_out_of_range(void) {
    REFUSED(timing.period_ns = 0);
    REFUSED(timing.period_ns = -1);
    REFUSED(timing.budget_ns = -1);
    REFUSED(timing.deadline_ns = -1);
    REFUSED(timing.blackout_ns = -1);
    REFUSED(timing.supervisor_ns = -1);
    REFUSED(timing.overruns_per_s = AMP_LOOP_OVERRUNS_MAX + 1);
    REFUSED(inputs[0].max_age_ns = -1);
    REFUSED(inputs[0].trip_after_ns = -1);
}

static void test_init_when_a_value_is_out_of_range(void) {
    REFUSED(inputs[0].low = NAN);
    REFUSED(inputs[0].high = NAN);
    REFUSED(inputs[0].low = 101);
    REFUSED(inputs[0].stale_value = NAN);
    REFUSED(inputs[0].stale_ramp_per_s = -1);
    REFUSED(inputs[0].stale_ramp_per_s = NAN);
    REFUSED(inputs[0].stale_value = INFINITY);
    REFUSED(outputs[0].low = NAN);
    REFUSED(outputs[0].high = NAN);
    REFUSED(outputs[0].low = 13);
    REFUSED(outputs[0].safe = 12.5);
    REFUSED(outputs[0].safe = NAN);
    REFUSED(outputs[0].slew_per_s = -1);
    REFUSED(outputs[0].slew_per_s = NAN);
    REFUSED(outputs[0].ramp_per_s = -1);
    REFUSED(outputs[0].ramp_per_s = NAN);
}

/* What is published. */

static void test_every_period_publishes_once_with_tick_and_sampling_time(void) {
    rig_open();
    rig.producer_age_ns = 700000;
    for (uint64_t k = 0; k < 20; k++) {
        rig_step();
        CHECK(rig_last.sample.count == k + 1);
        CHECK(rig_last.sample.words[0] == k);
        CHECK((amp_ns)rig_last.sample.words[1] == rig.release - 700000);
        CHECK((uint32_t)rig_last.sample.mark == 1);
    }
    CHECK(rig_count(AMP_COUNT_TICKS) == 20);
    CHECK(rig_count(AMP_COUNT_PUBLISHED) == 20);
    CHECK(rig_count(AMP_COUNT_SKIPPED) == 0);
}

static void test_publication_is_stamped_within_its_period(void) {
    rig_open();
    rig_run_armed(1);
    rig.costs_ns = 300000;
    rig_step_late(50000);
    CHECK(rig_last.sample.t_ns >= rig.release + 50000);
    CHECK(rig_last.sample.t_ns <= rig.machine.now_ns);
}

static void test_sampling_time_is_of_the_oldest_input_with_a_contract(void) {
    static alignas(AMP_CACHE_LINE) unsigned char bytes[4096];
    struct amp_channel second;
    const uint64_t word = bits_of(1);
    memset(bytes, 0, sizeof bytes);
    rig_prepare();
    CHECK(amp_channel_bind(&second, bytes, sizeof bytes, 1, 4) == 0);
    amp_channel_attach(&second, 1);
    rig.loop.source_count = 2;
    rig.loop.sources[1].channel = second;
    rig.loop.inputs[1].source = 1;
    rig.loop.inputs[1].word = 0;
    CHECK(amp_loop_init(&rig.loop) == 0);
    amp_channel_publish(&second, RIG_ORIGIN - 300, 0, &word);
    rig_step();
    CHECK((amp_ns)rig_last.sample.words[1] == RIG_ORIGIN - 300);
    rig.loop.inputs[1].max_age_ns = 0; /* no contract: its age is nobody's */
    rig_step();
    CHECK((amp_ns)rig_last.sample.words[1] == rig.release);
}

static void test_law_sees_each_type_as_a_number(void) {
    rig_prepare();
    rig.loop.inputs[0].type = AMP_TYPE_I64;
    rig.loop.inputs[1].type = AMP_TYPE_U64;
    rig.loop.inputs[1].high = INFINITY;
    CHECK(amp_loop_init(&rig.loop) == 0);
    rig.in[0] = (uint64_t)-42;
    rig.in[1] = UINT64_C(1) << 63;
    rig_arm(1);
    rig_steps(2);
    CHECK(rig_near(rig.seen[0], -42) && rig_near(rig.seen[1], 0x1p63));
    rig.loop.inputs[0].type = AMP_TYPE_BOOL;
    rig.in[0] = 1;
    rig_step();
    CHECK(rig_near(rig.seen[0], 1));
}

static void test_law_gets_the_period_in_seconds(void) {
    rig_open();
    rig_run_armed(1);
    CHECK(rig_near(rig.seen_dt_s, 0.001));
}

/* Arming. */

static void test_outputs_are_safe_and_flagged_before_any_arming(void) {
    rig_prepare();
    rig.loop.outputs[0].safe = 2.5;
    CHECK(amp_loop_init(&rig.loop) == 0);
    rig.out[0] = 7;
    rig.out[1] = 7;
    static const enum amp_mode modes[] = {AMP_MODE_BOOT, AMP_MODE_DISARMED, AMP_MODE_SAFE};
    for (size_t i = 0; i < 3; i++) {
        amp_system_set_mode(&rig.system, modes[i], i);
        rig_steps(2);
        CHECK(rig_near(rig_out(0), 2.5) && rig_near(rig_out(1), 0));
        CHECK(rig_flag(AMP_FLAG_AT_SAFE) && !rig_flag(AMP_FLAG_ARMED));
        CHECK(rig_gauge(AMP_GAUGE_AT_SAFE) == 1 && rig_gauge(AMP_GAUGE_ARMED) == 0);
    }
}

static void test_arming_by_a_new_act_runs_the_law(void) {
    rig_open();
    rig_steps(2);
    CHECK(rig_gauge(AMP_GAUGE_FIRST_ARMED_NS) == 0);
    rig_run_armed(1);
    CHECK(!rig_flag(AMP_FLAG_AT_SAFE) && rig_gauge(AMP_GAUGE_AT_SAFE) == 0);
    const amp_ns armed_at = (amp_ns)rig_gauge(AMP_GAUGE_FIRST_ARMED_NS);
    CHECK(armed_at > rig.release - 3 * MS && armed_at <= rig.release);
}

static void test_arming_resets_the_law_once_for_each_act(void) {
    rig_open();
    const uint64_t before = rig.resets;
    rig_run_armed(1);
    CHECK(rig.resets == before + 1);
    rig_steps(50);
    CHECK(rig.resets == before + 1);
    amp_system_set_mode(&rig.system, AMP_MODE_DISARMED, 1);
    rig_steps(3);
    rig_run_armed(2);
    CHECK(rig.resets == before + 2);
}

static void test_act_from_before_the_start_arms_nothing(void) {
    rig_prepare();
    amp_system_set_mode(&rig.system, AMP_MODE_ARMED, 4); /* a successor finds the mode ARMED */
    CHECK(amp_loop_init(&rig.loop) == 0);
    rig.out[0] = 5;
    rig_steps(20);
    CHECK(rig_gauge(AMP_GAUGE_ARMED) == 0 && rig_near(rig_out(0), 0));
    rig_run_armed(5);
}

static void test_same_act_does_not_arm_again_after_disarming(void) {
    rig_open();
    rig_run_armed(1);
    amp_system_set_mode(&rig.system, AMP_MODE_DISARMED, 1);
    rig_step();
    CHECK(rig_gauge(AMP_GAUGE_ARMED) == 0 && rig_flag(AMP_FLAG_AT_SAFE));
    CHECK(rig_count(AMP_COUNT_TRIPS) == 0); /* asked for: no fault */
    rig_arm(1);
    rig_steps(5);
    CHECK(rig_gauge(AMP_GAUGE_ARMED) == 0 && rig_near(rig_out(0), 0));
    rig_run_armed(2);
}

static void test_act_is_spent_when_inputs_are_not_ready(void) {
    rig_open();
    rig.producer_publishes = false; /* nothing was ever published */
    rig.out[0] = 5;
    rig_arm(1);
    rig_steps(10);
    CHECK(rig_gauge(AMP_GAUGE_READY) == 0);
    CHECK(rig_gauge(AMP_GAUGE_ARMED) == 0 && !rig_flag(AMP_FLAG_ARMED));
    CHECK(rig_near(rig_out(0), 0));
    CHECK(rig_gauge(AMP_GAUGE_REFUSED_ARMING) == 1);
    rig.producer_publishes = true;
    rig_steps(5);
    CHECK(rig_gauge(AMP_GAUGE_READY) == 1 && rig_gauge(AMP_GAUGE_ARMED) == 0);
    rig_run_armed(2);
}

static void test_ready_says_whether_every_input_could_be_used(void) {
    rig_open();
    rig_step();
    CHECK(rig_gauge(AMP_GAUGE_READY) == 1);
    rig.producer_publishes = false;
    rig_steps(6);
    CHECK(rig_gauge(AMP_GAUGE_READY) == 0); /* stale */
    rig.producer_publishes = true;
    rig_step();
    CHECK(rig_gauge(AMP_GAUGE_READY) == 1);
    rig.in[0] = bits_of(NAN);
    rig_steps(3);
    CHECK(rig_gauge(AMP_GAUGE_READY) == 0); /* invalid */
    CHECK(rig_count(AMP_COUNT_TRIPS) == 0); /* nothing was armed */
}

static void test_rearming_after_a_trip_takes_a_new_act(void) {
    rig_open();
    rig_run_armed(3);
    rig.out[0] = NAN;
    rig_step();
    rig_check_tripped(3, AMP_FAULT_OUTPUT_INVALID, 0);
    rig.out[0] = 5;
    for (uint64_t act = 1; act <= 3; act++) { /* held, or replayed */
        rig_arm(act);
        rig_steps(3);
        CHECK(rig_gauge(AMP_GAUGE_ARMED) == 0 && rig_near(rig_out(0), 0));
    }
    const uint64_t resets = rig.resets;
    rig_run_armed(4);
    CHECK(rig.resets == resets + 1);
    CHECK(rig_gauge(AMP_GAUGE_REFUSED_ARMING) == 3);
}

/* Times. */

static void test_histograms_record_what_each_period_took(void) {
    struct amp_summary execution;
    struct amp_summary response;
    rig_open();
    rig_run_armed(1);
    rig.costs_ns = 200000;
    for (int i = 0; i < 100; i++) {
        rig_step_late(30000);
    }
    amp_owner_summary(&rig.owner, AMP_HISTOGRAM_EXECUTION, &execution);
    amp_owner_summary(&rig.owner, AMP_HISTOGRAM_RESPONSE, &response);
    CHECK(execution.count == 103 && execution.max_ns == 200000);
    CHECK(response.count == 103 && response.max_ns == 230000);
}

static void test_heartbeat_advances_once_a_period(void) {
    rig_open();
    const uint64_t before = amp_owner_heartbeat(&rig.owner, NULL, NULL);
    rig_steps(25);
    amp_ns t_ns = 0;
    CHECK(amp_owner_heartbeat(&rig.owner, NULL, &t_ns) == before + 25);
    CHECK(t_ns == rig.release);
}

static void test_deadline_miss_is_counted_whatever_the_reason(void) {
    rig_open();
    rig_run_armed(1);
    rig_step_late(MS); /* finish exactly at the deadline */
    CHECK(rig_count(AMP_COUNT_DEADLINE_MISSES) == 0);
    rig_step_late(MS + 1);
    CHECK(rig_count(AMP_COUNT_DEADLINE_MISSES) == 1);
    CHECK(rig_count(AMP_COUNT_OVERRUNS) == 0);
    rig_check_armed(1);
}

int main(void) {
    RUN(test_init_when_the_plan_is_sound);
    RUN(test_init_when_an_index_or_count_is_out_of_range);
    RUN(test_init_when_a_time_is_out_of_range);
    RUN(test_init_when_a_value_is_out_of_range);
    RUN(test_every_period_publishes_once_with_tick_and_sampling_time);
    RUN(test_publication_is_stamped_within_its_period);
    RUN(test_sampling_time_is_of_the_oldest_input_with_a_contract);
    RUN(test_law_sees_each_type_as_a_number);
    RUN(test_law_gets_the_period_in_seconds);
    RUN(test_outputs_are_safe_and_flagged_before_any_arming);
    RUN(test_arming_by_a_new_act_runs_the_law);
    RUN(test_arming_resets_the_law_once_for_each_act);
    RUN(test_act_from_before_the_start_arms_nothing);
    RUN(test_same_act_does_not_arm_again_after_disarming);
    RUN(test_act_is_spent_when_inputs_are_not_ready);
    RUN(test_ready_says_whether_every_input_could_be_used);
    RUN(test_rearming_after_a_trip_takes_a_new_act);
    RUN(test_histograms_record_what_each_period_took);
    RUN(test_heartbeat_advances_once_a_period);
    RUN(test_deadline_miss_is_counted_whatever_the_reason);
    return CHECK_DONE();
}
