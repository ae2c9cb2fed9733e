/* probe.h: what a machine does to a loop that does nothing.
 *
 * amp_probe_run() waits for the releases of a grid exactly as a control role does, with the same
 * pace and the same rule for releases that passed, and notes how late each wake-up was: the latency
 * that a control role would have here before its law has cost anything. amp_probe_watch() never
 * sleeps and notes every time it was away: the gaps that no way of waiting can avoid.
 *
 * amp_probe_gaps() watches in the same way and says when each gap was: a run chooses the origin of its
 * grid by them, before it begins.
 *
 * A probe runs slice by slice, so that others can be measured in between; it counts over all of
 * them. Each slice has its own grid.
 */
#ifndef AMP_PROBE_H
#define AMP_PROBE_H

#include "amp/base.h"
#include "amp/pace.h"
#include "amp/platform.h"
#include "amp/stats.h"

/// How many bounds a tally counts above, exactly: 10 us, 50 us, 100 us, 1 ms.
#define AMP_PROBE_BOUNDS 4
/// In a trace: this release passed without a wake-up of its own.
#define AMP_PROBE_SKIPPED (-1)
/// Shortest time between two looks at the clock that counts as a gap.
#define AMP_PROBE_GAP_NS 1000

/// Values in ns, counted.
struct amp_probe_tally {
    uint64_t count;
    amp_ns max_ns;
    uint64_t over[AMP_PROBE_BOUNDS]; /* values above each bound */
    uint64_t buckets[AMP_BUCKETS];   /* as in a histogram of a role */
};

/// One gap: the last look at the clock before it, and how long there was none.
struct amp_probe_gap {
    amp_ns begin_ns;
    amp_ns length_ns;
};

/// The first part is the caller's, the second the probe's.
struct amp_probe {
    const struct amp_platform *platform;
    struct amp_pace pace; /* its caller's part */

    uint64_t ticks, skipped;        /* together: every period that was asked for */
    struct amp_probe_tally wakeups; /* wake-up latency of each tick */
    struct amp_probe_tally gaps;
    amp_ns watched_ns; /* how long amp_probe_watch() has looked for gaps */
    amp_ns gone_ns;    /* of it, in gaps */
};

/// The bound of |index|, in ns. Context: any.
amp_ns amp_probe_bound(uint32_t index);

/// Add one value; a negative one counts as 0. Context: real-time. Progress: wait-free.
void amp_probe_count(struct amp_probe_tally *tally, amp_ns value);

/// Set the probe's own part. Returns 0, or -AMP_EARG for a pace that is out of range.
/// Context: init.
int amp_probe_init(struct amp_probe *probe);

/// Wait for |periods| releases, the first one period from now. |trace|, if not NULL, has room for as
/// many times and gets the latency of each, AMP_PROBE_SKIPPED for a release that was skipped.
/// Context: real-time. Progress: blocking, periods times the period.
void amp_probe_run(struct amp_probe *probe, uint64_t periods, amp_ns *trace);

/// Look at the clock for |duration| and count the gaps. Keep it well below a second at a real-time
/// priority, and sleep as long in between: Linux stops who does not.
/// Context: real-time. Progress: never sleeps.
void amp_probe_watch(struct amp_probe *probe, amp_ns duration);

/// Look at the clock for |duration| and note the gaps in |gaps|, which has room for |room|; what is
/// found when it is full is not noted. Returns how many were noted.
/// Context: init. Progress: never sleeps.
uint32_t amp_probe_gaps(const struct amp_platform *platform, amp_ns duration,
                        struct amp_probe_gap *gaps, uint32_t room);

#endif
