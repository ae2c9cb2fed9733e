/* follow.h: a grid that keeps step with a device's clock instead of this machine's.
 *
 * Release n of such a grid stands at phase + n * period on the device's clock, as the pump knows it:
 * the estimate in the owner block of the io role. Each period the next release is moved a little, by
 * what the device's skew makes of a period and a share of the distance that is left, and never by
 * more than one part in AMP_FOLLOW_SHARE of the period: a step of the device's clock is worked off,
 * not jumped. While the estimate is old, or its bound too wide, the grid goes on by the host's clock
 * from where it stands.
 *
 * Whatever is moved is moved in t0 too, so that ticks + skipped = (t_stop - t0) / period stays exact.
 */
#ifndef AMP_FOLLOW_H
#define AMP_FOLLOW_H

#include "amp/segment.h"
#include "amp/stats.h"

/// A period is trimmed by one part in so many of it at most: 1 %.
#define AMP_FOLLOW_SHARE 100
/// The distance to the device's grid is worked off by one part in so many of it a period.
#define AMP_FOLLOW_GAIN 16

/// The first part is the caller's, the second the grid's.
struct amp_follow {
    const struct amp_owner *link; /* of the device's io role; NULL: the host's clock, always */
    amp_ns period_ns;
    amp_ns phase_ns;
    amp_ns age_most_ns;   /* of an estimate */
    amp_ns bound_most_ns; /* of its error */

    amp_ns trim_ns; /* by which the last period was longer than the others */
    bool followed;  /* it was the device's clock that said so */
};

/// The release after |release|, at |now|; moves t0 in |owner|, whose grid it is, by its trim.
/// Context: real-time. Progress: wait-free.
amp_ns amp_follow_next(struct amp_follow *follow, struct amp_owner *owner, amp_ns release,
                       amp_ns now);

#endif
