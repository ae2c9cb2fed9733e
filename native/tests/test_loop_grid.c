/* amp_loop_run() in virtual time: the grid, skipped releases, and the accounting
 *
 *     ticks + skipped == floor((t_stop - t0) / T)
 *
 * under stalls at every place where a machine can stall.
 */
#include "loop_rig.h"
#include "seeded.h"

#define NOTED 64

/* What the machine does to the loop at each wake-up and in each law step. */
static struct {
    amp_ns end_ns;       /* ask it to end from here on */
    uint64_t one_in;     /* every so many wake-ups and steps are late; 0: none */
    amp_ns late_ns_max;  /* by up to so much */
    amp_ns noted[NOTED]; /* the first wake-ups */
    uint64_t wakes;
    bool armed;
} machine;

static amp_ns stall(void) {
    if (machine.one_in == 0 || seeded_below(machine.one_in) != 0) {
        return 0;
    }
    return (amp_ns)seeded_below((uint64_t)machine.late_ns_max);
}

static void woken(void *script) {
    struct rig *const at = script;
    if (machine.wakes < NOTED) {
        machine.noted[machine.wakes] = at->machine.now_ns;
    }
    machine.wakes++;
    at->machine.now_ns += stall();
    rig_world();
    if (machine.armed) {
        rig_arm(1);
    }
    if (at->machine.now_ns >= machine.end_ns) {
        amp_system_set_role(&at->system, RIG_ROLE, AMP_ROLE_ENDING, 1, 1, AMP_WANTED_END);
    }
}

static void stalling_step(void *state, const double *inputs, double *outputs, double dt_s) {
    rig_law_step(state, inputs, outputs, dt_s);
    rig.machine.now_ns += stall();
}

static void open_for(amp_ns duration) {
    rig_prepare();
    memset(&machine, 0, sizeof machine);
    machine.end_ns = RIG_ORIGIN + duration;
    machine.armed = true;
    rig.machine.woken = woken;
    rig.machine.script = &rig;
    rig.loop.law.step = stalling_step;
    rig.loop.timing.blackout_ns = 1000000 * MS;
    rig.loop.timing.overruns_in_row = 0;
    rig.loop.timing.overruns_per_s = 0;
    for (uint32_t i = 0; i < 2; i++) {
        rig.loop.inputs[i].trip_after_ns = 0;
    }
}

static void check_accounting(void) {
    const uint64_t t0 = rig_gauge(AMP_GAUGE_T0_NS);
    const uint64_t t_stop = rig_gauge(AMP_GAUGE_T_STOP_NS);
    const uint64_t expected = (t_stop - t0) / (uint64_t)rig.loop.timing.period_ns;
    CHECK(t_stop > t0);
    CHECK(rig_count(AMP_COUNT_TICKS) + rig_count(AMP_COUNT_SKIPPED) -
              rig_gauge(AMP_GAUGE_BASE_TICKS) ==
          expected);
    CHECK(rig_count(AMP_COUNT_TICKS) == amp_channel_count(&rig.loop.channel));
}

static void run(void) {
    CHECK(amp_loop_init(&rig.loop) == 0);
    CHECK(amp_loop_run(&rig.loop) == AMP_LOOP_ENDED);
    CHECK(rig_gauge(AMP_GAUGE_AT_SAFE) == 1);
    check_accounting();
}

static void test_releases_stand_on_the_grid(void) {
    open_for(30 * MS);
    rig.loop.timing.offset_ns = 250000;
    rig.machine.now_ns = RIG_ORIGIN + 7 * MS + 123456;
    run();
    CHECK(rig_gauge(AMP_GAUGE_T0_NS) == (uint64_t)(RIG_ORIGIN + 8 * MS - 750000));
    for (uint64_t k = 0; k < machine.wakes; k++) {
        CHECK((machine.noted[k] - RIG_ORIGIN - 250000) % RIG_PERIOD == 0);
        CHECK(k == 0 || machine.noted[k] - machine.noted[k - 1] == RIG_PERIOD);
    }
    CHECK(rig_count(AMP_COUNT_SKIPPED) == 0);
    CHECK(rig_count(AMP_COUNT_TICKS) > 20);
}

static void test_grid_when_its_origin_is_in_the_future(void) {
    open_for(30 * MS);
    rig.loop.timing.origin_ns = RIG_ORIGIN + 10 * MS;
    run();
    CHECK(rig_gauge(AMP_GAUGE_T0_NS) >= (uint64_t)(RIG_ORIGIN + 10 * MS));
    CHECK((rig_gauge(AMP_GAUGE_T0_NS) - (uint64_t)RIG_ORIGIN) % (uint64_t)RIG_PERIOD == 0);
}

static void test_accounting_is_exact_on_the_grid_of_another_clock(void) {
    static struct amp_owner link;
    for (int skew_ppm = -5000; skew_ppm <= 5000; skew_ppm += 5000) {
        open_for(5000 * MS);
        memset(&link, 0, sizeof link);
        amp_owner_set(&link, AMP_GAUGE_CLOCK_OFFSET_NS, 12345678);
        amp_owner_set(&link, AMP_GAUGE_CLOCK_SKEW_PPB, (uint64_t)((int64_t)skew_ppm * 1000));
        amp_owner_set(&link, AMP_GAUGE_CLOCK_AT_NS, (uint64_t)RIG_ORIGIN);
        rig.loop.follow =
            (struct amp_follow){.link = &link, .age_most_ns = 10000 * MS, .bound_most_ns = MS};
        machine.one_in = 20;
        machine.late_ns_max = 6 * MS;
        run();
        CHECK(rig_count(AMP_COUNT_SKIPPED) > 10);
        CHECK(rig_gauge(AMP_GAUGE_FOLLOWS) == 2);
    }
}

