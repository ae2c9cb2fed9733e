#include "amp/probe.h"

#include <string.h>

static const amp_ns bounds[AMP_PROBE_BOUNDS] = {10000, 50000, 100000, 1000000};

amp_ns amp_probe_bound(uint32_t index) {
    return index < AMP_PROBE_BOUNDS ? bounds[index] : 0;
}

void amp_probe_count(struct amp_probe_tally *tally, amp_ns value) {
    tally->count++;
    tally->buckets[amp_bucket_of(value)]++;
    if (value > tally->max_ns) {
        tally->max_ns = value;
    }
    for (int i = 0; i < AMP_PROBE_BOUNDS; i++) {
        tally->over[i] += value > bounds[i];
    }
}

int amp_probe_init(struct amp_probe *probe) {
    probe->ticks = probe->skipped = 0;
    probe->watched_ns = probe->gone_ns = 0;
    memset(&probe->wakeups, 0, sizeof probe->wakeups); /* touched, so that no fault comes later */
    memset(&probe->gaps, 0, sizeof probe->gaps);
    return amp_pace_init(&probe->pace);
}

/* Skip |passed| of the |left| periods; returns how many that were. */
static uint64_t skip(struct amp_probe *probe, uint64_t passed, uint64_t left, amp_ns *trace) {
    const uint64_t skipped = passed < left ? passed : left;
    for (uint64_t i = 0; trace != NULL && i < skipped; i++) {
        trace[i] = AMP_PROBE_SKIPPED;
    }
    probe->skipped += skipped;
    return skipped;
}

void amp_probe_run(struct amp_probe *probe, uint64_t periods, amp_ns *trace) {
    const struct amp_platform *const platform = probe->platform;
    const amp_ns period = probe->pace.period_ns;
    const amp_ns first = platform->now(platform->context) + period;

    for (uint64_t k = 0; k < periods;) { /* each pass takes one release of the grid */
        amp_ns release = first + (amp_ns)k * period;
        const amp_ns before = platform->now(platform->context);
        if (before > release) { /* away since the last wake-up */
            const uint64_t passed = (uint64_t)((before - release - 1) / period + 1);
            k += skip(probe, passed, periods - k, trace != NULL ? trace + k : NULL);
            release = first + (amp_ns)k * period;
        }
        if (k == periods) {
            break;
        }
        const amp_ns late = amp_pace_until(&probe->pace, platform, release) - release;
        amp_probe_count(&probe->wakeups, late);
        if (trace != NULL) {
            trace[k] = late;
        }
        probe->ticks++;
        k++;
        const uint64_t passed = late > 0 ? (uint64_t)(late / period) : 0;
        k += skip(probe, passed, periods - k, trace != NULL ? trace + k : NULL);
    }
}

void amp_probe_watch(struct amp_probe *probe, amp_ns duration) {
    const struct amp_platform *const platform = probe->platform;
    const amp_ns begun = platform->now(platform->context);
    amp_ns seen = begun;
    while (seen - begun < duration) { /* the clock ends it */
        const amp_ns now = platform->now(platform->context);
        const amp_ns gap = now - seen;
        if (gap >= AMP_PROBE_GAP_NS) {
            amp_probe_count(&probe->gaps, gap);
            probe->gone_ns += gap;
        }
        seen = now;
    }
    probe->watched_ns += seen - begun;
}

uint32_t amp_probe_gaps(const struct amp_platform *platform, amp_ns duration,
                        struct amp_probe_gap *gaps, uint32_t room) {
    const amp_ns begun = platform->now(platform->context);
    uint32_t noted = 0;
    amp_ns seen = begun;
    while (seen - begun < duration) { /* the clock ends it */
        const amp_ns now = platform->now(platform->context);
        if (now - seen >= AMP_PROBE_GAP_NS && noted < room) {
            gaps[noted++] = (struct amp_probe_gap){.begin_ns = seen, .length_ns = now - seen};
        }
        seen = now;
    }
    return noted;
}
