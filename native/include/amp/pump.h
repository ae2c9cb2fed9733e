/* pump.h: the native loop of an io role: a port on one side, the mailbox on the other.
 *
 * It waits for its descriptor and for the grid with one call, decodes what came into its own
 * channel, and at its send point forwards the newest actuation of its source, each publication
 * once: it never feeds the device's lease for a control role that is dead. Writing never blocks;
 * an actuation that still waits for the line is replaced in place by the newer one.
 *
 * The device is armed by an acknowledged command, once for each act of arming; anything that ends
 * that (a lost link, a reboot, the device going safe by itself) ends the act of arming as well. An
 * act that is found while the link is down is over at once: what comes back later is disarmed.
 *
 * A port that is gone ends amp_pump_run(), not the pump: the caller opens it anew, as it does
 * everything with ports that may block, and meanwhile calls amp_pump_run() for as long as it can
 * wait. Grid, heartbeat and accounting go on as if nothing had happened.
 *
 * A device that babbles is isolated: more than 20 % bad frames in 100 ms, more bytes than its
 * share, or no byte taken from us for half of its lease. Its link is lost then, its bytes are
 * dropped, a bounded number at each send point, and nothing waits for its descriptor. Once it has
 * been quiet for long enough (0.5 s, and up to 8 s for one that does it again) another session
 * begins, disarmed.
 *
 * The session's rules live in session.h, for both ends.
 */
#ifndef AMP_PUMP_H
#define AMP_PUMP_H

#include "amp/base.h"
#include "amp/channel.h"
#include "amp/clock.h"
#include "amp/follow.h"
#include "amp/platform.h"
#include "amp/said.h"
#include "amp/segment.h"
#include "amp/session.h"
#include "amp/stats.h"
#include "amp/tally.h"
#include "amp/tap.h"
#include "amp/tuning.h"

/// Values each way of one device, as AMP_DEVICE_VALUES_MAX.
#define AMP_PUMP_VALUES_MAX 16
/// Pumps that one thread runs.
#define AMP_PUMPS_MAX 16
#define AMP_PUMP_WORDS_MAX 64
/// Parameters of one device, as AMP_DEVICE_PARAMETERS_MAX on a host.
#define AMP_PUMP_PARAMETERS_MAX 8
#define AMP_PUMP_RECORD_WORDS 67
/// Bytes read at once, and bytes that wait to be written.
#define AMP_PUMP_IN_SIZE 4096
#define AMP_PUMP_OUT_SIZE 1024
/// States whose sampling time is remembered, to tell the device which one an actuation answers.
#define AMP_PUMP_SENSED_MAX 64
/// Actuations whose way is remembered, to tell its parts once the device says that one was applied.
#define AMP_PUMP_SENT_MAX 64
/// How long an ARM or DISARM is repeated before it counts as refused.
#define AMP_PUMP_COMMAND_MS 100
/// What a device sends is judged over so long, in so many slices.
#define AMP_PUMP_JUDGED_NS 100000000
#define AMP_PUMP_SLICES 10

struct amp_pump_timing {
    amp_ns period_ns;      /* F */
    amp_ns origin_ns;      /* of the grid */
    amp_ns send_offset_ns; /* send point n: origin + offset + n * period */
    amp_ns supervisor_ns;  /* bound on the supervisor's heartbeat */
    amp_ns lease_ns;       /* of the device */
    amp_ns clock_ns;       /* between two looks at the device's clock; at least 1 */
};

/// What is a device's due in AMP_PUMP_JUDGED_NS.
struct amp_pump_share {
    uint32_t bytes;  /* more are babble */
    uint32_t frames; /* so many are expected: bad ones are judged against no fewer */
};

/// Why a device is not listened to.
enum amp_isolation {
    AMP_ISOLATED_NOT = 0,
    AMP_ISOLATED_BAD_FRAMES = 1, /* more than 20 %, and at least 5 */
    AMP_ISOLATED_BYTES = 2,      /* more than its share */
    AMP_ISOLATED_BLOCKED = 3,    /* it took no byte for half of its lease */
};

/// A number of the device that people may set.
struct amp_pump_parameter {
    float low, high;
    float value; /* what it is to have: from the plan, then what it has acknowledged */
};

