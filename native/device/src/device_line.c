// What the device says: states, events, what the firmware has to tell; and the way to the line.

#include "device_parts.h"

_Static_assert(AMP_STATE_SIZE + 4 * AMP_DEVICE_VALUES_MAX <= AMP_FRAME_PAYLOAD_MAX,
               "see amp/limits.h");
_Static_assert(AMP_FRAME_WIRE_MAX <= UINT8_MAX, "wire_size is a byte");

#define PAYLOAD_MAX (AMP_STATE_SIZE + 4 * AMP_DEVICE_VALUES_MAX)

// Events, the oldest first

static struct amp_wire_event *event_at(struct amp_device *device, uint8_t index) {
    return &device->events[(uint8_t)(device->event_first + index) % AMP_DEVICE_EVENTS_MAX];
}

static void drop_event(struct amp_device *device) {
    device->event_first = (uint8_t)(device->event_first + 1) % AMP_DEVICE_EVENTS_MAX;
    device->event_count--;
}

void amp_device_report(struct amp_device *device, enum amp_event_code code, uint32_t argument,
                       uint64_t at_us) {
    if (device->event_count == AMP_DEVICE_EVENTS_MAX) {
        drop_event(device);
        device->counters.events_lost++;
    }
    struct amp_wire_event *const event = event_at(device, device->event_count++);
    event->code = (uint8_t)code;
    event->argument = argument;
    event->clock_us = at_us;
}

// What the firmware has to tell waits in the form that it has on the line.

static bool may_say(struct amp_device *device, enum amp_frame_type type) {
    if (device->said_length > 0 || device->now_us < device->say_next_us) {
        device->counters.said_lost++;
        return false;
    }
    device->say_next_us = device->now_us + AMP_DEVICE_SAY_US;
    device->said_type = (uint8_t)type;
    return true;
}

bool amp_device_event(struct amp_device *device, uint8_t code, uint32_t argument) {
    const struct amp_wire_event event = {code, argument, device->now_us};
    if (code < AMP_EVENT_USER || !may_say(device, AMP_FRAME_EVENT)) {
        return false;
    }
    device->said_length = (uint8_t)amp_wire_event_encode(&event, device->said);
    return true;
}

bool amp_device_log(struct amp_device *device, const char *text) {
    const struct amp_wire_log log = {device->now_us};
    if (!may_say(device, AMP_FRAME_LOG)) {
        return false;
    }
    size_t length = amp_wire_log_encode(&log, device->said);
    while (length < sizeof device->said && *text != '\0') {
        device->said[length++] = (uint8_t)*text++;
    }
    device->said_length = (uint8_t)length;
    return true;
}

// States

void amp_device_tick(struct amp_device *device, uint64_t now_us, const float *sensed) {
    amp_device_pass_time(device, now_us);
    if (device->session.state != AMP_SESSION_UP || device->now_us < device->state_next_us) {
        return;
    }
    const uint32_t period_us = device->config->state_period_us;
    const uint32_t late_us = amp_device_since(device, device->state_next_us);
    device->counters.states_skipped += late_us / period_us;
    device->state_next_us = device->now_us + (period_us - late_us % period_us);

    struct amp_wire_state *const state = &device->state;
    for (size_t i = 0; i < device->config->sends_count; i++) {
        device->sensed[i] = sensed[i];
    }
    state->sampled_us = device->now_us;
    state->mode = (uint8_t)device->mode;
    state->reason = (uint8_t)device->reason;
    state->applied_age_us =
        device->applied_any ? amp_device_since(device, device->applied_us) : AMP_WIRE_NONE;
    device->counters.states++;
    device->counters.states_replaced += device->state_due;
    device->state_due = true;
}

static size_t state_payload(struct amp_device *device, uint8_t *payload) {
    const struct amp_device_config *const config = device->config;
    const size_t count = config->sends_count;
    const size_t length = amp_wire_state_encode(&device->state, payload);
    size_t bad;
    const size_t size =
        amp_values_encode(config->sends, device->sensed, count, payload + length, &bad);
    if (bad < count) {
        device->counters.bad_samples++;
        if (!device->bad_sampled) {
            amp_device_report(device, AMP_EVENT_BAD_SAMPLE, (uint32_t)bad,
                              device->state.sampled_us);
        }
    }
    device->bad_sampled = bad < count;
    if (size == 0 && count > 0) {
        device->counters.states_unsent++;
        return 0;
    }
    return length + size;
}

// The line

static size_t send(struct amp_device *device, enum amp_frame_type type, const uint8_t *payload,
                   size_t length) {
    return amp_session_send(&device->session, type, payload, length, device->wire,
                            sizeof device->wire);
}

static bool next_frame(struct amp_device *device) {
    uint8_t payload[PAYLOAD_MAX];
    size_t size =
        amp_session_pending(&device->session, device->now_us, device->wire, sizeof device->wire);
    if (size == 0 && device->event_count > 0) {
        size = send(device, AMP_FRAME_EVENT, payload,
                    amp_wire_event_encode(event_at(device, 0), payload));
        if (size > 0) {
            drop_event(device);
        }
    }
    if (size == 0 && device->state_due) {
        const size_t length = state_payload(device, payload);
        device->state_due = false;
        size = length == 0 ? 0 : send(device, AMP_FRAME_STATE, payload, length);
    }
    if (size == 0 && device->said_length > 0) {
        size =
            send(device, (enum amp_frame_type)device->said_type, device->said, device->said_length);
        device->said_length = size > 0 ? 0 : device->said_length;
    }
    device->wire_size = (uint8_t)size;
    device->wire_sent = 0;
    return size > 0;
}

size_t amp_device_transmit(struct amp_device *device, uint8_t *out, size_t room) {
    size_t written = 0;
    while (written < room && (device->wire_sent < device->wire_size || next_frame(device))) {
        out[written++] = device->wire[device->wire_sent++];
    }
    return written;
}
