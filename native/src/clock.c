#include "amp/clock.h"

#include <math.h>

#define NS_PER_US 1000LL

void amp_clock_reset(struct amp_clock *clock) {
    clock->taken = 0;
    clock->count = 0;
    clock->group = 1;
    clock->in_group = 0;
    clock->refused_in_row = 0;
    clock->skew = 0;
    clock->skew_low = -AMP_CLOCK_SKEW_MAX;
    clock->skew_high = AMP_CLOCK_SKEW_MAX;
}

static amp_ns width(const struct amp_clock_point *point) {
    return point->high_ns - point->low_ns;
}

/* What the points allow at |now|, counted from the lower bound of the first: a double holds the
 * differences of what it could not hold itself. */
static void allowed(const struct amp_clock *clock, amp_ns now, double *low, double *high) {
    const amp_ns base = clock->points[0].low_ns;
    *low = -INFINITY;
    *high = INFINITY;
    for (uint32_t i = 0; i < clock->count; i++) {
        const struct amp_clock_point *const point = &clock->points[i];
        const double since_low = (double)(now - point->heard_ns);
        const double since_high = (double)(now - point->sent_ns);
        const double floor = (double)(point->low_ns - base) +
                             (since_low >= 0 ? clock->skew_low : clock->skew_high) * since_low;
        const double ceiling = (double)(point->high_ns - base) +
                               (since_high >= 0 ? clock->skew_high : clock->skew_low) * since_high;
        *low = fmax(*low, floor);
        *high = fmin(*high, ceiling);
    }
}

/* The skew that each pair of points allows. */
static void bound_skew(struct amp_clock *clock) {
    double low = -AMP_CLOCK_SKEW_MAX;
    double high = AMP_CLOCK_SKEW_MAX;
    for (uint32_t late = 1; late < clock->count; late++) {
        for (uint32_t early = 0; early < late; early++) {
            const struct amp_clock_point *const one = &clock->points[early];
            const struct amp_clock_point *const two = &clock->points[late];
            const double least = (double)(two->heard_ns - one->sent_ns);
            const double most = (double)(two->sent_ns - one->heard_ns);
            low = fmax(low, (double)(two->low_ns - one->high_ns) / least - AMP_CLOCK_WANDER);
            if (most > 0) {
                high = fmin(high, (double)(two->high_ns - one->low_ns) / most + AMP_CLOCK_WANDER);
            }
        }
    }
    clock->skew_low = low;
    clock->skew_high = high;
}

/* The slope of the least-squares line through the points' middles, each as heavy as it is narrow. */
static double slope(const struct amp_clock *clock) {
    const struct amp_clock_point *const origin = &clock->points[0];
    double weights = 0;
    double times = 0;
    double offsets = 0;
    double squares = 0;
    double products = 0;
    for (uint32_t i = 0; i < clock->count; i++) {
        const struct amp_clock_point *const point = &clock->points[i];
        const double across = (double)width(point);
        const double weight = 1e12 / (across * across);
        const double time = (double)(point->heard_ns - origin->heard_ns);
        const double offset = (double)(point->low_ns - origin->low_ns) + across / 2;
        weights += weight;
        times += weight * time;
        offsets += weight * offset;
        squares += weight * time * time;
        products += weight * time * offset;
    }
    const double spread = weights * squares - times * times;
    return spread > 0 ? (weights * products - times * offsets) / spread : 0;
}

static void keep(struct amp_clock *clock, const struct amp_clock_point *point) {
    if (clock->count == AMP_CLOCK_POINTS && clock->group < AMP_CLOCK_GROUP_MAX) {
        clock->group *= 2;
        clock->count /= 2;
        for (uint32_t i = 0; i < clock->count; i++) {
            const struct amp_clock_point *const pair = &clock->points[(size_t)2 * i];
            clock->points[i] = width(&pair[0]) <= width(&pair[1]) ? pair[0] : pair[1];
        }
    } else if (clock->count == AMP_CLOCK_POINTS) {
        clock->count--;
        for (uint32_t i = 0; i < clock->count; i++) {
            clock->points[i] = clock->points[i + 1];
        }
    }
    clock->points[clock->count++] = *point;
    bound_skew(clock);
    clock->skew = fmin(fmax(slope(clock), clock->skew_low), clock->skew_high);
}

