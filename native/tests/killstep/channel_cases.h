/* channel_cases.h: The writer of a channel dies: while it publishes, while it attaches, and while it does both after
 * a predecessor that had died as well. */
#ifndef AMP_KILLSTEP_CHANNEL_CASES_H
#define AMP_KILLSTEP_CHANNEL_CASES_H

#include "world.h"

/* What one judge has seen under each count: one number, one content. */
static uint32_t seen_epoch[COUNTS];

static void see(const struct world *world, const union box_sample *out, struct tally *tally) {
    const uint64_t count = out->sample.count;
    const uint32_t epoch = (uint32_t)out->sample.mark;
    if (!box_is_whole(&world->shared.box, &out->sample)) {
        tally->torn++;
    } else if (count >= COUNTS || (seen_epoch[count] != 0 && seen_epoch[count] != epoch)) {
        tally->wrong++;
    } else {
        seen_epoch[count] = epoch;
    }
}

/* Where the victim's work began: |state| picks the depth and the publications before. */
static const struct {
    uint32_t depth;
    uint64_t published;
} beginnings[] = {{4, 1}, {4, 6}, {8, 3}, {4, 0}};
#define BEGINNINGS ((int)(sizeof beginnings / sizeof *beginnings))

static void prepare_publish(struct world *world, int state) {
    world_open(world, beginnings[state].depth, beginnings[state].published);
    world_prepare_words(world, 1);
}

/* Stores after which the predecessor died: none, the odd mark and half of the words, the even
 * mark (the last but one), all. */
static const uint32_t deaths[] = {0, 5, STORES - 1, STORES};
#define DEATHS ((int)(sizeof deaths / sizeof *deaths))
#define LAPPED 2 /* of the beginnings: they are a lap on, or in a log */

static void prepare_death(struct world *world, int state) {
    const int beginning = 1 + state % LAPPED;
    world_open(world, beginnings[beginning].depth, beginnings[beginning].published);
    box_publish_steps(&world->shared.box, 1, deaths[state / LAPPED]);
    world_prepare_words(world, 2);
}

static void do_publish(struct world *world) {
    amp_channel_publish(&world->shared.box.writer, world->own.times[0], 0, world->own.words[0]);
}

static void do_attach(struct world *world) {
    struct amp_channel own = world->shared.box.reader;
    amp_channel_attach(&own, 2);
}

static void do_restart(struct world *world) {
    struct amp_channel own = world->shared.box.reader;
    const uint64_t done = amp_channel_attach(&own, 2) - world->own.base;
    amp_channel_publish(&own, world->own.times[done], 0, world->own.words[done]);
    amp_channel_publish(&own, world->own.times[done + 1], 0, world->own.words[done + 1]);
}

/* Everything that a reader may do right after the death. Returns the newest count seen. */
static uint64_t judge_readers(struct world *world, struct amp_cursor *follower,
                              struct tally *tally) {
    const struct amp_channel *const reader = &world->shared.box.reader;
    const uint64_t committed = world->own.base;
    union box_sample out;
    const enum amp_read got = amp_channel_latest(reader, &out.sample, NULL);
    uint64_t newest = 0;
    if (got == AMP_READ_VALUE) {
        see(world, &out, tally);
        newest = out.sample.count;
        tally->wrong += newest < committed || newest > committed + AHEAD;
    } else if (committed != 0 || got != AMP_READ_NEVER) {
        tally->stuck++;
    }
    struct amp_cursor oldest;
    amp_cursor_open(&oldest, reader, AMP_START_OLDEST);
    while (amp_cursor_next(&oldest, &out.sample) == AMP_READ_VALUE) {
        see(world, &out, tally);
    }
    tally->stuck += oldest.position < committed;
    tally->wrong += oldest.lost != 0;
    while (amp_cursor_next(follower, &out.sample) == AMP_READ_VALUE) {
        see(world, &out, tally);
    }
    tally->wrong += follower->lost != 0;
    return oldest.position > newest ? oldest.position : newest;
}