static amp_ns third_costs_ns;

static void third_step_costs(void *state, const double *inputs, double *outputs, double dt_s) {
    rig_law_step(state, inputs, outputs, dt_s);
    if (rig.steps == 3) {
        rig.machine.now_ns += third_costs_ns;
    }
}

static void test_late_loop_goes_on_at_the_next_grid_point_without_a_burst(void) {
    static const struct {
        amp_ns costs_ns;
        uint64_t skipped;
    } cases[] = {
        {MS - 1, 0}, {MS, 0},         {MS + 1, 1},     {3 * MS / 2, 1},
        {2 * MS, 1}, {5 * MS / 2, 2}, {7 * MS + 1, 7},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        open_for(30 * MS);
        third_costs_ns = cases[i].costs_ns;
        rig.loop.law.step = third_step_costs;
        run();
        CHECK(rig_count(AMP_COUNT_SKIPPED) == cases[i].skipped);
        struct amp_summary wakeup;
        amp_owner_summary(&rig.owner, AMP_HISTOGRAM_WAKEUP, &wakeup);
        CHECK(wakeup.max_ns == 0); /* the machine woke it in time, always */
        CHECK(rig_count(AMP_COUNT_DEADLINE_MISSES) == (cases[i].costs_ns > MS ? 1 : 0));
    }
}

static void test_late_wake_up_runs_once_and_counts_what_passed(void) {
    struct amp_summary wakeup;
    open_for(30 * MS);
    machine.one_in = 10;
    machine.late_ns_max = 6 * MS;
    run();
    amp_owner_summary(&rig.owner, AMP_HISTOGRAM_WAKEUP, &wakeup);
    CHECK(wakeup.count == rig_count(AMP_COUNT_TICKS) + 1);
}

static void test_successor_accounts_for_its_own_periods(void) {
    open_for(30 * MS);
    machine.one_in = 5;
    machine.late_ns_max = 4 * MS;
    run();
    const uint64_t before = rig_count(AMP_COUNT_TICKS) + rig_count(AMP_COUNT_SKIPPED);
    amp_system_set_role(&rig.system, RIG_ROLE, AMP_ROLE_RUNNING, 1, 2, AMP_WANTED_RUN);
    machine.end_ns = rig.machine.now_ns + 50 * MS;
    rig.machine.now_ns += 12345678;
    run();
    CHECK(rig_gauge(AMP_GAUGE_BASE_TICKS) == before);
}

static void test_loop_ends_by_itself_when_the_supervisor_is_lost(void) {
    open_for(3600 * 1000 * MS);
    rig.supervisor_beats = false;
    CHECK(amp_loop_init(&rig.loop) == 0);
    CHECK(amp_loop_run(&rig.loop) == AMP_LOOP_SUPERVISOR_LOST);
    check_accounting();
    CHECK(rig.machine.now_ns - RIG_ORIGIN <= 104 * MS);
    enum amp_checkpoint checkpoint = AMP_AT_START;
    (void)amp_owner_heartbeat(&rig.owner, &checkpoint, NULL);
    CHECK(checkpoint == AMP_AT_END);
}

static void test_one_sleep_a_period_and_no_other_wait(void) {
    open_for(1000 * MS);
    run();
    CHECK(rig.machine.sleeps == rig_count(AMP_COUNT_TICKS) + 1);
}

static void test_accounting_is_exact_whatever_the_stalls(void) {
    for (int round = 0; round < 300; round++) {
        open_for((amp_ns)(20 + seeded_below(400)) * MS);
        machine.one_in = 1 + seeded_below(20);
        machine.late_ns_max = 1 + (amp_ns)seeded_below(1u << (10 + seeded_below(15)));
        rig.loop.timing.period_ns = 50000 + (amp_ns)seeded_below(5000000);
        rig.loop.timing.offset_ns = (amp_ns)seeded_below((uint64_t)rig.loop.timing.period_ns);
        rig.loop.timing.supervisor_ns = 1000000 * MS;
        rig.machine.now_ns += (amp_ns)seeded_below(10000000);
        run();
    }
}

static void test_accounting_is_exact_over_an_hour_at_1_khz(void) {
    open_for(3600 * 1000 * MS);
    machine.one_in = 1000;
    machine.late_ns_max = 30 * MS;
    rig.loop.timing.supervisor_ns = 1000000 * MS;
    run();
    const uint64_t periods = rig_count(AMP_COUNT_TICKS) + rig_count(AMP_COUNT_SKIPPED);
    CHECK(periods >= 3599998 && periods <= 3600032);
    CHECK(rig_count(AMP_COUNT_SKIPPED) > 10000);
    CHECK(rig_gauge(AMP_GAUGE_REFUSED_ARMING) == 0);
}

int main(void) {
    seeded_begin();
    RUN(test_releases_stand_on_the_grid);
    RUN(test_grid_when_its_origin_is_in_the_future);
    RUN(test_accounting_is_exact_on_the_grid_of_another_clock);
    RUN(test_late_loop_goes_on_at_the_next_grid_point_without_a_burst);
    RUN(test_late_wake_up_runs_once_and_counts_what_passed);
    RUN(test_successor_accounts_for_its_own_periods);
    RUN(test_loop_ends_by_itself_when_the_supervisor_is_lost);
    RUN(test_one_sleep_a_period_and_no_other_wait);
    RUN(test_accounting_is_exact_whatever_the_stalls);
    RUN(test_accounting_is_exact_over_an_hour_at_1_khz);
    return CHECK_DONE();
}
