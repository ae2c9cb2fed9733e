/* futex.c: what it takes to wake a reader that sleeps. The writer waits until the reader must be
 * asleep, stores a message with the time in it, and wakes; the reader looks at its clock.
 *
 *     PROGRAM COUNT CORE CORE
 *
 * This is the bare system call, on one word: the limit of every blocking read.
 */
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "clock.h"
#include "process.h"

#define APART_NS 150000 /* a reader that spins for 20 us first is asleep by then */

struct stage {
    _Alignas(128) _Atomic uint32_t word;
    _Alignas(128) _Atomic int64_t sent_ns;
    _Alignas(128) _Atomic uint32_t taken;
};

static int by_size(const void *left, const void *right) {
    const int64_t a = *(const int64_t *)left;
    const int64_t b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static void sleep_and_take(struct stage *stage, uint32_t count) {
    int64_t *const samples = malloc(count * sizeof *samples);
    if (samples == NULL) {
        fail("no memory");
    }
    for (uint32_t k = 0; k < count; k++) {
        while (atomic_load(&stage->word) == k) {
            syscall(SYS_futex, &stage->word, FUTEX_WAIT, k, NULL, NULL, 0);
        }
        samples[k] = clock_ns() - atomic_load(&stage->sent_ns);
        atomic_store(&stage->taken, k + 1);
    }
    qsort(samples, count, sizeof *samples, by_size);
    printf("{\"p50_ns\": %lld, \"p99_ns\": %lld}\n", (long long)samples[count / 2],
           (long long)samples[count * 99 / 100]);
    free(samples);
}

static void wake_on(struct stage *stage, uint32_t count) {
    for (uint32_t k = 0; k < count; k++) {
        const int64_t until = clock_ns() + APART_NS;
        while (clock_ns() < until) {
        }
        atomic_store(&stage->sent_ns, clock_ns());
        atomic_store(&stage->word, k + 1);
        syscall(SYS_futex, &stage->word, FUTEX_WAKE, 1, NULL, NULL, 0);
        while (atomic_load(&stage->taken) != k + 1) {
        }
    }
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fail("usage: PROGRAM COUNT CORE CORE");
    }
    const uint32_t count = (uint32_t)atoi(argv[1]);
    struct stage *const stage = shared(sizeof *stage);
    alarm(30);
    const pid_t child = fork();
    if (child == 0) {
        begin_child(atoi(argv[2]));
        wake_on(stage, count);
        _exit(0);
    }
    take_core(atoi(argv[3]));
    sleep_and_take(stage, count);
    end_child(child);
    return 0;
}
