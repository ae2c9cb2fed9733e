/* The probe in virtual time: it counts every period once, whatever the machine does. */
#include "amp/probe.h"

#include <string.h>

#include "check.h"
#include "seeded.h"
#include "virtual_platform.h"

#define MS ((amp_ns)1000000)
#define ORIGIN ((amp_ns)1000000000)
#define PERIODS 5000

static struct virtual_platform machine;
static struct amp_probe probe;
static amp_ns trace[PERIODS];
static amp_ns late_ns[64]; /* of each wake-up; then none */
static uint64_t wakes;
static uint64_t one_in; /* every so many looks at the clock or wake-ups: a stall; 0: none */

static void woken(void *script) {
    (void)script;
    machine.now_ns += wakes < 64 ? late_ns[wakes] : 0;
    wakes++;
    if (one_in != 0 && seeded_below(one_in) == 0) {
        machine.now_ns += (amp_ns)seeded_below(1u << (4 + seeded_below(20)));
    }
}

static amp_ns stalling_now(void *context) {
    if (one_in != 0 && seeded_below(8 * one_in) == 0) {
        machine.now_ns += (amp_ns)seeded_below(6000000);
    }
    return virtual_now(context);
}

static void open_at(amp_ns period_ns) {
    virtual_open(&machine, ORIGIN);
    machine.woken = woken;
    machine.platform.now = stalling_now;
    memset(late_ns, 0, sizeof late_ns);
    memset(trace, 0x7f, sizeof trace);
    wakes = 0;
    one_in = 0;
    probe = (struct amp_probe){
        .platform = &machine.platform,
        .pace = {.kind = AMP_PACE_SLEEP, .period_ns = period_ns},
    };
    CHECK(amp_probe_init(&probe) == AMP_OK);
}

static uint64_t in_buckets(const struct amp_probe_tally *tally) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < AMP_BUCKETS; i++) {
        sum += tally->buckets[i];
    }
    return sum;
}

static void test_a_punctual_machine_is_never_late(void) {
    open_at(MS);
    amp_probe_run(&probe, 1000, NULL);
    CHECK(probe.ticks == 1000 && probe.skipped == 0);
    CHECK(probe.wakeups.count == 1000 && probe.wakeups.max_ns == 0);
    CHECK(machine.now_ns == ORIGIN + 1000 * MS);
    CHECK(machine.sleeps == 1000);
}

static void test_each_latency_is_counted_above_its_bounds(void) {
    static const amp_ns values[] = {10000, 10001, 50000, 50001, 100000, 100001, 999999};
    open_at(2 * MS);
    memcpy(late_ns, values, sizeof values);
    amp_probe_run(&probe, 7, trace);
    CHECK(memcmp(trace, values, sizeof values) == 0);
    CHECK(probe.wakeups.over[0] == 6 && probe.wakeups.over[1] == 4);
    CHECK(probe.wakeups.over[2] == 2 && probe.wakeups.over[3] == 0);
    CHECK(probe.wakeups.max_ns == 999999);
    for (uint32_t i = 0; i < 7; i++) {
        CHECK(probe.wakeups.buckets[amp_bucket_of(values[i])] > 0);
    }
    CHECK(amp_probe_bound(0) == 10000 && amp_probe_bound(3) == MS);
    CHECK(amp_probe_bound(AMP_PROBE_BOUNDS) == 0);
}

static void test_late_wake_up_skips_what_it_slept_through(void) {
    static const amp_ns expected[] = {0, 33 * MS / 10, -1, -1, -1, 0, 0, MS, -1, 0};
    open_at(MS);
    late_ns[1] = 33 * MS / 10;
    late_ns[4] = MS;
    amp_probe_run(&probe, 10, trace);
    CHECK(memcmp(trace, expected, sizeof expected) == 0);
    CHECK(probe.ticks == 6 && probe.skipped == 4);
}

static void test_what_is_slept_through_at_the_end_is_not_counted_beyond_it(void) {
    open_at(MS);
    late_ns[7] = 50 * MS;
    amp_probe_run(&probe, 10, trace);
    CHECK(probe.ticks == 8 && probe.skipped == 2);
    CHECK(trace[9] == AMP_PROBE_SKIPPED && trace[10] != AMP_PROBE_SKIPPED);
}

