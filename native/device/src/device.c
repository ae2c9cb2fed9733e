#include "amp/device.h"

_Static_assert(AMP_STATE_SIZE + 4 * AMP_DEVICE_VALUES_MAX <= AMP_FRAME_PAYLOAD_MAX,
               "see amp/limits.h");
_Static_assert(AMP_FRAME_WIRE_MAX <= UINT8_MAX, "wire_size is a byte");

// A ramp that has covered all but this share of its way has arrived: binary32 keeps 24 bits.
#define RAMP_ARRIVED 1e-6f

// Modes: what happens, and where each mode goes on it.

enum happening {
    SESSION_BEGUN,
    SESSION_REFUSED,
    ARM_ASKED,
    DISARM_ASKED,
    STOP_ASKED,
    RESET_ASKED,
    LEASE_ENDED,
    HAPPENING_COUNT,
};

#define IDLE AMP_DEVICE_IDLE
#define READY AMP_DEVICE_READY
#define ARMED AMP_DEVICE_ARMED
#define SAFE AMP_DEVICE_SAFE

static const uint8_t NEXT[4][HAPPENING_COUNT] = {
    //         begun  refused  arm  disarm  stop  reset  lease
    [IDLE] = {READY, IDLE, IDLE, IDLE, SAFE, IDLE, IDLE},
    [READY] = {READY, IDLE, ARMED, READY, SAFE, READY, READY},
    [ARMED] = {SAFE, SAFE, ARMED, READY, SAFE, ARMED, SAFE},
    [SAFE] = {SAFE, SAFE, ARMED, SAFE, SAFE, READY, SAFE},
};

static uint32_t saturated(uint64_t value) {
    return value < AMP_WIRE_NONE ? (uint32_t)value : AMP_WIRE_NONE;
}

static void report(struct amp_device *device, enum amp_event_code code, uint32_t argument,
                   uint64_t at_us) {
    if (device->event_count == AMP_DEVICE_EVENTS_MAX) {
        device->event_first = (uint8_t)((device->event_first + 1) % AMP_DEVICE_EVENTS_MAX);
        device->event_count--;
        device->counters.events_lost++;
    }
    struct amp_wire_event *event =
        &device->events[(device->event_first + device->event_count) % AMP_DEVICE_EVENTS_MAX];
    event->code = (uint8_t)code;
    event->argument = argument;
    event->clock_us = at_us;
    device->event_count++;
}

static void turn_to_safe(struct amp_device *device, uint64_t at_us) {
    if (device->ramping) {
        return;
    }
    device->ramping = true;
    device->safe_begin_us = at_us;
    for (size_t i = 0; i < device->config->accepts_count; i++) {
        device->ramp_from[i] = device->outputs[i];
    }
}

static void happen(struct amp_device *device, enum happening what, enum amp_device_reason reason,
                   uint64_t at_us) {
    const enum amp_device_mode next = (enum amp_device_mode)NEXT[device->mode][what];
    if (next == device->mode) {
        return;
    }
    if (next == ARMED) {
        device->lease_end_us = at_us + device->config->lease_us;
        device->refused_last = false;
        device->reason = AMP_REASON_NONE;
    } else if (device->mode == ARMED || next == SAFE) {
        turn_to_safe(device, at_us);
        device->reason = reason;
    }
    device->mode = next;
    report(device, AMP_EVENT_MODE, (uint32_t)next | (uint32_t)device->reason << 8, at_us);
}

// Time

static float ramp_at(const struct amp_value *accept, float from, uint64_t elapsed_us) {
    const float way = from < accept->safe ? accept->safe - from : from - accept->safe;
    const float covered = accept->ramp_per_s * ((float)saturated(elapsed_us) * 1e-6f);
    if (accept->ramp_per_s <= 0 || way - covered <= way * RAMP_ARRIVED) {
        return accept->safe;
    }
    return from < accept->safe ? from + covered : from - covered;
}

static void move_outputs(struct amp_device *device) {
    if (!device->ramping || device->at_safe) {
        return;
    }
    bool arrived = true;
    for (size_t i = 0; i < device->config->accepts_count; i++) {
        const struct amp_value *accept = &device->config->accepts[i];
        const uint64_t elapsed_us = device->now_us - device->safe_begin_us;
        device->outputs[i] = ramp_at(accept, device->ramp_from[i], elapsed_us);
        arrived =
            arrived && !(device->outputs[i] < accept->safe) && !(device->outputs[i] > accept->safe);
    }
    if (arrived) {
        device->at_safe = true;
        device->safe_reached_us = device->now_us;
        report(device, AMP_EVENT_AT_SAFE, saturated(device->now_us - device->applied_us),
               device->now_us);
    }
}

