/* layout.h: the bytes of a segment. Only the mailbox's own sources include this file.
 *
 * docs/mailbox.md draws it. Every word below has one writing process; words of different writing
 * threads stand on different cache lines.
 */
#ifndef AMP_LAYOUT_H
#define AMP_LAYOUT_H

#include "amp/atomic.h"
#include "amp/queue.h"
#include "amp/segment.h"
#include "amp/stats.h"

struct amp_line {
    _Alignas(AMP_CACHE_LINE) struct amp_word latest;
};

struct amp_slot {
    struct amp_word seq;
    struct amp_word t_ns;
    struct amp_word mark;
    struct amp_word words[];
};

#define AMP_SLOT_HEADER_WORDS 3

/* Plain words: written once, before `ready` is stored with release. */
struct amp_header {
    uint8_t magic[4]; /* "AMPH" */
    uint16_t abi_major;
    uint16_t abi_minor;
    uint32_t byte_order; /* 0x01020304 as this machine stores it */
    uint32_t word_size;  /* sizeof(void *) */
    uint64_t size;
    uint64_t layout_hash;
    uint64_t nonce;
    uint32_t role;
    uint32_t page_size;
    int64_t created_ns;
    uint32_t directory_size;
    uint32_t reserved;
    struct amp_word ready; /* 1 */
};

struct amp_histogram_words {
    struct amp_word count;
    struct amp_word sum;
    struct amp_word max;
    struct amp_word buckets[AMP_BUCKETS];
};

/* What became of a message: `id` is stored last. */
struct amp_tuning_words {
    struct amp_word id;
    struct amp_word result;
    struct amp_word tick;
    struct amp_word t_ns;
};

struct amp_owner {
    _Alignas(AMP_CACHE_LINE) struct amp_word heartbeat;
    struct amp_word checkpoint;
    struct amp_word heartbeat_t_ns;

    _Alignas(AMP_CACHE_LINE) struct amp_word fault_mask;
    struct amp_word fault_events;
    struct amp_word fault_first;
    struct amp_word fault_argument;
    struct amp_word fault_t_ns;

    _Alignas(AMP_CACHE_LINE) struct amp_word counters[AMP_COUNT_COUNT];
    _Alignas(AMP_CACHE_LINE) struct amp_word gauges[AMP_GAUGE_COUNT];
    _Alignas(AMP_CACHE_LINE) struct amp_histogram_words histograms[AMP_HISTOGRAM_COUNT];

    _Alignas(AMP_CACHE_LINE) struct amp_word queue_cursors[AMP_QUEUES_MAX];
    _Alignas(AMP_CACHE_LINE) struct amp_word waiting; /* role id + 1 of whom it waits for, or 0 */

    _Alignas(AMP_CACHE_LINE) struct amp_tuning_words answers[AMP_TUNING_DEPTH]; /* [id % depth] */
};

struct amp_role_line {
    struct amp_word state; /* state | wanted << 8 */
    struct amp_word pid;
    struct amp_word epoch;
};

struct amp_system {
    _Alignas(AMP_CACHE_LINE) struct amp_word mode; /* mode | arming << 8: the main thread */
    _Alignas(
        AMP_CACHE_LINE) struct amp_word trip; /* fault | role << 8 | arming << 16: the watchdog */
    _Alignas(AMP_CACHE_LINE) struct amp_role_line roles[AMP_ROLES_MAX];
};

_Static_assert(sizeof(struct amp_header) <= AMP_DIRECTORY_OFFSET,
               "the directory follows the header");
_Static_assert(AMP_DIRECTORY_OFFSET + AMP_DIRECTORY_MAX <= 4096, "the first page holds both");
_Static_assert(sizeof(struct amp_owner) <= AMP_OWNER_SIZE, "the owner block fits its place");
_Static_assert(sizeof(struct amp_system) <= AMP_SYSTEM_SIZE, "the system block fits its place");
_Static_assert(sizeof(struct amp_line) == AMP_CACHE_LINE, "the writer's line is one cache line");

#endif
