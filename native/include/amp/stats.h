/* stats.h: what a role says about itself: heartbeat, faults, counters, histograms.
 *
 * They live in the owner block of the role's own segment and are written by the role alone;
 * reading them costs the role nothing. Counters are monotone and never reset. A reader may see two
 * counters from two adjacent ticks: they are views, not contracts.
 *
 * The histograms are log-linear: 32 buckets to each power of two, so a quantile is at most 3.1 %
 * above the value it stands for (the idea of HdrHistogram by G. Tene).
 */
#ifndef AMP_STATS_H
#define AMP_STATS_H

#include "amp/base.h"

struct amp_owner;

/// Messages of parameters that a role may leave waiting, and the answers that it keeps (tuning.h).
#define AMP_TUNING_DEPTH 8

/// Where a loop is, in its heartbeat.
enum amp_checkpoint {
    AMP_AT_START = 0,
    AMP_AT_WAIT = 1,
    AMP_AT_READ = 2,
    AMP_AT_LAW = 3,
    AMP_AT_PUBLISH = 4,
    AMP_AT_END = 5,
};

/// Counters of a role. The io role and the control role share the first group.
enum amp_counter {
    AMP_COUNT_TICKS = 0,           /* periods executed */
    AMP_COUNT_SKIPPED = 1,         /* releases that passed while an earlier tick still ran */
    AMP_COUNT_OVERRUNS = 2,        /* execution time over the budget */
    AMP_COUNT_DEADLINE_MISSES = 3, /* finished after the deadline, for whatever reason */
    AMP_COUNT_TORN = 4,            /* reads that overlapped a write, discarded */
    AMP_COUNT_NO_NEW = 5,          /* reads that stayed torn for four tries */
    AMP_COUNT_STALE = 6,           /* periods in which an input was stale */
    AMP_COUNT_HELD = 7,            /* input samples refused as invalid, the last good one held */
    AMP_COUNT_TRIPS = 8,           /* times this role latched safe */
    AMP_COUNT_PUBLISHED = 9,
    AMP_COUNT_TUNED = 10,          /* messages of parameters applied (tuning.h) */
    AMP_COUNT_TUNING_REFUSED = 11, /* and refused */
    AMP_COUNT_STEP_ERRORS = 12,    /* steps of a user's code that ended in an exception */
    AMP_COUNT_REFUSED_WRITES = 13, /* values that a user's code wrote, not finite or out of range */

    AMP_COUNT_FRAMES_IN = 16,
    AMP_COUNT_FRAMES_OUT = 17,
    AMP_COUNT_BAD_FRAMES = 18,    /* CRC, COBS or length */
    AMP_COUNT_SEQUENCE_GAPS = 19, /* frames missing between two good ones */
    AMP_COUNT_FOREIGN = 20,       /* good frames of another session */
    AMP_COUNT_REPEATED = 21,      /* good frames with an old sequence number */
    AMP_COUNT_BYTES_IN = 22,
    AMP_COUNT_BYTES_OUT = 23,
    AMP_COUNT_REPLACED = 24,         /* actuations replaced before they left: the port was full */
    AMP_COUNT_HANDSHAKES = 25,       /* sessions that came up */
    AMP_COUNT_LINK_LOSSES = 26,      /* times a link that stood was lost, for whatever reason */
    AMP_COUNT_REBOOTS = 27,          /* times the device was found to have booted anew */
    AMP_COUNT_PORTS_OPENED = 28,     /* times the port was opened again */
    AMP_COUNT_RETRANSMISSIONS = 29,  /* commands sent again */
    AMP_COUNT_COMMANDS_EXPIRED = 30, /* commands that nobody acknowledged in their time */

    AMP_COUNT_ISOLATED_BAD_FRAMES = 32, /* times the device was isolated, by kind (pump.h) */
    AMP_COUNT_ISOLATED_BYTES = 33,
    AMP_COUNT_ISOLATED_BLOCKED = 34,
    AMP_COUNT_BYTES_DROPPED = 35,       /* of an isolated device */
    AMP_COUNT_PARAMETERS_RESTORED = 36, /* parameters set at the beginning of a session */

