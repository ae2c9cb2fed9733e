/* clock.h: the cheapest clock that both cores share, and its length in nanoseconds. */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#if defined(__x86_64__)
static inline uint64_t ticks(void) {
    return __builtin_ia32_rdtsc();
}
#elif defined(__aarch64__)
static inline uint64_t ticks(void) {
    uint64_t now;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(now));
    return now;
}
#else
static inline uint64_t ticks(void) {
    return (uint64_t)clock_ns();
}
#endif

/* Both clocks at one moment: two of them give the length of a tick. */
struct moment {
    uint64_t ticks;
    int64_t ns;
};

static inline struct moment moment_now(void) {
    const struct moment now = {ticks(), clock_ns()};
    return now;
}

static inline double tick_ns(struct moment from, struct moment to) {
    return (double)(to.ns - from.ns) / (double)(to.ticks - from.ticks);
}

/* What one reading of the clock costs: it is inside each round trip once. */
static inline double clock_cost_ns(void) {
    const struct moment from = moment_now();
    for (int i = 0; i < 1000; i++) {
        const volatile uint64_t now = ticks();
        (void)now;
    }
    return (double)(moment_now().ns - from.ns) / 1000;
}

#endif
