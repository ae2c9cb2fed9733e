/* Operator values: set by people or following a profile, published by the watchdog. */
#include "watch_rig.h"

static void test_value_when_its_profile_is_bad(void) {
    static const double falling[] = {0, 2, 1};
    static const double twice[] = {0, 1, 1};
    static const double late[] = {0.5, 1, 2};
    static const double odd[] = {0, NAN, 2};
    static const double no_length[] = {0, 1e-12};
    static const double good[] = {0, 1, 2};
    open_watch();
    CHECK(amp_watch_add_value(watch, 0, falling, good, 3) == -AMP_EARG);
    CHECK(amp_watch_add_value(watch, 0, twice, good, 3) == -AMP_EARG);
    CHECK(amp_watch_add_value(watch, 0, late, good, 3) == -AMP_EARG);
    CHECK(amp_watch_add_value(watch, 0, odd, good, 3) == -AMP_EARG);
    CHECK(amp_watch_add_value(watch, 0, good, odd, 3) == -AMP_EARG);
    CHECK(amp_watch_add_value(watch, 0, NULL, good, 3) == -AMP_EARG);
    CHECK(amp_watch_add_value(watch, 0, good, NULL, 3) == -AMP_EARG);
    CHECK(amp_watch_add_value(watch, NAN, NULL, NULL, 0) == -AMP_EARG);
    CHECK(amp_watch_add_value(watch, 0, good, good, 1) == -AMP_EARG);
    CHECK(amp_watch_add_value(watch, 0, no_length, good, 2) == -AMP_EARG);
    for (int i = 0; i < 3; i++) { /* as many as the channel has words */
        CHECK(amp_watch_add_value(watch, 0, good, good, 3) == 0);
    }
    CHECK(amp_watch_add_value(watch, 0, good, good, 3) == -AMP_EARG);
}

static void set(uint32_t index, double to) {
    amp_watch_set_values(watch, &index, &to, 1);
}

/* Pass at |now_ns|, at the next operator period at the latest. */
static void pass_at(amp_ns now_ns) {
    machine.now_ns = now_ns;
    amp_watch_pass(watch, now_ns);
}

static void test_values_are_published_at_their_own_period(void) {
    open_watch();
    CHECK(amp_watch_add_value(watch, 1.5, NULL, NULL, 0) == 0);
    CHECK(amp_watch_add_value(watch, -2, NULL, NULL, 0) == 0);
    passes(100);
    const uint64_t count = amp_channel_count(&channel);
    CHECK(count == 10 || count == 11);
    CHECK(is(value(0), 1.5) && is(value(1), -2));
    CHECK(last.sample.t_ns <= machine.now_ns && last.sample.t_ns > machine.now_ns - 10 * MS);
}

static void test_value_when_set_is_published_next(void) {
    open_watch();
    CHECK(amp_watch_add_value(watch, 1, NULL, NULL, 0) == 0);
    CHECK(amp_watch_add_value(watch, 2, NULL, NULL, 0) == 0);
    passes(20);
    set(1, -7.25);
    passes(10);
    CHECK(is(value(0), 1) && is(value(1), -7.25));
    passes(1000);
    CHECK(is(value(1), -7.25));
}

static const double times_s[] = {0, 1, 1.5, 4};
static const double points[] = {2, 6, 6, -4};

static void open_profile(void) {
    open_watch();
    CHECK(amp_watch_add_value(watch, 2, times_s, points, 4) == 0);
    CHECK(amp_watch_add_value(watch, 9, NULL, NULL, 0) == 0);
}

static void test_profile_when_not_started_holds(void) {
    open_profile();
    passes(5000);
    CHECK(is(value(0), 2) && is(value(1), 9));
}

static void test_profile_when_its_start_is_to_come_holds(void) {
    open_profile();
    amp_watch_run_profiles(watch, START + 3000 * MS);
    for (amp_ns t = 0; t <= 3000 * MS; t += 10 * MS) {
        pass_at(START + t);
        CHECK(is(value(0), 2));
    }
}

