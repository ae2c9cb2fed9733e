#include "amp/device.h"

_Static_assert(AMP_DEVICE_SAID_SIZE == AMP_LOG_SIZE + AMP_LOG_TEXT_MAX, "room for a line");

#define RAMP_S_MAX 3600.0f

static bool accept_is_valid(const struct amp_value *accept) {
    const float span = accept->high - accept->low;
    return amp_value_is_valid(accept) && amp_float_is_finite(accept->safe) &&
           amp_float_is_finite(accept->ramp_per_s) && accept->low <= accept->safe &&
           accept->safe <= accept->high && accept->ramp_per_s >= 0 &&
           (accept->ramp_per_s <= 0 || span <= accept->ramp_per_s * RAMP_S_MAX);
}

// The text says what the hash stands for, or a host would be told something else than it refused.
static bool dictionary_is_valid(const struct amp_device_config *config) {
    uint32_t crc = 0;
    if (config->dictionary == NULL) {
        return config->dictionary_size == 0;
    }
    if (config->dictionary_size > AMP_DICTIONARY_MAX) {
        return false;
    }
    for (uint16_t i = 0; i < config->dictionary_size; i++) {
        const uint8_t letter = (uint8_t)AMP_DICTIONARY_BYTE(config->dictionary + i);
        crc = amp_crc32(&letter, 1, crc);
    }
    return crc == config->schema_hash;
}

static bool parameters_are_valid(const struct amp_device_config *config) {
    if (config->parameters_count > AMP_DEVICE_PARAMETERS_MAX) {
        return false;
    }
    for (size_t i = 0; i < config->parameters_count; i++) {
        const struct amp_device_parameter *parameter = &config->parameters[i];
        if (!amp_float_is_finite(parameter->low) || !amp_float_is_finite(parameter->high) ||
            !(parameter->low <= parameter->initial && parameter->initial <= parameter->high)) {
            return false;
        }
    }
    return true;
}

static bool config_is_valid(const struct amp_device_config *config) {
    size_t letters = 0;
    while (letters <= AMP_BOARD_ID_MAX && config->board[letters] != '\0') {
        const char letter = config->board[letters++];
        if (letter < ' ' || letter > '~') {
            return false;
        }
    }
    if (letters == 0 || letters > AMP_BOARD_ID_MAX || config->lease_us == 0 ||
        config->lease_us > AMP_SEQUENCE_FORGET_US || config->state_period_us == 0 ||
        config->sends_count > AMP_DEVICE_VALUES_MAX ||
        config->accepts_count > AMP_DEVICE_VALUES_MAX) {
        return false;
    }
    for (size_t i = 0; i < config->accepts_count; i++) {
        if (!accept_is_valid(&config->accepts[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < config->sends_count; i++) {
        if (!amp_value_is_valid(&config->sends[i])) {
            return false;
        }
    }
    return dictionary_is_valid(config) && parameters_are_valid(config);
}

static void introduce(struct amp_session *session, const struct amp_device_config *config) {
    struct amp_wire_identity identity = {
        .major = AMP_PROTOCOL_MAJOR,
        .minor = AMP_PROTOCOL_MINOR,
        .reset_cause = config->reset_cause,
        .boot_nonce = config->boot_nonce,
        .schema_hash = config->schema_hash,
        .baud = config->baud,
        .lease_us = config->lease_us,
        .state_period_us = config->state_period_us,
        .sends_count = config->sends_count,
        .accepts_count = config->accepts_count,
    };
    for (size_t i = 0; i < sizeof identity.firmware; i++) {
        identity.firmware[i] = config->firmware[i];
    }
    for (size_t i = 0; config->board[i] != '\0'; i++) {
        identity.board[i] = config->board[i];
    }
    amp_session_device_init(session, &identity);
    session->dictionary = config->dictionary;
    session->dictionary_size = config->dictionary_size;
}

bool amp_device_init(struct amp_device *device, const struct amp_device_config *config,
                     uint64_t now_us) {
    if (!config_is_valid(config)) {
        return false;
    }
    uint8_t *const bytes = (uint8_t *)device;
    for (size_t i = 0; i < sizeof *device; i++) {
        bytes[i] = 0;
    }
    device->config = config;
    device->now_us = now_us;
    device->ramping = true;
    device->at_safe = true;
    for (size_t i = 0; i < config->accepts_count; i++) {
        device->outputs[i] = config->accepts[i].safe;
    }
    for (size_t i = 0; i < config->parameters_count; i++) {
        device->parameters[i] = config->parameters[i].initial;
    }
    introduce(&device->session, config);
    return true;
}
