/* Overrun, deadline miss, skipped tick: three different things, each with one and without the
 * others; and the period, wake to wake, that says when the machine was away. */
#include "loop_rig.h"

#define TENTH (MS / 10)
#define STRUCK 5 /* the period that the machine or the law is late in */

static struct {
    uint64_t wakes;
    amp_ns late_ns;             /* the struck wake-up, after its release */
    amp_ns costs_ns;            /* the struck step of the law */
    amp_ns first, last, newest; /* wake-ups; the newest one only ends the loop */
} machine;

static void woken(void *script) {
    struct rig *const at = script;
    machine.wakes++;
    if (machine.wakes == STRUCK) {
        at->machine.now_ns += machine.late_ns;
    }
    machine.first = machine.wakes == 1 ? at->machine.now_ns : machine.first;
    machine.last = machine.newest;
    machine.newest = at->machine.now_ns;
    rig_world();
    rig_arm(1);
    if (at->machine.now_ns >= RIG_ORIGIN + 40 * MS) {
        amp_system_set_role(&at->system, RIG_ROLE, AMP_ROLE_ENDING, 1, 1, AMP_WANTED_END);
    }
}

static void step(void *state, const double *inputs, double *outputs, double dt_s) {
    rig_law_step(state, inputs, outputs, dt_s);
    if (machine.wakes == STRUCK) {
        rig.machine.now_ns += machine.costs_ns;
        machine.costs_ns = 0;
    }
}

static void run(amp_ns late_ns, amp_ns costs_ns) {
    rig_prepare();
    memset(&machine, 0, sizeof machine);
    machine.late_ns = late_ns;
    machine.costs_ns = costs_ns;
    rig.machine.woken = woken;
    rig.machine.script = &rig;
    rig.loop.law.step = step;
    rig.loop.timing.budget_ns = 5 * TENTH;
    rig.loop.timing.deadline_ns = 8 * TENTH;
    CHECK(amp_loop_init(&rig.loop) == 0);
    CHECK(amp_loop_run(&rig.loop) == AMP_LOOP_ENDED);
}

static void test_overrun_miss_and_skip_are_three_things(void) {
    static const struct {
        amp_ns late_ns, costs_ns;
        uint64_t overruns, misses, skipped;
    } cases[] = {
        {0, 0, 0, 0, 0},
        {0, 6 * TENTH, 1, 0, 0},         /* over its budget, yet in time */
        {7 * TENTH, 2 * TENTH, 0, 1, 0}, /* within its budget, but woken late */
        {13 * TENTH, TENTH, 0, 0, 1},    /* a release passed; the next one was still met */
        {0, 9 * TENTH, 1, 1, 0},
        {18 * TENTH, TENTH, 0, 1, 1},
        {13 * TENTH, 7 * TENTH, 1, 1, 1},
        {0, 12 * TENTH, 1, 1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run(cases[i].late_ns, cases[i].costs_ns);
        CHECK(rig_count(AMP_COUNT_OVERRUNS) == cases[i].overruns);
        CHECK(rig_count(AMP_COUNT_DEADLINE_MISSES) == cases[i].misses);
        CHECK(rig_count(AMP_COUNT_SKIPPED) == cases[i].skipped);
    }
}

static struct amp_summary periods(void) {
    struct amp_summary summary;
    amp_owner_summary(&rig.owner, AMP_HISTOGRAM_PERIOD, &summary);
    return summary;
}

static void test_period_is_from_wake_to_wake(void) {
    run(0, 0);
    CHECK(periods().max_ns == MS && periods().p50_ns == MS);
    run(3 * TENTH, 0); /* one longer, and the one after it shorter */
    CHECK(periods().max_ns == 13 * TENTH);
    run(0, 6 * TENTH); /* what the law costs does not move the grid */
    CHECK(periods().max_ns == MS);
    run(23 * TENTH, 0); /* two skipped ticks lie within it */
    CHECK(periods().max_ns == 33 * TENTH);
    CHECK(rig_count(AMP_COUNT_SKIPPED) == 2);
}

static void test_periods_cover_the_time_without_gap_or_overlap(void) {
    run(27 * TENTH, 18 * TENTH);
    CHECK(periods().count == rig_count(AMP_COUNT_TICKS) - 1);
    const double covered = periods().mean_ns * (double)periods().count;
    CHECK(rig_near(covered, (double)(machine.last - machine.first)));
}

static void test_successor_has_no_period_that_began_in_its_predecessor(void) {
    run(0, 0);
    const uint64_t before = periods().count;
    amp_system_set_role(&rig.system, RIG_ROLE, AMP_ROLE_RUNNING, 1, 2, AMP_WANTED_RUN);
    const uint64_t ticks = rig_count(AMP_COUNT_TICKS);
    rig.machine.now_ns += 500 * MS;
    CHECK(amp_loop_init(&rig.loop) == 0);
    rig.release = rig.machine.now_ns - rig.machine.now_ns % MS;
    rig_steps(10);
    CHECK(rig_count(AMP_COUNT_TICKS) == ticks + 10);
    CHECK(periods().count == before + 9);
    CHECK(periods().max_ns == MS);
}

int main(void) {
    RUN(test_overrun_miss_and_skip_are_three_things);
    RUN(test_period_is_from_wake_to_wake);
    RUN(test_periods_cover_the_time_without_gap_or_overlap);
    RUN(test_successor_has_no_period_that_began_in_its_predecessor);
    return CHECK_DONE();
}
