/* seeded.h: random numbers that a failing run can repeat: AMP_SEED=0x... in the environment.
 *
 * splitmix64: G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators",
 * OOPSLA 2014. Each test program calls seeded_begin() once; it prints what it started from.
 */
#ifndef AMP_TESTS_SEEDED_H
#define AMP_TESTS_SEEDED_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t seeded_state;

static inline uint64_t seeded_mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline uint64_t seeded_next(void) {
    seeded_state += 0x9e3779b97f4a7c15u;
    return seeded_mix(seeded_state);
}

/// A number in [0, |bound|).
static inline uint64_t seeded_below(uint64_t bound) {
    return seeded_next() % bound;
}

/// A number in [0, 1).
static inline double seeded_unit(void) {
    return (double)(seeded_next() >> 11) * 0x1p-53;
}

static inline void seeded_begin(void) {
    const char *asked = getenv("AMP_SEED");
    struct timespec now;
    (void)timespec_get(&now, TIME_UTC);
    seeded_state = asked != NULL
                       ? strtoull(asked, NULL, 0)
                       : seeded_mix((uint64_t)now.tv_sec * 1000000007u + (uint64_t)now.tv_nsec);
    printf("AMP_SEED=0x%llx\n", (unsigned long long)seeded_state);
    (void)fflush(stdout);
}

#endif