    AMP_COUNT_COUNT = 48,
};

/// Words that say how something is now, not how often it happened.
enum amp_gauge {
    AMP_GAUGE_T0_NS = 0,          /* release time of tick 0 */
    AMP_GAUGE_T_STOP_NS = 1,      /* the wake-up at which the loop ended; 0 while it runs */
    AMP_GAUGE_ARMED = 2,          /* the act of arming that this role has taken up; 0: disarmed */
    AMP_GAUGE_AT_SAFE = 3,        /* 1: every output stands at its safe value */
    AMP_GAUGE_LINK = 4,           /* enum amp_session_state */
    AMP_GAUGE_DEVICE_MODE = 5,    /* enum amp_device_mode */
    AMP_GAUGE_REFUSAL = 6,        /* enum amp_refusal, why the session was refused */
    AMP_GAUGE_DEVICE_NONCE = 7,   /* boot nonce of the device */
    AMP_GAUGE_FIRST_ARMED_NS = 8, /* first period run armed */
    AMP_GAUGE_REFUSED_ARMING = 9, /* the act of arming that ended latched safe */
    AMP_GAUGE_DEVICE_ARMED = 10,  /* the act of arming that the device acknowledged */
    AMP_GAUGE_READY = 11,         /* 1: this role could be armed now */
    AMP_GAUGE_BASE_TICKS = 12,    /* ticks + skipped ticks before this process's tick 0 */
    AMP_GAUGE_DEVICE_SAFE_US =
        13,                       /* device clock: last applied actuation to outputs safe, 1 more */
    AMP_GAUGE_TRIP_FAULT = 14,    /* enum amp_fault of the newest trip; the latch keeps the first */
    AMP_GAUGE_TRIP_ARGUMENT = 15, /* its argument, as int64_t */
    AMP_GAUGE_WAIT = 16,          /* enum amp_pace_kind, 1 more; 0: not said */
    AMP_GAUGE_MARGIN_NS = 17,     /* sleeps end so long before their release */
    AMP_GAUGE_WAKEUP_NS = 18,     /* calibrated wakeup latency, 99th percentile; 0: not measured */
    AMP_GAUGE_FOLLOWS = 19,  /* its grid's clock: 1 the host's for now, 2 the device's; 0: host's */
    AMP_GAUGE_TRIM_PPM = 20, /* how much longer its last period was than T, as int64_t */

    /* io role: its link */
    AMP_GAUGE_LINK_CAUSE = 24,          /* enum amp_fault: why it was last lost; 0: never lost */
    AMP_GAUGE_LINK_CAUSE_ARGUMENT = 25, /* its argument, as int64_t */
    AMP_GAUGE_LINK_LOST_NS = 26,        /* when it was last lost; 0: never */
    AMP_GAUGE_LINK_UP_NS = 27,          /* when a session last came up; 0: never */
    AMP_GAUGE_DEVICE_RESET = 28,        /* enum amp_reset_cause, as the device said then */
    /* how the device's clock stood at the newest answer; set in this order, |at| to 0 before */
    AMP_GAUGE_CLOCK_OFFSET_NS = 29,     /* device's - CLOCK_MONOTONIC, as int64_t */
    AMP_GAUGE_CLOCK_SKEW_PPB = 30,      /* how much faster it runs, as int64_t */
    AMP_GAUGE_CLOCK_BOUND_NS = 31,      /* of the offset's error */
    AMP_GAUGE_CLOCK_ROUND_TRIP_NS = 32, /* the shortest */
    AMP_GAUGE_CLOCK_AT_NS = 33,         /* when; 0: unknown */

    AMP_GAUGE_ISOLATED = 34,          /* enum amp_isolation */
    AMP_GAUGE_ISOLATED_QUIET_NS = 35, /* so long it has to be quiet before it is heard again */
    AMP_GAUGE_PARAMETERS_UNSET = 36,  /* parameters not yet acknowledged in this session */

