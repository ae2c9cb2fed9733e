#include "pump_parts.h"

void amp_pump_clock_begin(struct amp_pump *pump, amp_ns now) {
    const uint32_t nonce = pump->session.identity.boot_nonce;
    pump->clock_token = 0;
    pump->clock_next_ns = now;
    if (pump->clock.taken == 0 || pump->clock_nonce != nonce) {
        pump->clock_nonce = nonce;
        amp_clock_reset(&pump->clock);
        amp_owner_set(pump->owner, AMP_GAUGE_CLOCK_AT_NS, 0);
    }
}

bool amp_pump_clock_ask(struct amp_pump *pump, amp_ns now) {
    if (pump->session.state != AMP_SESSION_UP || now < pump->clock_next_ns || pump->out_size > 0) {
        return false;
    }
    pump->clock_tokens = pump->clock_tokens == UINT32_MAX ? 1 : pump->clock_tokens + 1;
    const struct amp_wire_clock clock = {.token = pump->clock_tokens};
    uint8_t payload[AMP_CLOCK_SIZE];
    const size_t length = amp_wire_clock_encode(&clock, payload);
    const size_t size = amp_session_send(&pump->session, AMP_FRAME_CLOCK, payload, length,
                                         pump->out, AMP_PUMP_OUT_SIZE);
    if (size > 0) {
        pump->out_size = (uint32_t)size;
        pump->clock_token = clock.token;
        pump->clock_sent_ns = now;
        pump->clock_next_ns = now + pump->timing.clock_ns;
    }
    return size > 0;
}

static void publish(struct amp_pump *pump, amp_ns heard_ns) {
    struct amp_clock_estimate estimate;
    struct amp_owner *const owner = pump->owner;
    if (!amp_clock_estimate(&pump->clock, heard_ns, &estimate)) {
        return;
    }
    amp_owner_set(owner, AMP_GAUGE_CLOCK_AT_NS, 0);
    amp_owner_set(owner, AMP_GAUGE_CLOCK_OFFSET_NS, (uint64_t)estimate.offset_ns);
    amp_owner_set(owner, AMP_GAUGE_CLOCK_SKEW_PPB, (uint64_t)estimate.skew_ppb);
    amp_owner_set(owner, AMP_GAUGE_CLOCK_BOUND_NS, (uint64_t)estimate.bound_ns);
    amp_owner_set(owner, AMP_GAUGE_CLOCK_ROUND_TRIP_NS, (uint64_t)estimate.round_trip_ns);
    amp_owner_set(owner, AMP_GAUGE_CLOCK_AT_NS, (uint64_t)heard_ns);
}

void amp_pump_take_time(struct amp_pump *pump, const struct amp_frame *frame) {
    struct amp_wire_time time;
    if (!amp_wire_time_decode(frame->payload, frame->length, &time) || pump->clock_token == 0 ||
        time.token != pump->clock_token) {
        return;
    }
    pump->clock_token = 0;
    const struct amp_clock_exchange exchange = {
        .sent_ns = pump->clock_sent_ns,
        .heard_ns = pump->platform->now(pump->platform->context), /* after it was read */
        .received_us = time.received_us,
        .held_us = time.held_us,
    };
    amp_tally_time(&pump->tally, AMP_TIME_ROUND_TRIP,
                   exchange.heard_ns - exchange.sent_ns - (amp_ns)time.held_us * AMP_NS_PER_US);
    if (amp_clock_take(&pump->clock, &exchange)) {
        publish(pump, exchange.heard_ns);
    }
}
