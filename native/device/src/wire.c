#include "amp/wire.h"

static uint8_t *put_u8(uint8_t *at, uint8_t value) {
    *at = value;
    return at + 1;
}

static uint8_t *put_u16(uint8_t *at, uint16_t value) {
    return put_u8(put_u8(at, (uint8_t)(value & 0xFFu)), (uint8_t)(value >> 8));
}

static uint8_t *put_u32(uint8_t *at, uint32_t value) {
    return put_u16(put_u16(at, (uint16_t)(value & 0xFFFFu)), (uint16_t)(value >> 16));
}

static uint8_t *put_u64(uint8_t *at, uint64_t value) {
    return put_u32(put_u32(at, (uint32_t)(value & 0xFFFFFFFFu)), (uint32_t)(value >> 32));
}

static uint8_t get_u8(const uint8_t **at) {
    return *(*at)++;
}

static uint16_t get_u16(const uint8_t **at) {
    const uint8_t low = get_u8(at);
    return (uint16_t)(low | (unsigned)get_u8(at) << 8);
}

static uint32_t get_u32(const uint8_t **at) {
    const uint16_t low = get_u16(at);
    return low | (uint32_t)get_u16(at) << 16;
}

static uint64_t get_u64(const uint8_t **at) {
    const uint32_t low = get_u32(at);
    return low | (uint64_t)get_u32(at) << 32;
}

bool amp_wire_protocol(const uint8_t *payload, size_t length, uint8_t *major, uint8_t *minor) {
    if (length < 2) {
        return false;
    }
    *major = payload[0];
    *minor = payload[1];
    return true;
}

size_t amp_wire_identify_encode(const struct amp_wire_identify *identify, uint8_t *payload) {
    put_u32(put_u8(put_u8(payload, identify->major), identify->minor), identify->schema_hash);
    return AMP_IDENTIFY_SIZE;
}

bool amp_wire_identify_decode(const uint8_t *payload, size_t length,
                              struct amp_wire_identify *out) {
    if (length != AMP_IDENTIFY_SIZE) {
        return false;
    }
    out->major = get_u8(&payload);
    out->minor = get_u8(&payload);
    out->schema_hash = get_u32(&payload);
    return true;
}

size_t amp_wire_identity_encode(const struct amp_wire_identity *identity, uint8_t *payload) {
    uint8_t *at = put_u8(put_u8(payload, identity->major), identity->minor);
    for (size_t i = 0; i < sizeof identity->firmware; i++) {
        at = put_u8(at, identity->firmware[i]);
    }
    at = put_u8(at, identity->reset_cause);
    at = put_u32(at, identity->boot_nonce);
    at = put_u32(at, identity->challenge);
    at = put_u32(at, identity->schema_hash);
    at = put_u32(at, identity->baud);
    at = put_u32(at, identity->lease_us);
    at = put_u8(at, identity->sends_count);
    at = put_u8(at, identity->accepts_count);
    bool ended = false;
    for (size_t i = 0; i < AMP_BOARD_ID_MAX; i++) {
        ended = ended || identity->board[i] == '\0';
        at = put_u8(at, ended ? 0 : (uint8_t)identity->board[i]);
    }
    return AMP_IDENTITY_SIZE;
}