/// What becomes of them. Every session begins by setting all of them: the device is never armed
/// with one that another host, or its own boot, has left in it.
struct amp_pump_setting {
    struct amp_inbox inbox;
    uint32_t due;   /* bit n: parameter n is not yet known to be what it is to be */
    uint32_t asked; /* bit n: it is under way for that */
    bool taken;     /* a message: |index| is to have |value| */
    bool sent;      /* and is under way */
    uint8_t index;
    float value;
};

struct amp_pump_traffic {
    uint32_t bytes, good, bad;
};

struct amp_pump_isolation {
    enum amp_isolation kind; /* now */
    amp_ns quiet_ns;         /* so long it has to be quiet */
    amp_ns until_ns;         /* when that is over */
    amp_ns heard_ns;         /* since when it has been heard again; 0: since the start */
    uint32_t in_row;         /* isolations, close upon one another */
    amp_ns blocked_ns;       /* since when it has taken none of what waits; 0: it takes it */
    amp_ns looked_ns;
    uint64_t waited;    /* bytes that may have come while nobody looked */
    uint32_t described; /* bytes that came while a dictionary was read */
    uint64_t good, bad;
    int64_t slice;
    struct amp_pump_traffic slices[AMP_PUMP_SLICES];
    struct amp_pump_traffic sum;
};

struct amp_pump_sensed {
    amp_ns t_ns;         /* of our publication */
    uint32_t sampled_us; /* device clock, low 32 bits */
};

/// An actuation on its way, at its sequence % AMP_PUMP_SENT_MAX.
struct amp_pump_sent {
    uint16_t sequence;
    uint32_t sampled_us; /* device clock, low 32 bits, of the state that it answers; 0: of none */
    amp_ns received_ns;  /* that state */
    amp_ns decided_ns;   /* its publication by the control role */
    amp_ns written_ns;   /* 0: not yet, or in two pieces */
};

/// The pump and all its memory. The caller fills what is marked, then calls amp_pump_init().
struct amp_pump {
    /* the caller's */
    const struct amp_platform *platform;
    const struct amp_system *system;
    const struct amp_owner *supervisor;
    struct amp_owner *owner;
    struct amp_channel channel; /* its own, attached: sends..., the device's clock (us),
                                   applied count, CLOCK_MONOTONIC at sampling (ns; 0: unknown) */
    struct amp_channel source;  /* of the role whose outputs it forwards; one role for all */
    struct amp_channel tap;     /* its own, attached; all zero: none (tap.h) */
    struct amp_said said;       /* its own, attached; all zero: none (said.h) */
    struct amp_tally tally;     /* its channel and the line's speed are the caller's (tally.h) */
    struct amp_pump_timing timing;
    struct amp_pump_share share;
    struct amp_channel
        commands;   /* brings changes of its parameters (tuning.h); without any: none */
    uint32_t epoch; /* of this process */
    uint32_t parameter_count;
    struct amp_pump_parameter parameters[AMP_PUMP_PARAMETERS_MAX];
    struct amp_follow follow; /* its link, phase and limits; the period is the pump's */
    struct amp_session_host expected;
    struct amp_value sends[AMP_PUMP_VALUES_MAX]; /* so many as expected; their type and scale */
    struct amp_value accepts[AMP_PUMP_VALUES_MAX];
    uint32_t role;
    int descriptor;      /* non-blocking; -1: no port is open */
    int wake_descriptor; /* without a port, a run comes back once it is readable; -1: none */
    uint16_t session_number;
    int32_t sensed_word;                        /* in the source; -1: it has none */
    uint32_t accept_words[AMP_PUMP_VALUES_MAX]; /* in the source, in the device's order */