/* A successor goes on, two laps long; who followed before misses nothing. */
static void judge_successor(struct world *world, struct amp_cursor *follower, uint64_t newest,
                            struct tally *tally) {
    struct box *const box = &world->shared.box;
    union box_sample out;
    tally->wrong += amp_channel_count(&box->writer) < newest;
    for (uint32_t i = 0; i < 2 * box->depth; i++) {
        const uint64_t count = box_publish(box);
        if (amp_channel_latest(&box->reader, &out.sample, NULL) != AMP_READ_VALUE) {
            tally->stuck++;
        } else {
            tally->wrong += out.sample.count != count;
            see(world, &out, tally);
        }
        if (amp_cursor_next(follower, &out.sample) == AMP_READ_VALUE) {
            see(world, &out, tally);
        } else {
            tally->wrong += follower->position != count;
        }
    }
    while (amp_cursor_next(follower, &out.sample) == AMP_READ_VALUE) {
        see(world, &out, tally);
    }
    tally->wrong += follower->lost != 0 || follower->position != amp_channel_count(&box->reader);
}

static void judge_with(struct world *world, struct tally *tally,
                       uint64_t (*attach)(struct amp_channel *channel, uint32_t epoch)) {
    struct amp_cursor follower;
    memset(seen_epoch, 0, sizeof seen_epoch);
    amp_cursor_open(&follower, &world->shared.box.reader, AMP_START_LATEST);
    follower.position = world->own.base; /* it followed before the operation began */
    const uint64_t newest = judge_readers(world, &follower, tally);
    attach(&world->shared.box.writer, 3);
    judge_successor(world, &follower, newest, tally);
}

static void judge_channel(struct world *world, struct tally *tally) {
    judge_with(world, tally, amp_channel_attach);
}

/* Broken twin: attach does not finish the last store of the dead. */
static uint64_t attach_unfinished(struct amp_channel *channel, uint32_t epoch) {
    channel->mark = epoch;
    return amp_channel_count(channel);
}

static void judge_unfinished(struct world *world, struct tally *tally) {
    judge_with(world, tally, attach_unfinished);
}

/* Broken twin: the textbook's seqlock, one copy between an odd and an even number. */
static void prepare_seqlock(struct world *world, int state) {
    prepare_publish(world, state);
    struct amp_word *const cell = world->shared.cell;
    amp_store_relaxed(&cell[0], 2);
    for (uint32_t i = 0; i < WORDS; i++) {
        amp_store_relaxed(&cell[1 + i], box_content(1, 1, i));
    }
}

static void do_seqlock(struct world *world) {
    struct amp_word *const cell = world->shared.cell;
    amp_store_relaxed(&cell[0], amp_load_relaxed(&cell[0]) + 1);
    amp_fence_release();
    for (uint32_t i = 0; i < WORDS; i++) {
        amp_store_relaxed(&cell[1 + i], world->own.words[0][i]);
    }
    amp_store_release(&cell[0], amp_load_relaxed(&cell[0]) + 1);
}

static void judge_seqlock(struct world *world, struct tally *tally) {
    tally->stuck += amp_load_acquire(&world->shared.cell[0]) % 2 != 0; /* a reader waits for ever */
}

static const struct step_case channel_cases[] = {
    {"publish", BEGINNINGS, prepare_publish, do_publish, judge_channel, NULL, false, false},
    {"attach", LAPPED * DEATHS, prepare_death, do_attach, judge_channel, NULL, false, false},
    {"restart", LAPPED * DEATHS, prepare_death, do_restart, judge_channel, NULL, false, false},
    {"twin: two-phase seqlock", 1, prepare_seqlock, do_seqlock, judge_seqlock, NULL, false, true},
    {"twin: unfinished attach", 2, prepare_publish, do_publish, judge_unfinished, NULL, false,
     true},
};

#endif
