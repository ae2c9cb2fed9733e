/* session.h: who is talking, in what order, and is the other side still there. Both ends.
 *
 * Sans-I/O: bytes and times are arguments, at most one event comes back from each call, nothing
 * calls back. The host's end and the device's end are the same source and the same struct; only
 * their tables differ (session.c). On top of it stand the host's pump and device.h.
 *
 * The host asks (IDENTIFY, with a session number of its own choice), the device answers
 * (IDENTITY). Any doubt ends in a new session with the next number: silence, a reboot, a device
 * that has begun a session of its own. A new session always finds the device disarmed, and ARM has
 * to quote a challenge that the device made for this session: bytes that lay in some buffer since
 * an earlier one arm nothing.
 *
 *   state        host                                        device
 *   DOWN         nothing is sent, everything is ignored      nobody has identified yet
 *   IDENTIFYING  IDENTIFY every 20 ms                        (never)
 *   UP           messages both ways                          messages both ways
 *   REFUSED      a field differs; IDENTIFY every 500 ms      a host with another schema asked
 */
#ifndef AMP_SESSION_H
#define AMP_SESSION_H

#include "amp/dictionary.h"
#include "amp/frame.h"
#include "amp/wire.h"

/// Interval of IDENTIFY while nobody answered, and once a field was found to differ.
#define AMP_IDENTIFY_US 20000
#define AMP_IDENTIFY_REFUSED_US 500000
/// A command's retransmission: after the timeout of RFC 6298, measured on acknowledgements of
/// commands that were sent once; this one before the first of them, and these bounds. The grain is
/// how exactly the ends look at their lines.
#define AMP_COMMAND_US 20000
#define AMP_TIMEOUT_US_MIN 4000
#define AMP_TIMEOUT_US_MAX 200000
#define AMP_TIMEOUT_GRAIN_US 1000
/// Ids that a device remembers, to apply each once. One that is further ahead than the other number
/// is behind.
#define AMP_COMMAND_WINDOW 64
#define AMP_COMMAND_AHEAD_MAX 0x7FFF
/// Silence after which the next frame's sequence is taken as it comes: 16 bits cannot tell 32768
/// lost frames from an old one. No lease is longer, so nothing is armed by then.
#define AMP_SEQUENCE_FORGET_US 10000000

enum amp_session_state {
    AMP_SESSION_DOWN = 0,
    AMP_SESSION_IDENTIFYING = 1,
    AMP_SESSION_UP = 2,
    AMP_SESSION_REFUSED = 3,
};

/// The field that differs.
enum amp_refusal {
    AMP_REFUSAL_NONE = 0,
    AMP_REFUSAL_PROTOCOL = 1, /* the protocol's major version */
    AMP_REFUSAL_SCHEMA = 2,   /* the schema hash: other signals, types, units or ranges */
    AMP_REFUSAL_BOARD = 3,    /* the board id */
    AMP_REFUSAL_COUNTS = 4,   /* values in STATE or ACTUATE, under an equal schema hash */
    AMP_REFUSAL_LEASE = 5,    /* the device's lease is longer than the host relies on */
    AMP_REFUSAL_RATE = 6,     /* the period of the device's states */
};

enum amp_session_event_kind {
    AMP_ON_NOTHING = 0,
    AMP_ON_UP = 1,      /* a session stands; host: |identity| is the device's. Disarmed */
    AMP_ON_REFUSED = 2, /* |refusal| names the field; host: |identity| has the device's values */
    AMP_ON_LOST = 3,    /* host: silence, or the device left our session; identifying again */
    AMP_ON_REBOOT = 4,  /* host: the boot nonce changed; identifying again. |argument|: new nonce */
    AMP_ON_MESSAGE = 5, /* |frame|: STATE, EVENT, TIME or LOG at the host, ACTUATE at the device */
    AMP_ON_ACKED = 6,   /* host: |id| |verb| |argument| |result| of our command */
    AMP_ON_EXPIRED = 7, /* host: |id| |verb| |argument| of our command, unacknowledged when its time
                           was over or the session ended. It may have been applied */
    AMP_ON_COMMAND = 8, /* device: |id| |verb| |argument|, a fresh one: apply it once, then call
                           amp_session_acknowledge() */
    AMP_ON_DICTIONARY = 9, /* host: reading the device's dictionary has ended, well or not */
};

