/* channel_box.h: one channel in plain memory, a content that each count alone determines, and a
 * writer whose stores can be made one at a time, so that it can die after any of them.
 */
#ifndef AMP_TESTS_CHANNEL_BOX_H
#define AMP_TESTS_CHANNEL_BOX_H

#include <stdalign.h>
#include <string.h>

#include "../src/layout.h"
#include "amp/channel.h"
#include "check.h"
#include "seeded.h"

#define BOX_BYTES (64 * 1024)
#define BOX_WORDS_MAX 16

struct box {
    alignas(AMP_CACHE_LINE) unsigned char bytes[BOX_BYTES];
    struct amp_channel writer;
    struct amp_channel reader;
    uint32_t depth;
};

/// A sample with its words, as the reads want it.
union box_sample {
    struct amp_sample sample;
    uint64_t words[3 + BOX_WORDS_MAX];
};

static inline void box_open(struct box *box, uint32_t words, uint32_t depth) {
    memset(box->bytes, 0, sizeof box->bytes);
    box->depth = depth;
    CHECK(amp_channel_size(words, depth) <= sizeof box->bytes);
    CHECK(amp_channel_bind(&box->writer, box->bytes, sizeof box->bytes, words, depth) == 0);
    CHECK(amp_channel_bind(&box->reader, box->bytes, sizeof box->bytes, words, depth) == 0);
}

static inline struct amp_word *box_latest(const struct box *box) {
    return &((struct amp_line *)box->writer.line)->latest;
}

static inline struct amp_slot *box_slot(const struct box *box, uint64_t count) {
    unsigned char *const slots = box->writer.slots;
    return (struct amp_slot *)(void *)(slots + (count & (box->depth - 1)) * box->writer.stride);
}

/// What publication |count| of epoch |epoch| carries in word |index|; 100 is its time.
static inline uint64_t box_content(uint64_t count, uint32_t epoch, uint32_t index) {
    return seeded_mix(count * 1009u + epoch * 0x100000001u + index);
}

static inline amp_ns box_time(uint64_t count, uint32_t epoch) {
    return (amp_ns)(box_content(count, epoch, 100) >> 1);
}

static inline void box_fill(uint64_t *words, uint32_t size, uint64_t count, uint32_t epoch) {
    for (uint32_t i = 0; i < size; i++) {
        words[i] = box_content(count, epoch, i);
    }
}

/// Publish the next count with its content, as |epoch| attached it.
static inline uint64_t box_publish(struct box *box) {
    const uint64_t count = amp_channel_count(&box->writer) + 1;
    const uint32_t epoch = (uint32_t)box->writer.mark;
    uint64_t words[BOX_WORDS_MAX];
    box_fill(words, box->writer.words, count, epoch);
    amp_channel_publish(&box->writer, box_time(count, epoch), 0, words);
    return count;
}

/// True when |sample| is whole: each word, the time and the epoch fit its count.
static inline bool box_is_whole(const struct box *box, const struct amp_sample *sample) {
    const uint32_t epoch = (uint32_t)sample->mark;
    bool whole = sample->t_ns == box_time(sample->count, epoch);
    for (uint32_t i = 0; i < box->reader.words; i++) {
        whole = whole && sample->words[i] == box_content(sample->count, epoch, i);
    }
    return whole;
}

/// The first |steps| stores of publishing the count after `latest` as |epoch|, in mailbox order;
/// words + 5 are all of them.
static inline void box_publish_steps(struct box *box, uint32_t epoch, uint32_t steps) {
    const uint64_t count = amp_load_relaxed(box_latest(box)) + 1;
    struct amp_slot *const slot = box_slot(box, count);
    const uint32_t words = box->writer.words;
    uint32_t step = 0;
    if (step++ < steps) {
        amp_store_relaxed(&slot->seq, 2 * count - 1);
        amp_fence_release();
    }
    if (step++ < steps) {
        amp_store_relaxed(&slot->t_ns, (uint64_t)box_time(count, epoch));
    }
    if (step++ < steps) {
        amp_store_relaxed(&slot->mark, epoch);
    }
    for (uint32_t i = 0; i < words && step++ < steps; i++) {
        amp_store_relaxed(&slot->words[i], box_content(count, epoch, i));
    }
    if (words + 3 < steps) {
        amp_store_release(&slot->seq, 2 * count);
    }
    if (words + 4 < steps) {
        amp_store_release(box_latest(box), count);
    }
}

/// As if |count| had been published by |epoch|, with everything before it that the depth holds.
static inline void box_preset(struct box *box, uint64_t count, uint32_t epoch) {
    for (uint64_t k = count > box->depth ? count - box->depth : 0; k < count; k++) {
        amp_store_relaxed(box_latest(box), k);
        box_publish_steps(box, epoch, box->writer.words + 5);
    }
}

#endif
