/* clock.h: how another machine's clock stands to this one's, from round trips, with a bound.
 *
 * Sans-I/O, pure arithmetic. One exchange: asked at |sent| (ours), heard there at |received|
 * (theirs), answered |held| later (theirs), the answer here at |heard| (ours). Cause comes before
 * effect on the way there and on the way back, so each exchange bounds the offset
 * (theirs - ours) from both sides by facts, whatever the two ways' delays were:
 *
 *     offset at |sent|   <  received + resolution - sent
 *     offset at |heard|  >= received + held - heard
 *
 * The exchange with the shortest round trip of each group is kept (minimum-delay filtering), up to
 * AMP_CLOCK_POINTS of them over a minute or so. From pairs of points far apart follow bounds of the
 * skew, a least-squares line gives its likely value, and the offset is what the line says now, kept
 * inside what every point allows. The stated bound is the distance to the farther end of that: for
 * a fresh point half the round trip, and from then on growing by the uncertainty of the skew.
 *
 * A constant asymmetry of the delay cannot be seen by anybody who has only round trips: it moves
 * the estimate by half of the difference of the two ways, and is inside the bound.
 *
 * An exchange that contradicts the others is refused; AMP_CLOCK_REFUSED_MAX in a row are believed:
 * one of the clocks has been set, or this machine was suspended.
 */
#ifndef AMP_CLOCK_H
#define AMP_CLOCK_H

#include "amp/base.h"

#define AMP_CLOCK_POINTS 16
/// Exchanges of which one is kept: 1 at first, twice as many each time the points are full.
#define AMP_CLOCK_GROUP_MAX 32
#define AMP_CLOCK_REFUSED_MAX 3
/// No clock is this far off: 2 %.
#define AMP_CLOCK_SKEW_MAX 0.02
/// How much the skew itself may change while the points last: 1 ppm.
#define AMP_CLOCK_WANDER 1e-6
/// Of the other clock: it counts whole microseconds.
#define AMP_CLOCK_RESOLUTION_NS 1000
/// And none has run for longer than 126 years: a later reading is none.
#define AMP_CLOCK_READING_US_MAX 4000000000000000

struct amp_clock_exchange {
    amp_ns sent_ns, heard_ns; /* our clock */
    uint64_t received_us;     /* their clock */
    uint32_t held_us;
};

struct amp_clock_point {
    amp_ns sent_ns, heard_ns;
    amp_ns high_ns, low_ns; /* of the offset, at |sent_ns| and at |heard_ns| */
};

/// Fields above the line may be read.
struct amp_clock {
    uint64_t taken;   /* exchanges believed since the last reset */
    uint64_t refused; /* exchanges that contradicted the others; never reset */
    /* ------------------------------------------------------------------------------------- */
    uint32_t count;
    uint32_t group;    /* exchanges of which one is kept */
    uint32_t in_group; /* seen of this one */
    uint32_t refused_in_row;
    struct amp_clock_point best; /* of this group */
    struct amp_clock_point points[AMP_CLOCK_POINTS];
    double skew, skew_low, skew_high;
};

struct amp_clock_estimate {
    int64_t offset_ns;    /* theirs - ours, now */
    int64_t skew_ppb;     /* theirs runs so much faster than ours */
    amp_ns bound_ns;      /* the true offset lies within offset +- bound */
    amp_ns round_trip_ns; /* the shortest of the points */
};

/// Forget everything: another boot of the other side.
/// Context: any. Progress: wait-free.
void amp_clock_reset(struct amp_clock *clock);

/// Take an exchange; false when it is refused: it is impossible, or contradicts the others.
/// Context: real-time. Progress: bounded. Cost: AMP_CLOCK_POINTS squared when a group is full.
bool amp_clock_take(struct amp_clock *clock, const struct amp_clock_exchange *exchange);

/// The estimate at |now|; false before the first exchange.
/// Context: real-time. Progress: bounded (AMP_CLOCK_POINTS).
bool amp_clock_estimate(const struct amp_clock *clock, amp_ns now, struct amp_clock_estimate *out);

/// When it was here when the other clock read |theirs_us|, a time not far from |now|; 0 before the
/// first exchange, and for what no clock reads.
/// Context: real-time. Progress: bounded (AMP_CLOCK_POINTS).
amp_ns amp_clock_ours(const struct amp_clock *clock, uint64_t theirs_us, amp_ns now);

#endif
