#include "amp/stats.h"

#include "layout.h"

#define AMP_LINEAR 64u      /* values below are their own bucket */
#define AMP_SUB_BUCKETS 32u /* to each power of two above */
#define AMP_FIRST_OCTAVE 6  /* 2^6 = AMP_LINEAR */
#define AMP_OCTAVES 34      /* up to 2^40 ns */

_Static_assert(AMP_LINEAR + AMP_OCTAVES * AMP_SUB_BUCKETS == AMP_BUCKETS,
               "every bucket has a value");

void amp_owner_beat(struct amp_owner *owner, enum amp_checkpoint checkpoint, amp_ns now) {
    amp_store_relaxed(&owner->checkpoint, (uint64_t)checkpoint);
    amp_store_relaxed(&owner->heartbeat_t_ns, (uint64_t)now);
    amp_store_release(&owner->heartbeat, amp_load_relaxed(&owner->heartbeat) + 1);
}

void amp_owner_at(struct amp_owner *owner, enum amp_checkpoint checkpoint) {
    amp_store_relaxed(&owner->checkpoint, (uint64_t)checkpoint);
}

uint64_t amp_owner_heartbeat(const struct amp_owner *owner, enum amp_checkpoint *checkpoint,
                             amp_ns *t_ns) {
    const uint64_t beat = amp_load_acquire(&owner->heartbeat);
    if (checkpoint != NULL) {
        const uint64_t at = amp_load_relaxed(&owner->checkpoint);
        *checkpoint = at <= AMP_AT_END ? (enum amp_checkpoint)at : AMP_AT_START;
    }
    if (t_ns != NULL) {
        *t_ns = (amp_ns)amp_load_relaxed(&owner->heartbeat_t_ns);
    }
    return beat;
}

void amp_owner_add(struct amp_owner *owner, enum amp_counter counter, uint64_t increment) {
    amp_add_own(&owner->counters[counter], increment);
}

uint64_t amp_owner_counter(const struct amp_owner *owner, enum amp_counter counter) {
    return amp_load_relaxed(&owner->counters[counter]);
}

void amp_owner_set(struct amp_owner *owner, enum amp_gauge gauge, uint64_t value) {
    amp_store_release(&owner->gauges[gauge],
                      value); /* pairs with the acquire in amp_owner_gauge() */
}

uint64_t amp_owner_gauge(const struct amp_owner *owner, enum amp_gauge gauge) {
    return amp_load_acquire(&owner->gauges[gauge]); /* pairs with the release in amp_owner_set() */
}

void amp_owner_begin(struct amp_owner *owner, amp_ns t0_ns) {
    amp_owner_set(owner, AMP_GAUGE_T0_NS, (uint64_t)t0_ns);
    amp_owner_set(owner, AMP_GAUGE_T_STOP_NS, 0);
    amp_owner_set(owner, AMP_GAUGE_BASE_TICKS,
                  amp_owner_counter(owner, AMP_COUNT_TICKS) +
                      amp_owner_counter(owner, AMP_COUNT_SKIPPED));
}

void amp_owner_fault(struct amp_owner *owner, enum amp_fault fault, int64_t argument, amp_ns now) {
    const uint64_t mask = amp_load_relaxed(&owner->fault_mask);
    if (mask == 0) {
        amp_store_relaxed(&owner->fault_first, (uint64_t)fault);
        amp_store_relaxed(&owner->fault_argument, (uint64_t)argument);
        amp_store_relaxed(&owner->fault_t_ns, (uint64_t)now);
    }
    amp_add_own(&owner->fault_events, 1);
    /* Pairs with the acquire in amp_owner_faults(): a set bit shows the first fault's words. */
    amp_store_release(&owner->fault_mask, mask | (uint64_t)1 << fault);
}