    /* the pump's */
    struct amp_dictionary dictionary; /* of a device that is refused for its schema */
    bool
        refused_news; /* a device was refused, and what can be known of it is known: the caller's to
                          take back */
    struct amp_session session;
    struct amp_session_counters counted;
    struct amp_pump_isolation isolation;
    struct amp_pump_setting setting;
    bool supervisor_lost;
    bool over; /* it has ended: amp_pump_run() leaves it alone */
    uint64_t supervisor_beat;
    amp_ns release_ns; /* of the next send point; 0: the grid has not begun */
    bool link_up;
    enum amp_fault link_cause; /* of the newest loss, with its argument */
    int64_t link_argument;
    amp_ns supervisor_seen_ns;
    amp_ns supervisor_looked_ns;
    amp_ns unwanted_ns;      /* since when the device should not be armed; 0: it should */
    uint64_t arming;         /* the act for which ARM was sent; 0: none */
    uint64_t refused_arming; /* the newest act that failed or ended */
    bool device_armed;       /* ARM acknowledged, nothing has ended it */
    bool confirmed;          /* and a state has said so */
    amp_ns acknowledged_ns;
    amp_ns last_wake; /* at a send point; 0: there was none yet */
    bool disarming;   /* DISARM sent, not yet acknowledged */
    bool state_known;
    uint8_t device_mode;
    uint16_t applied_count;
    uint32_t source_epoch; /* of the process whose outputs this act forwards */
    uint64_t forwarded;    /* count of the newest publication forwarded */
    uint32_t out_size, out_sent;
    bool actuation_waits; /* in |out|, at |actuation_at|, not one byte written */
    uint32_t actuation_at;
    uint16_t actuation_sequence;
    struct amp_clock clock; /* the device's, of its boot |clock_nonce| */
    uint32_t clock_nonce;
    uint32_t clock_token;  /* of the newest CLOCK; 0: it was answered, or none was sent */
    uint32_t clock_tokens; /* so many were sent */
    amp_ns clock_sent_ns;
    amp_ns clock_next_ns;
    uint32_t sensed_next;
    struct amp_pump_sensed sensed[AMP_PUMP_SENSED_MAX];
    bool actuation_written; /* |actuation_sequence| goes out with what is in |out| */
    struct amp_pump_sent sent[AMP_PUMP_SENT_MAX];
    uint64_t record[AMP_PUMP_RECORD_WORDS];
    uint64_t words[AMP_PUMP_WORDS_MAX];
    uint8_t in[AMP_PUMP_IN_SIZE];
    uint8_t out[AMP_PUMP_OUT_SIZE];
};

/// Why amp_pump_run() came back.
enum amp_pump_end {
    AMP_PUMP_ENDED = 0, /* all were asked to, and each device is disarmed or out of reach */
    AMP_PUMP_SUPERVISOR_LOST = 1, /* the same, by themselves */
    AMP_PUMP_PORT_LOST = 2,       /* a descriptor reported hang-up or an error: |descriptor| is -1
                                     now, and what it was is still the caller's to close */
    AMP_PUMP_TIME = 3,            /* |until| has come, or a wake descriptor is readable */
    AMP_PUMP_REFUSED = 4,         /* |refused_news| of a pump */
};

/// Check the caller's part and set the pump's own. Returns 0 or -AMP_EARG.
/// Context: init.
int amp_pump_init(struct amp_pump *pump);

/// Take what has come and hand it on; false when the port is gone.
/// Context: real-time. Progress: bounded (AMP_PUMP_IN_SIZE).
bool amp_pump_receive(struct amp_pump *pump, amp_ns now);

/// The send point: arm or disarm, forward the newest actuation, write what fits.
/// Context: real-time. Progress: bounded.
void amp_pump_send(struct amp_pump *pump, amp_ns now);

/// Go on with |descriptor|: the port was opened anew. Another session begins.
/// Context: any, between two runs. Progress: wait-free.
void amp_pump_open(struct amp_pump *pump, int descriptor, amp_ns now);

/// Run 1 to AMP_PUMPS_MAX pumps in this thread: one system call waits for all of their descriptors
/// and for the next send point of any. Each keeps its own grid, link, act of arming, counters and
/// heartbeat; a port that is gone, or a device that babbles, is that pump's affair alone.
/// Comes back at the end of all, when a port is lost, at the first send point at or after |until|,
/// or when the wake descriptor of one without a port is readable. Every call goes on where the one
/// before came back. They share one platform.
/// Context: real-time. Progress: blocking.
enum amp_pump_end amp_pump_run(struct amp_pump *const *pumps, uint32_t count, amp_ns until);

/// Context: any.
size_t amp_pump_size(void);

#endif
