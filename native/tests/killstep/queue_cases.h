/* queue_cases.h: A queue's writer dies while it pushes, or its consumer while it reads and uses messages: nothing
 * is lost, and at most one message comes again. */
#ifndef AMP_KILLSTEP_QUEUE_CASES_H
#define AMP_KILLSTEP_QUEUE_CASES_H

#include "channel_cases.h"

#define DEPTH 4

/* Messages before, and how many of them the consumer was done with: empty, some, full. */
static const struct {
    uint64_t pushed;
    uint64_t consumed;
} queue_beginnings[] = {{0, 0}, {5, 5}, {7, 5}, {6, 2}};
#define QUEUE_BEGINNINGS ((int)(sizeof queue_beginnings / sizeof *queue_beginnings))

static void prepare_queue(struct world *world, int state) {
    const int beginning = state % QUEUE_BEGINNINGS;
    world_open(world, DEPTH, queue_beginnings[beginning].pushed);
    amp_store_relaxed(&world->shared.consumer.queue_cursors[0],
                      queue_beginnings[beginning].consumed);
    world_prepare_words(world, 1);
    world->own.state = state;
}

static void do_push(struct world *world) {
    struct amp_queue queue;
    (void)amp_queue_open(&queue, &world->shared.box.writer, &world->shared.consumer, 0);
    (void)amp_queue_push(&queue, world->own.times[0], 0, world->own.words[0]);
}

static void do_restart_queue(struct world *world) {
    struct amp_queue queue;
    struct amp_channel own = world->shared.box.reader;
    const uint64_t done = amp_channel_attach(&own, 2) - world->own.base;
    (void)amp_queue_open(&queue, &own, &world->shared.consumer, 0);
    (void)amp_queue_push(&queue, world->own.times[done], 0, world->own.words[done]);
}

/* After a predecessor's death: a queue with two messages, its consumer reading before the successor
 * starts, or not. */
#define QUEUE_DEATHS (2 * DEATHS)

static void prepare_death_queue(struct world *world, int state) {
    prepare_queue(world, state % 2 == 0 ? 2 : 2 + QUEUE_BEGINNINGS);
    box_publish_steps(&world->shared.box, 1, deaths[state / 2]);
    world_prepare_words(world, 2);
}

static void prepare_eager(struct world *world, int state) {
    prepare_queue(world, QUEUE_BEGINNINGS + state);
}

/* The consumer uses all there is; its log grows. */
static void consume_all(struct world *world) {
    struct amp_queue_reader reader;
    (void)amp_queue_reader_open(&reader, &world->shared.box.reader, &world->shared.consumer, 0);
    while (world->own.used_count < LOG &&
           amp_queue_next(&reader, world_sample(world->own.used[world->own.used_count])) ==
               AMP_READ_VALUE) {
        world->own.used_count++;
        amp_queue_done(&reader);
    }
}

/* Push until refused; returns the newest message. A queue that takes none has stopped. */
static uint64_t push_all(struct world *world, struct tally *tally) {
    struct box *const box = &world->shared.box;
    struct amp_queue queue;
    uint64_t words[WORDS];
    (void)amp_queue_open(&queue, &box->writer, &world->shared.consumer, 0);
    for (int i = 0; i <= DEPTH; i++) {
        const uint64_t count = amp_channel_count(&box->writer) + 1;
        const uint32_t epoch = (uint32_t)box->writer.mark;
        box_fill(words, WORDS, count, epoch);
        if (!amp_queue_push(&queue, box_time(count, epoch), 0, words)) {
            break;
        }
    }
    tally->stuck += queue.corrupt != 0 || queue.full != 1;
    return amp_channel_count(&box->writer);
}

/* Every message after |first| up to |last| was used, in order, at most |again| of them twice. */
static void judge_log(struct world *world, uint64_t first, uint64_t last, uint32_t again,
                      struct tally *tally) {
    uint64_t expected = first;
    uint32_t repeats = 0;
    for (uint32_t i = 0; i < world->own.used_count; i++) {
        const struct amp_sample *const sample = world_sample(world->own.used[i]);
        tally->torn += !box_is_whole(&world->shared.box, sample);
        if (i > 0 && sample->count == expected - 1) {
            repeats++;
        } else {
            tally->wrong += sample->count != expected;
            expected = sample->count + 1;
        }
    }
    tally->wrong += expected != last + 1 || repeats > again;
}

static void judge_with_queue(struct world *world, struct tally *tally,
                             uint64_t (*attach)(struct amp_channel *channel, uint32_t epoch)) {
    const bool eager = world->own.state >= QUEUE_BEGINNINGS; /* reads before the successor starts */
    if (eager) {
        consume_all(world);
    }
    attach(&world->shared.box.writer, 3);
    push_all(world, tally);
    consume_all(world);
    const uint64_t last = push_all(world, tally);
    consume_all(world);
    tally->stuck += last < world->own.base + DEPTH;
    judge_log(world, queue_beginnings[world->own.state % QUEUE_BEGINNINGS].consumed + 1, last, 0,
              tally);
}

static void judge_push(struct world *world, struct tally *tally) {
    judge_with_queue(world, tally, amp_channel_attach);
}

static void judge_unfinished_queue(struct world *world, struct tally *tally) {
    judge_with_queue(world, tally, attach_unfinished);
}

static void use_two(struct world *world, bool done_first) {
    struct amp_queue_reader reader;
    (void)amp_queue_reader_open(&reader, &world->shared.box.reader, &world->shared.consumer, 0);
    for (uint32_t i = 0; i < 2; i++) {
        if (amp_queue_next(&reader, world_sample(world->own.used[i])) != AMP_READ_VALUE) {
            return;
        }
        if (done_first) {
            amp_queue_done(&reader);
        }
        world->own.used_count = i + 1; /* from here on it has been used */
        amp_queue_done(&reader);
    }
}

static void do_consume(struct world *world) {
    use_two(world, false);
}

/* Broken twin: a message is marked as done before it is used. */
static void do_consume_early(struct world *world) {
    use_two(world, true);
}

static void judge_consumer(struct world *world, struct tally *tally) {
    push_all(world, tally); /* what was not done with may not be overwritten */
    consume_all(world);
    const uint64_t last = push_all(world, tally);
    consume_all(world);
    judge_log(world, queue_beginnings[world->own.state % QUEUE_BEGINNINGS].consumed + 1, last, 1,
              tally);
}

static const struct step_case queue_cases[] = {
    {"queue push", 2 * QUEUE_BEGINNINGS, prepare_queue, do_push, judge_push, NULL, false, false},
    {"queue restart", QUEUE_DEATHS, prepare_death_queue, do_restart_queue, judge_push, NULL, false,
     false},
    {"queue next and done", QUEUE_BEGINNINGS, prepare_queue, do_consume, judge_consumer, NULL,
     false, false},
    {"twin: push, unfinished attach", 2, prepare_eager, do_push, judge_unfinished_queue, NULL,
     false, true},
    {"twin: done before use", QUEUE_BEGINNINGS, prepare_queue, do_consume_early, judge_consumer,
     NULL, false, true},
};

#endif
