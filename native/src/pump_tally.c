#include <string.h>

#include "pump_parts.h"

static struct amp_pump_sent *sent_at(struct amp_pump *pump, uint16_t sequence) {
    return &pump->sent[sequence % AMP_PUMP_SENT_MAX];
}

void amp_pump_tally_queued(struct amp_pump *pump, uint32_t answers_us) {
    const struct amp_sample *const sample = (const void *)pump->record;
    amp_ns received_ns = 0;
    if (pump->sensed_word >= 0) {
        memcpy(&received_ns, &sample->words[pump->sensed_word], sizeof received_ns);
    }
    *sent_at(pump, pump->actuation_sequence) = (struct amp_pump_sent){
        .sequence = pump->actuation_sequence,
        .sampled_us = answers_us,
        .received_ns = received_ns,
        .decided_ns = sample->t_ns,
    };
    pump->actuation_written = true;
}

void amp_pump_tally_written(struct amp_pump *pump, amp_ns now) {
    if (pump->actuation_written) {
        sent_at(pump, pump->actuation_sequence)->written_ns = now;
        pump->actuation_written = false;
    }
}

/* The parts of the way from the sample to the output, on our clock. */
static void take_parts(struct amp_pump *pump, const struct amp_wire_state *state, amp_ns now) {
    struct amp_pump_sent *const sent = sent_at(pump, state->applied_sequence);
    if (sent->written_ns == 0 || sent->sequence != state->applied_sequence ||
        sent->sampled_us == 0 || state->applied_age_us > state->sampled_us) {
        return;
    }
    const uint64_t applied_us = state->sampled_us - state->applied_age_us;
    const uint32_t took_us = (uint32_t)applied_us - sent->sampled_us;
    const uint64_t sampled_us = applied_us - took_us;
    const amp_ns applied_ns = amp_clock_ours(&pump->clock, applied_us, now);
    const amp_ns sampled_ns = amp_clock_ours(&pump->clock, sampled_us, now);
    if (applied_ns == 0 || sampled_ns == 0) {
        return;
    }
    struct amp_tally *const tally = &pump->tally;
    amp_tally_time(tally, AMP_TIME_SAMPLED_TO_RECEIVED, sent->received_ns - sampled_ns);
    amp_tally_time(tally, AMP_TIME_RECEIVED_TO_DECIDED, sent->decided_ns - sent->received_ns);
    amp_tally_time(tally, AMP_TIME_DECIDED_TO_WRITTEN, sent->written_ns - sent->decided_ns);
    amp_tally_time(tally, AMP_TIME_WRITTEN_TO_APPLIED, applied_ns - sent->written_ns);
    sent->written_ns = 0;
}

void amp_pump_tally_state(struct amp_pump *pump, const struct amp_wire_state *state, bool news,
                          amp_ns now) {
    pump->tally.states++;
    pump->tally.device_reason = state->reason;
    if (news) {
        amp_tally_time(&pump->tally, AMP_TIME_SENSE_TO_ACTUATE,
                       (amp_ns)state->sense_to_actuate_us * AMP_NS_PER_US);
        take_parts(pump, state, now);
    }
}

static void fill_in_device(const struct amp_session *session, uint64_t *words) {
    const struct amp_wire_identity *const identity = &session->identity;
    words[AMP_TALLY_SESSION] = (uint64_t)session->state;
    words[AMP_TALLY_SESSION_NUMBER] = session->number;
    words[AMP_TALLY_REFUSAL] = (uint64_t)session->refusal;
    words[AMP_TALLY_PROTOCOL] = (uint64_t)(identity->major << 8 | identity->minor);
    words[AMP_TALLY_FIRMWARE] = (uint64_t)(identity->firmware[0] << 16 |
                                           identity->firmware[1] << 8 | identity->firmware[2]);
    words[AMP_TALLY_BOOT_NONCE] = identity->boot_nonce;
    words[AMP_TALLY_RESET_CAUSE] = identity->reset_cause;
    words[AMP_TALLY_SCHEMA_HASH] = identity->schema_hash;
    words[AMP_TALLY_DEVICE_BAUD] = identity->baud;
    words[AMP_TALLY_DEVICE_LEASE_US] = identity->lease_us;
    words[AMP_TALLY_DEVICE_STATE_PERIOD_US] = identity->state_period_us;
    for (uint32_t i = 0; i < AMP_BOARD_ID_MAX; i++) {
        words[AMP_TALLY_BOARD_0 + i / 8] |= (uint64_t)(uint8_t)identity->board[i] << 8 * (i % 8);
    }
}

static void fill_in_session(const struct amp_session *session, uint64_t *words) {
    const struct amp_session_counters *const counters = &session->counters;
    const struct amp_asking *const asking = &session->commands.asking;
    words[AMP_TALLY_COMMAND_ROUND_TRIP_US] = asking->round_trip_us;
    words[AMP_TALLY_COMMAND_TIMEOUT_US] = asking->timeout_us;
    words[AMP_TALLY_FRAMES_IN] = counters->frames_in;
    words[AMP_TALLY_FRAMES_OUT] = counters->frames_out;
    words[AMP_TALLY_BAD_CRC] = counters->bad_crc;
    words[AMP_TALLY_BAD_COBS] = counters->bad_cobs;
    words[AMP_TALLY_BAD_LENGTH] = counters->bad_length;
    words[AMP_TALLY_LOST] = counters->sequence_gaps;
    words[AMP_TALLY_FOREIGN] = counters->foreign;
    words[AMP_TALLY_REPEATED] = counters->repeated;
    words[AMP_TALLY_UNEXPECTED] = counters->unexpected;
    words[AMP_TALLY_RETRANSMISSIONS] = counters->retransmissions;
    words[AMP_TALLY_EXPIRED] = counters->expired;
    words[AMP_TALLY_HANDSHAKES] = counters->handshakes;
    words[AMP_TALLY_REFUSALS] = counters->refusals;
    words[AMP_TALLY_LOSSES] = counters->losses;
    words[AMP_TALLY_REBOOTS] = counters->reboots;
}

static void fill_in_clock(const struct amp_clock *clock, amp_ns now, uint64_t *words) {
    struct amp_clock_estimate estimate;
    words[AMP_TALLY_CLOCK_REFUSED] = clock->refused;
    if (amp_clock_estimate(clock, now, &estimate)) {
        words[AMP_TALLY_CLOCK_OFFSET_NS] = (uint64_t)estimate.offset_ns;
        words[AMP_TALLY_CLOCK_SKEW_PPB] = (uint64_t)estimate.skew_ppb;
        words[AMP_TALLY_CLOCK_BOUND_NS] = (uint64_t)estimate.bound_ns;
    }
}

void amp_pump_tally(struct amp_pump *pump, amp_ns now, bool last) {
    if (!last && !amp_tally_is_over(&pump->tally, now)) {
        return;
    }
    uint64_t words[AMP_TALLY_WORDS] = {0};
    words[AMP_TALLY_DEVICE_MODE] = pump->device_mode;
    words[AMP_TALLY_ISOLATED] = (uint64_t)pump->isolation.kind;
    fill_in_device(&pump->session, words);
    fill_in_session(&pump->session, words);
    fill_in_clock(&pump->clock, now, words);
    amp_tally_publish(&pump->tally, now, words);
}
