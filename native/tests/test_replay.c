/* A control role's loop, run through a trace that a probe has left: the same wake-ups, bucket by
 * bucket, and so the same skipped periods. */
#include "amp/replay.h"

#include "amp/probe.h"
#include "loop_rig.h"
#include "seeded.h"

#define PERIODS 20000

static struct amp_probe probe;
static struct amp_replay replay;
static amp_ns trace[PERIODS];
static amp_ns end_ns;

/* A machine to be measured: late by a little, now and then by much. Its end is quiet, so that the
 * loop counts its last wake-up too. */
static void stall(void *script) {
    struct virtual_platform *const machine = script;
    if (machine->now_ns >= RIG_ORIGIN + (PERIODS - 20) * RIG_PERIOD) {
        machine->now_ns += (amp_ns)seeded_below(77);
        return;
    }
    const uint64_t odds = seeded_below(1000);
    machine->now_ns += (amp_ns)seeded_below(odds < 3 ? 5000000 : odds < 100 ? 200000 : 20000);
}

static void measure(uint64_t periods) {
    static struct virtual_platform machine;
    virtual_open(&machine, RIG_ORIGIN);
    machine.woken = stall;
    machine.script = &machine;
    probe = (struct amp_probe){
        .platform = &machine.platform,
        .pace = {.kind = AMP_PACE_SLEEP, .period_ns = RIG_PERIOD},
    };
    CHECK(amp_probe_init(&probe) == AMP_OK);
    amp_probe_run(&probe, periods, trace);
}

static void (*replay_sleep)(void *context, amp_ns deadline);

/* The world around the loop, at each of its wake-ups. */
static void sleep_and_look_around(void *context, amp_ns deadline) {
    replay_sleep(context, deadline);
    rig.machine.now_ns = replay.now_ns;
    rig_world();
    if (replay.now_ns >= end_ns) {
        amp_system_set_role(&rig.system, RIG_ROLE, AMP_ROLE_ENDING, 1, 1, AMP_WANTED_END);
    }
}

static void run_loop(uint64_t periods) {
    rig_prepare();
    CHECK(amp_replay_open(&replay, trace, periods, RIG_PERIOD, RIG_ORIGIN) == AMP_OK);
    replay_sleep = replay.platform.sleep_until;
    replay.platform.sleep_until = sleep_and_look_around;
    end_ns = RIG_ORIGIN + (amp_ns)periods * RIG_PERIOD;
    rig.loop.platform = &replay.platform;
    rig.loop.timing.blackout_ns = 1000 * MS;
    CHECK(amp_loop_init(&rig.loop) == 0);
    CHECK(amp_loop_run(&rig.loop) == AMP_LOOP_ENDED);
}

static void test_loop_meets_the_wake_ups_of_the_trace(void) {
    measure(PERIODS);
    uint64_t buckets[AMP_BUCKETS] = {0};
    uint64_t skipped = 0;
    for (uint64_t k = 0; k < PERIODS; k++) {
        skipped += trace[k] == AMP_PROBE_SKIPPED;
        if (trace[k] >= 0) {
            buckets[amp_bucket_of(trace[k])]++;
        }
    }
    CHECK(skipped > 10);
    run_loop(PERIODS);
    const struct amp_histogram_words *const wakeup = &rig.owner.histograms[AMP_HISTOGRAM_WAKEUP];
    for (uint32_t i = 0; i < AMP_BUCKETS; i++) {
        CHECK(amp_load_relaxed(&wakeup->buckets[i]) == buckets[i]);
    }
    CHECK((amp_ns)amp_load_relaxed(&wakeup->max) == probe.wakeups.max_ns);
    CHECK(rig_count(AMP_COUNT_SKIPPED) == skipped);
    CHECK(rig_count(AMP_COUNT_TICKS) + skipped == PERIODS - 1);
    CHECK(replay.sleeps == PERIODS - skipped);
}

static void test_trace_begins_again_when_it_is_over(void) {
    static const amp_ns short_trace[] = {5, 0, 7};
    CHECK(amp_replay_open(&replay, short_trace, 3, MS, RIG_ORIGIN) == AMP_OK);
    const struct amp_platform *const platform = &replay.platform;
    for (amp_ns k = 1; k <= 30; k++) {
        platform->sleep_until(platform->context, RIG_ORIGIN + k * MS);
        const amp_ns late = platform->now(platform->context) - RIG_ORIGIN - k * MS;
        CHECK(late == short_trace[(k - 1) % 3]);
    }
    CHECK(platform->boottime(platform->context) == platform->now(platform->context));
}

static void test_release_that_was_skipped_is_met_in_time(void) {
    static const amp_ns skips[] = {0, AMP_PROBE_SKIPPED, 0};
    CHECK(amp_replay_open(&replay, skips, 3, MS, RIG_ORIGIN) == AMP_OK);
    const struct amp_platform *const platform = &replay.platform;
    platform->sleep_until(platform->context, RIG_ORIGIN + 2 * MS);
    CHECK(platform->now(platform->context) == RIG_ORIGIN + 2 * MS);
}

static void test_clock_never_goes_back(void) {
    static const amp_ns late[] = {9 * MS, 0, 0};
    CHECK(amp_replay_open(&replay, late, 3, MS, RIG_ORIGIN) == AMP_OK);
    const struct amp_platform *const platform = &replay.platform;
    platform->sleep_until(platform->context, RIG_ORIGIN + MS);
    platform->sleep_until(platform->context, RIG_ORIGIN + 2 * MS);
    CHECK(platform->now(platform->context) == RIG_ORIGIN + 10 * MS);
    platform->sleep_until(platform->context, 1); /* long before the trace began */
    CHECK(platform->now(platform->context) == RIG_ORIGIN + 10 * MS);
}

static void test_open_refuses_what_cannot_be_replayed(void) {
    CHECK(amp_replay_open(&replay, trace, 0, MS, RIG_ORIGIN) == -AMP_EARG);
    CHECK(amp_replay_open(&replay, trace, 1, 0, RIG_ORIGIN) == -AMP_EARG);
    CHECK(amp_replay_open(&replay, trace, 1, MS, 0) == -AMP_EARG);
}

int main(void) {
    seeded_begin();
    RUN(test_loop_meets_the_wake_ups_of_the_trace);
    RUN(test_trace_begins_again_when_it_is_over);
    RUN(test_release_that_was_skipped_is_met_in_time);
    RUN(test_clock_never_goes_back);
    RUN(test_open_refuses_what_cannot_be_replayed);
    return CHECK_DONE();
}
