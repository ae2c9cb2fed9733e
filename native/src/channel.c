#include "amp/channel.h"

#include "layout.h"

/* Every order below has its partner named; docs/mailbox.md says which are needed for safety and
 * which only avoid spurious AMP_READ_NO_NEW. */

/* Counts stay below this one; whatever is not, a wild writer left there. Twice such a count would
 * wrap round to the number of another publication. */
#define COUNT_LIMIT (UINT64_C(1) << 63)

/* Words of a publication that takes exactly one cache line. */
#define LINE_WORDS (AMP_CACHE_LINE / 8 - AMP_SLOT_HEADER_WORDS)

static struct amp_slot *slot_of(const struct amp_channel *channel, uint64_t count) {
    unsigned char *const slots = channel->slots;
    return (void *)(slots + (count & channel->mask) * channel->stride);
}

static struct amp_word *latest_of(const struct amp_channel *channel) {
    return &((struct amp_line *)channel->line)->latest;
}

static uint32_t stride_of(uint32_t words) {
    const uint32_t bytes = (AMP_SLOT_HEADER_WORDS + words) * (uint32_t)sizeof(struct amp_word);
    return (bytes + AMP_CACHE_LINE - 1) / AMP_CACHE_LINE * AMP_CACHE_LINE;
}

size_t amp_channel_size(uint32_t words, uint32_t depth) {
    if (words < 1 || words > AMP_CHANNEL_WORDS_MAX) {
        return 0;
    }
    if (depth < AMP_CHANNEL_DEPTH_MIN || depth > AMP_CHANNEL_DEPTH_MAX ||
        (depth & (depth - 1)) != 0) {
        return 0;
    }
    if (depth > (SIZE_MAX - sizeof(struct amp_line)) / stride_of(words)) {
        return 0; /* where size_t has 32 bits */
    }
    return sizeof(struct amp_line) + (size_t)depth * stride_of(words);
}

int amp_channel_bind(struct amp_channel *channel, void *at, size_t room, uint32_t words,
                     uint32_t depth) {
    const size_t size = amp_channel_size(words, depth);
    if (size == 0 || (uintptr_t)at % AMP_CACHE_LINE != 0) {
        return -AMP_EARG;
    }
    if (size > room) {
        return -AMP_EROOM;
    }
    *channel = (struct amp_channel){
        .line = at,
        .slots = (unsigned char *)at + sizeof(struct amp_line),
        .mask = depth - 1,
        .words = words,
        .stride = stride_of(words),
    };
    return AMP_OK;
}

uint64_t amp_channel_attach(struct amp_channel *channel, uint32_t epoch) {
    channel->mark = epoch;
    struct amp_word *const latest = latest_of(channel);
    const uint64_t next = amp_load_relaxed(latest) + 1;
    /* The supervisor saw the predecessor's end before it started us: that orders its stores. */
    if (amp_load_relaxed(&slot_of(channel, next)->seq) == 2 * next) {
        amp_store_release(latest, next); /* pairs with the acquire in amp_channel_latest() */
    }
    return amp_load_relaxed(latest);
}

void amp_channel_publish(struct amp_channel *channel, amp_ns t_ns, uint32_t flags,
                         const uint64_t *words) {
    struct amp_word *const latest = latest_of(channel);
    const uint64_t count = amp_load_relaxed(latest) + 1;
    struct amp_slot *const slot = slot_of(channel, count);

    amp_store_relaxed(&slot->seq, 2 * count - 1);
    amp_fence_release(); /* no word below may be seen before the odd mark: pairs with the readers'
                            acquire fence */
    amp_store_relaxed(&slot->t_ns, (uint64_t)t_ns);
    amp_store_relaxed(&slot->mark, channel->mark | (uint64_t)flags << 32);
    for (uint32_t i = 0; i < channel->words; i++) {
        amp_store_relaxed(&slot->words[i], words[i]);
    }
    amp_store_release(&slot->seq, 2 * count); /* pairs with the acquire of seq in read_slot() */
    amp_store_release(latest, count);         /* pairs with the acquire in amp_channel_latest() */
}

void amp_channel_publish_many(struct amp_channel *channel, amp_ns t_ns, uint32_t flags,
                              const uint64_t *words, size_t messages) {
    for (size_t i = 0; i < messages; i++) {
        amp_channel_publish(channel, t_ns, flags, words + i * channel->words);
    }
}

static inline void copy_slot(const struct amp_slot *slot, uint32_t words, struct amp_sample *out) {
    out->t_ns = (amp_ns)amp_load_relaxed(&slot->t_ns);
    out->mark = amp_load_relaxed(&slot->mark);
    for (uint32_t i = 0; i < words; i++) {
        out->words[i] = amp_load_relaxed(&slot->words[i]);
    }
}

/* Read publication |count|, if the slot holds exactly that one from beginning to end. Returns the
 * last sequence word seen: 2 * count when |out| is whole; a copy that is not adds to |torn|. */
