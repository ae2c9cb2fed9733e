#include "pump_parts.h"

#include <string.h>

#define AMP_GRACE_NS 300000000LL /* for a DISARM after the supervisor was lost */

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
    amp_session_host_init(&pump->session, expected, pump->session_number, amp_pump_us(now));
    memset(&pump->counted, 0, sizeof pump->counted);
    pump->supervisor_beat = amp_owner_heartbeat(pump->supervisor, NULL, NULL);
    pump->supervisor_seen_ns = pump->supervisor_looked_ns = now;
    pump->supervisor_lost = pump->link_up = false;
    pump->link_cause = AMP_FAULT_LINK_LOST;
    pump->link_argument = 0;
    pump->release_ns = 0;
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
    amp_pump_queue_pending(pump, now);
    amp_pump_write_out(pump, now);
    amp_pump_isolate_turn(pump, now);
    amp_pump_count(pump);
    amp_pump_tally(pump, now, false);
}

static bool may_end(const struct amp_pump *pump, amp_ns now) {
    const bool asked = amp_system_wanted(pump->system, pump->role) == AMP_WANTED_END;
    const bool quiet = pump->arming == 0 && !pump->disarming && pump->out_size == 0;
    if (pump->supervisor_lost) {
        return quiet || now - pump->unwanted_ns > AMP_GRACE_NS;
    }
    return asked && (quiet || pump->session.state != AMP_SESSION_UP);
}

/* A send point that was released at |release|; returns the next one on the grid. */
static amp_ns send_point(struct amp_pump *pump, amp_ns release, amp_ns wake) {
    const amp_ns period = pump->timing.period_ns;
    const amp_ns passed = (wake - release) / period;
    struct amp_owner *const owner = pump->owner;
    amp_owner_record(owner, AMP_HISTOGRAM_WAKEUP, wake - release);
    if (passed > 0) {
        amp_owner_add(owner, AMP_COUNT_SKIPPED, (uint64_t)passed);
        release += passed * period;
    }
    if (may_end(pump, wake)) {
        return 0;
    }
    amp_owner_at(owner, AMP_AT_PUBLISH);
    amp_pump_send(pump, wake);
    const amp_ns finish = pump->platform->now(pump->platform->context);
    amp_owner_record(owner, AMP_HISTOGRAM_EXECUTION, finish - wake);
    amp_owner_record(owner, AMP_HISTOGRAM_RESPONSE, finish - release);
    if (pump->last_wake != 0) {
        amp_owner_record(owner, AMP_HISTOGRAM_PERIOD, wake - pump->last_wake);
    }
    pump->last_wake = wake;
    amp_owner_add(owner, AMP_COUNT_TICKS, 1);
    if (finish > release + period) {
        amp_owner_add(owner, AMP_COUNT_DEADLINE_MISSES, 1);
    }
    amp_owner_beat(owner, AMP_AT_WAIT, finish);
    return amp_follow_next(&pump->follow, owner, release, wake);
}

static int wanted(const struct amp_pump *pump) {
    const int read = pump->isolation.kind == AMP_ISOLATED_NOT ? AMP_POLL_READ : 0;
    return read | (pump->out_size > 0 ? AMP_POLL_WRITE : 0);
}

/* Do what the descriptor is ready for. A line that Linux has hung up reads as empty for ever. */
static void serve(struct amp_pump *pump, int ready, amp_ns now) {
    ready &= wanted(pump) | AMP_POLL_ERROR;
    if ((ready & AMP_POLL_READ) == 0 && pump->isolation.kind == AMP_ISOLATED_NOT) {
        amp_pump_isolate_silent(pump, now);
    }
    if ((ready & (AMP_POLL_READ | AMP_POLL_ERROR)) != 0 && !amp_pump_receive(pump, now)) {
        return;
    }
    if ((ready & AMP_POLL_ERROR) != 0) {
        amp_pump_lose_port(pump, AMP_EIO, now);
    } else if ((ready & AMP_POLL_WRITE) != 0) {
        amp_pump_write_out(pump, now);
    }
}

static void begin_grid(struct amp_pump *pump) {
    const amp_ns period = pump->timing.period_ns;
    const amp_ns grid = pump->timing.origin_ns + pump->timing.send_offset_ns;
    const amp_ns since = pump->platform->now(pump->platform->context) - grid;
    pump->release_ns = grid + ((since > 0 ? since : 0) / period + 1) * period;
    amp_owner_begin(pump->owner, pump->release_ns);
}

enum amp_pump_end amp_pump_run(struct amp_pump *pump, amp_ns until) {
    const struct amp_platform *const platform = pump->platform;
    const bool had_port = pump->descriptor >= 0;
    bool timely = true;
    if (pump->release_ns == 0) {
        begin_grid(pump);
    }
    while (timely && had_port == (pump->descriptor >= 0)) {
        const int want = wanted(pump);
        const int watched = had_port ? pump->descriptor : pump->wake_descriptor;
        const int ready = platform->poll(platform->context, watched, want, pump->release_ns);
        const amp_ns wake = platform->now(platform->context);
        if (!had_port && ready != 0) {
            return AMP_PUMP_TIME;
        }
        serve(pump, ready, wake);
        if (wake < pump->release_ns) {
            continue;
        }
        const amp_ns next = send_point(pump, pump->release_ns, wake);
        if (next == 0) {
            amp_pump_tally(pump, wake, true);
            amp_owner_set(pump->owner, AMP_GAUGE_T_STOP_NS, (uint64_t)wake);
            amp_owner_beat(pump->owner, AMP_AT_END, wake);
            return pump->supervisor_lost ? AMP_PUMP_SUPERVISOR_LOST : AMP_PUMP_ENDED;
        }
        pump->release_ns = next;
        timely = wake < until;
    }
    return had_port && pump->descriptor < 0 ? AMP_PUMP_PORT_LOST : AMP_PUMP_TIME;
}