static bool contradicts(const struct amp_clock *clock, const struct amp_clock_point *point) {
    double low;
    double high;
    allowed(clock, point->heard_ns, &low, &high);
    const amp_ns base = clock->points[0].low_ns;
    return (double)(point->low_ns - base) > high || (double)(point->high_ns - base) < low;
}

bool amp_clock_take(struct amp_clock *clock, const struct amp_clock_exchange *exchange) {
    if (exchange->received_us > AMP_CLOCK_READING_US_MAX) {
        clock->refused++;
        return false;
    }
    const int64_t received_ns = (int64_t)exchange->received_us * NS_PER_US;
    const struct amp_clock_point point = {
        .sent_ns = exchange->sent_ns,
        .heard_ns = exchange->heard_ns,
        .high_ns = received_ns + AMP_CLOCK_RESOLUTION_NS - exchange->sent_ns,
        .low_ns = received_ns + (int64_t)exchange->held_us * NS_PER_US - exchange->heard_ns,
    };
    if (exchange->heard_ns < exchange->sent_ns || width(&point) <= 0) {
        clock->refused++;
        return false;
    }
    if (clock->count > 0 && contradicts(clock, &point)) {
        clock->refused++;
        if (++clock->refused_in_row < AMP_CLOCK_REFUSED_MAX) {
            return false;
        }
        amp_clock_reset(clock);
    }
    clock->refused_in_row = 0;
    clock->taken++;
    if (clock->in_group == 0 || width(&point) < width(&clock->best)) {
        clock->best = point;
    }
    if (++clock->in_group >= clock->group) {
        clock->in_group = 0;
        keep(clock, &clock->best);
    }
    return true;
}

bool amp_clock_estimate(const struct amp_clock *clock, amp_ns now, struct amp_clock_estimate *out) {
    if (clock->count == 0) {
        return false;
    }
    double low;
    double high;
    allowed(clock, now, &low, &high);
    const struct amp_clock_point *narrowest = &clock->points[0];
    for (uint32_t i = 1; i < clock->count; i++) {
        const struct amp_clock_point *const point = &clock->points[i];
        narrowest = width(point) < width(narrowest) ? point : narrowest;
    }
    const amp_ns base = clock->points[0].low_ns;
    const double line = (double)(narrowest->low_ns - base) + (double)width(narrowest) / 2 +
                        clock->skew * (double)(now - narrowest->heard_ns);
    const double offset = low <= high ? fmin(fmax(line, low), high) : line;
    const double bound = fmax(fmax(high - offset, offset - low), 0);
    out->offset_ns = base + (int64_t)llround(offset);
    out->skew_ppb = (int64_t)llround(clock->skew * 1e9);
    out->bound_ns = (amp_ns)ceil(bound) + 1;
    out->round_trip_ns = width(narrowest) - AMP_CLOCK_RESOLUTION_NS;
    return true;
}

amp_ns amp_clock_ours(const struct amp_clock *clock, uint64_t theirs_us, amp_ns now) {
    struct amp_clock_estimate estimate;
    if (theirs_us > AMP_CLOCK_READING_US_MAX || !amp_clock_estimate(clock, now, &estimate)) {
        return 0;
    }
    const amp_ns theirs_ns = (amp_ns)theirs_us * NS_PER_US;
    const double since = (double)(theirs_ns - estimate.offset_ns - now);
    return theirs_ns - estimate.offset_ns - (amp_ns)llround(clock->skew * since);
}
