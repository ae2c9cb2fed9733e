/* wire.h: the payload of each frame type as a struct, and its bytes.
 *
 * Little-endian, encoded byte by byte: no packed structs, no assumption about alignment or the
 * machine's byte order. Encoders write a fixed size that their macro states and return it; decoders
 * accept exactly that size, return false for any other and then leave |out| unspecified. Behind that
 * size STATE and ACTUATE carry values (value.h). Whether one is finite or in range is the caller's
 * question, because the answer (refuse whole, hold, trip) differs.
 *
 * The first two bytes of IDENTIFY and IDENTITY are the protocol's version in every protocol there
 * will ever be, so that two strangers can always say what differs.
 */
#ifndef AMP_WIRE_H
#define AMP_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "amp/value.h"

/// A different major does not talk; a minor adds types and codes and changes no layout.
#define AMP_PROTOCOL_MAJOR 2
#define AMP_PROTOCOL_MINOR 0

/// Longest board id, without a terminator.
#define AMP_BOARD_ID_MAX 32
/// AMP_BOARD_ID_MAX and its terminator.
#define AMP_BOARD_ID_ROOM 33
/// "There is none" in an age or a latency of 32 bits; also what longer ones saturate to.
#define AMP_WIRE_NONE 0xFFFFFFFFu

/// Payload sizes. STATE and ACTUATE add their values, amp_values_size(); DICTIONARY and LOG their text.
#define AMP_IDENTIFY_SIZE 6
#define AMP_IDENTITY_SIZE 64
#define AMP_STATE_SIZE 22
#define AMP_ACTUATE_SIZE 4
#define AMP_COMMAND_SIZE 9
#define AMP_ACK_SIZE 3
#define AMP_EVENT_SIZE 13
#define AMP_CLOCK_SIZE 4
#define AMP_TIME_SIZE 16
#define AMP_DESCRIBE_SIZE 2
#define AMP_DICTIONARY_SIZE 4
#define AMP_LOG_SIZE 8

/// Longest dictionary, the letters of it in one DICTIONARY at most, and of a line in a LOG.
#define AMP_DICTIONARY_MAX 8192
#define AMP_DICTIONARY_PIECE 56
#define AMP_LOG_TEXT_MAX 48

/// Event codes from here on are the firmware's own.
#define AMP_EVENT_USER 64

/// The last verb that sets a parameter.
#define AMP_VERB_SET_LAST 127

/// What a command asks for.
enum amp_verb {
    AMP_VERB_ARM = 1,
    AMP_VERB_DISARM = 2, /* outputs ramp to safe; not latched */
    AMP_VERB_ESTOP = 3,  /* outputs ramp to safe; latched */
    AMP_VERB_RESET = 4,  /* out of SAFE to READY; outputs stay safe. Elsewhere nothing */
    AMP_VERB_SET = 64,   /* parameter 0 becomes the argument, a binary32; 65: parameter 1; ... */
};

/// What came of a command.
enum amp_result {
    AMP_RESULT_DONE = 0,
    AMP_RESULT_UNKNOWN_VERB = 1,
    AMP_RESULT_STALE = 2,      /* ARM does not answer the challenge of this session */
    AMP_RESULT_EXPIRED = 3,    /* an ARM that came with no time to live left */
    AMP_RESULT_SUPERSEDED = 4, /* about the mode, and a newer one of these has come before */
    AMP_RESULT_RANGE = 5,      /* a SET that is not finite or out of the parameter's range */
};

/// What an event reports; |argument| as said here.
enum amp_event_code {
    AMP_EVENT_BOOT = 1,       /* the device started; argument: its boot nonce. Session 0 */
    AMP_EVENT_MODE = 2,       /* the mode changed; argument: mode | reason << 8 */
    AMP_EVENT_AT_SAFE = 3,    /* every output has reached its safe value; argument: us since the
                                last applied actuation, or AMP_WIRE_NONE */
    AMP_EVENT_BAD_VALUE = 4,  /* an actuation was refused whole; argument: index of the value */
    AMP_EVENT_BAD_SAMPLE = 5, /* a state has a value that its type does not hold; argument: index */
};

/// Why the device's processor started.
enum amp_reset_cause {
    AMP_RESET_UNKNOWN = 0,
    AMP_RESET_POWER = 1,
    AMP_RESET_PIN = 2,
    AMP_RESET_WATCHDOG = 3,
    AMP_RESET_SOFTWARE = 4,
    AMP_RESET_BROWNOUT = 5,
};

/// Host to device. The new session's number is in the frame's header.
struct amp_wire_identify {
    uint8_t major, minor;
    uint32_t schema_hash;
};

/// Device to host: who it is, in answer to every IDENTIFY.
struct amp_wire_identity {
    uint8_t major, minor;
    uint8_t firmware[3];  /* major, minor, patch */
    uint8_t reset_cause;  /* enum amp_reset_cause */
    uint32_t boot_nonce;  /* another one after each boot */
    uint32_t challenge;   /* another one in each session; ARM has to quote it */
    uint32_t schema_hash; /* CRC-32 of the canonical schema text */
    uint32_t baud;
    uint32_t lease_us;
    uint32_t state_period_us;
    uint8_t sends_count;           /* values in STATE */
    uint8_t accepts_count;         /* values in ACTUATE */
    char board[AMP_BOARD_ID_ROOM]; /* printable ASCII, terminated */
};

