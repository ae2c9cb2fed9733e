/* The watchdog in virtual time, pass by pass, and once as the thread it is. */
#include <math.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "../src/layout.h"
#include "amp/watch.h"
#include "check.h"
#include "virtual_platform.h"

#define MS ((amp_ns)1000000)
#define START ((amp_ns)5000000000)
#define BOUND (20 * MS)
#define ROLES 4

static struct virtual_platform machine;
static struct amp_system blank_system;
static struct amp_owner supervisor;
static struct amp_owner roles[ROLES];
static alignas(AMP_CACHE_LINE) unsigned char bytes[8192];
static struct amp_channel channel;
static struct amp_watch *watch;
static bool beats[ROLES];

static void open_channel(uint32_t words) {
    memset(bytes, 0, sizeof bytes);
    CHECK(amp_channel_bind(&channel, bytes, sizeof bytes, words, 8) == 0);
    amp_channel_attach(&channel, 1);
}

static void allocate(void) {
    free(watch);
    watch = aligned_alloc(16, (amp_watch_size() + 15) / 16 * 16);
    CHECK(watch != NULL);
    memset(watch, 0x5a, amp_watch_size()); /* init clears what it needs */
    memset(&blank_system, 0, sizeof blank_system);
    memset(&supervisor, 0, sizeof supervisor);
    memset(roles, 0, sizeof roles);
    virtual_open(&machine, START);
}

/* Roles 1 to 4 are watched, with bounds of 20, 40, 60 and 80 ms; act 5 is armed. */
static void open_watch(void) {
    allocate();
    open_channel(3);
    CHECK(amp_watch_init(watch, &machine.platform, &blank_system, &supervisor, &channel, MS,
                         10 * MS) == 0);
    for (uint32_t i = 0; i < ROLES; i++) {
        CHECK(amp_watch_add_role(watch, 1 + i, &roles[i], BOUND * (i + 1)) == 0);
        beats[i] = true;
    }
    amp_system_set_mode(&blank_system, AMP_MODE_ARMED, 5);
}

static void pass(void) {
    machine.now_ns += MS;
    for (uint32_t i = 0; i < ROLES; i++) {
        if (beats[i]) {
            amp_owner_beat(&roles[i], AMP_AT_WAIT, machine.now_ns);
        }
    }
    amp_watch_pass(watch, machine.now_ns);
}

static void passes(int times) {
    for (int i = 0; i < times; i++) {
        pass();
    }
}

static bool tripped(uint32_t *role) {
    enum amp_fault fault = AMP_FAULT_NONE;
    const bool latched = amp_system_tripped(&blank_system, 5, &fault, role);
    CHECK(!latched || fault == AMP_FAULT_HEARTBEAT);
    return latched;
}

/* Heartbeats. */

static void test_heartbeats_that_move_trip_nothing(void) {
    open_watch();
    for (uint32_t i = 0; i < ROLES; i++) {
        amp_watch_enable(watch, 1 + i, true);
    }
    passes(10000);
    CHECK(!tripped(NULL));
    for (uint32_t i = 0; i < ROLES; i++) {
        CHECK(amp_watch_stopped_at(watch, 1 + i) == 0);
    }
    CHECK(amp_watch_put_off(watch) == 0);
}

static void test_stopped_heartbeat_trips_at_its_bound_and_not_before(void) {
    for (uint32_t i = 0; i < ROLES; i++) {
        uint32_t role = 99;
        open_watch();
        amp_watch_enable(watch, 1 + i, true);
        passes(50);
        beats[i] = false;
        passes((int)(BOUND / MS * (i + 1)));
        CHECK(!tripped(NULL) && amp_watch_stopped_at(watch, 1 + i) == 0);
        pass();
        CHECK(tripped(&role) && role == 1 + i);
        CHECK(amp_watch_stopped_at(watch, 1 + i) == machine.now_ns);
    }
}

static void test_role_that_never_beat_trips_after_its_bound(void) {
    open_watch();
    beats[0] = false;
    passes(100); /* disabled: it may take its time to start */
    CHECK(!tripped(NULL));
    amp_watch_enable(watch, 1, true);
    passes(20);
    CHECK(!tripped(NULL));
    passes(2);
    CHECK(tripped(NULL));
}

static void test_role_that_is_disabled_trips_nothing(void) {
    open_watch();
    amp_watch_enable(watch, 1, true);
    passes(10);
    amp_watch_enable(watch, 1, false);
    beats[0] = false;
    passes(1000);
    CHECK(!tripped(NULL) && amp_watch_stopped_at(watch, 1) == 0);
}

