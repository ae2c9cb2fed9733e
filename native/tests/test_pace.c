/* amp_pace_until() in virtual time: each kind on a machine that wakes late, and how the margin
 * follows it. */
#include "amp/pace.h"

#include <string.h>

#include "check.h"
#include "seeded.h"
#include "virtual_platform.h"

#define US ((amp_ns)1000)
#define MS ((amp_ns)1000000)
#define LOOK_NS 25

/* A machine whose wake-ups are |usual_ns| late and a little, and one in |rare_in| by |rare_ns|. */
static struct machine {
    struct virtual_platform clock;
    amp_ns usual_ns, rare_ns;
    uint64_t rare_in;
} machine;

static void woken(void *script) {
    struct machine *const at = script;
    at->clock.now_ns += at->usual_ns + (amp_ns)seeded_below(2 * US);
    if (at->rare_in != 0 && seeded_below(at->rare_in) == 0) {
        at->clock.now_ns += at->rare_ns;
    }
}

static struct amp_pace opened(enum amp_pace_kind kind, amp_ns period, amp_ns usual_ns) {
    memset(&machine, 0, sizeof machine);
    virtual_open(&machine.clock, 1000 * MS);
    machine.clock.look_ns = LOOK_NS;
    machine.clock.woken = woken;
    machine.clock.script = &machine;
    machine.usual_ns = usual_ns;
    struct amp_pace pace = {.kind = kind, .period_ns = period};
    CHECK(amp_pace_init(&pace) == 0);
    return pace;
}

/* What a loop on the grid saw: its latencies, and how much of its time it slept. */
struct seen {
    uint64_t periods, late_10us, skipped, sleeps_most;
    amp_ns late_ns_max;
    double asleep;
};

static struct seen run(struct amp_pace *pace, uint64_t periods, amp_ns law_ns) {
    struct seen seen = {0};
    const struct amp_platform *const platform = &machine.clock.platform;
    amp_ns release = machine.clock.now_ns + pace->period_ns;
    const amp_ns began = machine.clock.now_ns;
    amp_ns busy = 0;
    while (seen.periods < periods) {
        const uint64_t sleeps = machine.clock.sleeps;
        const amp_ns before = machine.clock.now_ns;
        const amp_ns wake = amp_pace_until(pace, platform, release);
        const uint64_t slept = machine.clock.sleeps - sleeps;
        busy += slept == 0 ? wake - before : wake - pace->slept_ns;
        const amp_ns late = wake - release;
        CHECK(late >= 0 && wake == machine.clock.now_ns);
        seen.periods++;
        seen.late_10us += late > 10 * US ? 1 : 0;
        seen.late_ns_max = late > seen.late_ns_max ? late : seen.late_ns_max;
        seen.sleeps_most = slept > seen.sleeps_most ? slept : seen.sleeps_most;
        seen.skipped += (uint64_t)(late / pace->period_ns);
        release += (late / pace->period_ns + 1) * pace->period_ns;
        machine.clock.now_ns += law_ns;
        busy += law_ns;
    }
    seen.asleep = 1.0 - (double)busy / (double)(machine.clock.now_ns - began);
    return seen;
}

static void test_sleep_is_as_late_as_the_machine_and_sleeps_once_a_period(void) {
    struct amp_pace pace = opened(AMP_PACE_SLEEP, MS, 15 * US);
    amp_pace_calibrate(&pace, &machine.clock.platform);
    CHECK(machine.clock.sleeps == 0 && pace.margin_ns == 0);
    const struct seen seen = run(&pace, 1000, US);
    CHECK(seen.late_10us == 1000);
    CHECK(machine.clock.sleeps == 1000 && seen.sleeps_most == 1);
    CHECK(pace.margin_ns == 0 && pace.sleeps == 1000);
}