/// Device to host: everything it senses, at one instant of its own clock.
struct amp_wire_state {
    uint64_t sampled_us;       /* device clock */
    uint8_t mode;              /* enum amp_device_mode */
    uint8_t reason;            /* enum amp_device_reason: of the last time it went safe */
    uint16_t applied_sequence; /* frame sequence of the last applied actuation */
    uint16_t applied_count;    /* actuations applied in this session; wraps. Take what follows once
                                  for each value of this counter */
    uint32_t applied_age_us;   /* from applying it to this sample; AMP_WIRE_NONE: none yet */
    uint32_t sense_to_actuate_us; /* from the sample it answers to applying it; AMP_WIRE_NONE: it
                                     answered none */
};

/// Host to device: every value the device accepts. Carries the lease.
struct amp_wire_actuate {
    uint32_t answers_us; /* low 32 bits of |sampled_us| of the state it answers; 0: of none */
};

/// Host to device; repeated until acknowledged or its time is over, applied once.
struct amp_wire_command {
    uint16_t id; /* rises by one with each new command of a session; never 0 */
    uint8_t verb;
    uint32_t argument; /* ARM: the session's challenge; SET: the value's bits; else 0 */
    uint16_t ttl_ms;   /* time to live that is left when it is sent */
};

/// Device to host.
struct amp_wire_ack {
    uint16_t id;
    uint8_t result; /* enum amp_result */
};

/// Device to host; sent once, never repeated.
struct amp_wire_event {
    uint8_t code; /* enum amp_event_code, or the firmware's own from AMP_EVENT_USER on */
    uint32_t argument;
    uint64_t clock_us; /* device clock */
};

/// Host to device: what does your clock say?
struct amp_wire_clock {
    uint32_t token; /* comes back */
};

/// Device to host, in answer to CLOCK; never repeated.
struct amp_wire_time {
    uint32_t token;       /* of the CLOCK */
    uint64_t received_us; /* device clock, read after the CLOCK had come */
    uint32_t held_us;     /* from then until this was written */
};

/// Host to device: your dictionary, from here on. Asked of whom the host refuses, or who is UP.
struct amp_wire_describe {
    uint16_t offset;
};

/// Device to host: the letters of its canonical schema text from |offset| on stand behind this; none
/// where the text ends, or if it has none.
struct amp_wire_dictionary {
    uint16_t offset;
    uint16_t size; /* of the whole text; 0: it has none */
};

/// Device to host: a line for people stands behind this. Whoever shows it trusts no letter of it.
struct amp_wire_log {
    uint64_t clock_us; /* device clock */
};

/// The version an IDENTIFY or IDENTITY of any protocol begins with; false if |length| is under 2.
/// Context: any. Progress: wait-free.
bool amp_wire_protocol(const uint8_t *payload, size_t length, uint8_t *major, uint8_t *minor);

/// Encoders: |payload| has room for the message's size; they return that size.
/// Decoders: true only if |length| is exactly the message's size.
/// Context: real-time. Progress: wait-free, or bounded (|count|).
size_t amp_wire_identify_encode(const struct amp_wire_identify *identify, uint8_t *payload);
bool amp_wire_identify_decode(const uint8_t *payload, size_t length, struct amp_wire_identify *out);

/// The board id ends at its first NUL or after 32 characters. A decoder refuses one that is not
/// printable ASCII or has anything but NUL behind its end.
size_t amp_wire_identity_encode(const struct amp_wire_identity *identity, uint8_t *payload);
bool amp_wire_identity_decode(const uint8_t *payload, size_t length, struct amp_wire_identity *out);

/// The values stand behind it, at AMP_STATE_SIZE and AMP_ACTUATE_SIZE; these two accept any length
/// from there on.
size_t amp_wire_state_encode(const struct amp_wire_state *state, uint8_t *payload);
bool amp_wire_state_decode(const uint8_t *payload, size_t length, struct amp_wire_state *out);

size_t amp_wire_actuate_encode(const struct amp_wire_actuate *actuate, uint8_t *payload);
bool amp_wire_actuate_decode(const uint8_t *payload, size_t length, struct amp_wire_actuate *out);

size_t amp_wire_command_encode(const struct amp_wire_command *command, uint8_t *payload);
bool amp_wire_command_decode(const uint8_t *payload, size_t length, struct amp_wire_command *out);

size_t amp_wire_ack_encode(const struct amp_wire_ack *ack, uint8_t *payload);
bool amp_wire_ack_decode(const uint8_t *payload, size_t length, struct amp_wire_ack *out);

size_t amp_wire_event_encode(const struct amp_wire_event *event, uint8_t *payload);
bool amp_wire_event_decode(const uint8_t *payload, size_t length, struct amp_wire_event *out);

size_t amp_wire_clock_encode(const struct amp_wire_clock *clock, uint8_t *payload);
bool amp_wire_clock_decode(const uint8_t *payload, size_t length, struct amp_wire_clock *out);

size_t amp_wire_time_encode(const struct amp_wire_time *time, uint8_t *payload);
bool amp_wire_time_decode(const uint8_t *payload, size_t length, struct amp_wire_time *out);

size_t amp_wire_describe_encode(const struct amp_wire_describe *describe, uint8_t *payload);
bool amp_wire_describe_decode(const uint8_t *payload, size_t length, struct amp_wire_describe *out);

/// The text stands behind it, at AMP_DICTIONARY_SIZE and AMP_LOG_SIZE.
size_t amp_wire_dictionary_encode(const struct amp_wire_dictionary *dictionary, uint8_t *payload);
bool amp_wire_dictionary_decode(const uint8_t *payload, size_t length,
                                struct amp_wire_dictionary *out);

size_t amp_wire_log_encode(const struct amp_wire_log *log, uint8_t *payload);
bool amp_wire_log_decode(const uint8_t *payload, size_t length, struct amp_wire_log *out);

#endif
