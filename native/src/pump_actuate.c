#include "pump_parts.h"

#include <string.h>

static uint32_t answered_us(const struct amp_pump *pump, amp_ns t_ns) {
    for (uint32_t back = 1; back <= AMP_PUMP_SENSED_MAX; back++) {
        const uint32_t index =
            (pump->sensed_next + AMP_PUMP_SENSED_MAX - back) % AMP_PUMP_SENSED_MAX;
        if (pump->sensed[index].t_ns == t_ns && t_ns != 0) {
            return pump->sensed[index].sampled_us;
        }
    }
    return 0;
}

/* |answers_us|: low 32 bits of the device's clock at the sample that it answers; 0: of none. What a
 * type does not hold goes out marked, and the device refuses it whole. Returns 0 if even that cannot
 * be: a bool that is neither 0 nor 1. */
static size_t encode_actuation(const struct amp_pump *pump, uint8_t *payload,
                               uint32_t *answers_us) {
    const uint64_t *const words = pump->record + 3;
    float values[AMP_PUMP_VALUES_MAX];
    for (uint32_t i = 0; i < pump->expected.accepts_count; i++) {
        double value;
        memcpy(&value, &words[pump->accept_words[i]], sizeof value);
        values[i] = (float)value;
    }
    struct amp_wire_actuate actuate = {.answers_us = 0};
    if (pump->sensed_word >= 0) {
        amp_ns sensed_ns;
        memcpy(&sensed_ns, &words[pump->sensed_word], sizeof sensed_ns);
        actuate.answers_us = answered_us(pump, sensed_ns);
    }
    *answers_us = actuate.answers_us;
    size_t bad;
    const size_t length = amp_wire_actuate_encode(&actuate, payload);
    const size_t size = amp_values_encode(pump->accepts, values, pump->expected.accepts_count,
                                          payload + length, &bad);
    return size == 0 ? 0 : length + size;
}

/* Queue the publication in |record| for the line, in the place of an older one that still waits. */
static void queue_actuation(struct amp_pump *pump) {
    uint8_t payload[AMP_FRAME_PAYLOAD_MAX];
    uint32_t answers_us;
    const size_t length = encode_actuation(pump, payload, &answers_us);
    if (length == 0) {
        return;
    }
    if (pump->actuation_waits) {
        (void)amp_session_replace(&pump->session, pump->actuation_sequence, AMP_FRAME_ACTUATE,
                                  payload, length, pump->out + pump->actuation_at,
                                  AMP_PUMP_OUT_SIZE - pump->actuation_at);
        amp_owner_add(pump->owner, AMP_COUNT_REPLACED, 1);
        pump->tally.replaced++;
        amp_pump_tally_queued(pump, answers_us);
        return;
    }
    const size_t size =
        amp_session_send(&pump->session, AMP_FRAME_ACTUATE, payload, length,
                         pump->out + pump->out_size, AMP_PUMP_OUT_SIZE - pump->out_size);
    if (size > 0) {
        pump->actuation_at = pump->out_size;
        pump->actuation_sequence = pump->session.sent_sequence;
        pump->actuation_waits = true;
        pump->out_size += (uint32_t)size;
        pump->tally.actuations++;
        amp_pump_tally_queued(pump, answers_us);
    }
}

/* Of the process that was there when it was armed alone: what a successor says is for another act. */
void amp_pump_forward(struct amp_pump *pump, const struct amp_sample *sample) {
    const bool same = (sample->mark & UINT32_MAX) == pump->source_epoch;
    if (same && sample->count != pump->forwarded && pump->device_armed && !pump->disarming) {
        pump->forwarded = sample->count;
        queue_actuation(pump);
    }
}

/* Whether the device should be armed now, and for which act. */
static bool wants_armed(struct amp_pump *pump, uint64_t *arming, amp_ns now) {
    const enum amp_mode mode = amp_system_mode(pump->system, arming);
    const bool wanted = mode == AMP_MODE_ARMED && !pump->supervisor_lost &&
                        !amp_system_tripped(pump->system, *arming, NULL, NULL) &&
                        amp_system_wanted(pump->system, pump->role) == AMP_WANTED_RUN;
    if (wanted) {
        pump->unwanted_ns = 0;
    } else if (pump->unwanted_ns == 0) {
        pump->unwanted_ns = now;
    }
    return wanted;
}

void amp_pump_follow_mode(struct amp_pump *pump, const struct amp_sample *sample, amp_ns now) {
    uint64_t arming = 0;
    const bool up = pump->session.state == AMP_SESSION_UP;
    if (pump->expected.accepts_count == 0) {
        return; /* a device that only senses is never armed */
    }
    const bool wanted = wants_armed(pump, &arming, now);
    const bool able = up && amp_pump_is_set(pump);
    if (wanted && !able && pump->arming == 0 && arming > pump->refused_arming) {
        amp_pump_end_arming(pump, pump->link_cause, pump->link_argument, now);
        return;
    }
    if (wanted && (pump->arming == 0 || pump->arming == arming)) {
        if (able && pump->arming == 0 && arming > pump->refused_arming &&
            amp_session_command(&pump->session, AMP_VERB_ARM, (uint32_t)arming, AMP_PUMP_COMMAND_MS,
                                amp_pump_us(now)) != 0) {
            pump->arming = arming;
            pump->source_epoch = (uint32_t)(sample->mark & UINT32_MAX);
        }
        return;
    }
    const bool over = wanted || (sample->mark >> 32 & AMP_FLAG_AT_SAFE) != 0 ||
                      now - pump->unwanted_ns > pump->timing.lease_ns;
    if (up && pump->arming != 0 && over && !pump->disarming) {
        pump->disarming = amp_session_command(&pump->session, AMP_VERB_DISARM, 0,
                                              AMP_PUMP_COMMAND_MS, amp_pump_us(now)) != 0;
    }
}
