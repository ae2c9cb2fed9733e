/* device.h: the device's side of the link, as a library that a firmware links.
 *
 * The firmware brings bytes in and out, a microsecond clock, its sensor values and its outputs;
 * sessions, arming, the lease and the way to safe are here. Freestanding, no heap, no interrupt of
 * its own. One UART loop is the whole of a port:
 *
 *     amp_device_receive(&device, bytes, size, now_us);
 *     amp_device_tick(&device, now_us, sensed);
 *     for each accepted value i: drive output i with amp_device_output(&device, i);
 *     size = amp_device_transmit(&device, out, room);
 *
 * The lease is the safety. An actuation that was applied holds for |lease_us| of the device's own
 * clock; when none follows, every output ramps to its safe value and the device latches SAFE.
 * Nothing on the host needs to work for that. The ramp starts at the very end of the lease, so a
 * late tick does not move the instant at which the outputs are safe; and the lease is looked at
 * before any byte that came after its end, so a late actuation resumes nothing.
 *
 *   mode    outputs                         left by
 *   IDLE    safe; no session yet            a session: READY. Local stop: SAFE
 *   READY   safe, or ramping there          ARM: ARMED. ESTOP: SAFE
 *   ARMED   the newest valid actuation      DISARM: READY. ESTOP, end of the lease, a new
 *                                           session: SAFE
 *   SAFE    safe, or ramping there          ARM under a fresh id: ARMED. RESET: READY
 */
#ifndef AMP_DEVICE_H
#define AMP_DEVICE_H

#include "amp/session.h"

/// What the firmware itself has to tell goes out no faster than this.
#define AMP_DEVICE_SAY_US 50000
/// Room for the longest of it: AMP_LOG_SIZE + AMP_LOG_TEXT_MAX.
#define AMP_DEVICE_SAID_SIZE 56

enum amp_device_mode {
    AMP_DEVICE_IDLE = 0,
    AMP_DEVICE_READY = 1,
    AMP_DEVICE_ARMED = 2,
    AMP_DEVICE_SAFE = 3, /* latched */
};

/// Why the device last left ARMED or latched SAFE. The first cause stands until the next ARM.
enum amp_device_reason {
    AMP_REASON_NONE = 0,
    AMP_REASON_LEASE = 1,       /* no actuation came for the lease */
    AMP_REASON_ESTOP = 2,       /* commanded, or amp_device_stop() */
    AMP_REASON_DISARM = 3,      /* commanded */
    AMP_REASON_NEW_SESSION = 4, /* a host identified while it was armed */
    AMP_REASON_BAD_VALUE = 5,   /* the lease ended, and what came last in it was refused as not
                                   finite or out of range */
};

/// A number that the host may set while the device runs: a gain, a limit. It comes back to |initial|
/// at each boot.
struct amp_device_parameter {
    float low, high; /* finite */
    float initial;   /* in [low, high] */
};

/// What a firmware is. Neither it nor what it points to is copied: they outlive the device.
struct amp_device_config {
    const char *board;      /* 1 to 32 printable ASCII characters */
    uint8_t firmware[3];    /* version: major, minor, patch */
    uint8_t reset_cause;    /* enum amp_reset_cause */
    uint32_t boot_nonce;    /* another one at each boot: entropy, or a counter in flash */
    uint32_t schema_hash;   /* CRC-32 of the canonical schema text */
    const char *dictionary; /* that text, for a host that finds another hash; NULL: not on board */
    uint16_t dictionary_size;      /* bytes of it, without a terminator */
    uint32_t baud;                 /* reported, not used */
    uint32_t lease_us;             /* [1, AMP_SEQUENCE_FORGET_US] */
    uint32_t state_period_us;      /* at least 1 */
    uint8_t sends_count;           /* [0, AMP_DEVICE_VALUES_MAX] */
    uint8_t accepts_count;         /* [0, AMP_DEVICE_VALUES_MAX] */
    uint8_t parameters_count;      /* [0, AMP_DEVICE_PARAMETERS_MAX] */
    const struct amp_value *sends; /* |sends_count| of them */
    const struct amp_value
        *accepts; /* an actuation with a value out of its range is refused whole */
    const struct amp_device_parameter *parameters;
};

/// Never reset; as wide as amp_count is. The line's own losses are in |session.counters|.
struct amp_device_counters {
    amp_count applied;         /* actuations applied */
    amp_count refused_values;  /* actuations refused whole: not finite or out of range */
    amp_count refused_mode;    /* actuations that came while not armed */
    amp_count leases_ended;    /* times the lease ran out */
    amp_count states;          /* states sampled */
    amp_count bad_samples;     /* states with a value that its type does not hold */
    amp_count states_unsent;   /* states not sent: a bool in them is neither 0 nor 1 */
    amp_count states_replaced; /* states replaced by a newer one before the line took them */
    amp_count states_skipped;  /* sampling instants that passed while tick was not called */
    amp_count events_lost;     /* the oldest event gave way to a new one before the line took it */
    amp_count said_lost;       /* events and lines of the firmware that came too fast */
};

