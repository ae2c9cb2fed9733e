#include "pump_parts.h"

#include <string.h>

#include "amp/device.h"

#define AMP_CONFIRM_NS 20000000LL /* from the acknowledged ARM to a state that says so */

void amp_pump_end_arming(struct amp_pump *pump, enum amp_fault fault, int64_t argument,
                         amp_ns now) {
    uint64_t ended = pump->arming;
    if (fault != AMP_FAULT_NONE) {
        amp_owner_fault(pump->owner, fault, argument, now);
        /* Also an act that this pump had not taken up yet: what has failed must not be what a
         * later moment arms by itself. */
        uint64_t stands = 0;
        const bool armed = amp_system_mode(pump->system, &stands) == AMP_MODE_ARMED;
        ended = armed && stands > ended ? stands : ended;
        if (ended > pump->refused_arming) {
            amp_owner_add(pump->owner, AMP_COUNT_TRIPS, 1);
            amp_owner_set(pump->owner, AMP_GAUGE_TRIP_FAULT, (uint64_t)fault);
            amp_owner_set(pump->owner, AMP_GAUGE_TRIP_ARGUMENT, (uint64_t)argument);
            amp_owner_set(pump->owner, AMP_GAUGE_REFUSED_ARMING, ended);
        }
    }
    pump->refused_arming = ended > pump->refused_arming ? ended : pump->refused_arming;
    pump->arming = 0;
    pump->device_armed = false;
    amp_owner_set(pump->owner, AMP_GAUGE_DEVICE_ARMED, 0);
}

static void take_applied(struct amp_pump *pump, const struct amp_wire_state *state, amp_ns now) {
    const bool news = pump->state_known && state->applied_count != pump->applied_count;
    const bool answers = news && state->sense_to_actuate_us != AMP_WIRE_NONE;
    if (news) {
        pump->tally.applied += (uint16_t)(state->applied_count - pump->applied_count);
    }
    amp_pump_tally_state(pump, state, answers, now);
    if (answers) {
        amp_owner_record(pump->owner, AMP_HISTOGRAM_SENSE_TO_ACTUATE,
                         (amp_ns)state->sense_to_actuate_us * AMP_NS_PER_US);
    }
    pump->applied_count = state->applied_count;
}

static void take_state(struct amp_pump *pump, const struct amp_frame *frame, amp_ns now) {
    struct amp_wire_state state;
    float values[AMP_PUMP_VALUES_MAX];
    const uint8_t count = pump->expected.sends_count;
    if (!amp_wire_state_decode(frame->payload, frame->length, &state) ||
        !amp_values_decode(pump->sends, count, frame->payload + AMP_STATE_SIZE,
                           (size_t)frame->length - AMP_STATE_SIZE, values)) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        const double value = (double)values[i];
        memcpy(&pump->words[i], &value, sizeof value);
    }
    pump->words[count] = state.sampled_us;
    pump->words[count + 1u] = state.applied_count;
    pump->words[count + 2u] = (uint64_t)amp_clock_ours(&pump->clock, state.sampled_us, now);
    const bool armed = state.mode == AMP_DEVICE_ARMED;
    amp_channel_publish(&pump->channel, now, armed ? AMP_FLAG_ARMED : 0u, pump->words);
    amp_owner_add(pump->owner, AMP_COUNT_PUBLISHED, 1);

    pump->sensed[pump->sensed_next] =
        (struct amp_pump_sensed){.t_ns = now, .sampled_us = (uint32_t)state.sampled_us};
    pump->sensed_next = (pump->sensed_next + 1) % AMP_PUMP_SENSED_MAX;
    take_applied(pump, &state, now);
    pump->state_known = true;
    pump->device_mode = state.mode;
    amp_owner_set(pump->owner, AMP_GAUGE_DEVICE_MODE, state.mode);
    amp_owner_set(pump->owner, AMP_GAUGE_READY, amp_pump_is_set(pump) ? 1 : 0);
    /* A state that was sampled before the ARM may follow its acknowledgement on the line. */
    pump->confirmed = pump->device_armed && (pump->confirmed || armed);
    const bool overdue = now - pump->acknowledged_ns > AMP_CONFIRM_NS;
    if (pump->device_armed && !pump->disarming && !armed && (pump->confirmed || overdue)) {
        amp_pump_end_arming(pump, AMP_FAULT_DEVICE_SAFE, state.reason, now);
    }
}

static void take_event(struct amp_pump *pump, const struct amp_wire_event *event) {
    pump->tally.refused_values += event->code == AMP_EVENT_BAD_VALUE;
    if (event->code == AMP_EVENT_AT_SAFE && event->argument != AMP_WIRE_NONE) {
        amp_owner_set(pump->owner, AMP_GAUGE_DEVICE_SAFE_US, (uint64_t)event->argument + 1);
    }
}