bool amp_wire_identity_decode(const uint8_t *payload, size_t length,
                              struct amp_wire_identity *out) {
    if (length != AMP_IDENTITY_SIZE) {
        return false;
    }
    out->major = get_u8(&payload);
    out->minor = get_u8(&payload);
    for (size_t i = 0; i < sizeof out->firmware; i++) {
        out->firmware[i] = get_u8(&payload);
    }
    out->reset_cause = get_u8(&payload);
    out->boot_nonce = get_u32(&payload);
    out->challenge = get_u32(&payload);
    out->schema_hash = get_u32(&payload);
    out->baud = get_u32(&payload);
    out->lease_us = get_u32(&payload);
    out->sends_count = get_u8(&payload);
    out->accepts_count = get_u8(&payload);
    bool ended = false;
    for (size_t i = 0; i < AMP_BOARD_ID_MAX; i++) {
        const uint8_t letter = get_u8(&payload);
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
    uint8_t *at = put_u64(payload, state->sampled_us);
    at = put_u8(at, state->mode);
    at = put_u8(at, state->reason);
    at = put_u16(at, state->applied_sequence);
    at = put_u16(at, state->applied_count);
    at = put_u32(at, state->applied_age_us);
    put_u32(at, state->sense_to_actuate_us);
    return AMP_STATE_SIZE;
}

bool amp_wire_state_decode(const uint8_t *payload, size_t length, struct amp_wire_state *out) {
    if (length < AMP_STATE_SIZE) {
        return false;
    }
    out->sampled_us = get_u64(&payload);
    out->mode = get_u8(&payload);
    out->reason = get_u8(&payload);
    out->applied_sequence = get_u16(&payload);
    out->applied_count = get_u16(&payload);
    out->applied_age_us = get_u32(&payload);
    out->sense_to_actuate_us = get_u32(&payload);
    return true;
}

size_t amp_wire_actuate_encode(const struct amp_wire_actuate *actuate, uint8_t *payload) {
    put_u32(payload, actuate->answers_us);
    return AMP_ACTUATE_SIZE;
}

bool amp_wire_actuate_decode(const uint8_t *payload, size_t length, struct amp_wire_actuate *out) {
    if (length < AMP_ACTUATE_SIZE) {
        return false;
    }
    out->answers_us = get_u32(&payload);
    return true;
}

size_t amp_wire_command_encode(const struct amp_wire_command *command, uint8_t *payload) {
    uint8_t *at = put_u8(put_u16(payload, command->id), command->verb);
    put_u16(put_u32(at, command->argument), command->ttl_ms);
    return AMP_COMMAND_SIZE;
}

bool amp_wire_command_decode(const uint8_t *payload, size_t length, struct amp_wire_command *out) {
    if (length != AMP_COMMAND_SIZE) {
        return false;
    }
    out->id = get_u16(&payload);
    out->verb = get_u8(&payload);
    out->argument = get_u32(&payload);
    out->ttl_ms = get_u16(&payload);
    return true;
}

size_t amp_wire_ack_encode(const struct amp_wire_ack *ack, uint8_t *payload) {
    put_u8(put_u16(payload, ack->id), ack->result);
    return AMP_ACK_SIZE;
}

bool amp_wire_ack_decode(const uint8_t *payload, size_t length, struct amp_wire_ack *out) {
    if (length != AMP_ACK_SIZE) {
        return false;
    }
    out->id = get_u16(&payload);
    out->result = get_u8(&payload);
    return true;
}

size_t amp_wire_event_encode(const struct amp_wire_event *event, uint8_t *payload) {
    put_u64(put_u32(put_u8(payload, event->code), event->argument), event->clock_us);
    return AMP_EVENT_SIZE;
}

bool amp_wire_event_decode(const uint8_t *payload, size_t length, struct amp_wire_event *out) {
    if (length != AMP_EVENT_SIZE) {
        return false;
    }
    out->code = get_u8(&payload);
    out->argument = get_u32(&payload);
    out->clock_us = get_u64(&payload);
    return true;
}

size_t amp_wire_clock_encode(const struct amp_wire_clock *clock, uint8_t *payload) {
    put_u32(payload, clock->token);
    return AMP_CLOCK_SIZE;
}

bool amp_wire_clock_decode(const uint8_t *payload, size_t length, struct amp_wire_clock *out) {
    if (length != AMP_CLOCK_SIZE) {
        return false;
    }
    out->token = get_u32(&payload);
    return true;
}

size_t amp_wire_time_encode(const struct amp_wire_time *time, uint8_t *payload) {
    put_u32(put_u64(put_u32(payload, time->token), time->received_us), time->held_us);
    return AMP_TIME_SIZE;
}

bool amp_wire_time_decode(const uint8_t *payload, size_t length, struct amp_wire_time *out) {
    if (length != AMP_TIME_SIZE) {
        return false;
    }
    out->token = get_u32(&payload);
    out->received_us = get_u64(&payload);
    out->held_us = get_u32(&payload);
    return true;
}
