/* hostile.h: a segment whose every word an enemy chose, and everything that may be read of it.
 *
 * The enemy is a string of bytes: the fuzzer's, or a seeded test's. A reader may say "no data" and
 * nothing worse: HOLDS() is what must be true whatever the bytes are. Memory is allocated to the
 * byte, so a sanitizer sees a read beside it. Rules that a reader keeps here: it ends, it gives only
 * what the sequence words vouch for, a cursor never goes backward and counts exactly what it skips.
 */
#ifndef AMP_TESTS_HOSTILE_H
#define AMP_TESTS_HOSTILE_H

#include <stdlib.h>
#include <string.h>

#include "../src/layout.h"
#include "amp/channel.h"
#include "amp/queue.h"
#include "amp/segment.h"

#include <stdio.h>

/// What the enemy still has to say. Past its end it says 0.
struct enemy {
    const uint8_t *bytes;
    size_t size;
    size_t at;
    const char *broken; /* the first rule that did not hold */
};

#define HOLDS(enemy, condition)                                                                    \
    do {                                                                                           \
        if (!(condition) && (enemy)->broken == NULL) {                                             \
            (enemy)->broken = #condition;                                                          \
        }                                                                                          \
    } while (0)

static inline uint8_t enemy_byte(struct enemy *enemy) {
    return enemy->at < enemy->size ? enemy->bytes[enemy->at++] : 0;
}

static inline uint64_t enemy_raw(struct enemy *enemy) {
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) {
        value = value << 8 | enemy_byte(enemy);
    }
    return value;
}

/// A word: raw, or near a place where arithmetic turns.
static inline uint64_t enemy_word(struct enemy *enemy) {
    const uint8_t kind = enemy_byte(enemy);
    const int8_t offset = (int8_t)enemy_byte(enemy);
    const uint64_t near = (uint64_t)(int64_t)offset;
    switch (kind % 8) {
    case 0:
        return near & 0x3f;
    case 1:
        return near;
    case 2:
        return (UINT64_C(1) << 63) + near;
    case 3:
        return (UINT64_C(1) << 32) + near;
    case 4:
        return (UINT64_C(1) << 62) + near;
    case 5:
        return UINT64_C(1) << (near & 63);
    case 6:
        return near & 0x7;
    default:
        return enemy_raw(enemy);
    }
}

static inline void enemy_words(struct enemy *enemy, void *at, size_t count) {
    struct amp_word *const words = at;
    for (size_t i = 0; i < count; i++) {
        amp_store_relaxed(&words[i], enemy_word(enemy));
    }
}

static inline void *exactly(size_t size) {
    void *const at = aligned_alloc(AMP_CACHE_LINE, size);
    if (at == NULL) {
        abort();
    }
    memset(at, 0, size);
    return at;
}

/* Header and directory ------------------------------------------------------------------------- */

#define HOSTILE_PAGE 4096

static inline void hostile_header(struct enemy *enemy) {
    static _Alignas(AMP_CACHE_LINE) uint8_t base[HOSTILE_PAGE + AMP_OWNER_SIZE];
    const struct amp_segment_identity identity = {
        .size = sizeof base, .layout_hash = 7, .nonce = 9, .role = 3, .page_size = HOSTILE_PAGE};
    memset(base, 0, HOSTILE_PAGE);
    HOLDS(enemy, amp_segment_format(base, &identity, "a", 1, 0) == 0);
    for (int writes = enemy_byte(enemy) % 4; writes > 0; writes--) {
        const size_t at = enemy_byte(enemy) % AMP_DIRECTORY_OFFSET;
        base[at] = enemy_byte(enemy);
        enemy_words(enemy, base + enemy_byte(enemy) % (AMP_DIRECTORY_OFFSET / 8) * 8, 1);
    }
    const struct amp_header *const header = (const void *)base;
    const int verdict = amp_segment_check(base, &identity);
    const bool same = header->size == identity.size && header->layout_hash == 7 &&
                      header->nonce == 9 && header->role == 3 &&
                      header->page_size == HOSTILE_PAGE && memcmp(base, "AMPH", 4) == 0;
    HOLDS(enemy, verdict == 0 ? same : verdict <= -AMP_EFORMAT && verdict >= -AMP_ENOTREADY);
    const struct amp_segment_identity none = {.size = 8};
    HOLDS(enemy, amp_segment_check(base, &none) == -AMP_ESIZE);
    const size_t room = (size_t)enemy_byte(enemy) * 17;
    char *const text = malloc(room + 1);
    if (text != NULL) {
        HOLDS(enemy, amp_segment_directory(base, text, room) <= room);
    }
    free(text);
}

/* Blocks --------------------------------------------------------------------------------------- */