/// What one call reports. |frame| is valid until the next call of amp_session_receive().
struct amp_session_event {
    enum amp_session_event_kind kind;
    enum amp_refusal refusal;
    struct amp_frame frame;
    uint16_t id;
    uint8_t verb;   /* enum amp_verb */
    uint8_t result; /* enum amp_result */
    uint32_t argument;
};

/// As wide as the processor counts in one step; 32 bits at least, and then it wraps: take differences.
typedef unsigned long amp_count;

/// Losses and traffic since init; never reset, not even by a new session.
struct amp_session_counters {
    amp_count frames_in; /* frames whose CRC agrees, whatever became of them */
    amp_count frames_out;
    amp_count bad_cobs;
    amp_count bad_length;
    amp_count bad_crc;
    amp_count sequence_gaps; /* frames missing between two good ones */
    amp_count repeated;      /* good frames with an old sequence number or command id, discarded */
    amp_count foreign;       /* good frames of another session or of none, discarded */
    amp_count unexpected;    /* good frames that make no sense here: a type of the other direction,
                               a payload of the wrong size, an acknowledgement of nothing */
    amp_count handshakes;    /* sessions that came up */
    amp_count refusals;      /* handshakes in which a field differed */
    amp_count losses;
    amp_count reboots;
    amp_count retransmissions; /* commands sent again */
    amp_count expired;         /* commands whose time was over, or whose session ended */
};

/// What the host relies on. The board's text is not copied: it outlives the session.
struct amp_session_host {
    const char *board; /* NULL or empty: any */
    uint32_t schema_hash;
    uint32_t lost_after_us;   /* silence after which the link is lost, at least 1 */
    uint32_t lease_us_max;    /* 0: any */
    uint32_t state_period_us; /* of the device's states; 0: any */
    uint8_t sends_count;      /* values it expects in STATE */
    uint8_t accepts_count;    /* values it will send in ACTUATE */
    struct amp_dictionary
        *dictionary; /* the caller's memory for that of a device that is refused for
                                          its schema; NULL: it is not read */
};

/// A command of the host under way.
struct amp_asked {
    uint16_t id; /* 0: the place is free */
    uint8_t verb;
    uint8_t sent;      /* times; 255: or more */
    bool over;         /* its session has ended: to be reported */
    uint32_t argument; /* as the caller gave it */
    uint32_t sent_argument;
    uint64_t sent_us, next_us, end_us;
};

struct amp_asking {
    struct amp_asked places[AMP_COMMANDS_MAX]; /* the first: about the mode */
    bool round_trip_known;
    uint32_t round_trip_us, deviation_us, timeout_us;
};

/// What a device remembers of a session's commands.
struct amp_answering {
    bool any, mode_any;
    bool due;                          /* an answer waits */
    uint16_t mode_id;                  /* the newest about the mode */
    uint8_t slots[AMP_COMMAND_WINDOW]; /* of id at id % window: 0: not seen */
};

/// An end is one or the other.
union amp_commands {
    struct amp_asking asking;
    struct amp_answering answering;
};

struct amp_session_end; /* private: the table of one end */

/// One end of a link. Fields above the line may be read between calls, all are written here alone.
/// Synchronization: none; one caller.
struct amp_session {
    enum amp_session_state state;
    enum amp_refusal refusal; /* of the last handshake */
    uint16_t number;          /* of the session; 0: none yet */
    uint16_t sent_sequence;   /* sequence of the newest frame sent */
    uint64_t heard_us;        /* when the newest valid frame of this session came */
    struct amp_session_counters counters;
    /* ------------------------------------------------------------------------------------- */
    const struct amp_session_end *end;
    bool sequence_open;  /* the next frame's sequence is taken as it comes */
    uint8_t due;         /* device: what it has to send by itself */
    bool identity_known; /* host */
    uint16_t expected_sequence;
    uint16_t command_id;      /* the newest: host: asked; device: heard in this session */
    uint16_t described;       /* device: the offset that was asked for */
    uint16_t dictionary_size; /* device, as |dictionary|: the caller's, once it is initialised */
    const char *dictionary;
    struct amp_wire_identity identity; /* host: the device's, as last heard; device: its own. May be
                                          read, as what is above the line */
    struct amp_wire_time time;         /* device */
    union amp_commands commands;
    uint64_t identify_next_us;        /* host */
    struct amp_session_host expected; /* host */
    struct amp_frame_parser parser;
};

/// Begin the host's end: IDENTIFYING, under session |number|, which is not 0 and which should
/// differ from run to run (the low bits of a clock do). |expected| is copied.
/// Context: init.
void amp_session_host_init(struct amp_session *session, const struct amp_session_host *expected,
                           uint16_t number, uint64_t now_us);

