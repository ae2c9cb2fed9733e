#include "pump_parts.h"

#include <string.h>

#define AMP_SLICE_NS (AMP_PUMP_JUDGED_NS / AMP_PUMP_SLICES)
#define AMP_BAD_MIN 5u /* one event on the line costs at most two frames */
#define AMP_BAD_PERCENT 20u
#define AMP_QUIET_NS 500000000LL /* the first time; twice as long each further time ... */
#define AMP_QUIET_DOUBLINGS 4u   /* ... but so often at most */
#define AMP_AWAY_MOST_NS 1000000000LL
#define AMP_LAY_THERE 131072u /* what a driver may have kept from before the port was opened */
#define AMP_DESCRIBED_MAX (2u * AMP_DICTIONARY_ROOM) /* its pieces, with their frames */
#define AMP_GOOD_NS 10000000000LL /* heard for so long, it begins anew with the first */

static const enum amp_counter COUNTERS[] = {
    [AMP_ISOLATED_BAD_FRAMES] = AMP_COUNT_ISOLATED_BAD_FRAMES,
    [AMP_ISOLATED_BYTES] = AMP_COUNT_ISOLATED_BYTES,
    [AMP_ISOLATED_BLOCKED] = AMP_COUNT_ISOLATED_BLOCKED,
};

void amp_pump_isolate_init(struct amp_pump *pump, amp_ns now) {
    struct amp_pump_isolation *const one = &pump->isolation;
    memset(one, 0, sizeof *one);
    one->looked_ns = now;
    one->waited = AMP_LAY_THERE;
    amp_owner_set(pump->owner, AMP_GAUGE_ISOLATED, AMP_ISOLATED_NOT);
}

static void forget(struct amp_pump_isolation *one) {
    memset(one->slices, 0, sizeof one->slices);
    memset(&one->sum, 0, sizeof one->sum);
}

/* Let go of the slices that are older than what is judged. */
static void pass_time(struct amp_pump_isolation *one, amp_ns now) {
    const int64_t slice = now / AMP_SLICE_NS;
    if (slice - one->slice >= AMP_PUMP_SLICES) {
        forget(one);
        one->slice = slice;
    }
    while (one->slice < slice) { /* AMP_PUMP_SLICES times at most */
        one->slice++;
        struct amp_pump_traffic *const oldest = &one->slices[one->slice % AMP_PUMP_SLICES];
        one->sum.bytes -= oldest->bytes;
        one->sum.good -= oldest->good;
        one->sum.bad -= oldest->bad;
        *oldest = (struct amp_pump_traffic){.bytes = 0};
    }
}

static void isolate(struct amp_pump *pump, enum amp_isolation kind, amp_ns now) {
    struct amp_pump_isolation *const one = &pump->isolation;
    if (now - one->heard_ns > AMP_GOOD_NS) {
        one->in_row = 0;
    }
    const uint32_t doublings =
        one->in_row < AMP_QUIET_DOUBLINGS ? one->in_row : AMP_QUIET_DOUBLINGS;
    one->in_row++;
    one->kind = kind;
    one->quiet_ns = AMP_QUIET_NS << doublings;
    one->until_ns = now + one->quiet_ns;
    forget(one);
    amp_session_close(&pump->session);
    amp_pump_link_down(pump, AMP_FAULT_DEVICE_ISOLATED, (int64_t)kind, now);
    one->blocked_ns = 0;
    amp_owner_set(pump->owner, AMP_GAUGE_LINK, (uint64_t)pump->session.state);
    amp_owner_set(pump->owner, AMP_GAUGE_ISOLATED_QUIET_NS, (uint64_t)one->quiet_ns);
    amp_owner_set(pump->owner, AMP_GAUGE_ISOLATED, (uint64_t)kind);
    amp_owner_add(pump->owner, COUNTERS[kind], 1);
}

static void hear_again(struct amp_pump *pump, amp_ns now) {
    struct amp_pump_isolation *const one = &pump->isolation;
    one->kind = AMP_ISOLATED_NOT;
    one->heard_ns = now;
    one->waited = 0;
    amp_owner_set(pump->owner, AMP_GAUGE_ISOLATED, AMP_ISOLATED_NOT);
}

void amp_pump_isolate_port(struct amp_pump *pump, amp_ns now) {
    if (pump->isolation.kind != AMP_ISOLATED_NOT) {
        hear_again(pump, now);
    }
    pump->isolation.looked_ns = now;
    pump->isolation.waited = AMP_LAY_THERE;
    pump->isolation.blocked_ns = 0;
}

