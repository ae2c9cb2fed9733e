/* tally.h: what a pump says of one line, once a second: a publication of a channel of its own.
 *
 * Counts go on from those of the process before, as the words of the mailbox do, so a reader takes
 * differences and a missed publication loses nothing. Times are of the second alone: how many,
 * least, sum and most of each. The pump fills in what only it knows (pump_tally.c); here stand the
 * words, the arithmetic of a second, and its publication.
 */
#ifndef AMP_TALLY_H
#define AMP_TALLY_H

#include "amp/base.h"
#include "amp/channel.h"

/// Words of a publication: one for each enumerator of enum amp_tally_word.
#define AMP_TALLY_WORDS 76
/// The length of a second, but for the last of a run.
#define AMP_TALLY_NS 1000000000

/// What each word is. u64 where nothing else is said; a time is in ns.
enum amp_tally_word {
    AMP_TALLY_SECOND = 0,      /* of this process, from 1 */
    AMP_TALLY_INTERVAL_NS = 1, /* how long it was */

    /* how it stands */
    AMP_TALLY_SESSION = 2,        /* enum amp_session_state */
    AMP_TALLY_SESSION_NUMBER = 3, /* of the session */
    AMP_TALLY_REFUSAL = 4,        /* enum amp_refusal, of the newest handshake */
    AMP_TALLY_DEVICE_MODE = 5,    /* enum amp_device_mode, by the newest state */
    AMP_TALLY_DEVICE_REASON = 6,  /* enum amp_device_reason */
    AMP_TALLY_ISOLATED = 7,       /* enum amp_isolation (pump.h): why it is not listened to */

    /* who the device says it is; 0: it has not said */
    AMP_TALLY_PROTOCOL = 8, /* major << 8 | minor */
    AMP_TALLY_FIRMWARE = 9, /* major << 16 | minor << 8 | patch */
    AMP_TALLY_BOOT_NONCE = 10,
    AMP_TALLY_RESET_CAUSE = 11, /* enum amp_reset_cause */
    AMP_TALLY_SCHEMA_HASH = 12,
    AMP_TALLY_DEVICE_BAUD = 13,
    AMP_TALLY_DEVICE_LEASE_US = 14,
    AMP_TALLY_DEVICE_STATE_PERIOD_US = 15,
    AMP_TALLY_BOARD_0 = 16, /* the board id, eight bytes a word, the first lowest */
    AMP_TALLY_BOARD_1 = 17,
    AMP_TALLY_BOARD_2 = 18,
    AMP_TALLY_BOARD_3 = 19,

    /* the device's clock, at the end of the second */
    AMP_TALLY_CLOCK_OFFSET_NS = 20, /* device's - CLOCK_MONOTONIC, as int64_t */
    AMP_TALLY_CLOCK_SKEW_PPB = 21,  /* how much faster it runs, as int64_t */
    AMP_TALLY_CLOCK_BOUND_NS = 22,  /* of the offset's error; 0: its clock is not known */

    /* shares of what the line carries, as f64; NaN: its speed is not known */
    AMP_TALLY_LOAD_IN = 23,
    AMP_TALLY_LOAD_OUT = 24,

    /* commands, as the session has them: RFC 6298 */
    AMP_TALLY_COMMAND_ROUND_TRIP_US = 25, /* smoothed; 0: none was acknowledged yet */
    AMP_TALLY_COMMAND_TIMEOUT_US = 26,    /* after which one is sent again */

