/* readers.c: what one publication costs its writer while READERS processes read the newest value as
 * fast as they can.
 *
 *     PROGRAM READERS COUNT CORE CORE...
 *
 * The writer has the first core, the readers share the others in turn. Each tells the writer when it
 * has begun, and the writer waits for all of them.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "amp/channel.h"
#include "clock.h"
#include "process.h"

#define WORDS 5
#define DEPTH 4
#define BLOCK 64 /* publications between two readings of the clock */
#define READERS_MAX 64

struct stage {
    _Alignas(128) _Atomic uint64_t reading; /* readers at work */
    _Alignas(128) _Atomic uint64_t over;
    _Alignas(128) unsigned char channel[4096];
};

static struct amp_channel view(struct stage *stage) {
    struct amp_channel channel;
    if (amp_channel_bind(&channel, stage->channel, sizeof stage->channel, WORDS, DEPTH) != AMP_OK) {
        fail("no channel");
    }
    return channel;
}

static void read_on(struct stage *stage) {
    static uint64_t record[3 + WORDS];
    const struct amp_channel channel = view(stage);
    struct amp_sample *const sample = (void *)record;
    uint64_t before = 0;
    atomic_fetch_add(&stage->reading, 1);
    while (!atomic_load_explicit(&stage->over, memory_order_relaxed)) {
        if (amp_channel_latest(&channel, sample, NULL) == AMP_READ_VALUE) {
            if (sample->count < before || sample->words[0] != sample->words[WORDS - 1]) {
                fail("a value went back or came torn");
            }
            before = sample->count;
        }
    }
}

static int by_size(const void *left, const void *right) {
    const double a = *(const double *)left;
    const double b = *(const double *)right;
    return (a > b) - (a < b);
}

static void write_on(struct stage *stage, size_t blocks) {
    struct amp_channel channel = view(stage);
    double *const costs = malloc(blocks * sizeof *costs);
    if (costs == NULL) {
        fail("no memory");
    }
    amp_channel_attach(&channel, 1);
    const struct moment began = moment_now();
    uint64_t before = began.ticks;
    for (size_t block = 0; block < blocks; block++) {
        for (uint64_t i = 0; i < BLOCK; i++) {
            const uint64_t value = block * BLOCK + i;
            amp_channel_publish(&channel, 0, 0, (uint64_t[WORDS]){value, 1, 2, 3, value});
        }
        const uint64_t now = ticks();
        costs[block] = (double)(now - before) / BLOCK;
        before = now;
    }
    const double length = tick_ns(began, moment_now());
    qsort(costs, blocks, sizeof *costs, by_size);
    printf("{\"p50_ns\": %.3f, \"p99_ns\": %.3f}\n", costs[blocks / 2] * length,
           costs[blocks * 99 / 100] * length);
    free(costs);
}

int main(int argc, char **argv) {
    if (argc < 5) {
        fail("usage: PROGRAM READERS COUNT CORE CORE...");
    }
    const int readers = atoi(argv[1]);
    const int others = argc - 4;
    struct stage *const stage = shared(sizeof *stage);
    pid_t children[READERS_MAX];
    if (readers > READERS_MAX) {
        fail("too many readers");
    }
    alarm(30);
    for (int i = 0; i < readers; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            begin_child(atoi(argv[4 + i % others]));
            read_on(stage);
            _exit(0);
        }
    }
    take_core(atoi(argv[3]));
    while (atomic_load(&stage->reading) < (uint64_t)readers) {
    }
    write_on(stage, strtoull(argv[2], NULL, 10) / BLOCK);
    atomic_store(&stage->over, 1);
    for (int i = 0; i < readers; i++) {
        end_child(children[i]);
    }
    return 0;
}