/// A device. Fields above the line, and the session, may be read between calls; all are written here
/// alone. What is touched most stands in front, where a small processor reaches it by short
/// instructions.
/// Synchronization: none; all calls from one context (the main loop, or one interrupt level).
struct amp_device {
    enum amp_device_mode mode;
    enum amp_device_reason reason;
    bool at_safe;             /* the outputs have reached their safe values and stand there */
    uint64_t applied_us;      /* when an actuation was last applied; 0: never */
    uint64_t safe_begin_us;   /* when the outputs last turned towards safe; 0: never */
    uint64_t safe_reached_us; /* when they were last all found there; 0: never since they left */
    /* ------------------------------------------------------------------------------------- */
    bool ramping;      /* outputs follow the ramp, not an actuation */
    bool refused_last; /* the newest actuation was refused for its values */
    bool bad_sampled;  /* the newest state had a value that its type does not hold */
    bool applied_any;  /* in this session */
    bool state_due;
    uint8_t event_first, event_count;
    uint8_t said_type, said_length; /* what the firmware has to tell; 0 long: nothing */
    uint8_t wire_size, wire_sent;
    const struct amp_device_config *config;
    uint64_t now_us;       /* newest time seen: the clock never runs backward in here */
    uint64_t lease_end_us; /* while ARMED */
    uint64_t state_next_us;
    uint64_t say_next_us;
    struct amp_wire_state state;
    struct amp_device_counters counters; /* may be read, as what is above the line */
    struct amp_session session;          /* may be read, as it says itself */
    float outputs[AMP_DEVICE_VALUES_MAX];
    float sensed[AMP_DEVICE_VALUES_MAX];
    float parameters[AMP_DEVICE_PARAMETERS_MAX];
    float ramp_from[AMP_DEVICE_VALUES_MAX]; /* outputs when they turned towards safe */
    struct amp_wire_event events[AMP_DEVICE_EVENTS_MAX];
    uint8_t said[AMP_DEVICE_SAID_SIZE];
    uint8_t wire[AMP_FRAME_WIRE_MAX]; /* the frame on its way out */
};

/// Begin at boot: IDLE, every output at its safe value, BOOT due on the line. False, with nothing
/// touched, if |config| breaks a rule stated at its fields.
/// Context: init.
bool amp_device_init(struct amp_device *device, const struct amp_device_config *config,
                     uint64_t now_us);

/// Take bytes that have come by |now_us|, which may lie anywhere behind the last tick. Read the
/// clock after the bytes: the host learns this clock from when its questions were heard.
/// Context: real-time. Progress: bounded (|size|). Cost: O(1) a byte.
void amp_device_receive(struct amp_device *device, const uint8_t *bytes, size_t size,
                        uint64_t now_us);

/// Let time pass: end the lease, move ramps, and, if a state is due, sample |sensed| (as many
/// entries as the device sends; NULL if none) at this instant. Call it at least as often as states
/// and ramps should be smooth; late calls are safe, see above. States are due on a fixed grid.
/// Context: real-time. Progress: bounded (values).
void amp_device_tick(struct amp_device *device, uint64_t now_us, const float *sensed);

/// Take up to |room| bytes for the line. Any |room| will do: a frame goes out in pieces. Newest
/// state wins; answers to the host come before events, events before states, states before what the
/// firmware has to tell. Returns the bytes written; 0: nothing to send.
/// Context: real-time. Progress: bounded (|room|).
size_t amp_device_transmit(struct amp_device *device, uint8_t *out, size_t room);

/// What output |index| should stand at, as of the last receive or tick. |index| < accepts_count.
/// Context: real-time. Progress: wait-free.
float amp_device_output(const struct amp_device *device, size_t index);

/// Tell the host that something of the firmware's own has happened: |code| is [AMP_EVENT_USER, 255], what
/// it and |argument| mean is between the firmware and its people. One such event or line goes out
/// each AMP_DEVICE_SAY_US, behind everything else. False, and counted, if it comes too fast.
/// Context: real-time. Progress: wait-free.
bool amp_device_event(struct amp_device *device, uint8_t code, uint32_t argument);

/// Tell people a line: printable ASCII, up to 48 letters; what is behind them is cut off. As
/// amp_device_event().
/// Context: real-time. Progress: bounded (the text).
bool amp_device_log(struct amp_device *device, const char *text);

/// What parameter |index| stands at. |index| < parameters_count.
/// Context: real-time. Progress: wait-free.
float amp_device_parameter(const struct amp_device *device, size_t index);

/// Local stop: a button on the device. From any mode to SAFE, reason ESTOP; call it as long as the
/// button is held.
/// Context: real-time. Progress: wait-free.
void amp_device_stop(struct amp_device *device, uint64_t now_us);

#endif
