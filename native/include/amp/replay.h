/* replay.h: a machine in virtual time whose wake-ups are as late as those of a real one were.
 *
 * Behind struct amp_platform stand a clock that only sleeping moves, and a trace of wake-up latencies
 * as amp_probe_run() leaves it (or `amphost latency --save-trace`, on the machine that matters): a
 * sleep until a release ends as late as the trace says for that period. So a loop can be run
 * through an hour of another machine in a second, again and again with the same hour.
 *
 * The times in a trace are of whole waits, so what is replayed waits by sleeping alone
 * (AMP_PACE_SLEEP), however the trace was made. There are no descriptors here.
 */
#ifndef AMP_REPLAY_H
#define AMP_REPLAY_H

#include "amp/base.h"
#include "amp/platform.h"

struct amp_replay {
    struct amp_platform platform; /* for the loop */
    amp_ns now_ns;                /* the caller may move it on: a law that takes its time */
    amp_ns first_ns;              /* the first release */
    amp_ns period_ns;
    const amp_ns *trace; /* the caller's, to the end */
    uint64_t count;
    uint64_t sleeps;
};

/// Begin at |now_ns|, one period before the first release of |trace|, which begins again when it is
/// over. A release that was skipped when the trace was made is met in time. Returns 0, or -AMP_EARG
/// for an empty trace or a time that is not positive.
/// Context: init.
int amp_replay_open(struct amp_replay *replay, const amp_ns *trace, uint64_t count,
                    amp_ns period_ns, amp_ns now_ns);

#endif
