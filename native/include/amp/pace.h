/* pace.h: waiting for the next release of a grid, in one of three ways.
 *
 *     sleep   one absolute sleep: the wake-up latency of the machine is the loop's own
 *     hybrid  sleep until a margin before the release, then look at the clock until it is there
 *     spin    look at the clock all the time, on a core of its own, but for a short nap
 *
 * A sleep ends late by some time that the machine decides, and the margin is chosen so that it
 * nearly always ends before the release. It is measured before the first period, follows what is
 * measured in each later sleep, and never grows over a share of the period: what it does not cover
 * is late, what it covers costs the core's time. docs/explanation/waiting.md has the reasons.
 *
 * Sleep and hybrid make one system call a period, or none when the release is too near. Nothing
 * here waits for ever without a sleep: Linux stops a real-time thread that does.
 */
#ifndef AMP_PACE_H
#define AMP_PACE_H

#include "amp/base.h"
#include "amp/platform.h"

/// Sleeps of a calibration, and the longest of them but for what the machine adds.
#define AMP_PACE_TRIALS 128
#define AMP_PACE_TRIAL_NS_MAX 200000
/// A margin is never less, and at high rates not more than this or a third of the period.
#define AMP_PACE_MARGIN_LEAST_NS 2000
#define AMP_PACE_MARGIN_USUAL_NS 50000
/// One sleep that ends behind the release adds so much to the margin, any other takes so much away:
/// it settles where 1 in 400 is late.
#define AMP_PACE_RISE_NS 4000
#define AMP_PACE_FALL_NS 10
/// The longest that a hybrid pace goes without a sleep, as long as its releases are in the future.
#define AMP_PACE_AWAKE_NS_MAX 8000000
/// A spinning pace sleeps one part in so many of its time.
#define AMP_PACE_NAP_SHARE 15

enum amp_pace_kind {
    AMP_PACE_SLEEP = 0,
    AMP_PACE_HYBRID = 1,
    AMP_PACE_SPIN = 2,
};

/// How one loop waits. The first part is the caller's, the second the pace's; not shared.
struct amp_pace {
    enum amp_pace_kind kind;
    amp_ns period_ns;
    amp_ns margin_most_ns; /* 0: amp_pace_margin_most() of the period */

    amp_ns margin_ns;    /* sleeps end so long before the release; 0 for `sleep` */
    amp_ns wakeup_ns;    /* 99th percentile of a calibration's wake-up latency; 0: none made */
    amp_ns nap_least_ns; /* `spin` */
    amp_ns slept_ns;     /* when the last sleep ended */
    uint64_t sleeps;
    uint64_t late; /* sleeps that outlasted their margin */
};

/// The largest margin at |period_ns|: one twentieth of it, or AMP_PACE_MARGIN_USUAL_NS where that is
/// more, but never over a third of it. Context: any.
amp_ns amp_pace_margin_most(amp_ns period_ns);

/// Check the caller's part and set the pace's own, with the largest margin. Returns 0 or -AMP_EARG.
/// Context: init.
int amp_pace_init(struct amp_pace *pace);

/// Measure AMP_PACE_TRIALS wake-ups of the calling thread and choose the margin: their 99th
/// percentile and an eighth more, inside its limits. Does nothing for `sleep`.
/// Context: init, in the thread that will be paced, settled on its core at its priority.
/// Progress: blocking, about 25 ms.
void amp_pace_calibrate(struct amp_pace *pace, const struct amp_platform *platform);

/// Wait for |release|; returns when that was over, read from the clock. At once if it is past.
/// Context: real-time. Progress: blocking; at most one sleep.
amp_ns amp_pace_until(struct amp_pace *pace, const struct amp_platform *platform, amp_ns release);

#endif
