/* world.h: what a victim and its judges share, and how a judge counts.
 *
 * Contents are determined by count and epoch (channel_box.h), so a judge can tell a torn value from
 * a whole one, and one number with two contents from one with one.
 */
#ifndef AMP_KILLSTEP_WORLD_H
#define AMP_KILLSTEP_WORLD_H

#include "../channel_box.h"
#include "amp/queue.h"

#define PAGE 4096
#define WORDS 3
/// Stores of one publication: a death can follow each.
#define STORES (WORDS + 5)
/// Publications that one operation may make, and messages that one run may use.
#define AHEAD 4
#define LOG 32
#define COUNTS 128

struct shared {
    struct box box;
    struct amp_owner consumer;
    struct amp_word cell[1 + WORDS]; /* of the textbook seqlock */
};

/// What the victim tells us beside the mailbox: where it is, what it read, what it used.
struct own {
    volatile int begun;
    volatile int over;
    int got;                 /* enum amp_read */
    uint64_t out[3 + WORDS]; /* a struct amp_sample, as are the used ones */
    struct amp_cursor cursor;
    volatile uint32_t used_count;
    uint64_t used[LOG][3 + WORDS];
    uint64_t base; /* count before the operation; words[i] are for base + 1 + i */
    amp_ns times[AHEAD];
    uint64_t words[AHEAD][WORDS];
    int state; /* what the case prepared */
};

struct world {
    _Alignas(PAGE) struct shared shared;
    _Alignas(PAGE) struct own own;
};

/// What a judge found. A run is good when all but |points| are 0.
struct tally {
    long points;
    long stuck; /* what was committed cannot be read, or a successor cannot go on */
    long torn;  /* a value came back that nobody published whole */
    long wrong; /* one number with two contents, loss, a second redelivery, a step backward */
};

/// One operation, killed after every instruction from each of |states| beginnings.
struct step_case {
    const char *name;
    int states;
    void (*prepare)(struct world *world, int state);
    void (*operation)(struct world *world);
    void (*judge)(struct world *world, struct tally *tally);
    void (*overtake)(struct world *world); /* not NULL: stopped and overtaken, not killed */
    bool reader;                           /* the victim may not write the shared part */
    bool broken;                           /* a broken twin: the judge must find something */
};

/// Words as the sample that they hold.
static inline struct amp_sample *world_sample(uint64_t *words) {
    return (struct amp_sample *)(void *)words;
}

/// The words of the next publications as |epoch|, ready before the operation starts.
static inline void world_prepare_words(struct world *world, uint32_t epoch) {
    world->own.base = amp_channel_count(&world->shared.box.reader);
    for (uint32_t i = 0; i < AHEAD; i++) {
        const uint64_t count = world->own.base + 1 + i;
        world->own.times[i] = box_time(count, epoch);
        box_fill(world->own.words[i], WORDS, count, epoch);
    }
}

/// An open channel with |published| publications of epoch 1.
static inline void world_open(struct world *world, uint32_t depth, uint64_t published) {
    memset(&world->shared.consumer, 0, sizeof world->shared.consumer);
    world->own.used_count = 0;
    box_open(&world->shared.box, WORDS, depth);
    amp_channel_attach(&world->shared.box.writer, 1);
    for (uint64_t i = 0; i < published; i++) {
        box_publish(&world->shared.box);
    }
}

#endif
