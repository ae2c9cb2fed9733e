/* loop.h: the native loop: one period reads, judges, computes, guards, publishes.
 *
 * amp_loop_tick() is the whole of it and is the same under the real clock, in virtual time and in
 * a replay; amp_loop_run() only adds the waiting. Between set-up and end the loop allocates
 * nothing, takes no lock, logs nothing and makes one system call a period, the sleep.
 *
 * What it decides by itself, in the period in which it sees it, is written in docs/reference: an
 * input over its age, a value that is not finite or out of range, an output outside its limits,
 * overruns, a blackout, a supervisor that has stopped. A trip ends the act of arming it happened
 * in: outputs go to their safe values along their ramps, and only a new act leaves that.
 */
#ifndef AMP_LOOP_H
#define AMP_LOOP_H

#include "amp/base.h"
#include "amp/channel.h"
#include "amp/follow.h"
#include "amp/law.h"
#include "amp/pace.h"
#include "amp/platform.h"
#include "amp/segment.h"
#include "amp/stats.h"
#include "amp/tuning.h"

#define AMP_LOOP_SOURCES_MAX 32
#define AMP_LOOP_INPUTS_MAX 64
#define AMP_LOOP_OUTPUTS_MAX 62
/// Most words of a channel that a loop reads or writes, and the 64-bit words of such a record.
#define AMP_LOOP_WORDS_MAX 64
#define AMP_LOOP_RECORD_WORDS 67
/// Most overruns that a trip may wait for within one second.
#define AMP_LOOP_OVERRUNS_MAX 64
/// Invalid samples in a row: so many less one are held, this one trips.
#define AMP_LOOP_INVALID_MAX 3

/// How the 64 bits of a word are meant.
enum amp_type {
    AMP_TYPE_F64 = 0,
    AMP_TYPE_I64 = 1,
    AMP_TYPE_U64 = 2,
    AMP_TYPE_BOOL = 3,
};

/// What stands in for an input that is over its age. A sample that is over its age when it comes, or
/// is invalid, is as good as none: the age is that of the last good value.
enum amp_stale {
    AMP_STALE_HOLD = 0,  /* the last good value, then trip after |trip_after_ns| */
    AMP_STALE_VALUE = 1, /* |stale_value|, for as long as it lasts */
    AMP_STALE_RAMP = 2,  /* from the last good value to |stale_value|, then trip */
    AMP_STALE_TRIP = 3,  /* trip in this period */
};

/// A channel the loop reads: bound by the caller, read once a period.
struct amp_loop_source {
    struct amp_channel channel;
    uint64_t record[AMP_LOOP_RECORD_WORDS]; /* the newest whole publication, as struct amp_sample */
    bool known;                             /* |record| holds one */
    bool fresh;                             /* it is new in this period */
};

/// One input of the law. The first part is the caller's, the second the loop's.
struct amp_loop_input {
    uint32_t source; /* index into the sources */
    uint32_t word;
    enum amp_type type;
    enum amp_stale stale;
    double low, high; /* -inf and inf: any finite value */
    double stale_value;
    double stale_ramp_per_s;
    amp_ns max_age_ns;    /* 0: no contract */
    amp_ns trip_after_ns; /* after expiry; 0: age alone never trips */

    double held;    /* the last good value, or where the ramp stands */
    amp_ns held_ns; /* when the last good value was published */
    bool known;     /* there was a good value */
    bool is_stale;
    uint32_t invalid; /* samples refused in a row */
};

/// One output and its guard.
struct amp_loop_output {
    uint32_t word;
    double low, high;
    double slew_per_s; /* 0: unlimited */
    double safe;
    double ramp_per_s; /* towards safe; 0: at once */

    double value; /* what was published last */
};

struct amp_loop_timing {
    amp_ns period_ns;
    amp_ns origin_ns; /* of the grid: release k is origin + offset + n * period */
    amp_ns offset_ns;
    amp_ns budget_ns;
    amp_ns deadline_ns;
    amp_ns blackout_ns;
    amp_ns supervisor_ns;
    uint32_t overruns_in_row; /* so many in a row trip; 0: never */
    uint32_t overruns_per_s;  /* so many in a second trip, [0, 64]; 0: never */
};

/// The loop and all its memory. The caller fills what is marked, then calls amp_loop_init().
struct amp_loop {
    /* the caller's */
    const struct amp_platform *platform;
    const struct amp_system *system;    /* in the supervisor's segment */
    const struct amp_owner *supervisor; /* the supervisor's heartbeat */
    struct amp_owner *owner;            /* this role's own block */
    struct amp_channel channel;         /* this role's own, attached */
    struct amp_law law;
    struct amp_tuning *tuning; /* opened; NULL: no parameter of the law may change */
    struct amp_loop_timing timing;
    struct amp_follow follow; /* its link, phase and limits; the period is the loop's */
    struct amp_pace pace;     /* its caller's part; the period is the loop's */
    uint32_t role;
    uint32_t tick_word;   /* where the tick number goes, and where the sampling time */
    uint32_t sensed_word; /* of the oldest input with a freshness contract */
    uint32_t source_count, input_count, output_count;
    struct amp_loop_source sources[AMP_LOOP_SOURCES_MAX];
    struct amp_loop_input inputs[AMP_LOOP_INPUTS_MAX];
    struct amp_loop_output outputs[AMP_LOOP_OUTPUTS_MAX];

    /* the loop's */
    uint64_t arming;         /* the act taken up; 0: not armed */
    uint64_t refused_arming; /* the newest act that ended in a trip */
    uint64_t tick;
    amp_ns last_release;
    amp_ns last_wake; /* 0: this is the first period */
    amp_ns sensed_ns;
    bool any_stale;
    uint64_t supervisor_beat;
    amp_ns supervisor_seen_ns;
    amp_ns supervisor_looked_ns;
    bool supervisor_lost;
    amp_ns suspended_ns; /* boottime minus monotonic */
    uint32_t overruns_in_row;
    uint32_t overrun_index;
    amp_ns overrun_times[AMP_LOOP_OVERRUNS_MAX];
    double law_inputs[AMP_LOOP_INPUTS_MAX];
    double law_outputs[AMP_LOOP_OUTPUTS_MAX];
    uint64_t words[AMP_LOOP_WORDS_MAX];
};

/// Why amp_loop_run() came back.
enum amp_loop_end {
    AMP_LOOP_ENDED = 0,           /* it was asked to, and the outputs stand at their safe values */
    AMP_LOOP_SUPERVISOR_LOST = 1, /* the same, by itself */
};

/// Check the caller's part and set the loop's own. Returns 0 or -AMP_EARG.
/// Context: init.
int amp_loop_init(struct amp_loop *loop);

/// Run the period that was released at |release|; |wake| is now.
/// Context: real-time. Progress: bounded (sources + inputs + tuning + law + outputs).
void amp_loop_tick(struct amp_loop *loop, amp_ns release, amp_ns wake);

/// True when the loop has been asked to end, or has lost its supervisor, and may do so.
/// Context: real-time. Progress: bounded (outputs).
bool amp_loop_may_end(const struct amp_loop *loop);

/// Run on the grid until the end. Releases that pass while a tick still runs are skipped and counted,
/// and so are all but the last that pass before a late wake-up: never a burst to catch up.
/// Context: real-time. Progress: blocking.
enum amp_loop_end amp_loop_run(struct amp_loop *loop);

/// Context: any.
size_t amp_loop_size(void);

#endif