// The lease comes first: what arrives after its end finds the device safe, however late we look.
static void pass_time(struct amp_device *device, uint64_t now_us) {
    if (now_us > device->now_us) {
        device->now_us = now_us;
    }
    if (device->mode == ARMED && device->now_us >= device->lease_end_us) {
        device->counters.leases_ended++;
        happen(device, LEASE_ENDED, device->refused_last ? AMP_REASON_BAD_VALUE : AMP_REASON_LEASE,
               device->lease_end_us);
    }
}

// Messages

// Returns the index of the first value that may not be applied; accepts_count if there is none.
static size_t first_bad_value(const struct amp_device_config *config, const float *values) {
    for (size_t i = 0; i < config->accepts_count; i++) {
        if (!amp_value_holds(&config->accepts[i], values[i])) {
            return i;
        }
    }
    return config->accepts_count;
}

static void apply(struct amp_device *device, const struct amp_wire_actuate *actuate,
                  const float *values, uint16_t sequence) {
    for (size_t i = 0; i < device->config->accepts_count; i++) {
        device->outputs[i] = values[i];
    }
    const uint32_t latency_us = (uint32_t)(device->now_us & 0xFFFFFFFFu) - actuate->answers_us;
    const bool answered = actuate->answers_us != 0 && latency_us <= INT32_MAX;
    device->ramping = false;
    device->at_safe = false;
    device->refused_last = false;
    device->applied_any = true;
    device->applied_us = device->now_us;
    device->applied_sequence = sequence;
    device->applied_count++;
    device->sense_to_actuate_us = answered ? latency_us : AMP_WIRE_NONE;
    device->lease_end_us = device->now_us + device->config->lease_us;
    device->counters.applied++;
}

static void take_actuate(struct amp_device *device, const struct amp_frame *frame) {
    struct amp_wire_actuate actuate;
    float values[AMP_DEVICE_VALUES_MAX];
    if (!amp_wire_actuate_decode(frame->payload, frame->length, &actuate) ||
        !amp_values_decode(device->config->accepts, device->config->accepts_count,
                           frame->payload + AMP_ACTUATE_SIZE,
                           (size_t)frame->length - AMP_ACTUATE_SIZE, values)) {
        device->session.counters.unexpected++;
        return;
    }
    if (device->mode != ARMED) {
        device->counters.refused_mode++;
        return;
    }
    const size_t bad = first_bad_value(device->config, values);
    if (bad == device->config->accepts_count) {
        apply(device, &actuate, values, frame->sequence);
        return;
    }
    device->counters.refused_values++;
    if (!device->refused_last) {
        report(device, AMP_EVENT_BAD_VALUE, (uint32_t)bad, device->now_us);
    }
    device->refused_last = true;
}

static enum amp_result set_parameter(struct amp_device *device, size_t index, float value) {
    if (index >= device->config->parameters_count) {
        return AMP_RESULT_UNKNOWN_VERB;
    }
    const struct amp_device_parameter *parameter = &device->config->parameters[index];
    if (!amp_float_is_finite(value) || value < parameter->low || value > parameter->high) {
        return AMP_RESULT_RANGE;
    }
    device->parameters[index] = value;
    return AMP_RESULT_DONE;
}

static void take_command(struct amp_device *device, uint16_t id, uint8_t verb, uint32_t argument) {
    enum amp_result result = AMP_RESULT_DONE;
    if (verb >= AMP_VERB_SET) {
        result = set_parameter(device, verb - (size_t)AMP_VERB_SET, amp_float_of(argument));
    } else if (verb == AMP_VERB_ARM) {
        happen(device, ARM_ASKED, AMP_REASON_NONE, device->now_us);
    } else if (verb == AMP_VERB_DISARM) {
        happen(device, DISARM_ASKED, AMP_REASON_DISARM, device->now_us);
    } else if (verb == AMP_VERB_RESET) {
        happen(device, RESET_ASKED, AMP_REASON_NONE, device->now_us);
    } else {
        happen(device, STOP_ASKED, AMP_REASON_ESTOP, device->now_us);
    }
    amp_session_acknowledge(&device->session, id, result);
}

static void take_session(struct amp_device *device, enum happening what) {
    happen(device, what, AMP_REASON_NEW_SESSION, device->now_us);
    device->applied_any = false;
    device->applied_count = 0;
    device->state_due = false;
    device->state_next_us = device->now_us;
}

