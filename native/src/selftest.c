#define _GNU_SOURCE
#include "amp/selftest.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "amp/channel.h"
#include "layout.h"

#define WORDS AMP_SELFTEST_WORDS
#define DEPTH AMP_CHANNEL_DEPTH_MIN
/* Most steps of idling between two publications. */
#define MOST_PAUSE 255

/* The writer publishes a cause, then an effect of the same count. */
struct arena {
    _Alignas(AMP_CACHE_LINE) struct amp_word end;
    struct amp_channel cause;
    struct amp_channel effect;
};

struct runner {
    pthread_t thread;
    const struct arena *arena;
    int32_t core;
    struct amp_selftest_result result; /* its own share */
};

struct sample_room {
    _Alignas(8) uint64_t words[AMP_SLOT_HEADER_WORDS + WORDS];
};

static struct amp_sample *sample_in(struct sample_room *room) {
    return (void *)room->words;
}

/* splitmix64's finish (G. L. Steele, D. Lea, C. H. Flood, OOPSLA 2014): each count its own words. */
static uint64_t content(uint64_t count, uint64_t index) {
    uint64_t z = (count + index * UINT64_C(0x9e3779b97f4a7c15)) ^ index;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static bool is_whole(const struct amp_sample *sample) {
    bool whole = (uint64_t)sample->t_ns == sample->count && sample->mark == 1;
    for (uint64_t i = 0; i < WORDS; i++) {
        whole = whole && sample->words[i] == content(sample->count, i);
    }
    return whole;
}

static bool is_over(const struct arena *arena) {
    return amp_load_relaxed(&arena->end) != 0;
}

static void *write_until_the_end(void *argument) {
    struct runner *const runner = argument;
    struct amp_channel cause = runner->arena->cause;
    struct amp_channel effect = runner->arena->effect;
    uint64_t words[WORDS];
    (void)amp_channel_attach(&cause, 1);
    (void)amp_channel_attach(&effect, 1);
    for (uint64_t count = 1; !is_over(runner->arena); count++) {
        for (uint64_t i = 0; i < WORDS; i++) {
            words[i] = content(count, i);
        }
        amp_channel_publish(&cause, (amp_ns)count, 0, words);
        amp_channel_publish(&effect, (amp_ns)count, 0, words);
        for (uint64_t pause = content(count, WORDS) & MOST_PAUSE; pause > 0; pause--) {
            (void)is_over(runner->arena); /* every phase against the readers comes by */
        }
        runner->result.published = count;
    }
    return NULL;
}

static void accept(struct amp_selftest_result *result, const struct amp_sample *sample) {
    result->read++;
    result->torn_accepted += !is_whole(sample);
}

/* The newest effect, then the newest cause, which cannot be older. */
static void read_latest(struct runner *runner, struct sample_room *room, uint64_t *newest) {
    struct amp_sample *const out = sample_in(room);
    struct amp_selftest_result *const result = &runner->result;
    const enum amp_read got =
        amp_channel_latest(&runner->arena->effect, out, &result->torn_detected);
    if (got == AMP_READ_VALUE) {
        result->order_broken += out->count < *newest;
        result->order_broken += amp_channel_count(&runner->arena->cause) < out->count;
        *newest = out->count;
        accept(result, out);
    } else {
        result->no_new += got == AMP_READ_NO_NEW;
    }
}

static void follow(struct runner *runner, struct sample_room *room, struct amp_cursor *cursor) {
    struct amp_sample *const out = sample_in(room);
    struct amp_selftest_result *const result = &runner->result;
    const uint64_t position = cursor->position;
    const uint64_t lost = cursor->lost;
    if (amp_cursor_next(cursor, out) == AMP_READ_VALUE) {
        result->order_broken += out->count <= position;
        result->loss_wrong += out->count - position - 1 != cursor->lost - lost;
        accept(result, out);
    }
}

/* The slot that the writer will come to next, once as it should be read and once as it should not. */
static void read_oldest(struct runner *runner, struct sample_room *room) {
    struct amp_cursor cursor;
    amp_cursor_open(&cursor, &runner->arena->effect, AMP_START_LATEST);
    if (cursor.position > DEPTH) {
        cursor.position -= DEPTH; /* its next is the one that is overwritten next */
        follow(runner, room, &cursor);
        runner->result.torn_detected += cursor.torn;
    }
}

static void read_unchecked(struct runner *runner, struct sample_room *room) {
    const struct amp_channel *const channel = &runner->arena->effect;
    const uint64_t newest = amp_channel_count(channel);
    const uint64_t count = newest < DEPTH ? newest : newest - DEPTH + 1;
    const struct amp_slot *const slot = (const void *)((const unsigned char *)channel->slots +
                                                       (count & channel->mask) * channel->stride);
    struct amp_sample *const out = sample_in(room);
    if (count == 0 || amp_load_acquire(&slot->seq) != 2 * count) {
        return;
    }
    out->count = count;
    out->t_ns = (amp_ns)amp_load_relaxed(&slot->t_ns);
    out->mark = amp_load_relaxed(&slot->mark);
    for (uint32_t i = 0; i < WORDS; i++) {
        out->words[i] = amp_load_relaxed(&slot->words[i]);
    }
    runner->result.control_read++; /* and no second look: this is the broken twin */
    runner->result.control_torn += !is_whole(out);
}

static void *read_until_the_end(void *argument) {
    struct runner *const runner = argument;
    struct sample_room room;
    struct amp_cursor cursor;
    uint64_t newest = 0;
    amp_cursor_open(&cursor, &runner->arena->effect, AMP_START_LATEST);
    while (!is_over(runner->arena)) {
        read_latest(runner, &room, &newest);
        follow(runner, &room, &cursor);
        read_oldest(runner, &room);
        read_unchecked(runner, &room);
    }
    runner->result.torn_detected += cursor.torn;
    runner->result.lost += cursor.lost;
    return NULL;
}

static int start(struct runner *runner, void *(*run)(void *runner)) {
    pthread_attr_t attributes;
    int failed = pthread_attr_init(&attributes);
    if (failed == 0 && runner->core >= 0) {
        cpu_set_t cores;
        CPU_ZERO(&cores);
        CPU_SET((size_t)runner->core, &cores);
        failed = pthread_attr_setaffinity_np(&attributes, sizeof cores, &cores);
    }
    if (failed == 0) {
        failed = pthread_create(&runner->thread, &attributes, run, runner);
        (void)pthread_attr_destroy(&attributes);
    }
    return failed;
}

static void add_share(struct amp_selftest_result *sum, const struct amp_selftest_result *share) {
    sum->published += share->published;
    sum->read += share->read;
    sum->torn_detected += share->torn_detected;
    sum->no_new += share->no_new;
    sum->lost += share->lost;
    sum->torn_accepted += share->torn_accepted;
    sum->order_broken += share->order_broken;
    sum->loss_wrong += share->loss_wrong;
    sum->control_read += share->control_read;
    sum->control_torn += share->control_torn;
}

static void wait_for(amp_ns duration) {
    struct timespec left = {.tv_sec = (time_t)(duration / 1000000000),
                            .tv_nsec = (long)(duration % 1000000000)};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) != 0) {
    }
}