static inline uint64_t read_slot(const struct amp_channel *channel, uint64_t count,
                                 struct amp_sample *out, uint64_t *torn) {
    const struct amp_slot *const slot = slot_of(channel, count);
    const uint64_t seq = amp_load_acquire(&slot->seq); /* pairs with the release in publish */
    if (seq != 2 * count) {
        return seq;
    }
    copy_slot(slot, channel->words, out);
    amp_fence_acquire(); /* the copy is over before seq is looked at again */
    out->count = count;
    const uint64_t seq_after = amp_load_relaxed(&slot->seq);
    *torn += seq_after != seq;
    return seq_after;
}

enum amp_read amp_channel_latest(const struct amp_channel *channel, struct amp_sample *out,
                                 uint64_t *torn) {
    const struct amp_word *const latest = latest_of(channel);
    uint64_t uncounted = 0;
    for (int attempt = 0; attempt < AMP_CHANNEL_TRIES; attempt++) {
        const uint64_t count = amp_load_acquire(latest); /* pairs with the release in publish */
        if (count == 0 || count >= COUNT_LIMIT) {
            return AMP_READ_NEVER;
        }
        if (read_slot(channel, count, out, torn != NULL ? torn : &uncounted) == 2 * count) {
            return AMP_READ_VALUE;
        }
    }
    return AMP_READ_NO_NEW;
}

uint64_t amp_channel_count(const struct amp_channel *channel) {
    return amp_load_acquire(latest_of(channel)); /* pairs with the release in publish */
}

void amp_cursor_open(struct amp_cursor *cursor, const struct amp_channel *channel,
                     enum amp_start start) {
    const uint64_t count = amp_channel_count(channel);
    const uint64_t depth = channel->mask + 1;
    uint64_t position = count;
    if (start == AMP_START_OLDEST) {
        /* The slot after `latest` may be under the writer's pen: depth - 1 are readable. */
        const uint64_t margin = depth / 8 > 1 ? depth / 8 : 1;
        position = count < depth - margin ? 0 : count + 1 + margin - depth;
    }
    *cursor = (struct amp_cursor){.channel = *channel, .position = position};
}

/* Where a lapped cursor goes on: near the oldest slot in a shallow channel; half a lap ahead in a
 * deep one, where the next lap would otherwise be immediate. */
static uint64_t landing_after(uint64_t newest, uint64_t depth) {
    return depth == AMP_CHANNEL_DEPTH_MIN ? newest + 2 - depth : newest - depth / 2;
}

enum amp_read amp_cursor_next(struct amp_cursor *cursor, struct amp_sample *out) {
    const struct amp_channel *const channel = &cursor->channel;
    for (int attempt = 0; attempt < AMP_CHANNEL_TRIES; attempt++) {
        if (cursor->position >= COUNT_LIMIT - 1) {
            return AMP_READ_EMPTY;
        }
        const uint64_t wanted = cursor->position + 1;
        const uint64_t seq = read_slot(channel, wanted, out, &cursor->torn);
        if (seq == 2 * wanted) {
            cursor->position = wanted;
            return AMP_READ_VALUE;
        }
        if (seq < 2 * wanted) {
            return AMP_READ_EMPTY;
        }
        uint64_t newest = amp_channel_count(channel);
        if (seq >> 1 > newest) {
            newest = seq >> 1;
        }
        if (newest >= COUNT_LIMIT || newest - wanted < channel->mask) {
            return AMP_READ_EMPTY; /* no lap: only a corrupt header sends a reader backward */
        }
        const uint64_t landing = landing_after(newest, channel->mask + 1);
        cursor->lost += landing - wanted;
        cursor->position = landing - 1;
    }
    return AMP_READ_EMPTY;
}

/* Copy the publications that stand next in line, while they are whole; returns how many. |words|
 * are the channel's: where the caller has them as a constant, the copy has no loop. */
static inline size_t copy_run_of(struct amp_cursor *cursor, uint32_t words, uint64_t *records,
                                 size_t most) {
    struct amp_channel channel = cursor->channel; /* its own, so that records[] cannot change it */
    channel.words = words;
    const size_t record_words = AMP_SLOT_HEADER_WORDS + (size_t)channel.words;
    const uint64_t position = cursor->position;
    uint64_t torn = 0;
    size_t got = 0;
    while (got < most && position + got < COUNT_LIMIT - 1) {
        const uint64_t wanted = position + got + 1;
        struct amp_sample *const out = (void *)(records + got * record_words);
        if (read_slot(&channel, wanted, out, &torn) != 2 * wanted) {
            break;
        }
        got++;
    }
    cursor->position += got;
    cursor->torn += torn;
    return got;
}

static size_t copy_run(struct amp_cursor *cursor, uint64_t *records, size_t most) {
    return cursor->channel.words == LINE_WORDS
               ? copy_run_of(cursor, LINE_WORDS, records, most)
               : copy_run_of(cursor, cursor->channel.words, records, most);
}

size_t amp_cursor_drain(struct amp_cursor *cursor, uint64_t *records, size_t most) {
    const size_t record_words = AMP_SLOT_HEADER_WORDS + (size_t)cursor->channel.words;
    size_t got = copy_run(cursor, records, most);
    while (got < most &&
           amp_cursor_next(cursor, (void *)(records + got * record_words)) == AMP_READ_VALUE) {
        got++;
        got += copy_run(cursor, records + got * record_words, most - got);
    }
    return got;
}