static void test_slices_add_up_and_each_has_its_own_grid(void) {
    open_at(MS);
    amp_probe_run(&probe, 10, NULL);
    machine.now_ns += 123456789;
    const amp_ns begun = machine.now_ns;
    amp_probe_run(&probe, 5, NULL);
    CHECK(machine.now_ns == begun + 5 * MS);
    CHECK(probe.ticks == 15 && probe.wakeups.count == 15 && probe.wakeups.max_ns == 0);
}

static void test_accounting_is_exact_whatever_the_stalls(void) {
    for (int round = 0; round < 300; round++) {
        open_at(20000 + (amp_ns)seeded_below(3000000));
        one_in = 1 + seeded_below(30);
        const uint64_t periods = 1 + seeded_below(PERIODS - 1);
        const bool traced = seeded_below(2) == 0;
        amp_probe_run(&probe, periods, traced ? trace : NULL);
        CHECK(probe.ticks + probe.skipped == periods);
        CHECK(probe.wakeups.count == probe.ticks);
        CHECK(in_buckets(&probe.wakeups) == probe.ticks);
        uint64_t in_time = 0;
        for (uint64_t k = 0; traced && k < periods; k++) {
            in_time += trace[k] >= 0;
        }
        CHECK(!traced || in_time == probe.ticks);
    }
}

static void test_gaps_are_what_the_clock_jumped_over(void) {
    open_at(MS);
    machine.look_ns = 25;
    amp_probe_watch(&probe, 10 * MS);
    CHECK(probe.gaps.count == 0 && probe.gone_ns == 0);
    CHECK(probe.watched_ns >= 10 * MS && probe.watched_ns <= 10 * MS + 25);
    one_in = 100;
    amp_probe_watch(&probe, 100 * MS);
    CHECK(probe.watched_ns >= 110 * MS && probe.watched_ns <= 116 * MS + 25);
    CHECK(probe.gaps.count > 0 && in_buckets(&probe.gaps) == probe.gaps.count);
    CHECK(probe.gaps.max_ns <= 6 * MS + 25 && probe.gone_ns >= probe.gaps.max_ns);
    CHECK(probe.gone_ns < probe.watched_ns);
}

static void test_init_when_the_pace_is_out_of_range(void) {
    open_at(MS);
    probe.pace.period_ns = 0;
    CHECK(amp_probe_init(&probe) == -AMP_EARG);
}

static void test_gaps_are_noted_with_their_time_as_far_as_there_is_room(void) {
    struct amp_probe_gap gaps[4] = {{0, 0}};
    open_at(MS);
    machine.look_ns = AMP_PROBE_GAP_NS - 1;
    CHECK(amp_probe_gaps(&machine.platform, MS, gaps, 4) == 0);
    const amp_ns begun = machine.now_ns;
    machine.look_ns = AMP_PROBE_GAP_NS;
    CHECK(amp_probe_gaps(&machine.platform, 2 * AMP_PROBE_GAP_NS, gaps, 4) == 2);
    CHECK(gaps[0].begin_ns == begun + AMP_PROBE_GAP_NS);
    CHECK(gaps[1].begin_ns == begun + 2 * AMP_PROBE_GAP_NS);
    CHECK(gaps[0].length_ns == AMP_PROBE_GAP_NS && gaps[1].length_ns == AMP_PROBE_GAP_NS);
    const amp_ns again = machine.now_ns;
    gaps[3].length_ns = -1;
    CHECK(amp_probe_gaps(&machine.platform, MS, gaps, 3) == 3);
    CHECK(gaps[3].length_ns == -1);
    CHECK(machine.now_ns - again < 2 * MS);
}

int main(void) {
    seeded_begin();
    RUN(test_a_punctual_machine_is_never_late);
    RUN(test_each_latency_is_counted_above_its_bounds);
    RUN(test_late_wake_up_skips_what_it_slept_through);
    RUN(test_what_is_slept_through_at_the_end_is_not_counted_beyond_it);
    RUN(test_slices_add_up_and_each_has_its_own_grid);
    RUN(test_accounting_is_exact_whatever_the_stalls);
    RUN(test_gaps_are_what_the_clock_jumped_over);
    RUN(test_gaps_are_noted_with_their_time_as_far_as_there_is_room);
    RUN(test_init_when_the_pace_is_out_of_range);
    return CHECK_DONE();
}