/* The writer is runner 0. All that started are ended, whatever became of the others. */
static int hammer(const struct amp_selftest_setting *setting, struct arena *arena,
                  struct runner *runners, struct amp_selftest_result *result) {
    uint32_t started = 0;
    int failed = 0;
    for (; started <= setting->reader_count && failed == 0; started += failed == 0) {
        struct runner *const runner = &runners[started];
        runner->arena = arena;
        runner->core = started == 0 ? setting->writer_core : setting->reader_cores[started - 1];
        failed = start(runner, started == 0 ? write_until_the_end : read_until_the_end);
    }
    if (failed == 0) {
        wait_for(setting->duration);
    }
    amp_store_relaxed(&arena->end, 1);
    for (uint32_t i = 0; i < started; i++) {
        (void)pthread_join(runners[i].thread, NULL);
        add_share(result, &runners[i].result);
    }
    return failed == 0 ? AMP_OK : -AMP_ESYS;
}

static bool is_possible(const struct amp_selftest_setting *setting) {
    bool possible = setting->duration > 0 && setting->reader_count >= 1 &&
                    setting->reader_count <= AMP_SELFTEST_READERS_MAX &&
                    setting->writer_core >= -1 && setting->writer_core < CPU_SETSIZE;
    for (uint32_t i = 0; possible && i < setting->reader_count; i++) {
        possible = setting->reader_cores[i] >= -1 && setting->reader_cores[i] < CPU_SETSIZE;
    }
    return possible;
}

int amp_selftest(const struct amp_selftest_setting *setting, struct amp_selftest_result *result) {
    memset(result, 0, sizeof *result);
    if (!is_possible(setting)) {
        return -AMP_EARG;
    }
    const size_t size = amp_channel_size(WORDS, DEPTH);
    struct arena arena = {.end = {0}};
    struct runner runners[1 + AMP_SELFTEST_READERS_MAX] = {0};
    void *const memory = aligned_alloc(AMP_CACHE_LINE, 2 * size);
    if (memory == NULL) {
        return -AMP_EROOM;
    }
    memset(memory, 0, 2 * size);
    int code = amp_channel_bind(&arena.cause, memory, size, WORDS, DEPTH);
    if (code == AMP_OK) {
        code = amp_channel_bind(&arena.effect, (unsigned char *)memory + size, size, WORDS, DEPTH);
    }
    if (code == AMP_OK) {
        code = hammer(setting, &arena, runners, result);
    }
    free(memory);
    return code;
}