static void test_value_when_set_stands_in_place_of_its_profile_until_it_is_run_again(void) {
    open_profile();
    CHECK(!amp_watch_follows_profile(watch, 0) && !amp_watch_follows_profile(watch, 1));
    amp_watch_run_profiles(watch, START);
    pass_at(START + 500 * MS);
    CHECK(is(value(0), 4));
    CHECK(amp_watch_follows_profile(watch, 0) && !amp_watch_follows_profile(watch, 1));
    set(0, 55);
    CHECK(!amp_watch_follows_profile(watch, 0));
    for (amp_ns t = 510 * MS; t < 9000 * MS; t += 10 * MS) {
        pass_at(START + t);
        CHECK(is(value(0), 55));
    }
    amp_watch_run_profiles(watch, 0); /* disarmed: it was set, it stands */
    pass_at(START + 9000 * MS);
    CHECK(is(value(0), 55));
    amp_watch_run_profiles(watch, START + 9000 * MS);
    CHECK(amp_watch_follows_profile(watch, 0));
    pass_at(START + 9500 * MS);
    CHECK(is(value(0), 4));
}

static void test_values_set_together_are_published_together(void) {
    open_watch();
    for (int i = 0; i < 3; i++) {
        CHECK(amp_watch_add_value(watch, 0, NULL, NULL, 0) == 0);
    }
    pass_at(START);
    const uint32_t indices[] = {2, 0};
    for (int turn = 1; turn <= 50; turn++) {
        const double values[] = {turn, -turn};
        amp_watch_set_values(watch, indices, values, 2);
        pass_at(START + 10 * MS * turn);
        CHECK(is(value(2), turn) && is(value(0), -turn) && is(value(1), 0));
    }
}

static void test_profile_runs_on_straight_lines_over_and_over(void) {
    static const struct {
        amp_ns at;
        double value;
    } vectors[] = {
        {0, 2},         {250 * MS, 3},  {500 * MS, 4},  {1000 * MS, 6},
        {1250 * MS, 6}, {1500 * MS, 6}, {2750 * MS, 1}, {3750 * MS, -3},
    };
    open_profile();
    amp_watch_run_profiles(watch, START);
    for (int turn = 0; turn < 3; turn++) {
        for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
            pass_at(START + turn * 4000 * MS + vectors[i].at);
            CHECK(is(value(0), vectors[i].value));
            CHECK(is(value(1), 9)); /* the one without a profile stands */
        }
    }
}

static void test_profile_when_stopped_goes_back_to_where_it_began(void) {
    open_profile();
    amp_watch_run_profiles(watch, START);
    pass_at(START + 500 * MS);
    CHECK(is(value(0), 4));
    amp_watch_run_profiles(watch, 0);
    pass_at(START + 600 * MS);
    CHECK(is(value(0), 2));
    amp_watch_run_profiles(watch, START + 600 * MS);
    pass_at(START + 850 * MS);
    CHECK(is(value(0), 3));
}

static void test_profile_runs_over_a_value_that_was_set(void) {
    open_profile();
    set(0, 100);
    pass_at(START + 10 * MS);
    CHECK(is(value(0), 100));
    amp_watch_run_profiles(watch, START + 10 * MS);
    pass_at(START + 510 * MS);
    CHECK(is(value(0), 4));
}

static void test_profile_when_as_short_as_can_be_runs(void) {
    static const double tiny[] = {0, 1e-9};
    static const double ends[] = {5, 5};
    open_watch();
    CHECK(amp_watch_add_value(watch, 1, tiny, ends, 2) == 0);
    amp_watch_run_profiles(watch, START);
    pass_at(START + 10 * MS);
    CHECK(is(value(0), 5));
}

int main(void) {
    RUN(test_value_when_its_profile_is_bad);
    RUN(test_values_are_published_at_their_own_period);
    RUN(test_value_when_set_is_published_next);
    RUN(test_profile_when_not_started_holds);
    RUN(test_profile_when_its_start_is_to_come_holds);
    RUN(test_value_when_set_stands_in_place_of_its_profile_until_it_is_run_again);
    RUN(test_values_set_together_are_published_together);
    RUN(test_profile_runs_on_straight_lines_over_and_over);
    RUN(test_profile_when_stopped_goes_back_to_where_it_began);
    RUN(test_profile_runs_over_a_value_that_was_set);
    RUN(test_profile_when_as_short_as_can_be_runs);
    free(watch);
    return CHECK_DONE();
}
