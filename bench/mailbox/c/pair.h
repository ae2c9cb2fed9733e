/* pair.h: two processes on two cores with one candidate between them.
 *
 * A candidate's source defines one way of moving one parcel of BATCH messages of WORDS words, in one
 * direction: struct end, end_size(), end_format(), end_open(), end_send() and end_receive(); then it
 * includes pair_main.h, which is the same for all: memory, cores, checks, loops and clock.
 * end_receive() returns the parcel's words, copied out of the shared memory, or NULL.
 */
#ifndef BENCH_PAIR_H
#define BENCH_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Words of one message, messages of one parcel, parcels that a ring holds. */
#ifndef WORDS
#define WORDS 8
#endif
#ifndef BATCH
#define BATCH 1
#endif
#ifndef DEPTH
#define DEPTH 1024
#endif

#define PARCEL_WORDS (WORDS * BATCH)
#define LINE 64

/* The readings of one run, written by whoever measures. */
struct readings {
    double p50_ns, p99_ns, p999_ns, mean_ns; /* one way */
    double per_second, clock_ns;
    uint64_t lost;
};

/* What both processes see beside the candidate's own memory. */
struct meeting {
    uint64_t progress __attribute__((aligned(128))); /* parcels received, for pacing */
    uint64_t arrived __attribute__((aligned(128)));  /* processes that are ready */
    struct readings readings __attribute__((aligned(128)));
};

#endif
