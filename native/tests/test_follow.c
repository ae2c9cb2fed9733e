/* A grid on another clock, in virtual time: it locks, it never jumps, its accounting is exact. */
#include "amp/follow.h"

#include <string.h>

#include "../src/layout.h"
#include "check.h"
#include "seeded.h"

#define MS ((amp_ns)1000000)
#define PERIOD MS
#define BEGIN ((amp_ns)1000000000)
#define LOOK_NS (97 * MS)
#define PHASE_NS 250000
#define NOISE_NS 4000

static struct amp_owner link_owner, own;
static struct amp_follow follow;

/* The device's clock, and what is known of it. */
static struct {
    double skew;
    amp_ns offset_ns, bound_ns, looked_ns;
    bool silent;
} device;

static amp_ns theirs(amp_ns ours) {
    return ours + device.offset_ns + (amp_ns)((double)(ours - BEGIN) * device.skew);
}

static void look(amp_ns now) {
    if (device.silent || now - device.looked_ns < LOOK_NS) {
        return;
    }
    device.looked_ns = now;
    const amp_ns noise = (amp_ns)seeded_below(2 * NOISE_NS) - NOISE_NS;
    const int64_t offset = theirs(now) - now + noise;
    amp_owner_set(&link_owner, AMP_GAUGE_CLOCK_OFFSET_NS, (uint64_t)offset);
    amp_owner_set(&link_owner, AMP_GAUGE_CLOCK_SKEW_PPB, (uint64_t)(int64_t)(device.skew * 1e9));
    amp_owner_set(&link_owner, AMP_GAUGE_CLOCK_BOUND_NS, (uint64_t)device.bound_ns);
    amp_owner_set(&link_owner, AMP_GAUGE_CLOCK_AT_NS, (uint64_t)now);
}

static void open_with(double skew, amp_ns offset_ns) {
    memset(&link_owner, 0, sizeof link_owner);
    memset(&own, 0, sizeof own);
    memset(&device, 0, sizeof device);
    device.skew = skew;
    device.offset_ns = offset_ns;
    device.bound_ns = 100000;
    follow = (struct amp_follow){.link = &link_owner,
                                 .period_ns = PERIOD,
                                 .phase_ns = PHASE_NS,
                                 .age_most_ns = 5 * LOOK_NS,
                                 .bound_most_ns = PERIOD / 2};
    amp_owner_begin(&own, BEGIN);
}

/* How far a release stands from the device's grid. */
static amp_ns away(amp_ns release) {
    amp_ns beyond = (theirs(release) - PHASE_NS) % PERIOD;
    beyond += beyond < 0 ? PERIOD : 0;
    return beyond > PERIOD / 2 ? PERIOD - beyond : beyond;
}

/* Take |periods| releases; each is on t0's grid, and no period is trimmed by more than it may be.
 * Returns the last. */
static amp_ns go(amp_ns release, int periods, amp_ns *farthest) {
    *farthest = 0;
    uint64_t number = (uint64_t)(release - (amp_ns)amp_owner_gauge(&own, AMP_GAUGE_T0_NS)) / PERIOD;
    for (int i = 0; i < periods; i++) {
        look(release);
        const amp_ns next = amp_follow_next(&follow, &own, release, release);
        const amp_ns length = next - release;
        CHECK(length >= PERIOD - PERIOD / AMP_FOLLOW_SHARE);
        CHECK(length <= PERIOD + PERIOD / AMP_FOLLOW_SHARE);
        release = next;
        number++;
        CHECK(release - (amp_ns)amp_owner_gauge(&own, AMP_GAUGE_T0_NS) == (amp_ns)number * PERIOD);
        if (away(release) > *farthest) {
            *farthest = away(release);
        }
    }
    return release;
}

static void test_grid_without_a_device_is_the_hosts(void) {
    amp_ns farthest;
    open_with(0.005, 0);
    follow.link = NULL;
    CHECK(go(BEGIN, 1000, &farthest) == BEGIN + 1000 * PERIOD);
    CHECK(amp_owner_gauge(&own, AMP_GAUGE_FOLLOWS) == 0);
}

