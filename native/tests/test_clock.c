/* The other clock's offset and skew in virtual time: known delays, known clocks, many seeds. */

#include "amp/clock.h"
#include "check.h"
#include "seeded.h"

#include <math.h>
#include <stdlib.h>

#define MS 1000000LL
#define US 1000LL
#define POLL (97 * MS)

/* A device whose clock stands at |offset_ns| at host time 0 and runs |skew| faster. */
struct world {
    double skew;
    double wander; /* of the skew, slowly, up and down */
    amp_ns offset_ns;
    amp_ns there_ns, back_ns; /* least delays */
    amp_ns jitter_ns;         /* added to each, uniform, now and then twenty times that */
    amp_ns now_ns;
    double loss;
    struct amp_clock clock;
};

static amp_ns true_offset(const struct world *world, amp_ns host_ns) {
    const double slow = 2e11; /* ns, of the wander's period */
    const double run =
        world->skew * (double)host_ns + world->wander * slow * (1 - cos((double)host_ns / slow));
    return world->offset_ns + (amp_ns)llround(run);
}

static uint64_t reading_us(const struct world *world, amp_ns host_ns) {
    return (uint64_t)((host_ns + true_offset(world, host_ns)) / US);
}

static amp_ns delay(const struct world *world, amp_ns least) {
    const double spike = seeded_unit() < 0.05 ? 20 : 1;
    return least + (amp_ns)(seeded_unit() * spike * (double)world->jitter_ns);
}

static void exchange(struct world *world) {
    const amp_ns there = world->now_ns + delay(world, world->there_ns);
    const amp_ns leaves = there + (amp_ns)(seeded_unit() * 500 * US);
    const amp_ns heard = leaves + delay(world, world->back_ns);
    const uint64_t received_us = reading_us(world, there);
    const struct amp_clock_exchange done = {
        .sent_ns = world->now_ns,
        .heard_ns = heard,
        .received_us = received_us,
        .held_us = (uint32_t)(reading_us(world, leaves) - received_us),
    };
    if (seeded_unit() >= world->loss) {
        (void)amp_clock_take(&world->clock, &done);
    }
    world->now_ns = heard > world->now_ns + POLL ? heard : world->now_ns + POLL;
}

static struct world begin(uint64_t seed) {
    seeded_state = seed;
    struct world world = {.offset_ns = 5000000 * MS,
                          .there_ns = 150 * US,
                          .back_ns = 150 * US,
                          .jitter_ns = 100 * US,
                          .now_ns = 1000 * MS};
    world.clock.refused = 0;
    amp_clock_reset(&world.clock);
    return world;
}

static void run(struct world *world, int exchanges) {
    for (int i = 0; i < exchanges; i++) {
        exchange(world);
    }
}

static bool holds(const struct world *world, amp_ns at_ns) {
    struct amp_clock_estimate estimate;
    if (!amp_clock_estimate(&world->clock, at_ns, &estimate)) {
        return false;
    }
    return llabs(estimate.offset_ns - true_offset(world, at_ns)) <= estimate.bound_ns;
}

static void test_nothing_is_known_before_the_first_exchange(void) {
    struct world world = begin(1);
    struct amp_clock_estimate estimate;
    CHECK(!amp_clock_estimate(&world.clock, 0, &estimate));
    CHECK(amp_clock_ours(&world.clock, 5, 0) == 0);
    exchange(&world);
    CHECK(amp_clock_estimate(&world.clock, world.now_ns, &estimate));
    CHECK(holds(&world, world.now_ns));
}

static void test_skew_converges_to_what_was_injected(void) {
    static const double skews[] = {0, 35e-6, -120e-6, 5e-3, -0.01};
    for (size_t i = 0; i < sizeof skews / sizeof skews[0]; i++) {
        struct world world = begin(100 + i);
        world.skew = skews[i];
        run(&world, 620); /* a minute */
        struct amp_clock_estimate estimate;
        CHECK(amp_clock_estimate(&world.clock, world.now_ns, &estimate));
        CHECK(fabs((double)estimate.skew_ppb - skews[i] * 1e9) < 1000); /* 1 ppm */
        CHECK(estimate.bound_ns < 250 * US);
        CHECK(estimate.bound_ns >= estimate.round_trip_ns / 4);
    }
}

/* Over all seeds: any skew, any asymmetry, jitter, spikes, losses; asked at any moment, also between
 * exchanges and after a silence. */
static void test_true_offset_lies_within_the_stated_bound(void) {
    int asked = 0, outside = 0;
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        struct world world = begin(seed * 7919);
        world.skew = (seeded_unit() - 0.5) * (seed % 4 == 0 ? 0.02 : 400e-6);
        world.there_ns = (amp_ns)(seeded_unit() * 2000) * US;
        world.back_ns = (amp_ns)(seeded_unit() * 2000) * US;
        world.jitter_ns = (amp_ns)(seeded_unit() * 1000) * US;
        world.loss = seeded_unit() * 0.5;
        for (int round = 0; round < 8; round++) {
            run(&world, 1 + (int)(seeded_unit() * 60));
            if (world.clock.count > 0) {
                asked++;
                outside += !holds(&world, world.now_ns + (amp_ns)(seeded_unit() * 2000) * MS);
            }
        }
    }
    CHECK(asked > 15000);
    CHECK(outside * 1000 <= asked); /* 99.9 % */
    printf("    %d of %d outside the bound\n", outside, asked);
}