static inline void hostile_owner(struct enemy *enemy) {
    struct amp_owner *const owner = exactly(sizeof *owner);
    enum amp_checkpoint checkpoint = AMP_AT_START;
    struct amp_fault_view faults;
    struct amp_summary summary;
    amp_ns t_ns = 0;
    enemy_words(enemy, owner, 16);
    enemy_words(enemy, &owner->histograms[0], 64);
    (void)amp_owner_heartbeat(owner, &checkpoint, &t_ns);
    HOLDS(enemy, (uint32_t)checkpoint <= AMP_AT_END);
    amp_owner_faults(owner, &faults);
    amp_owner_summary(owner, AMP_HISTOGRAM_WAKEUP, &summary);
    HOLDS(enemy, summary.p50_ns <= summary.max_ns || summary.count == 0 || summary.p50_ns == 0);
    free(owner);
}

static inline void hostile_system(struct enemy *enemy) {
    struct amp_system *const system = exactly(sizeof *system);
    enemy_words(enemy, system, 1);
    enemy_words(enemy, &system->trip, 1);
    enemy_words(enemy, system->roles, 12);
    enum amp_fault fault = AMP_FAULT_NONE;
    uint32_t role = 0;
    uint64_t arming = 0;
    HOLDS(enemy, (uint32_t)amp_system_mode(system, &arming) <= AMP_MODE_SAFE);
    HOLDS(enemy, amp_system_mode(system, NULL) == amp_system_mode(system, &arming));
    (void)amp_system_tripped(system, enemy_word(enemy), &fault, &role);
    (void)amp_system_tripped(system, arming, NULL, NULL);
    HOLDS(enemy, (uint32_t)fault < AMP_FAULT_COUNT && role <= 255);
    for (uint32_t i = 0; i < 4; i++) {
        HOLDS(enemy, (uint32_t)amp_system_role_state(system, i) <= AMP_ROLE_DEAD);
        HOLDS(enemy, (uint32_t)amp_system_wanted(system, i) <= AMP_WANTED_END);
        (void)amp_system_role_pid(system, i);
        (void)amp_system_role_epoch(system, i);
    }
    free(system);
}

/* Channel -------------------------------------------------------------------------------------- */

#define HOSTILE_WORDS_MAX 5
#define COUNT_END (UINT64_C(1) << 63) /* no count is this high */

struct hostile_channel {
    struct amp_channel channel;
    size_t size;
    void *at;
};

static inline struct hostile_channel hostile_bind(struct enemy *enemy) {
    const uint32_t words = 1 + enemy_byte(enemy) % HOSTILE_WORDS_MAX;
    const uint32_t depth = 4u << enemy_byte(enemy) % 4;
    struct hostile_channel made = {.size = amp_channel_size(words, depth)};
    made.at = exactly(made.size);
    HOLDS(enemy, amp_channel_bind(&made.channel, made.at, made.size, words, depth) == 0);
    return made;
}

static inline struct amp_word *hostile_seq(const struct amp_channel *channel, uint64_t count) {
    unsigned char *const slots = channel->slots;
    return (void *)(slots + (count & channel->mask) * channel->stride);
}

/// `latest` and each slot's sequence word: what the enemy says, or plausible beside `latest`.
static inline void hostile_fill(struct enemy *enemy, const struct amp_channel *channel) {
    const uint64_t latest = enemy_word(enemy);
    amp_store_relaxed(channel->line, latest);
    for (uint64_t i = 0; i <= channel->mask; i++) {
        const uint8_t kind = enemy_byte(enemy);
        const uint64_t count = latest - i;
        uint64_t seq = 2 * count - kind / 8 % 2;
        if (kind % 4 == 0) {
            seq = enemy_word(enemy);
        } else if (kind % 4 == 1) {
            seq += 2 * (channel->mask + 1) * (1 + kind / 16 % 4); /* laps ahead */
        }
        amp_store_relaxed(hostile_seq(channel, count), seq);
        amp_store_relaxed(hostile_seq(channel, count) + 3, enemy_byte(enemy));
    }
}

typedef enum amp_read (*hostile_reader)(const struct amp_channel *channel, struct amp_sample *out,
                                        uint64_t *torn);

static inline void hostile_latest(struct enemy *enemy, const struct amp_channel *channel,
                                  hostile_reader read) {
    uint64_t words[3 + HOSTILE_WORDS_MAX] = {0};
    struct amp_sample *const out = (void *)words;
    uint64_t torn = 0;
    const uint64_t latest = amp_load_relaxed(channel->line);
    const uint64_t seq = amp_load_relaxed(hostile_seq(channel, latest));
    const enum amp_read got = read(channel, out, &torn);
    const bool possible = latest != 0 && latest < COUNT_END;
    const bool vouched = possible && seq == 2 * latest;
    HOLDS(enemy, got == (vouched ? AMP_READ_VALUE : possible ? AMP_READ_NO_NEW : AMP_READ_NEVER));
    HOLDS(enemy, !vouched || (out->count == latest &&
                              words[3] == amp_load_relaxed(hostile_seq(channel, latest) + 3)));
    HOLDS(enemy, torn == 0);
    HOLDS(enemy, read(channel, out, NULL) == got);
}