static void test_grid_locks_to_a_clock_of_any_skew(void) {
    static const double skews[] = {-0.005, -0.0001, 0, 0.000035, 0.005};
    for (size_t i = 0; i < sizeof skews / sizeof skews[0]; i++) {
        for (amp_ns offset = -3 * MS; offset <= 3 * MS; offset += 123457) {
            amp_ns farthest;
            open_with(skews[i], offset);
            const amp_ns locked = go(BEGIN, 1000, &farthest);
            go(locked, 5000, &farthest);
            CHECK(farthest < 2 * NOISE_NS);
            CHECK(amp_owner_gauge(&own, AMP_GAUGE_FOLLOWS) == 2);
            const int64_t trim = (int64_t)amp_owner_gauge(&own, AMP_GAUGE_TRIM_PPM);
            CHECK(trim > (int64_t)(-skews[i] * 1e6) - 1000 &&
                  trim < (int64_t)(-skews[i] * 1e6) + 1000);
        }
    }
}

static void test_step_of_the_clock_is_worked_off_and_not_jumped(void) {
    amp_ns farthest;
    open_with(0.002, 0);
    amp_ns release = go(BEGIN, 1000, &farthest);
    for (int i = 0; i < 20; i++) {
        device.offset_ns += (amp_ns)seeded_below(2000 * (uint64_t)MS) - 1000 * MS;
        release = go(release, 1000, &farthest);
        release = go(release, 100, &farthest);
        CHECK(farthest < 2 * NOISE_NS);
    }
}

static void test_old_estimate_leaves_the_grid_to_the_host(void) {
    amp_ns farthest;
    open_with(0.005, 0);
    amp_ns release = go(BEGIN, 1000, &farthest);
    device.silent = true;
    release = go(release, 600, &farthest);
    CHECK(amp_owner_gauge(&own, AMP_GAUGE_FOLLOWS) == 1);
    CHECK(amp_owner_gauge(&own, AMP_GAUGE_TRIM_PPM) == 0);
    const amp_ns later = go(release, 100, &farthest);
    CHECK(later == release + 100 * PERIOD);
    device.silent = false;
    release = go(later, 1000, &farthest);
    go(release, 100, &farthest);
    CHECK(farthest < 2 * NOISE_NS);
}

static void test_wide_bound_or_no_estimate_leaves_the_grid_to_the_host(void) {
    amp_ns farthest;
    open_with(0.005, 0);
    device.silent = true;
    CHECK(go(BEGIN, 1000, &farthest) == BEGIN + 1000 * PERIOD);
    open_with(0.005, 0);
    device.bound_ns = follow.bound_most_ns + 1;
    CHECK(go(BEGIN, 1000, &farthest) == BEGIN + 1000 * PERIOD);
    CHECK(amp_owner_gauge(&own, AMP_GAUGE_FOLLOWS) == 1);
}

static void test_clock_beyond_the_limit_is_followed_no_faster_than_it(void) {
    amp_ns farthest;
    open_with(0.02, 0);
    const amp_ns release = go(BEGIN, 5000, &farthest);
    CHECK(release >= BEGIN + 5000 * (PERIOD - PERIOD / AMP_FOLLOW_SHARE));
}

static void test_estimate_that_is_being_changed_moves_nothing(void) {
    amp_ns farthest;
    open_with(0.005, 0);
    const amp_ns release = go(BEGIN, 1000, &farthest);
    amp_owner_set(&link_owner, AMP_GAUGE_CLOCK_AT_NS, 0); /* as a pump does for a moment */
    amp_owner_set(&link_owner, AMP_GAUGE_CLOCK_OFFSET_NS, 77777777);
    CHECK(amp_follow_next(&follow, &own, release, release) == release + PERIOD);
}

int main(void) {
    seeded_begin();
    RUN(test_grid_without_a_device_is_the_hosts);
    RUN(test_grid_locks_to_a_clock_of_any_skew);
    RUN(test_step_of_the_clock_is_worked_off_and_not_jumped);
    RUN(test_old_estimate_leaves_the_grid_to_the_host);
    RUN(test_wide_bound_or_no_estimate_leaves_the_grid_to_the_host);
    RUN(test_clock_beyond_the_limit_is_followed_no_faster_than_it);
    RUN(test_estimate_that_is_being_changed_moves_nothing);
    return CHECK_DONE();
}
