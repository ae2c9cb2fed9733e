/* The watchdog in virtual time, pass by pass, and once as the thread it is. */
#include "watch_rig.h"

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
    RUN(test_thread_trips_publishes_and_ends);
    free(watch);
    return CHECK_DONE();
}