static void test_hybrid_is_on_time_and_sleeps_once_a_period(void) {
    struct amp_pace pace = opened(AMP_PACE_HYBRID, MS, 15 * US);
    amp_pace_calibrate(&pace, &machine.clock.platform);
    CHECK(pace.wakeup_ns >= 16 * US && pace.wakeup_ns <= 18 * US);
    CHECK(pace.margin_ns == pace.wakeup_ns + pace.wakeup_ns / 8);
    machine.clock.sleeps = 0;
    const struct seen seen = run(&pace, 1000, US);
    CHECK(seen.late_ns_max <= 2 * US && pace.late <= 5);
    CHECK(machine.clock.sleeps == 1000 && seen.sleeps_most == 1);
    CHECK(seen.asleep > 0.97);
}

static void test_calibration_finds_the_99th_percentile(void) {
    struct amp_pace pace = opened(AMP_PACE_HYBRID, 10 * MS, 0);
    machine.rare_in = 10;
    machine.rare_ns = 100 * US;
    amp_pace_calibrate(&pace, &machine.clock.platform);
    CHECK(machine.clock.sleeps == AMP_PACE_TRIALS);
    CHECK(pace.wakeup_ns >= 100 * US && pace.wakeup_ns < 103 * US);
    CHECK(machine.clock.now_ns - 1000 * MS < AMP_PACE_TRIALS * (AMP_PACE_TRIAL_NS_MAX + 103 * US));
}

static void test_calibration_is_not_led_by_one_stall(void) {
    struct amp_pace pace = opened(AMP_PACE_HYBRID, 10 * MS, 5 * US);
    machine.clock.look_ns = 0;
    machine.rare_in = AMP_PACE_TRIALS * 4;
    machine.rare_ns = 5 * MS;
    uint64_t led = 0;
    for (int i = 0; i < 100; i++) { /* two stalls among 128 */
        amp_pace_calibrate(&pace, &machine.clock.platform);
        led += pace.wakeup_ns > 10 * US ? 1 : 0;
    }
    CHECK(led <= 10);
}

static void test_margin_is_capped_as_a_share_of_the_period(void) {
    CHECK(amp_pace_margin_most(10 * MS) == 500 * US);
    CHECK(amp_pace_margin_most(MS) == 50 * US);
    CHECK(amp_pace_margin_most(100 * US) == 33333);
    CHECK(amp_pace_margin_most(60 * US) == 20 * US);
    CHECK(amp_pace_margin_most(1) == 0);
    struct amp_pace pace = opened(AMP_PACE_HYBRID, MS, 400 * US);
    amp_pace_calibrate(&pace, &machine.clock.platform);
    CHECK(pace.wakeup_ns >= 400 * US && pace.margin_ns == 50 * US);
    const struct seen seen = run(&pace, 1000, US); /* late, but not later than `sleep` */
    CHECK(pace.margin_ns <= 50 * US && pace.late == 1000);
    CHECK(seen.late_ns_max <= 353 * US && seen.skipped == 0);
}

static void test_margin_follows_a_machine_that_changes(void) {
    struct amp_pace pace = opened(AMP_PACE_HYBRID, 10 * MS, 10 * US);
    amp_pace_calibrate(&pace, &machine.clock.platform);
    machine.usual_ns = 90 * US;
    (void)run(&pace, 100, US);
    CHECK(pace.margin_ns > 90 * US && pace.margin_ns < 100 * US);
    machine.usual_ns = 10 * US;
    (void)run(&pace, 20000, US);
    CHECK(pace.margin_ns >= 10 * US && pace.margin_ns < 20 * US);
}

static void test_margin_leaves_one_in_four_hundred_late(void) {
    struct amp_pace pace = opened(AMP_PACE_HYBRID, 10 * MS, 10 * US);
    machine.rare_in = 4000; /* too rare to pay for */
    machine.rare_ns = MS;
    (void)run(&pace, 100000, US);
    CHECK(pace.margin_ns < 20 * US);
    CHECK(pace.late > 100 && pace.late < 500);
}

static void test_past_release_returns_at_once(void) {
    for (int kind = AMP_PACE_SLEEP; kind <= AMP_PACE_SPIN; kind++) {
        struct amp_pace pace = opened((enum amp_pace_kind)kind, MS, 10 * US);
        const amp_ns now = machine.clock.now_ns;
        CHECK(amp_pace_until(&pace, &machine.clock.platform, now) == now + LOOK_NS);
        CHECK(amp_pace_until(&pace, &machine.clock.platform, now - 5 * MS) == now + 2 * LOOK_NS);
        CHECK(machine.clock.sleeps == 0);
    }
}

