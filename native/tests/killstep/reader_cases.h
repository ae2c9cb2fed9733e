/* reader_cases.h: A reader dies, or stands still after any instruction while the writer goes on around it. */
#ifndef AMP_KILLSTEP_READER_CASES_H
#define AMP_KILLSTEP_READER_CASES_H

#include "world.h"

/* How far the writer goes while the reader stands: whole publications, then stores of one more,
 * after which the writer is dead. */
static const struct {
    uint32_t whole;
    uint32_t stores;
} overtakes[] = {{0, 4}, {2, STORES - 1}, {3, 4}, {4, 0}, {9, 4}};
#define OVERTAKES ((int)(sizeof overtakes / sizeof *overtakes))
#define PUBLISHED 6

static void prepare_reader(struct world *world, int state) {
    world_open(world, 4, PUBLISHED);
    world_prepare_words(world, 1);
    world->own.state = state;
    world->own.got = -1;
    amp_cursor_open(&world->own.cursor, &world->shared.box.reader, AMP_START_LATEST);
    world->own.cursor.position = PUBLISHED - 1;
}

static void overtake_reader(struct world *world) {
    struct box *const box = &world->shared.box;
    for (uint32_t i = 0; i < overtakes[world->own.state].whole; i++) {
        box_publish(box);
    }
    box_publish_steps(box, 1, overtakes[world->own.state].stores);
}

static void do_latest(struct world *world) {
    world->own.got =
        (int)amp_channel_latest(&world->shared.box.reader, world_sample(world->own.out), NULL);
}

static void do_next(struct world *world) {
    world->own.got = (int)amp_cursor_next(&world->own.cursor, world_sample(world->own.out));
}

/* The dead leaves nothing behind: all is as it was, and a writer and a reader go on. */
static void judge_death_reader(struct world *world, struct tally *tally) {
    static struct world fresh;
    prepare_reader(&fresh, world->own.state);
    tally->wrong += memcmp(world->shared.box.bytes, fresh.shared.box.bytes, BOX_BYTES) != 0;
    tally->wrong +=
        memcmp(&world->shared.consumer, &fresh.shared.consumer, sizeof fresh.shared.consumer) != 0;
    union box_sample out;
    const uint64_t count = box_publish(&world->shared.box);
    const enum amp_read got = amp_channel_latest(&world->shared.box.reader, &out.sample, NULL);
    tally->stuck += got != AMP_READ_VALUE || out.sample.count != count;
}

static void judge_latest(struct world *world, struct tally *tally) {
    const uint32_t whole = overtakes[world->own.state].whole;
    const struct amp_sample *const got = world_sample(world->own.out);
    if (world->own.got != AMP_READ_VALUE) {
        tally->stuck++; /* the writer stands: one of four tries must be whole */
        return;
    }
    tally->torn += !box_is_whole(&world->shared.box, got);
    tally->wrong += got->count < PUBLISHED || got->count > PUBLISHED + whole;
}

static void judge_next(struct world *world, struct tally *tally) {
    const uint32_t whole = overtakes[world->own.state].whole;
    const uint32_t begun = overtakes[world->own.state].stores >= STORES - 1;
    const struct amp_sample *const got = world_sample(world->own.out);
    if (world->own.got != AMP_READ_VALUE) {
        tally->stuck++;
        return;
    }
    tally->torn += !box_is_whole(&world->shared.box, got);
    tally->wrong += got->count < PUBLISHED || got->count > PUBLISHED + whole + begun;
    tally->wrong += world->own.cursor.lost != got->count - PUBLISHED;
    tally->wrong += world->own.cursor.position != got->count;
}

#define DRAINED 3 /* as many as can be read of a depth of 4 */

static void prepare_drain(struct world *world, int state) {
    prepare_reader(world, state);
    world->own.cursor.position = PUBLISHED - DRAINED;
}

static void do_drain(struct world *world) {
    world->own.used_count =
        (uint32_t)amp_cursor_drain(&world->own.cursor, world->own.used[0], DRAINED);
}

static void judge_drain(struct world *world, struct tally *tally) {
    const struct amp_cursor *const cursor = &world->own.cursor;
    uint64_t last = PUBLISHED - DRAINED;
    tally->stuck += world->own.used_count == 0;
    for (uint32_t i = 0; i < world->own.used_count; i++) {
        const struct amp_sample *const got = world_sample(world->own.used[i]);
        tally->torn += !box_is_whole(&world->shared.box, got);
        tally->wrong += got->count <= last;
        last = got->count;
    }
    tally->wrong += cursor->position < last;
    tally->wrong +=
        cursor->position - (PUBLISHED - DRAINED) != cursor->lost + world->own.used_count;
}

/* Broken twin: the sequence number is not looked at again after the copy. */
static void do_unchecked(struct world *world) {
    const struct box *const box = &world->shared.box;
    struct amp_sample *const out = world_sample(world->own.out);
    const uint64_t count = amp_load_acquire(box_latest(box));
    const struct amp_slot *const slot = box_slot(box, count);
    out->count = count;
    world->own.got = AMP_READ_NO_NEW;
    if (amp_load_acquire(&slot->seq) == 2 * count) {
        out->t_ns = (amp_ns)amp_load_relaxed(&slot->t_ns);
        out->mark = amp_load_relaxed(&slot->mark);
        for (uint32_t i = 0; i < WORDS; i++) {
            out->words[i] = amp_load_relaxed(&slot->words[i]);
        }
        world->own.got = AMP_READ_VALUE;
    }
}

static void judge_unchecked(struct world *world, struct tally *tally) {
    if (world->own.got == AMP_READ_VALUE) { /* it tries but once, and may say so */
        judge_latest(world, tally);
    }
}

static const struct step_case reader_cases[] = {
    {"latest", 1, prepare_reader, do_latest, judge_death_reader, NULL, true, false},
    {"next", 1, prepare_reader, do_next, judge_death_reader, NULL, true, false},
    {"drain", 1, prepare_drain, do_drain, judge_death_reader, NULL, true, false},
    {"latest, overtaken", OVERTAKES, prepare_reader, do_latest, judge_latest, overtake_reader, true,
     false},
    {"next, overtaken", OVERTAKES, prepare_reader, do_next, judge_next, overtake_reader, true,
     false},
    {"drain, overtaken", OVERTAKES, prepare_drain, do_drain, judge_drain, overtake_reader, true,
     false},
    {"twin: no second look", OVERTAKES, prepare_reader, do_unchecked, judge_unchecked,
     overtake_reader, true, true},
};

#endif
