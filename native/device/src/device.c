// Modes, the lease, the ramp to safe, and what a host asks for.

#include "device_parts.h"

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

static void hold_lease(struct amp_device *device) {
    device->lease_end_us = device->now_us + device->config->lease_us;
    device->refused_last = false;
}

static void happen(struct amp_device *device, enum happening what, enum amp_device_reason reason,
                   uint64_t at_us) {
    const enum amp_device_mode next = (enum amp_device_mode)NEXT[device->mode][what];
    if (next == device->mode) {
        return;
    }
    if (next == ARMED) {
        hold_lease(device);
        device->reason = AMP_REASON_NONE;
    } else if (device->mode == ARMED || next == SAFE) {
        turn_to_safe(device, at_us);
        device->reason = reason;
    }
    device->mode = next;
    amp_device_report(device, AMP_EVENT_MODE, (uint32_t)next | (uint32_t)device->reason << 8,
                      at_us);
}

static void happen_now(struct amp_device *device, enum happening what,
                       enum amp_device_reason reason) {
    happen(device, what, reason, device->now_us);
}

// Time

uint32_t amp_device_since(const struct amp_device *device, uint64_t at_us) {
    const uint64_t elapsed_us = device->now_us - at_us;
    return elapsed_us < AMP_WIRE_NONE ? (uint32_t)elapsed_us : AMP_WIRE_NONE;
}

// Moves output |i| along its ramp; true once it stands at its safe value.
static bool ramp(struct amp_device *device, size_t i, float elapsed_s) {
    const struct amp_value *const accept = &device->config->accepts[i];
    const float from = device->ramp_from[i];
    const bool down = from > accept->safe;
    const float way = down ? from - accept->safe : accept->safe - from;
    const float covered = accept->ramp_per_s * elapsed_s;
    const bool arrived = accept->ramp_per_s <= 0 || way - covered <= way * RAMP_ARRIVED;
    device->outputs[i] = arrived ? accept->safe : down ? from - covered : from + covered;
    return arrived;
}

static void move_outputs(struct amp_device *device) {
    if (!device->ramping || device->at_safe) {
        return;
    }
    const float elapsed_s = (float)amp_device_since(device, device->safe_begin_us) * 1e-6f;
    bool arrived = true;
    for (size_t i = 0; i < device->config->accepts_count; i++) {
        arrived = ramp(device, i, elapsed_s) && arrived;
    }
    if (arrived) {
        device->at_safe = true;
        device->safe_reached_us = device->now_us;
        amp_device_report(device, AMP_EVENT_AT_SAFE, amp_device_since(device, device->applied_us),
                          device->now_us);
    }
}

// The lease comes first: what arrives after its end finds the device safe, however late we look.
void amp_device_pass_time(struct amp_device *device, uint64_t now_us) {
    if (now_us > device->now_us) {
        device->now_us = now_us;
    }
    if (device->mode == ARMED && device->now_us >= device->lease_end_us) {
        device->counters.leases_ended++;
        happen(device, LEASE_ENDED, device->refused_last ? AMP_REASON_BAD_VALUE : AMP_REASON_LEASE,
               device->lease_end_us);
    }
    move_outputs(device);
}

// Messages

static void apply(struct amp_device *device, uint32_t answers_us, const float *values,
                  uint16_t sequence) {
    for (size_t i = 0; i < device->config->accepts_count; i++) {
        device->outputs[i] = values[i];
    }
    const uint32_t latency_us = (uint32_t)(device->now_us & 0xFFFFFFFFu) - answers_us;
    const bool answered = answers_us != 0 && latency_us <= INT32_MAX;
    device->ramping = false;
    device->at_safe = false;
    device->applied_any = true;
    device->applied_us = device->now_us;
    device->state.applied_sequence = sequence;
    device->state.applied_count++;
    device->state.sense_to_actuate_us = answered ? latency_us : AMP_WIRE_NONE;
    device->counters.applied++;
    hold_lease(device);
}

static void take_actuate(struct amp_device *device, const struct amp_frame *frame) {
    const struct amp_device_config *const config = device->config;
    const size_t count = config->accepts_count;
    struct amp_wire_actuate actuate;
    float values[AMP_DEVICE_VALUES_MAX];
    if (!amp_wire_actuate_decode(frame->payload, frame->length, &actuate) ||
        !amp_values_decode(config->accepts, count, frame->payload + AMP_ACTUATE_SIZE,
                           (size_t)frame->length - AMP_ACTUATE_SIZE, values)) {
        device->session.counters.unexpected++;
        return;
    }
    if (device->mode != ARMED) {
        device->counters.refused_mode++;
        return;
    }
    size_t good = 0;
    while (good < count && amp_value_holds(&config->accepts[good], values[good])) {
        good++;
    }
    if (good == count) {
        apply(device, actuate.answers_us, values, frame->sequence);
        return;
    }
    device->counters.refused_values++;
    if (!device->refused_last) {
        amp_device_report(device, AMP_EVENT_BAD_VALUE, (uint32_t)good, device->now_us);
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

static void take_command(struct amp_device *device, const struct amp_session_event *event) {
    static const struct {
        uint8_t what, reason;
    } MODES[] = {
        {ARM_ASKED, AMP_REASON_NONE},
        {DISARM_ASKED, AMP_REASON_DISARM},
        {STOP_ASKED, AMP_REASON_ESTOP},
        {RESET_ASKED, AMP_REASON_NONE},
    };
    enum amp_result result = AMP_RESULT_DONE;
    if (event->verb >= AMP_VERB_SET) {
        result = set_parameter(device, event->verb - (size_t)AMP_VERB_SET,
                               amp_float_of(event->argument));
    } else {
        const size_t row = event->verb - (size_t)AMP_VERB_ARM;
        happen_now(device, (enum happening)MODES[row].what,
                   (enum amp_device_reason)MODES[row].reason);
    }
    amp_session_acknowledge(&device->session, event->id, result);
}

static void take_session(struct amp_device *device, enum happening what) {
    happen_now(device, what, AMP_REASON_NEW_SESSION);
    device->applied_any = false;
    device->state.applied_sequence = 0;
    device->state.applied_count = 0;
    device->state.sense_to_actuate_us = AMP_WIRE_NONE;
    device->state_due = false;
    device->state_next_us = device->now_us;
}

void amp_device_receive(struct amp_device *device, const uint8_t *bytes, size_t size,
                        uint64_t now_us) {
    amp_device_pass_time(device, now_us);
    for (size_t used = 0; used < size;) {
        struct amp_session_event event;
        used += amp_session_receive(&device->session, bytes + used, size - used, device->now_us,
                                    &event);
        if (event.kind == AMP_ON_UP) {
            take_session(device, SESSION_BEGUN);
        } else if (event.kind == AMP_ON_REFUSED) {
            take_session(device, SESSION_REFUSED);
        } else if (event.kind == AMP_ON_COMMAND) {
            take_command(device, &event);
        } else if (event.kind == AMP_ON_MESSAGE) {
            take_actuate(device, &event.frame);
        }
    }
    move_outputs(device);
}

// What the board itself can see and do

float amp_device_output(const struct amp_device *device, size_t index) {
    return device->outputs[index];
}

float amp_device_parameter(const struct amp_device *device, size_t index) {
    return device->parameters[index];
}

void amp_device_stop(struct amp_device *device, uint64_t now_us) {
    amp_device_pass_time(device, now_us);
    happen_now(device, STOP_ASKED, AMP_REASON_ESTOP);
    move_outputs(device);
}