void amp_owner_faults(const struct amp_owner *owner, struct amp_fault_view *out) {
    out->mask = amp_load_acquire(&owner->fault_mask);
    out->first = (uint32_t)amp_load_relaxed(&owner->fault_first);
    out->argument = (int64_t)amp_load_relaxed(&owner->fault_argument);
    out->first_t_ns = (amp_ns)amp_load_relaxed(&owner->fault_t_ns);
    out->events = amp_load_relaxed(&owner->fault_events);
}

static uint32_t octave_of(uint64_t value) {
    uint32_t octave = 0;
    for (uint32_t width = 32; width > 0; width /= 2) {
        if (value >> width != 0) {
            value >>= width;
            octave += width;
        }
    }
    return octave;
}

uint32_t amp_bucket_of(amp_ns value) {
    if (value < (amp_ns)AMP_LINEAR) {
        return value < 0 ? 0 : (uint32_t)value;
    }
    const uint32_t octave = octave_of((uint64_t)value);
    if (octave >= AMP_FIRST_OCTAVE + AMP_OCTAVES) {
        return AMP_BUCKETS - 1;
    }
    const uint32_t sub = (uint32_t)((uint64_t)value >> (octave - 5)) - AMP_SUB_BUCKETS;
    return AMP_LINEAR + (octave - AMP_FIRST_OCTAVE) * AMP_SUB_BUCKETS + sub;
}

amp_ns amp_bucket_top(uint32_t bucket) {
    if (bucket < AMP_LINEAR) {
        return (amp_ns)bucket;
    }
    const uint32_t octave = (bucket - AMP_LINEAR) / AMP_SUB_BUCKETS + AMP_FIRST_OCTAVE;
    const uint64_t sub = (bucket - AMP_LINEAR) % AMP_SUB_BUCKETS + AMP_SUB_BUCKETS;
    return (amp_ns)(((sub + 1) << (octave - 5)) - 1);
}

void amp_owner_record(struct amp_owner *owner, enum amp_histogram histogram, amp_ns value) {
    struct amp_histogram_words *const words = &owner->histograms[histogram];
    const uint64_t plain = value < 0 ? 0 : (uint64_t)value;
    amp_add_own(&words->buckets[amp_bucket_of(value)], 1);
    amp_add_own(&words->sum, plain);
    amp_add_own(&words->count, 1);
    if (plain > amp_load_relaxed(&words->max)) {
        amp_store_relaxed(&words->max, plain);
    }
}

void amp_owner_summary(const struct amp_owner *owner, enum amp_histogram histogram,
                       struct amp_summary *out) {
    const struct amp_histogram_words *const words = &owner->histograms[histogram];
    *out = (struct amp_summary){.max_ns = (amp_ns)amp_load_relaxed(&words->max)};
    uint64_t total = 0;
    for (uint32_t bucket = 0; bucket < AMP_BUCKETS; bucket++) {
        total += amp_load_relaxed(&words->buckets[bucket]);
    }
    if (total == 0) {
        return;
    }
    out->count = total;
    out->mean_ns = (double)amp_load_relaxed(&words->sum) / (double)total;
    /* The rank that a share p of all values reaches, counted from 1: ceil(p * total). */
    const uint64_t ranks[3] = {total - total / 2, total - total / 100, total - total / 1000};
    amp_ns *const quantiles[3] = {&out->p50_ns, &out->p99_ns, &out->p999_ns};
    uint64_t seen = 0;
    for (uint32_t bucket = 0; bucket < AMP_BUCKETS; bucket++) {
        const uint64_t before = seen;
        seen += amp_load_relaxed(&words->buckets[bucket]);
        for (int i = 0; i < 3; i++) {
            if (before < ranks[i] && seen >= ranks[i]) {
                const amp_ns top = amp_bucket_top(bucket);
                *quantiles[i] = top < out->max_ns ? top : out->max_ns;
            }
        }
    }
}

void amp_owner_prefault(struct amp_owner *owner) {
    unsigned char *const bytes = (void *)owner;
    for (size_t at = 0; at < sizeof *owner; at += 4096) {
        struct amp_word *const word = (void *)(bytes + at);
        amp_store_relaxed(word, amp_load_relaxed(word));
    }
}