/* What we ask for is no babble, unless it is more than any dictionary can be. */
static uint32_t asked_for(struct amp_pump *pump, uint32_t got) {
    struct amp_pump_isolation *const one = &pump->isolation;
    if (pump->dictionary.state != AMP_DICTIONARY_READING) {
        one->described = 0;
        return 0;
    }
    const uint32_t left = AMP_DESCRIBED_MAX - one->described;
    const uint32_t excused = got < left ? got : left;
    one->described += excused;
    return excused;
}

/* Who was away for longer than a slice must not accuse: what has come meanwhile came over that
 * time, and as much as is the device's share of it counts for nothing. */
static void look(struct amp_pump *pump, uint32_t got, amp_ns now) {
    struct amp_pump_isolation *const one = &pump->isolation;
    const amp_ns away = now - one->looked_ns;
    one->looked_ns = now;
    if (away > AMP_SLICE_NS) {
        const amp_ns most = away < AMP_AWAY_MOST_NS ? away : AMP_AWAY_MOST_NS;
        one->waited += (uint64_t)most * pump->share.bytes / AMP_PUMP_JUDGED_NS;
    }
    const uint32_t late = got < one->waited ? got : (uint32_t)one->waited;
    one->waited -= late;
    const uint32_t excused = late + asked_for(pump, got - late);
    if (got < AMP_PUMP_IN_SIZE / 2) { /* there was no more */
        one->waited = 0;
    }
    pass_time(one, now);
    one->slices[one->slice % AMP_PUMP_SLICES].bytes += got - excused;
    one->sum.bytes += got - excused;
}

static bool is_bad(const struct amp_pump *pump) {
    const struct amp_pump_traffic *const sum = &pump->isolation.sum;
    const uint32_t seen = sum->good + sum->bad;
    const uint32_t frames = seen > pump->share.frames ? seen : pump->share.frames;
    return sum->bad >= AMP_BAD_MIN && sum->bad * 100 > frames * AMP_BAD_PERCENT;
}

void amp_pump_isolate_silent(struct amp_pump *pump, amp_ns now) {
    pump->isolation.looked_ns = now;
    pump->isolation.waited = 0;
}

static void count_frames(struct amp_pump *pump) {
    struct amp_pump_isolation *const one = &pump->isolation;
    const struct amp_session_counters *const counters = &pump->session.counters;
    const uint64_t good = counters->frames_in;
    const uint64_t bad = counters->bad_cobs + counters->bad_length + counters->bad_crc;
    /* Before there is a session, frames of another firmware fail by their CRC: it is for the
     * handshake to say so. */
    if (pump->session.state == AMP_SESSION_UP) {
        struct amp_pump_traffic *const slice = &one->slices[one->slice % AMP_PUMP_SLICES];
        slice->good += (uint32_t)(good - one->good);
        slice->bad += (uint32_t)(bad - one->bad);
        one->sum.good += (uint32_t)(good - one->good);
        one->sum.bad += (uint32_t)(bad - one->bad);
    }
    one->good = good;
    one->bad = bad;
}

void amp_pump_isolate_heard(struct amp_pump *pump, uint32_t got, amp_ns now) {
    struct amp_pump_isolation *const one = &pump->isolation;
    look(pump, got, now);
    count_frames(pump);
    if (one->sum.bytes > pump->share.bytes) {
        isolate(pump, AMP_ISOLATED_BYTES, now);
    } else if (pump->session.state == AMP_SESSION_UP && is_bad(pump)) {
        isolate(pump, AMP_ISOLATED_BAD_FRAMES, now);
    }
}

void amp_pump_isolate_drop(struct amp_pump *pump, uint32_t got, amp_ns now) {
    struct amp_pump_isolation *const one = &pump->isolation;
    amp_owner_add(pump->owner, AMP_COUNT_BYTES_DROPPED, got);
    look(pump, got, now);
    if (one->sum.bytes > pump->share.bytes) {
        one->until_ns = now + one->quiet_ns;
    }
}

void amp_pump_isolate_wrote(struct amp_pump *pump, bool any, amp_ns now) {
    struct amp_pump_isolation *const one = &pump->isolation;
    if (any || pump->out_size == 0) {
        one->blocked_ns = 0;
    } else if (one->blocked_ns == 0) {
        one->blocked_ns = now;
    }
}

void amp_pump_isolate_turn(struct amp_pump *pump, amp_ns now) {
    struct amp_pump_isolation *const one = &pump->isolation;
    if (one->kind != AMP_ISOLATED_NOT) {
        if (now >= one->until_ns) {
            hear_again(pump, now);
            amp_pump_session_anew(pump, now);
        }
    } else if (one->blocked_ns != 0 && pump->session.state == AMP_SESSION_UP &&
               now - one->blocked_ns > pump->timing.lease_ns / 2) {
        isolate(pump, AMP_ISOLATED_BLOCKED, now);
    }
}