static void test_enabling_again_starts_the_wait_over_and_clears(void) {
    open_watch();
    amp_watch_enable(watch, 1, true);
    passes(5);
    beats[0] = false;
    passes(30);
    CHECK(amp_watch_stopped_at(watch, 1) != 0);
    amp_watch_enable(watch, 1, false);
    passes(30);
    amp_watch_enable(watch, 1, true);
    pass();
    CHECK(amp_watch_stopped_at(watch, 1) == 0);
    amp_system_set_mode(&blank_system, AMP_MODE_ARMED, 6);
    passes(18);
    CHECK(!amp_system_tripped(&blank_system, 6, NULL, NULL));
    passes(4);
    CHECK(amp_system_tripped(&blank_system, 6, NULL, NULL));
    CHECK(amp_watch_stopped_at(watch, 1) != 0);
}

static void test_enabling_again_between_two_passes_starts_over_too(void) {
    open_watch();
    amp_watch_enable(watch, 1, true);
    passes(5);
    beats[0] = false;
    passes(30);
    CHECK(amp_watch_stopped_at(watch, 1) != 0);
    amp_watch_enable(watch, 1, false);
    CHECK(amp_watch_stopped_at(watch, 1) != 0); /* still to be read */
    amp_watch_enable(watch, 1, true);
    CHECK(amp_watch_stopped_at(watch, 1) == 0);
    amp_system_set_mode(&blank_system, AMP_MODE_ARMED, 6);
    passes(21);
    CHECK(!amp_system_tripped(&blank_system, 6, NULL, NULL));
    pass();
    CHECK(amp_system_tripped(&blank_system, 6, NULL, NULL));
}

static void test_stopped_heartbeat_that_moves_again_stays_found(void) {
    open_watch();
    amp_watch_enable(watch, 1, true);
    passes(5);
    beats[0] = false;
    passes(30);
    const amp_ns stopped_at = amp_watch_stopped_at(watch, 1);
    CHECK(stopped_at != 0);
    beats[0] = true;
    passes(100);
    CHECK(amp_watch_stopped_at(watch, 1) == stopped_at);
    CHECK(tripped(NULL));
}

static void test_checkpoint_without_progress_is_no_heartbeat(void) {
    open_watch();
    amp_watch_enable(watch, 1, true);
    passes(5);
    beats[0] = false;
    for (int i = 0; i < 21; i++) {
        amp_owner_at(&roles[0], i % 2 == 0 ? AMP_AT_LAW : AMP_AT_READ);
        pass();
    }
    CHECK(tripped(NULL));
}

static void test_first_role_found_stays_in_the_word(void) {
    uint32_t role = 0;
    open_watch();
    amp_watch_enable(watch, 1, true);
    amp_watch_enable(watch, 2, true);
    passes(5);
    beats[0] = false;
    beats[1] = false;
    passes(60);
    CHECK(amp_watch_stopped_at(watch, 2) > amp_watch_stopped_at(watch, 1));
    CHECK(amp_watch_stopped_at(watch, 1) > 0);
    CHECK(tripped(&role) && role == 1);
}

static void test_watch_that_was_late_starts_the_wait_over(void) {
    open_watch();
    amp_watch_enable(watch, 1, true);
    passes(50);
    beats[0] = false;
    passes(15);
    machine.now_ns += 10 * MS; /* with the pass itself more than half of 20 ms */
    pass();
    CHECK(!tripped(NULL));
    CHECK(amp_watch_put_off(watch) == 1);
    passes(20);
    CHECK(!tripped(NULL));
    passes(1);
    CHECK(tripped(NULL)); /* put off, not forgiven */
}

static void test_watch_that_was_a_little_late_still_judges(void) {
    open_watch();
    amp_watch_enable(watch, 1, true);
    passes(50);
    beats[0] = false;
    passes(12);
    machine.now_ns += 8 * MS;
    pass();
    CHECK(amp_watch_put_off(watch) == 0);
    CHECK(tripped(NULL));
}

static void test_watch_that_was_late_judges_what_has_a_longer_bound(void) {
    open_watch();
    amp_watch_enable(watch, 4, true); /* 80 ms */
    passes(50);
    beats[3] = false;
    passes(60);
    machine.now_ns += 25 * MS;
    pass();
    CHECK(tripped(NULL));
}

/* Refusals. */

static void test_init_and_roles_when_arguments_are_bad(void) {
    allocate();
    open_channel(3);
    CHECK(amp_watch_init(watch, &machine.platform, &blank_system, &supervisor, &channel, 0,
                         10 * MS) == -AMP_EARG);
    CHECK(amp_watch_init(watch, &machine.platform, &blank_system, &supervisor, &channel, MS, 0) ==
          -AMP_EARG);
    CHECK(amp_watch_init(watch, &machine.platform, &blank_system, &supervisor, NULL, MS, 10 * MS) ==
          0);
    CHECK(amp_watch_add_role(watch, AMP_ROLES_MAX, &roles[0], BOUND) == -AMP_EARG);
    CHECK(amp_watch_add_role(watch, 1, &roles[0], 0) == -AMP_EARG);
    CHECK(amp_watch_add_role(watch, 1, &roles[0], -1) == -AMP_EARG);
    CHECK(amp_watch_add_role(watch, 1, NULL, BOUND) == -AMP_EARG);
}

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

