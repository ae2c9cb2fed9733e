#include "pump_parts.h"

#include <string.h>

size_t amp_pump_size(void) {
    return sizeof(struct amp_pump);
}

uint64_t amp_pump_us(amp_ns now) {
    return (uint64_t)(now / AMP_NS_PER_US);
}

int amp_pump_init(struct amp_pump *pump) {
    const struct amp_session_host *const expected = &pump->expected;
    if (expected->sends_count > AMP_PUMP_VALUES_MAX ||
        expected->accepts_count > AMP_PUMP_VALUES_MAX ||
        pump->channel.words != (uint32_t)expected->sends_count + 3 ||
        pump->source.words > AMP_PUMP_WORDS_MAX || pump->session_number == 0 ||
        pump->sensed_word >= (int32_t)pump->source.words || pump->role >= AMP_ROLES_MAX ||
        (pump->said.channel.line != NULL && pump->said.channel.words != AMP_SAID_WORD_COUNT) ||
        pump->timing.period_ns <= 0 || pump->timing.supervisor_ns <= 0 ||
        pump->timing.lease_ns <= 0 || pump->timing.clock_ns <= 0 || pump->share.bytes == 0) {
        return -AMP_EARG;
    }
    for (uint32_t i = 0; i < expected->accepts_count; i++) {
        if (pump->accept_words[i] >= pump->source.words || !amp_value_is_valid(&pump->accepts[i])) {
            return -AMP_EARG;
        }
    }
    for (uint32_t i = 0; i < expected->sends_count; i++) {
        if (!amp_value_is_valid(&pump->sends[i])) {
            return -AMP_EARG;
        }
    }
    const amp_ns now = pump->platform->now(pump->platform->context);
    memset(&pump->dictionary, 0, sizeof pump->dictionary);
    pump->refused_news = false;
    pump->expected.dictionary = &pump->dictionary;
    amp_session_host_init(&pump->session, expected, pump->session_number, amp_pump_us(now));
    memset(&pump->counted, 0, sizeof pump->counted);
    pump->supervisor_beat = amp_owner_heartbeat(pump->supervisor, NULL, NULL);
    pump->supervisor_seen_ns = pump->supervisor_looked_ns = now;
    pump->supervisor_lost = pump->link_up = false;
    pump->link_cause = AMP_FAULT_LINK_LOST;
    pump->link_argument = 0;
    pump->release_ns = 0;
    pump->over = false;
    pump->follow.period_ns = pump->timing.period_ns;
    pump->follow.trim_ns = 0;
    pump->unwanted_ns = now;
    pump->device_armed = pump->disarming = pump->state_known = pump->confirmed = false;
    pump->acknowledged_ns = 0;
    pump->last_wake = 0;
    pump->arming = 0;
    pump->applied_count = 0;
    pump->forwarded = amp_channel_count(&pump->source);
    pump->out_size = pump->out_sent = 0;
    pump->actuation_waits = false;
    amp_pump_isolate_init(pump, now);
    if (amp_pump_set_init(pump) != AMP_OK) {
        return -AMP_EARG;
    }
    pump->sensed_next = 0;
    memset(pump->sensed, 0, sizeof pump->sensed);
    memset(&pump->clock, 0, sizeof pump->clock);
    amp_clock_reset(&pump->clock);
    amp_tally_begin(&pump->tally, now);
    pump->actuation_written = false;
    memset(pump->sent, 0, sizeof pump->sent);
    pump->clock_token = pump->clock_tokens = 0;
    (void)amp_system_mode(pump->system, &pump->refused_arming);
    amp_owner_set(pump->owner, AMP_GAUGE_LINK, (uint64_t)pump->session.state);
    amp_owner_set(pump->owner, AMP_GAUGE_READY, 0);
    amp_owner_set(pump->owner, AMP_GAUGE_DEVICE_ARMED, 0);
    amp_owner_set(pump->owner, AMP_GAUGE_CLOCK_AT_NS, 0);
    amp_owner_prefault(pump->owner);
    return AMP_OK;
}

static void watch_supervisor(struct amp_pump *pump, amp_ns now) {
    const uint64_t beat = amp_owner_heartbeat(pump->supervisor, NULL, NULL);
    const amp_ns gap = now - pump->supervisor_looked_ns;
    pump->supervisor_looked_ns = now;
    /* Who was away for half of the bound itself must not accuse: the wait starts over. */
    if (beat != pump->supervisor_beat ||
        gap > pump->timing.period_ns + pump->timing.supervisor_ns / 2) {
        pump->supervisor_beat = beat;
        pump->supervisor_seen_ns = now;
    }
    const amp_ns age = now - pump->supervisor_seen_ns;
    if (age > pump->timing.supervisor_ns && !pump->supervisor_lost) {
        pump->supervisor_lost = true;
        amp_owner_fault(pump->owner, AMP_FAULT_SUPERVISOR_LOST, age, now);
    }
}

void amp_pump_send(struct amp_pump *pump, amp_ns now) {
    struct amp_session_event event;
    watch_supervisor(pump, now);
    if (pump->isolation.kind != AMP_ISOLATED_NOT && pump->descriptor >= 0) {
        (void)amp_pump_receive(pump, now); /* its bytes are nobody's reason to wake up */
    }
    while (
        amp_session_poll(&pump->session, amp_pump_us(now), &event)) { /* each one reported once */
        amp_pump_take_event(pump, &event, now);
    }
    struct amp_sample *const sample = (void *)pump->record;
    uint64_t torn = 0;
    const bool got = amp_channel_latest(&pump->source, sample, &torn) == AMP_READ_VALUE;
    amp_owner_add(pump->owner, AMP_COUNT_TORN, torn);
    if (!got) {
        sample->mark = 0;
    }
    if (got) { /* before DISARM, so that the device has the safe values that it is disarmed for */
        amp_pump_forward(pump, sample);
    }
    amp_pump_follow_mode(pump, sample, now);
    amp_pump_set_turn(pump, now);
    amp_pump_queue_pending(pump, now);
    amp_pump_write_out(pump, now);
    amp_pump_isolate_turn(pump, now);
    amp_pump_count(pump);
    amp_pump_tally(pump, now, false);
}