    /* counts, over all processes of the role */
    AMP_TALLY_FRAMES_IN = 27, /* whose CRC agrees, whatever became of them */
    AMP_TALLY_FRAMES_OUT = 28,
    AMP_TALLY_BYTES_IN = 29,
    AMP_TALLY_BYTES_OUT = 30,
    AMP_TALLY_BAD_CRC = 31,
    AMP_TALLY_BAD_COBS = 32,
    AMP_TALLY_BAD_LENGTH = 33,
    AMP_TALLY_LOST = 34, /* frames missing between two good ones */
    AMP_TALLY_FOREIGN = 35,
    AMP_TALLY_REPEATED = 36,
    AMP_TALLY_UNEXPECTED = 37,
    AMP_TALLY_REPLACED = 38, /* actuations replaced before they left: the port was full */
    AMP_TALLY_RETRANSMISSIONS = 39,
    AMP_TALLY_EXPIRED = 40, /* commands that nobody acknowledged in their time */
    AMP_TALLY_HANDSHAKES = 41,
    AMP_TALLY_REFUSALS = 42,
    AMP_TALLY_LOSSES = 43, /* times the device fell silent or left the session */
    AMP_TALLY_REBOOTS = 44,
    AMP_TALLY_PORTS_LOST = 45,
    AMP_TALLY_PORTS_OPENED = 46,
    AMP_TALLY_STATES = 47,         /* taken over */
    AMP_TALLY_ACTUATIONS = 48,     /* queued for the line */
    AMP_TALLY_APPLIED = 49,        /* as the device counts them; over sessions */
    AMP_TALLY_REFUSED_VALUES = 50, /* rows of actuations that the device refused, by its events */
    AMP_TALLY_CLOCK_REFUSED = 51,  /* exchanges that contradicted the others */

    /* times of this second: count, least, sum, most of each; the last three as int64_t */
    AMP_TALLY_TIMES = 52,
};

/// The times of a second, in the order of their words. All stand on the host's clock; the device's
/// instants by what is known of its clock, so that a short one may come out below 0.
enum amp_tally_time {
    AMP_TIME_ROUND_TRIP = 0,          /* of a look at the device's clock, less what it held it */
    AMP_TIME_SENSE_TO_ACTUATE = 1,    /* by the device's clock alone: sampled to applied */
    AMP_TIME_SAMPLED_TO_RECEIVED = 2, /* the parts of it: the state on its way here */
    AMP_TIME_RECEIVED_TO_DECIDED = 3, /* until the control role had published its answer */
    AMP_TIME_DECIDED_TO_WRITTEN = 4,  /* until Linux had taken the actuation's last byte */
    AMP_TIME_WRITTEN_TO_APPLIED = 5,  /* the actuation on its way there */
    AMP_TIME_COUNT = 6,
};

struct amp_tally_span {
    uint64_t count;
    amp_ns least, sum, most;
};

/// One line's tally. The caller fills in the first two; the counts may be raised by their owner.
struct amp_tally {
    struct amp_channel channel; /* attached, of AMP_TALLY_WORDS; all zero: nothing is published */
    uint32_t baud;              /* of the line; 0: unknown */

    uint64_t bytes_in, bytes_out, replaced, ports_lost, ports_opened;
    uint64_t states, actuations, applied, refused_values;
    uint8_t device_reason;
    /* ------------------------------------------------------------------------------------- */
    uint64_t second;
    amp_ns began_ns; /* this second */
    uint64_t bytes_in_before, bytes_out_before;
    struct amp_tally_span times[AMP_TIME_COUNT];
    uint64_t before[AMP_TALLY_WORDS]; /* what the process before has counted */
};

/// Begin the first second, and go on from the newest publication.
/// Context: init.
void amp_tally_begin(struct amp_tally *tally, amp_ns now);

/// Add a time to this second.
/// Context: real-time. Progress: wait-free. Cost: 4 stores.
void amp_tally_time(struct amp_tally *tally, enum amp_tally_time time, amp_ns value);

/// Whether this second is over.
/// Context: real-time. Progress: wait-free.
bool amp_tally_is_over(const struct amp_tally *tally, amp_ns now);

/// Publish this second and begin the next. |words|, AMP_TALLY_WORDS of them, hold what only the
/// caller knows; second, interval, loads, times and the tally's own counts are filled in here, and
/// to the counts is added what the process before had.
/// Context: real-time. Progress: bounded (words). One writer.
void amp_tally_publish(struct amp_tally *tally, amp_ns now, uint64_t *words);

#endif