    AMP_GAUGE_COUNT = 64,
};

/// Histograms of a role, all in ns.
enum amp_histogram {
    AMP_HISTOGRAM_WAKEUP = 0,           /* wakeup latency: actual wake minus release */
    AMP_HISTOGRAM_EXECUTION = 1,        /* finish minus wake */
    AMP_HISTOGRAM_RESPONSE = 2,         /* finish minus release */
    AMP_HISTOGRAM_SENSE_TO_ACTUATE = 3, /* io role: by the device's own clock, end to end */
    AMP_HISTOGRAM_PERIOD = 4,           /* wake to wake; a skipped tick makes it a longer one */

    AMP_HISTOGRAM_COUNT = 5,
};

/// Buckets of one histogram: values of [0, 2^40) ns; longer ones are counted in the last.
#define AMP_BUCKETS 1152

/// A reader's copy of the fault latch.
struct amp_fault_view {
    uint64_t mask;     /* bit n: fault n has happened since the segment was made */
    uint32_t first;    /* enum amp_fault of the first one */
    int64_t argument;  /* of the first one */
    amp_ns first_t_ns; /* when */
    uint64_t events;   /* how many in all */
};

struct amp_summary {
    uint64_t count;
    double mean_ns;
    amp_ns p50_ns, p99_ns, p999_ns, max_ns; /* upper ends of buckets; max is exact */
};

/// Advance the heartbeat: progress, not existence.
/// Context: real-time. Progress: wait-free. One writer.
void amp_owner_beat(struct amp_owner *owner, enum amp_checkpoint checkpoint, amp_ns now);

/// Say where the loop is, without progress.
/// Context: real-time. Progress: wait-free. One writer.
void amp_owner_at(struct amp_owner *owner, enum amp_checkpoint checkpoint);

/// The heartbeat's count; |checkpoint| and |t_ns| may be NULL.
/// Context: real-time. Progress: wait-free.
uint64_t amp_owner_heartbeat(const struct amp_owner *owner, enum amp_checkpoint *checkpoint,
                             amp_ns *t_ns);

/// Add to a counter. Context: real-time. Progress: wait-free. One writer.
void amp_owner_add(struct amp_owner *owner, enum amp_counter counter, uint64_t increment);
uint64_t amp_owner_counter(const struct amp_owner *owner, enum amp_counter counter);

/// Begin the accounting of this process's periods at |t0_ns|: ticks + skipped ticks, less those
/// before, are floor((T_STOP - T0) / T) at the end.
/// Context: init. One writer.
void amp_owner_begin(struct amp_owner *owner, amp_ns t0_ns);

/// Set a gauge. Who reads it sees every gauge that was set before it.
/// Context: real-time. Progress: wait-free. One writer.
void amp_owner_set(struct amp_owner *owner, enum amp_gauge gauge, uint64_t value);
uint64_t amp_owner_gauge(const struct amp_owner *owner, enum amp_gauge gauge);

/// Record a fault: its bit, and when it is the first, what and when.
/// Context: real-time. Progress: wait-free. One writer.
void amp_owner_fault(struct amp_owner *owner, enum amp_fault fault, int64_t argument, amp_ns now);
void amp_owner_faults(const struct amp_owner *owner, struct amp_fault_view *out);

/// Add one value, in ns; a negative one counts as 0.
/// Context: real-time. Progress: wait-free. Cost: 4 loads, 4 stores. One writer.
void amp_owner_record(struct amp_owner *owner, enum amp_histogram histogram, amp_ns value);

/// Summarise a histogram.
/// Context: any, not real-time: reads every bucket.
void amp_owner_summary(const struct amp_owner *owner, enum amp_histogram histogram,
                       struct amp_summary *out);

/// Bucket of a value, and the largest value that falls into a bucket.
/// Context: any.
uint32_t amp_bucket_of(amp_ns value);
amp_ns amp_bucket_top(uint32_t bucket);

/// Touch every page that the role will write, so that no fault comes later.
/// Context: init. One writer.
void amp_owner_prefault(struct amp_owner *owner);

#endif