static void test_near_release_is_left_to_the_clock(void) {
    struct amp_pace pace = opened(AMP_PACE_HYBRID, MS, 10 * US);
    pace.slept_ns = machine.clock.now_ns;
    const amp_ns release = machine.clock.now_ns + pace.margin_ns;
    CHECK(amp_pace_until(&pace, &machine.clock.platform, release) - release <= LOOK_NS);
    CHECK(machine.clock.sleeps == 0);
}

static void test_hybrid_never_goes_for_ever_without_a_sleep(void) {
    struct amp_pace pace = opened(AMP_PACE_HYBRID, 100 * US, 15 * US);
    const struct seen seen = run(&pace, 10000, 80 * US); /* leaves less than the margin */
    CHECK(pace.margin_ns > 20 * US);
    CHECK(machine.clock.sleeps >= 10000 / 82);
    CHECK(seen.late_10us <= 10000 / 80);
    CHECK(seen.skipped == 0);
}

static void test_spin_naps_and_is_on_time(void) {
    const amp_ns periods[] = {10 * MS, MS, 250 * US, 100 * US};
    for (size_t i = 0; i < sizeof periods / sizeof periods[0]; i++) {
        struct amp_pace pace = opened(AMP_PACE_SPIN, periods[i], 12 * US);
        amp_pace_calibrate(&pace, &machine.clock.platform);
        machine.clock.sleeps = 0;
        const struct seen seen = run(&pace, (uint64_t)(2000 * MS / periods[i]), US);
        CHECK(seen.late_ns_max <= LOOK_NS);
        CHECK(seen.skipped == 0 && seen.sleeps_most == 1);
        CHECK(seen.asleep > 0.055 && seen.asleep < 0.2); /* Linux wants 0.05 */
    }
}

static void test_spin_naps_nowhere_else_than_where_there_is_room(void) {
    struct amp_pace pace = opened(AMP_PACE_SPIN, MS, 10 * US);
    const struct seen seen = run(&pace, 1000, 930 * US);
    CHECK(seen.late_ns_max <= LOOK_NS && machine.clock.sleeps <= 1); /* before the first law */
}

static void test_init_refuses_what_makes_no_sense(void) {
    struct amp_pace pace = {.kind = AMP_PACE_HYBRID};
    CHECK(amp_pace_init(&pace) == -AMP_EARG);
    pace.period_ns = MS;
    pace.margin_most_ns = -1;
    CHECK(amp_pace_init(&pace) == -AMP_EARG);
    pace.margin_most_ns = MS + 1;
    CHECK(amp_pace_init(&pace) == -AMP_EARG);
    pace.margin_most_ns = 20 * US;
    pace.kind = (enum amp_pace_kind)3;
    CHECK(amp_pace_init(&pace) == -AMP_EARG);
    pace.kind = AMP_PACE_SPIN;
    CHECK(amp_pace_init(&pace) == 0 && pace.margin_ns == 20 * US);
}

int main(void) {
    seeded_begin();
    RUN(test_sleep_is_as_late_as_the_machine_and_sleeps_once_a_period);
    RUN(test_hybrid_is_on_time_and_sleeps_once_a_period);
    RUN(test_calibration_finds_the_99th_percentile);
    RUN(test_calibration_is_not_led_by_one_stall);
    RUN(test_margin_is_capped_as_a_share_of_the_period);
    RUN(test_margin_follows_a_machine_that_changes);
    RUN(test_margin_leaves_one_in_four_hundred_late);
    RUN(test_past_release_returns_at_once);
    RUN(test_near_release_is_left_to_the_clock);
    RUN(test_hybrid_never_goes_for_ever_without_a_sleep);
    RUN(test_spin_naps_and_is_on_time);
    RUN(test_spin_naps_nowhere_else_than_where_there_is_room);
    RUN(test_init_refuses_what_makes_no_sense);
    return CHECK_DONE();
}