static inline void hostile_step(struct enemy *enemy, struct amp_cursor *cursor) {
    uint64_t words[3 + HOSTILE_WORDS_MAX] = {0};
    struct amp_sample *const out = (void *)words;
    const struct amp_cursor before = *cursor;
    const enum amp_read got = amp_cursor_next(cursor, out);
    const uint64_t moved = cursor->position - before.position;
    const uint64_t skipped = cursor->lost - before.lost;
    HOLDS(enemy, got == AMP_READ_VALUE || got == AMP_READ_EMPTY);
    HOLDS(enemy, cursor->position >= before.position);
    HOLDS(enemy, moved == skipped + (got == AMP_READ_VALUE));
    HOLDS(enemy, cursor->position < COUNT_END || cursor->position == before.position);
    if (got == AMP_READ_VALUE) {
        HOLDS(enemy, out->count == cursor->position);
        HOLDS(enemy, amp_load_relaxed(hostile_seq(&cursor->channel, out->count)) == 2 * out->count);
    }
}

static inline void hostile_cursor(struct enemy *enemy, const struct amp_channel *channel) {
    struct amp_cursor cursor;
    amp_cursor_open(&cursor, channel,
                    enemy_byte(enemy) % 2 != 0 ? AMP_START_LATEST : AMP_START_OLDEST);
    for (int steps = 0; steps < 12; steps++) {
        const uint8_t kind = enemy_byte(enemy);
        if (kind % 4 == 1) {
            hostile_fill(enemy, channel); /* the whole channel turns under its reader */
        } else if (kind % 4 == 2) {
            amp_store_relaxed(channel->line, enemy_word(enemy));
        } else if (kind % 4 == 3) {
            amp_store_relaxed(hostile_seq(channel, cursor.position + 1), enemy_word(enemy));
        }
        hostile_step(enemy, &cursor);
    }
}

static inline void hostile_drain(struct enemy *enemy, const struct amp_channel *channel) {
    struct amp_cursor cursor;
    amp_cursor_open(&cursor, channel, AMP_START_OLDEST);
    const size_t most = enemy_byte(enemy) % 4;
    const size_t record_words = 3 + (size_t)channel->words;
    uint64_t *const records = malloc(most * record_words * sizeof *records + 1);
    if (records != NULL) {
        HOLDS(enemy, amp_cursor_drain(&cursor, records, most) <= most);
    }
    free(records);
}

/* Queue: a consumer that stores any cursor ------------------------------------------------------ */

static inline void hostile_queue(struct enemy *enemy, struct amp_channel *channel) {
    struct amp_owner *const consumer = exactly(sizeof *consumer);
    struct amp_queue queue;
    const uint64_t words[HOSTILE_WORDS_MAX] = {0};
    struct amp_queue_reader reader;
    const uint32_t index = enemy_byte(enemy) % AMP_QUEUES_MAX;
    amp_store_relaxed(channel->line, 0);
    HOLDS(enemy, amp_queue_open(&queue, channel, consumer, AMP_QUEUES_MAX) == -AMP_EARG);
    HOLDS(enemy, amp_queue_open(&queue, channel, consumer, index) == 0);
    for (int steps = 0; steps < 12; steps++) {
        if (enemy_byte(enemy) % 2 != 0) {
            amp_store_relaxed(&consumer->queue_cursors[index], enemy_word(enemy));
        }
        const uint64_t consumed = amp_load_relaxed(&consumer->queue_cursors[index]);
        const uint64_t newest = amp_channel_count(channel);
        const uint64_t refused = queue.full + queue.corrupt;
        const bool room = consumed <= newest && newest - consumed <= channel->mask;
        HOLDS(enemy, amp_queue_push(&queue, 0, 0, words) == room);
        HOLDS(enemy, amp_channel_count(channel) == newest + room);
        HOLDS(enemy, queue.full + queue.corrupt == refused + !room);
    }
    HOLDS(enemy, amp_queue_reader_open(&reader, channel, consumer, index + 8) == -AMP_EARG);
    HOLDS(enemy, amp_queue_reader_open(&reader, channel, consumer, index) == 0);
    hostile_step(enemy, &reader.cursor);
    amp_queue_done(&reader);
    free(consumer);
}

/// Read everything of a segment that |enemy| wrote; the rule that did not hold, or NULL.
static inline const char *hostile_reads(struct enemy *enemy) {
    const uint8_t parts = enemy_byte(enemy);
    if (parts % 8 == 1) {
        hostile_header(enemy);
    }
    if (parts % 32 == 2) {
        hostile_owner(enemy);
    }
    if (parts % 16 == 3) {
        hostile_system(enemy);
    }
    struct hostile_channel made = hostile_bind(enemy);
    hostile_fill(enemy, &made.channel);
    hostile_latest(enemy, &made.channel, amp_channel_latest);
    hostile_drain(enemy, &made.channel);
    hostile_cursor(enemy, &made.channel);
    hostile_queue(enemy, &made.channel);
    free(made.at);
    return enemy->broken;
}

#endif