/// Begin the device's end: DOWN. |identity| is copied; its challenge is made here.
/// Context: init.
void amp_session_device_init(struct amp_session *session, const struct amp_wire_identity *identity);

/// Host: begin again under another |number|, not 0: the port was opened anew. An outstanding
/// command is reported as expired by the next poll. What was learnt of the device's boot nonce
/// stays, so that a reboot during the absence is noticed.
/// Context: any. Progress: wait-free.
void amp_session_restart(struct amp_session *session, uint16_t number, uint64_t now_us);

/// Host: DOWN. The port is gone.
/// Context: any. Progress: wait-free.
void amp_session_close(struct amp_session *session);

/// Take bytes from the line. Returns how many were read, at least 1 if |size| is; call again with
/// the rest. Fills in |event|, AMP_ON_NOTHING included. Bytes from the line can cause nothing worse
/// than a counter or a new session.
/// Context: real-time. Progress: bounded (|size|). Cost: O(1) a byte.
size_t amp_session_receive(struct amp_session *session, const uint8_t *bytes, size_t size,
                           uint64_t now_us, struct amp_session_event *event);

/// Host: look at the clock. True with LOST or EXPIRED in |event|; call again until false.
/// Context: real-time. Progress: wait-free.
bool amp_session_poll(struct amp_session *session, uint64_t now_us,
                      struct amp_session_event *event);

/// Write the next frame that the session itself has to send, if one is due: IDENTIFY, COMMAND or
/// DESCRIBE at the host; IDENTITY, ACK, TIME, DICTIONARY or BOOT at the device. Returns its size; 0 when none is due or |room|,
/// for which AMP_FRAME_WIRE_MAX always suffices, is too small: then it stays due. Call
/// again until 0.
/// Context: real-time. Progress: wait-free.
size_t amp_session_pending(struct amp_session *session, uint64_t now_us, uint8_t *wire,
                           size_t room);

/// Write a message (STATE or EVENT at the device, ACTUATE or CLOCK at the host) under the next sequence
/// number. Returns its size, |length| + 13; 0 unless UP, or when |length| or |room| does not fit.
/// Context: real-time. Progress: bounded (|length|).
size_t amp_session_send(struct amp_session *session, enum amp_frame_type type,
                        const uint8_t *payload, size_t length, uint8_t *wire, size_t room);

/// Write a message in place of one that still waits to be written to the line: same sequence
/// number (|sent_sequence| right after it was sent), so that the receiver sees no gap. The caller
/// makes sure that not one byte of the old frame has left. Returns as amp_session_send().
/// Context: real-time. Progress: bounded (|length|).
size_t amp_session_replace(const struct amp_session *session, uint16_t sequence,
                           enum amp_frame_type type, const uint8_t *payload, size_t length,
                           uint8_t *wire, size_t room);

/// Host: read the device's dictionary into the memory that |expected| names, unless that is NULL. Of a
/// device that is refused for its schema it is read without asking.
/// Context: any. Progress: wait-free.
void amp_session_describe(struct amp_session *session, uint64_t now_us);

/// Host: ask for |verb|. It is sent by amp_session_pending() now and again after each timeout until
/// it is acknowledged (ACKED) or |ttl_ms|, [1, 65535], is over (EXPIRED). Returns its id; 0 unless UP.
/// Of commands about the mode (all but SET) one is under way: ARM and RESET are refused (0) while
/// there is one; DISARM and ESTOP take its place, and its own end is then not reported. |argument|
/// comes back in the event; what ARM carries on the wire is the session's challenge.
/// Context: real-time. Progress: wait-free.
uint16_t amp_session_command(struct amp_session *session, enum amp_verb verb, uint32_t argument,
                             uint16_t ttl_ms, uint64_t now_us);

/// Host: set parameter |index|, [0, 63], of the device. As amp_session_command(); one is under way
/// for each parameter, and the newest takes its place. 0 also when AMP_COMMANDS_MAX are under way.
/// Context: real-time. Progress: wait-free.
uint16_t amp_session_set(struct amp_session *session, uint8_t index, float value, uint16_t ttl_ms,
                         uint64_t now_us);

/// Device: the |result| of command |id|, to be acknowledged, and again each time it is repeated.
/// Context: any. Progress: wait-free.
void amp_session_acknowledge(struct amp_session *session, uint16_t id, enum amp_result result);

#endif