static void test_clock_that_wanders_by_half_a_ppm_stays_within_the_bound(void) {
    int outside = 0;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct world world = begin(seed * 104729);
        world.skew = 40e-6;
        world.wander = 0.5e-6;
        for (int round = 0; round < 20; round++) {
            run(&world, 50);
            outside += !holds(&world, world.now_ns);
        }
        CHECK(world.clock.refused == 0);
    }
    CHECK(outside <= 2); /* of 2000 */
}

static void test_asymmetry_moves_the_estimate_by_half_of_it_and_no_further(void) {
    struct world world = begin(5);
    world.there_ns = 100 * US;
    world.back_ns = 900 * US;
    world.jitter_ns = 10 * US;
    run(&world, 620);
    struct amp_clock_estimate estimate;
    CHECK(amp_clock_estimate(&world.clock, world.now_ns, &estimate));
    const amp_ns error = estimate.offset_ns - true_offset(&world, world.now_ns);
    CHECK(error < -380 * US);
    CHECK(error > -420 * US);
    CHECK(holds(&world, world.now_ns));
}

static void test_bound_grows_while_nothing_is_heard(void) {
    struct world world = begin(6);
    run(&world, 300);
    struct amp_clock_estimate soon, late;
    CHECK(amp_clock_estimate(&world.clock, world.now_ns, &soon));
    CHECK(amp_clock_estimate(&world.clock, world.now_ns + 3600000 * MS, &late));
    CHECK(late.bound_ns > soon.bound_ns + 1 * MS);
    CHECK(holds(&world, world.now_ns + 3600000 * MS));
}

static void test_outlier_is_refused_and_a_clock_that_was_set_is_believed(void) {
    struct world world = begin(7);
    run(&world, 50);
    world.offset_ns += 50 * MS; /* an exchange that lies */
    run(&world, 1);
    world.offset_ns -= 50 * MS;
    CHECK(world.clock.refused == 1);
    CHECK(holds(&world, world.now_ns));
    run(&world, 1);
    CHECK(holds(&world, world.now_ns));
    world.offset_ns += 3000 * MS; /* this machine was suspended */
    run(&world, 2);
    CHECK(!holds(&world, world.now_ns));
    run(&world, 1);
    CHECK(holds(&world, world.now_ns));
    CHECK(world.clock.taken == 1);
}

static void test_impossible_exchanges_are_refused(void) {
    struct amp_clock clock = {.refused = 0};
    amp_clock_reset(&clock);
    const struct amp_clock_exchange backward = {.sent_ns = 2, .heard_ns = 1};
    CHECK(!amp_clock_take(&clock, &backward));
    const struct amp_clock_exchange held_longer_than_away = {
        .sent_ns = 0, .heard_ns = 1 * MS, .received_us = 5, .held_us = 2000};
    CHECK(!amp_clock_take(&clock, &held_longer_than_away));
    const struct amp_clock_exchange of_no_clock = {
        .sent_ns = 0, .heard_ns = 1 * MS, .received_us = UINT64_MAX};
    CHECK(!amp_clock_take(&clock, &of_no_clock));
    CHECK(clock.refused == 3);
    CHECK(clock.count == 0);
}

static void test_their_times_become_ours(void) {
    struct world world = begin(8);
    world.skew = 200e-6;
    run(&world, 300);
    struct amp_clock_estimate estimate;
    CHECK(amp_clock_estimate(&world.clock, world.now_ns, &estimate));
    const amp_ns then = world.now_ns - 1000 * MS; /* not far */
    const amp_ns ours = amp_clock_ours(&world.clock, reading_us(&world, then), world.now_ns);
    CHECK(llabs(ours - then) <= estimate.bound_ns + 2 * US);
    CHECK(amp_clock_ours(&world.clock, UINT64_MAX, world.now_ns) == 0);
    CHECK(amp_clock_ours(&world.clock, UINT64_MAX / 1000, world.now_ns) == 0);
}

int main(void) {
    RUN(test_nothing_is_known_before_the_first_exchange);
    RUN(test_skew_converges_to_what_was_injected);
    RUN(test_true_offset_lies_within_the_stated_bound);
    RUN(test_clock_that_wanders_by_half_a_ppm_stays_within_the_bound);
    RUN(test_asymmetry_moves_the_estimate_by_half_of_it_and_no_further);
    RUN(test_bound_grows_while_nothing_is_heard);
    RUN(test_outlier_is_refused_and_a_clock_that_was_set_is_believed);
    RUN(test_impossible_exchanges_are_refused);
    RUN(test_their_times_become_ours);
    return CHECK_DONE();
}