/* Operator values. */

static union {
    struct amp_sample sample;
    uint64_t words[3 + 3];
} last;

static double value(uint32_t index) {
    double real;
    CHECK(amp_channel_latest(&channel, &last.sample, NULL) == AMP_READ_VALUE);
    memcpy(&real, &last.sample.words[index], sizeof real);
    return real;
}

static bool is(double a, double b) {
    return fabs(a - b) < 1e-9;
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
    amp_watch_set_value(watch, 1, -7.25);
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

static void test_value_when_set_before_its_profile_starts_stands_until_then(void) {
    open_profile();
    amp_watch_run_profiles(watch, START + 1000 * MS);
    amp_watch_set_value(watch, 0, 55);
    pass_at(START + 990 * MS);
    CHECK(is(value(0), 55));
    pass_at(START + 1500 * MS);
    CHECK(is(value(0), 4));
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
    amp_watch_set_value(watch, 0, 100);
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

/* The thread. */

static void test_thread_trips_publishes_and_ends(void) {
    const struct amp_platform *const real = amp_platform_linux();
    int granted = -1;
    allocate();
    open_channel(1);
    CHECK(amp_watch_init(watch, real, &blank_system, &supervisor, &channel, MS, 2 * MS) == 0);
    CHECK(amp_watch_add_role(watch, 1, &roles[0], 5 * MS) == 0);
    CHECK(amp_watch_add_value(watch, 42, NULL, NULL, 0) == 0);
    amp_system_set_mode(&blank_system, AMP_MODE_ARMED, 5);
    CHECK(amp_watch_start(watch, -1, 0, &granted) == 0);
    CHECK(granted == 0);
    amp_watch_enable(watch, 1, true);
    const amp_ns deadline = real->now(real->context) + 10000 * MS;
    while (real->now(real->context) < deadline &&
           (!tripped(NULL) || amp_channel_count(&channel) < 5)) {
        real->sleep_until(real->context, real->now(real->context) + MS);
    }
    CHECK(tripped(NULL));
    CHECK(amp_watch_stopped_at(watch, 1) > 0);
    CHECK(is(value(0), 42));
    CHECK(amp_watch_stop(watch) == 0);
    const uint64_t count = amp_channel_count(&channel);
    real->sleep_until(real->context, real->now(real->context) + 10 * MS);
    CHECK(amp_channel_count(&channel) == count);
    struct amp_summary wakeup;
    amp_owner_summary(&supervisor, AMP_HISTOGRAM_WAKEUP, &wakeup);
    CHECK(wakeup.count > 5);
}

int main(void) {
    RUN(test_heartbeats_that_move_trip_nothing);
    RUN(test_stopped_heartbeat_trips_at_its_bound_and_not_before);
    RUN(test_role_that_never_beat_trips_after_its_bound);
    RUN(test_role_that_is_disabled_trips_nothing);
    RUN(test_enabling_again_starts_the_wait_over_and_clears);
    RUN(test_enabling_again_between_two_passes_starts_over_too);
    RUN(test_stopped_heartbeat_that_moves_again_stays_found);
    RUN(test_checkpoint_without_progress_is_no_heartbeat);
    RUN(test_first_role_found_stays_in_the_word);
    RUN(test_watch_that_was_late_starts_the_wait_over);
    RUN(test_watch_that_was_a_little_late_still_judges);
    RUN(test_watch_that_was_late_judges_what_has_a_longer_bound);
    RUN(test_init_and_roles_when_arguments_are_bad);
    RUN(test_value_when_its_profile_is_bad);
    RUN(test_values_are_published_at_their_own_period);
    RUN(test_value_when_set_is_published_next);
    RUN(test_profile_when_not_started_holds);
    RUN(test_profile_when_its_start_is_to_come_holds);
    RUN(test_value_when_set_before_its_profile_starts_stands_until_then);
    RUN(test_profile_runs_on_straight_lines_over_and_over);
    RUN(test_profile_when_stopped_goes_back_to_where_it_began);
    RUN(test_profile_runs_over_a_value_that_was_set);
    RUN(test_profile_when_as_short_as_can_be_runs);
    RUN(test_thread_trips_publishes_and_ends);
    free(watch);
    return CHECK_DONE();
}