void amp_device_receive(struct amp_device *device, const uint8_t *bytes, size_t size,
                        uint64_t now_us) {
    pass_time(device, now_us);
    for (size_t used = 0; used < size;) {
        struct amp_session_event event;
        used += amp_session_receive(&device->session, bytes + used, size - used, device->now_us,
                                    &event);
        if (event.kind == AMP_ON_UP) {
            take_session(device, SESSION_BEGUN);
        } else if (event.kind == AMP_ON_REFUSED) {
            take_session(device, SESSION_REFUSED);
        } else if (event.kind == AMP_ON_COMMAND) {
            take_command(device, event.id, event.verb, event.argument);
        } else if (event.kind == AMP_ON_MESSAGE) {
            take_actuate(device, &event.frame);
        }
    }
    move_outputs(device);
}

// States

static void sample(struct amp_device *device, const float *sensed) {
    struct amp_wire_state *state = &device->state;
    for (size_t i = 0; i < device->config->sends_count; i++) {
        device->sensed[i] = sensed[i];
    }
    state->sampled_us = device->now_us;
    state->mode = (uint8_t)device->mode;
    state->reason = (uint8_t)device->reason;
    state->applied_sequence = device->applied_any ? device->applied_sequence : 0;
    state->applied_count = device->applied_count;
    state->applied_age_us = AMP_WIRE_NONE;
    state->sense_to_actuate_us = AMP_WIRE_NONE;
    if (device->applied_any) {
        state->applied_age_us = saturated(device->now_us - device->applied_us);
        state->sense_to_actuate_us = device->sense_to_actuate_us;
    }
    device->counters.states++;
    device->counters.states_replaced += device->state_due;
    device->state_due = true;
}

void amp_device_tick(struct amp_device *device, uint64_t now_us, const float *sensed) {
    pass_time(device, now_us);
    move_outputs(device);
    if (device->session.state != AMP_SESSION_UP || device->now_us < device->state_next_us) {
        return;
    }
    const uint32_t period_us = device->config->state_period_us;
    uint64_t passed = 0;
    if (device->now_us - device->state_next_us >= period_us) {
        passed = (device->now_us - device->state_next_us) / period_us;
    }
    device->counters.states_skipped += passed;
    device->state_next_us += (passed + 1) * period_us;
    sample(device, sensed);
}

static size_t event_frame(struct amp_device *device) {
    uint8_t payload[AMP_EVENT_SIZE];
    const size_t length = amp_wire_event_encode(&device->events[device->event_first], payload);
    const size_t size = amp_session_send(&device->session, AMP_FRAME_EVENT, payload, length,
                                         device->wire, sizeof device->wire);
    if (size > 0) {
        device->event_first = (uint8_t)((device->event_first + 1) % AMP_DEVICE_EVENTS_MAX);
        device->event_count--;
    }
    return size;
}

static size_t state_frame(struct amp_device *device) {
    uint8_t payload[AMP_STATE_SIZE + 4 * AMP_DEVICE_VALUES_MAX];
    const size_t count = device->config->sends_count;
    size_t bad;
    size_t length = amp_wire_state_encode(&device->state, payload);
    const size_t size =
        amp_values_encode(device->config->sends, device->sensed, count, payload + length, &bad);
    device->state_due = false;
    if (bad < count) {
        device->counters.bad_samples++;
        if (!device->bad_sampled) {
            report(device, AMP_EVENT_BAD_SAMPLE, (uint32_t)bad, device->state.sampled_us);
        }
    }
    device->bad_sampled = bad < count;
    if (size == 0 && count > 0) {
        device->counters.states_unsent++;
        return 0;
    }
    length += size;
    return amp_session_send(&device->session, AMP_FRAME_STATE, payload, length, device->wire,
                            sizeof device->wire);
}

static bool next_frame(struct amp_device *device) {
    size_t size =
        amp_session_pending(&device->session, device->now_us, device->wire, sizeof device->wire);
    if (size == 0 && device->event_count > 0) {
        size = event_frame(device);
    }
    if (size == 0 && device->state_due) {
        size = state_frame(device);
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

// What the board itself can see and do

float amp_device_output(const struct amp_device *device, size_t index) {
    return device->outputs[index];
}

float amp_device_parameter(const struct amp_device *device, size_t index) {
    return device->parameters[index];
}

void amp_device_stop(struct amp_device *device, uint64_t now_us) {
    pass_time(device, now_us);
    happen(device, STOP_ASKED, AMP_REASON_ESTOP, device->now_us);
    move_outputs(device);
}
