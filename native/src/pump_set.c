#include "pump_parts.h"

#include <math.h>
#include <string.h>

#define AMP_SET_MS 1000u /* how long a parameter is repeated before it is asked for anew */

int amp_pump_set_init(struct amp_pump *pump) {
    struct amp_pump_setting *const one = &pump->setting;
    memset(one, 0, sizeof *one);
    if (pump->parameter_count > AMP_PUMP_PARAMETERS_MAX) {
        return -AMP_EARG;
    }
    for (uint32_t i = 0; i < pump->parameter_count; i++) {
        const struct amp_pump_parameter *const parameter = &pump->parameters[i];
        if (!(parameter->low <= parameter->value && parameter->value <= parameter->high)) {
            return -AMP_EARG;
        }
    }
    amp_owner_set(pump->owner, AMP_GAUGE_PARAMETERS_UNSET, pump->parameter_count);
    if (pump->parameter_count == 0) {
        return AMP_OK;
    }
    return amp_inbox_open(&one->inbox, pump->owner, &pump->commands, pump->epoch);
}

void amp_pump_set_all(struct amp_pump *pump) {
    pump->setting.due = (uint32_t)((1ull << pump->parameter_count) - 1);
    pump->setting.asked = 0;
    amp_owner_set(pump->owner, AMP_GAUGE_PARAMETERS_UNSET, pump->parameter_count);
}

bool amp_pump_is_set(const struct amp_pump *pump) {
    return pump->setting.due == 0;
}

/* When it was on the device's clock, in us; 0 while that is not known. */
static uint64_t device_us(const struct amp_pump *pump, amp_ns now) {
    struct amp_clock_estimate estimate;
    if (!amp_clock_estimate(&pump->clock, now, &estimate)) {
        return 0;
    }
    const int64_t theirs_ns = now + estimate.offset_ns;
    return theirs_ns > 0 ? (uint64_t)theirs_ns / 1000 : 0;
}

static void answer(struct amp_pump *pump, enum amp_tuning_result result, amp_ns now) {
    amp_inbox_answer(&pump->setting.inbox, result, device_us(pump, now), now);
    pump->setting.taken = pump->setting.sent = false;
}

static enum amp_tuning_result take(struct amp_pump *pump, const uint64_t *words) {
    struct amp_pump_setting *const one = &pump->setting;
    if (words[0] != 1 || words[1] >= pump->parameter_count) {
        return AMP_TUNING_UNKNOWN;
    }
    double value;
    memcpy(&value, &words[2], sizeof value);
    const struct amp_pump_parameter *const parameter = &pump->parameters[words[1]];
    one->index = (uint8_t)words[1];
    one->value = (float)value;
    const bool fits =
        isfinite(value) && one->value >= parameter->low && one->value <= parameter->high;
    return fits ? AMP_TUNING_APPLIED : AMP_TUNING_RANGE;
}

/* One message is under way at a time, so what it says of the device is known when the next comes. */
static void take_message(struct amp_pump *pump, amp_ns now) {
    const uint64_t *words = NULL;
    enum amp_tuning_result result = amp_inbox_next(&pump->setting.inbox, now, &words);
    if (result == AMP_TUNING_NONE) {
        return;
    }
    if (result == AMP_TUNING_APPLIED) {
        result = take(pump, words);
    }
    if (result == AMP_TUNING_APPLIED && pump->session.state != AMP_SESSION_UP) {
        result = AMP_TUNING_ABSENT;
    }
    pump->setting.taken = true;
    if (result != AMP_TUNING_APPLIED) {
        answer(pump, result, now);
    }
}

void amp_pump_set_turn(struct amp_pump *pump, amp_ns now) {
    struct amp_pump_setting *const one = &pump->setting;
    const uint64_t now_us = amp_pump_us(now);
    if (pump->parameter_count == 0) {
        return;
    }
    for (uint32_t i = 0; i < pump->parameter_count; i++) {
        const uint32_t bit = 1u << i;
        if ((one->due & ~one->asked & bit) != 0 &&
            amp_session_set(&pump->session, (uint8_t)i, pump->parameters[i].value, AMP_SET_MS,
                            now_us) != 0) {
            one->asked |= bit;
        }
    }
    if (!one->taken) {
        take_message(pump, now);
    }
    if (one->taken && !one->sent && pump->session.state != AMP_SESSION_UP) {
        answer(pump, AMP_TUNING_ABSENT, now);
    } else if (one->taken && !one->sent && one->due == 0) {
        one->sent =
            amp_session_set(&pump->session, one->index, one->value, AMP_SET_MS, now_us) != 0;
    }
}

/* What every session begins with. One that the device refuses stays due: it is never armed so. */
static void restored(struct amp_pump *pump, uint8_t index, const struct amp_session_event *event) {
    struct amp_pump_setting *const one = &pump->setting;
    const uint32_t bit = 1u << index;
    if (event->kind == AMP_ON_EXPIRED) {
        one->asked &= ~bit;
    } else if (event->result == AMP_RESULT_DONE) {
        one->due &= ~bit;
        one->asked &= ~bit;
        amp_owner_add(pump->owner, AMP_COUNT_PARAMETERS_RESTORED, 1);
        uint32_t left = 0;
        for (uint32_t due = one->due; due != 0; due &= due - 1) {
            left++;
        }
        amp_owner_set(pump->owner, AMP_GAUGE_PARAMETERS_UNSET, left);
    }
}

void amp_pump_take_set(struct amp_pump *pump, const struct amp_session_event *event, amp_ns now) {
    struct amp_pump_setting *const one = &pump->setting;
    const uint8_t index = (uint8_t)(event->verb - AMP_VERB_SET);
    if (one->sent && index == one->index) {
        enum amp_tuning_result result = AMP_TUNING_RANGE;
        if (event->kind == AMP_ON_EXPIRED) {
            result = pump->session.state == AMP_SESSION_UP ? AMP_TUNING_EXPIRED : AMP_TUNING_ABSENT;
        } else if (event->result == AMP_RESULT_DONE) {
            pump->parameters[index].value = one->value;
            result = AMP_TUNING_APPLIED;
        } else if (event->result != AMP_RESULT_RANGE) {
            result = AMP_TUNING_UNKNOWN;
        }
        answer(pump, result, now);
    } else if ((one->asked >> index & 1u) != 0) {
        restored(pump, index, event);
    }
}