static void take_message(struct amp_pump *pump, const struct amp_frame *frame, amp_ns now) {
    struct amp_wire_event event;
    amp_said_take(&pump->said, frame, now);
    if (frame->type == AMP_FRAME_STATE) {
        take_state(pump, frame, now);
    } else if (frame->type == AMP_FRAME_TIME) {
        amp_pump_take_time(pump, frame);
    } else if (frame->type == AMP_FRAME_EVENT &&
               amp_wire_event_decode(frame->payload, frame->length, &event)) {
        take_event(pump, &event);
    }
}

static void take_ack(struct amp_pump *pump, const struct amp_session_event *event, amp_ns now) {
    if (event->verb >= AMP_VERB_SET) {
        amp_pump_take_set(pump, event, now);
        return;
    }
    const bool done = event->kind == AMP_ON_ACKED && event->result == AMP_RESULT_DONE;
    if (event->verb == AMP_VERB_ARM && pump->arming != 0) {
        if (done) {
            pump->device_armed = true;
            pump->confirmed = false;
            pump->acknowledged_ns = now;
            amp_owner_set(pump->owner, AMP_GAUGE_DEVICE_ARMED, pump->arming);
        } else {
            const int64_t result = event->kind == AMP_ON_ACKED ? event->result : AMP_RESULT_EXPIRED;
            amp_pump_end_arming(pump, AMP_FAULT_ARM_REFUSED, result, now);
        }
    } else if (event->verb == AMP_VERB_DISARM) {
        pump->disarming = false;
        if (done) {
            amp_pump_end_arming(pump, AMP_FAULT_NONE, 0, now);
        }
    }
}

void amp_pump_link_down(struct amp_pump *pump, enum amp_fault fault, int64_t argument, amp_ns now) {
    if (pump->link_up) {
        amp_owner_add(pump->owner, AMP_COUNT_LINK_LOSSES, 1);
        amp_owner_set(pump->owner, AMP_GAUGE_LINK_CAUSE, (uint64_t)fault);
        amp_owner_set(pump->owner, AMP_GAUGE_LINK_CAUSE_ARGUMENT, (uint64_t)argument);
        amp_owner_set(pump->owner, AMP_GAUGE_LINK_LOST_NS, (uint64_t)now);
    }
    pump->link_up = false;
    pump->link_cause = fault;
    pump->link_argument = argument;
    pump->state_known = false;
    pump->disarming = false;
    memset(pump->sensed, 0, sizeof pump->sensed); /* times of a clock that may have begun anew */
    pump->out_size = pump->out_sent = 0;          /* bytes of a session that is over */
    pump->actuation_waits = pump->actuation_written = false;
    amp_owner_set(pump->owner, AMP_GAUGE_READY, 0);
    amp_pump_end_arming(pump, fault, argument, now);
}

static void link_up(struct amp_pump *pump, amp_ns now) {
    pump->link_up = true;
    pump->state_known = false;
    amp_owner_set(pump->owner, AMP_GAUGE_DEVICE_NONCE, pump->session.identity.boot_nonce);
    amp_owner_set(pump->owner, AMP_GAUGE_DEVICE_RESET, pump->session.identity.reset_cause);
    amp_owner_set(pump->owner, AMP_GAUGE_REFUSAL, AMP_REFUSAL_NONE);
    amp_pump_clock_begin(pump, now);
    amp_pump_set_all(pump);
    amp_owner_set(pump->owner, AMP_GAUGE_LINK_UP_NS, (uint64_t)now);
}

void amp_pump_take_event(struct amp_pump *pump, const struct amp_session_event *event, amp_ns now) {
    switch (event->kind) {
    case AMP_ON_UP:
        link_up(pump, now);
        break;
    case AMP_ON_REFUSED:
        amp_owner_set(pump->owner, AMP_GAUGE_REFUSAL, (uint64_t)event->refusal);
        amp_pump_link_down(pump, AMP_FAULT_LINK_REFUSED, (int64_t)event->refusal, now);
        pump->refused_news = event->refusal != AMP_REFUSAL_SCHEMA; /* else its dictionary follows */
        break;
    case AMP_ON_DICTIONARY:
        pump->refused_news = true;
        break;
    case AMP_ON_LOST:
        amp_pump_link_down(pump, AMP_FAULT_LINK_LOST,
                           now - (amp_ns)pump->session.heard_us * AMP_NS_PER_US, now);
        break;
    case AMP_ON_REBOOT:
        amp_pump_link_down(pump, AMP_FAULT_DEVICE_REBOOT, event->argument, now);
        break;
    case AMP_ON_MESSAGE:
        take_message(pump, &event->frame, now);
        break;
    case AMP_ON_ACKED:
    case AMP_ON_EXPIRED:
        take_ack(pump, event, now);
        break;
    case AMP_ON_NOTHING:
    case AMP_ON_COMMAND:
        break;
    }
    amp_owner_set(pump->owner, AMP_GAUGE_LINK, (uint64_t)pump->session.state);
}
