#include "amp/follow.h"

#define PPB 1000000000

struct estimate {
    amp_ns at_ns, bound_ns;
    int64_t offset_ns, skew_ppb;
};

/* Returns whether it is whole: the pump sets the time to 0 before it changes the others. */
static bool read_estimate(const struct amp_owner *link, struct estimate *out) {
    out->at_ns = (amp_ns)amp_owner_gauge(link, AMP_GAUGE_CLOCK_AT_NS);
    out->offset_ns = (int64_t)amp_owner_gauge(link, AMP_GAUGE_CLOCK_OFFSET_NS);
    out->skew_ppb = (int64_t)amp_owner_gauge(link, AMP_GAUGE_CLOCK_SKEW_PPB);
    out->bound_ns = (amp_ns)amp_owner_gauge(link, AMP_GAUGE_CLOCK_BOUND_NS);
    return out->at_ns != 0 && (amp_ns)amp_owner_gauge(link, AMP_GAUGE_CLOCK_AT_NS) == out->at_ns;
}

static amp_ns within(amp_ns value, amp_ns most) {
    return value > most ? most : value < -most ? -most : value;
}

/* How far |next| must move to stand on the device's grid: half a period at most, either way. */
static amp_ns distance(const struct amp_follow *follow, const struct estimate *estimate,
                       amp_ns next) {
    const amp_ns period = follow->period_ns;
    const double since = (double)(next - estimate->at_ns);
    const amp_ns theirs =
        next + estimate->offset_ns + (amp_ns)(since * (double)estimate->skew_ppb / PPB);
    amp_ns beyond = (theirs - follow->phase_ns) % period;
    beyond += beyond < 0 ? period : 0;
    return beyond > period / 2 ? period - beyond : -beyond;
}

/* An estimate that was changed while it was read says nothing: the trim stays as it is. */
static amp_ns trim(struct amp_follow *follow, amp_ns next, amp_ns now) {
    struct estimate estimate;
    const bool whole = read_estimate(follow->link, &estimate);
    if (!whole && estimate.at_ns != 0) {
        return follow->trim_ns;
    }
    follow->followed = whole && now - estimate.at_ns <= follow->age_most_ns &&
                       estimate.bound_ns <= follow->bound_most_ns;
    if (!follow->followed) {
        return 0;
    }
    const amp_ns by_skew = (amp_ns)(-(double)follow->period_ns * (double)estimate.skew_ppb / PPB);
    const amp_ns left = distance(follow, &estimate, next) - by_skew;
    return within(by_skew + left / AMP_FOLLOW_GAIN, follow->period_ns / AMP_FOLLOW_SHARE);
}

amp_ns amp_follow_next(struct amp_follow *follow, struct amp_owner *owner, amp_ns release,
                       amp_ns now) {
    const amp_ns next = release + follow->period_ns;
    if (follow->link == NULL) {
        return next;
    }
    follow->trim_ns = trim(follow, next, now);
    const amp_ns t0 = (amp_ns)amp_owner_gauge(owner, AMP_GAUGE_T0_NS);
    amp_owner_set(owner, AMP_GAUGE_T0_NS, (uint64_t)(t0 + follow->trim_ns));
    amp_owner_set(owner, AMP_GAUGE_TRIM_PPM,
                  (uint64_t)(int64_t)(follow->trim_ns * 1000000 / follow->period_ns));
    amp_owner_set(owner, AMP_GAUGE_FOLLOWS, follow->followed ? 2 : 1);
    return next + follow->trim_ns;
}
