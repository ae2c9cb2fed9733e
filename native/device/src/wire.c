#include "amp/wire.h"

// A message as its fields in wire order: where each stands in the struct, and its bytes. One pair of
// loops moves all of them: a table entry is smaller than the code for a field.

struct field {
    uint8_t offset, size;
};

#define FIELD(message, name)                                                                       \
    {offsetof(struct amp_wire_##message, name), sizeof((struct amp_wire_##message *)0)->name}
#define COUNT(fields) (sizeof(fields) / sizeof(fields)[0])

static const struct field IDENTIFY[] = {
    FIELD(identify, major),
    FIELD(identify, minor),
    FIELD(identify, schema_hash),
};

// But for the board id, which stands behind these.
static const struct field IDENTITY[] = {
    FIELD(identity, major),       FIELD(identity, minor),         FIELD(identity, firmware[0]),
    FIELD(identity, firmware[1]), FIELD(identity, firmware[2]),   FIELD(identity, reset_cause),
    FIELD(identity, boot_nonce),  FIELD(identity, challenge),     FIELD(identity, schema_hash),
    FIELD(identity, baud),        FIELD(identity, lease_us),      FIELD(identity, state_period_us),
    FIELD(identity, sends_count), FIELD(identity, accepts_count),
};

static const struct field STATE[] = {
    FIELD(state, sampled_us),          FIELD(state, mode),          FIELD(state, reason),
    FIELD(state, applied_sequence),    FIELD(state, applied_count), FIELD(state, applied_age_us),
    FIELD(state, sense_to_actuate_us),
};

static const struct field ACTUATE[] = {FIELD(actuate, answers_us)};

static const struct field COMMAND[] = {
    FIELD(command, id),
    FIELD(command, verb),
    FIELD(command, argument),
    FIELD(command, ttl_ms),
};

static const struct field ACK[] = {FIELD(ack, id), FIELD(ack, result)};

static const struct field EVENT[] = {
    FIELD(event, code),
    FIELD(event, argument),
    FIELD(event, clock_us),
};

static const struct field CLOCK[] = {FIELD(clock, token)};

static const struct field TIME[] = {
    FIELD(time, token),
    FIELD(time, received_us),
    FIELD(time, held_us),
};

static const struct field DESCRIBE[] = {FIELD(describe, offset)};

static const struct field DICTIONARY[] = {FIELD(dictionary, offset), FIELD(dictionary, size)};

static const struct field LOG[] = {FIELD(log, clock_us)};

// Byte |i| of an integer of |size| bytes in memory, counted from the least significant one.
static size_t in_memory(size_t size, size_t i) {
    static const union {
        uint16_t word;
        uint8_t bytes[2];
    } order = {1};
    return order.bytes[0] == 1 ? i : size - 1 - i;
}

static size_t put(const struct field *fields, size_t count, const void *message, uint8_t *payload) {
    const uint8_t *const from = (const uint8_t *)message;
    size_t at = 0;
    for (size_t n = 0; n < count; n++) {
        for (size_t i = 0; i < fields[n].size; i++) {
            payload[at++] = from[fields[n].offset + in_memory(fields[n].size, i)];
        }
    }
    return at;
}

static bool get(const struct field *fields, size_t count, const uint8_t *payload, void *message) {
    uint8_t *const to = (uint8_t *)message;
    for (size_t n = 0; n < count; n++) {
        for (size_t i = 0; i < fields[n].size; i++) {
            to[fields[n].offset + in_memory(fields[n].size, i)] = *payload++;
        }
    }
    return true;
}

#define PUT(fields, message, payload) put(fields, COUNT(fields), message, payload)
#define GET(fields, payload, message) get(fields, COUNT(fields), payload, message)

bool amp_wire_protocol(const uint8_t *payload, size_t length, uint8_t *major, uint8_t *minor) {
    if (length < 2) {
        return false;
    }
    *major = payload[0];
    *minor = payload[1];
    return true;
}

size_t amp_wire_identify_encode(const struct amp_wire_identify *identify, uint8_t *payload) {
    return PUT(IDENTIFY, identify, payload);
}

bool amp_wire_identify_decode(const uint8_t *payload, size_t length,
                              struct amp_wire_identify *out) {
    return length == AMP_IDENTIFY_SIZE && GET(IDENTIFY, payload, out);
}

size_t amp_wire_identity_encode(const struct amp_wire_identity *identity, uint8_t *payload) {
    size_t at = PUT(IDENTITY, identity, payload);
    for (const char *letter = identity->board; at < AMP_IDENTITY_SIZE; at++) {
        payload[at] = (uint8_t)*letter;
        letter += *letter != '\0';
    }
    return at;
}

bool amp_wire_identity_decode(const uint8_t *payload, size_t length,
                              struct amp_wire_identity *out) {
    if (length != AMP_IDENTITY_SIZE || !GET(IDENTITY, payload, out)) {
        return false;
    }
    bool ended = false;
    for (size_t i = 0; i < AMP_BOARD_ID_MAX; i++) {
        const uint8_t letter = payload[AMP_IDENTITY_SIZE - AMP_BOARD_ID_MAX + i];
        ended = ended || letter == 0;
        if (ended ? letter != 0 : letter < 0x20 || letter > 0x7E) {
            return false;
        }
        out->board[i] = (char)letter;
    }
    out->board[AMP_BOARD_ID_MAX] = '\0';
    return true;
}

size_t amp_wire_state_encode(const struct amp_wire_state *state, uint8_t *payload) {
    return PUT(STATE, state, payload);
}

bool amp_wire_state_decode(const uint8_t *payload, size_t length, struct amp_wire_state *out) {
    return length >= AMP_STATE_SIZE && GET(STATE, payload, out);
}

size_t amp_wire_actuate_encode(const struct amp_wire_actuate *actuate, uint8_t *payload) {
    return PUT(ACTUATE, actuate, payload);
}

bool amp_wire_actuate_decode(const uint8_t *payload, size_t length, struct amp_wire_actuate *out) {
    return length >= AMP_ACTUATE_SIZE && GET(ACTUATE, payload, out);
}

size_t amp_wire_command_encode(const struct amp_wire_command *command, uint8_t *payload) {
    return PUT(COMMAND, command, payload);
}

bool amp_wire_command_decode(const uint8_t *payload, size_t length, struct amp_wire_command *out) {
    return length == AMP_COMMAND_SIZE && GET(COMMAND, payload, out);
}

size_t amp_wire_ack_encode(const struct amp_wire_ack *ack, uint8_t *payload) {
    return PUT(ACK, ack, payload);
}

bool amp_wire_ack_decode(const uint8_t *payload, size_t length, struct amp_wire_ack *out) {
    return length == AMP_ACK_SIZE && GET(ACK, payload, out);
}

size_t amp_wire_event_encode(const struct amp_wire_event *event, uint8_t *payload) {
    return PUT(EVENT, event, payload);
}

bool amp_wire_event_decode(const uint8_t *payload, size_t length, struct amp_wire_event *out) {
    return length == AMP_EVENT_SIZE && GET(EVENT, payload, out);
}

size_t amp_wire_clock_encode(const struct amp_wire_clock *clock, uint8_t *payload) {
    return PUT(CLOCK, clock, payload);
}

bool amp_wire_clock_decode(const uint8_t *payload, size_t length, struct amp_wire_clock *out) {
    return length == AMP_CLOCK_SIZE && GET(CLOCK, payload, out);
}

size_t amp_wire_time_encode(const struct amp_wire_time *time, uint8_t *payload) {
    return PUT(TIME, time, payload);
}

bool amp_wire_time_decode(const uint8_t *payload, size_t length, struct amp_wire_time *out) {
    return length == AMP_TIME_SIZE && GET(TIME, payload, out);
}

size_t amp_wire_describe_encode(const struct amp_wire_describe *describe, uint8_t *payload) {
    return PUT(DESCRIBE, describe, payload);
}

bool amp_wire_describe_decode(const uint8_t *payload, size_t length,
                              struct amp_wire_describe *out) {
    return length == AMP_DESCRIBE_SIZE && GET(DESCRIBE, payload, out);
}

size_t amp_wire_dictionary_encode(const struct amp_wire_dictionary *dictionary, uint8_t *payload) {
    return PUT(DICTIONARY, dictionary, payload);
}

bool amp_wire_dictionary_decode(const uint8_t *payload, size_t length,
                                struct amp_wire_dictionary *out) {
    return length >= AMP_DICTIONARY_SIZE && GET(DICTIONARY, payload, out);
}

size_t amp_wire_log_encode(const struct amp_wire_log *log, uint8_t *payload) {
    return PUT(LOG, log, payload);
}

bool amp_wire_log_decode(const uint8_t *payload, size_t length, struct amp_wire_log *out) {
    return length >= AMP_LOG_SIZE && length <= AMP_LOG_SIZE + AMP_LOG_TEXT_MAX &&
           GET(LOG, payload, out);
}
