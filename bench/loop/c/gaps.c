/* gaps.c: what the machine takes away from a program that only looks at the clock.
 *
 *     gaps SECONDS CORE PRIORITY
 *
 * Prints `spun NS 1`, the time it watched, then `gap NS COUNT` for each length of at least 1 us
 * between two looks. It naps for 1 ms after each 14 ms, which it does not watch: Linux takes a core
 * away from a real-time program that never sleeps.
 */
#include <sys/mman.h>
#include <time.h>

#include "machine.h"

#define WATCH_NS 14000000LL
#define LEAST_NS 1000
#define GAPS_MAX 2000000

static int64_t gaps[GAPS_MAX];

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Watch until |until|; returns the new count of gaps. */
static size_t watch(int64_t until, size_t count) {
    int64_t before = now_ns();
    while (before < until) {
        const int64_t now = now_ns();
        if (now - before >= LEAST_NS && count < GAPS_MAX) {
            gaps[count++] = now - before;
        }
        before = now;
    }
    return count;
}

int main(int argc, char **argv) {
    const struct timespec nap = {.tv_nsec = 1000000};
    size_t count = 0;
    int64_t spun = 0;
    if (argc != 4) {
        fail("usage: gaps SECONDS CORE PRIORITY");
    }
    take_core(atoi(argv[2]));
    take_priority(atoi(argv[3]));
    stay_awake();
    (void)mlockall(MCL_CURRENT | MCL_FUTURE);
    const int64_t end = now_ns() + (int64_t)(atof(argv[1]) * 1e9);
    while (now_ns() < end) {
        const int64_t began = now_ns();
        count = watch(began + WATCH_NS, count);
        spun += now_ns() - began;
        clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
    }
    printf("spun %lld 1\n", (long long)spun);
    for (size_t i = 0; i < count; i++) {
        printf("gap %lld 1\n", (long long)gaps[i]);
    }
    return 0;
}
