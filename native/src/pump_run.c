#include "pump_parts.h"

#define AMP_GRACE_NS 300000000LL /* for a DISARM after the supervisor was lost */

_Static_assert(AMP_PUMPS_MAX <= AMP_POLLED_MAX, "one poll is for all of them");

static bool may_end(const struct amp_pump *pump, amp_ns now) {
    const bool asked = amp_system_wanted(pump->system, pump->role) == AMP_WANTED_END;
    const bool quiet = pump->arming == 0 && !pump->disarming && pump->out_size == 0;
    if (pump->supervisor_lost) {
        return quiet || now - pump->unwanted_ns > AMP_GRACE_NS;
    }
    return asked && (quiet || pump->session.state != AMP_SESSION_UP);
}

static void end(struct amp_pump *pump, amp_ns now) {
    pump->over = true;
    amp_pump_tally(pump, now, true);
    amp_owner_set(pump->owner, AMP_GAUGE_T_STOP_NS, (uint64_t)now);
    amp_owner_beat(pump->owner, AMP_AT_END, now);
}

/* A send point whose time has come; returns when it was done. */
static amp_ns send_point(struct amp_pump *pump, amp_ns wake) {
    const amp_ns period = pump->timing.period_ns;
    amp_ns release = pump->release_ns;
    const amp_ns passed = (wake - release) / period;
    struct amp_owner *const owner = pump->owner;
    amp_owner_record(owner, AMP_HISTOGRAM_WAKEUP, wake - release);
    if (passed > 0) {
        amp_owner_add(owner, AMP_COUNT_SKIPPED, (uint64_t)passed);
        release += passed * period;
    }
    if (may_end(pump, wake)) {
        end(pump, wake);
        return wake;
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
    pump->release_ns = amp_follow_next(&pump->follow, owner, release, wake);
    return finish;
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

/* What to wait for; returns until when. */
static amp_ns look_ahead(struct amp_pump *const *pumps, uint32_t count, struct amp_polled *polled) {
    amp_ns release = INT64_MAX;
    for (uint32_t i = 0; i < count; i++) {
        const struct amp_pump *const pump = pumps[i];
        const bool has_port = pump->descriptor >= 0;
        polled[i].descriptor = has_port ? pump->descriptor : pump->wake_descriptor;
        polled[i].want = has_port ? wanted(pump) : AMP_POLL_READ;
        if (pump->over) {
            polled[i].descriptor = -1;
        } else if (pump->release_ns < release) {
            release = pump->release_ns;
        }
    }
    return release;
}

static bool is_woken(struct amp_pump *const *pumps, uint32_t count,
                     const struct amp_polled *polled) {
    bool woken = false;
    for (uint32_t i = 0; i < count; i++) {
        woken |= pumps[i]->descriptor < 0 && polled[i].ready != 0;
    }
    return woken;
}

static uint32_t count_ports(struct amp_pump *const *pumps, uint32_t count) {
    uint32_t ports = 0;
    for (uint32_t i = 0; i < count; i++) {
        ports += pumps[i]->descriptor >= 0;
    }
    return ports;
}

static bool has_news(struct amp_pump *const *pumps, uint32_t count) {
    bool news = false;
    for (uint32_t i = 0; i < count; i++) {
        news |= pumps[i]->refused_news;
    }
    return news;
}

static bool all_over(struct amp_pump *const *pumps, uint32_t count, enum amp_pump_end *end) {
    bool over = true;
    *end = AMP_PUMP_ENDED;
    for (uint32_t i = 0; i < count; i++) {
        over &= pumps[i]->over;
        if (pumps[i]->supervisor_lost) {
            *end = AMP_PUMP_SUPERVISOR_LOST;
        }
    }
    return over;
}

/* Every send point whose time has come. */
static void send_due(struct amp_pump *const *pumps, uint32_t count, amp_ns wake) {
    for (uint32_t i = 0; i < count; i++) {
        if (!pumps[i]->over && wake >= pumps[i]->release_ns) {
            wake = send_point(pumps[i], wake);
        }
    }
}

enum amp_pump_end amp_pump_run(struct amp_pump *const *pumps, uint32_t count, amp_ns until) {
    const struct amp_platform *const platform = pumps[0]->platform;
    struct amp_polled polled[AMP_PUMPS_MAX];
    AMP_ASSERT(count <= AMP_PUMPS_MAX);
    const uint32_t ports = count_ports(pumps, count);
    for (uint32_t i = 0; i < count; i++) {
        if (pumps[i]->release_ns == 0) {
            begin_grid(pumps[i]);
        }
    }
    for (;;) {
        const amp_ns release = look_ahead(pumps, count, polled);
        (void)platform->poll(platform->context, polled, count, release);
        const amp_ns wake = platform->now(platform->context);
        if (is_woken(pumps, count, polled)) {
            return AMP_PUMP_TIME;
        }
        for (uint32_t i = 0; i < count; i++) {
            if (pumps[i]->descriptor >= 0 && !pumps[i]->over) {
                serve(pumps[i], polled[i].ready, wake);
            }
        }
        if (wake >= release) {
            enum amp_pump_end end;
            send_due(pumps, count, wake);
            if (all_over(pumps, count, &end)) {
                return end;
            }
        }
        if (count_ports(pumps, count) != ports) {
            return AMP_PUMP_PORT_LOST;
        }
        if (has_news(pumps, count)) {
            return AMP_PUMP_REFUSED;
        }
        if (wake >= release && wake >= until) {
            return AMP_PUMP_TIME;
        }
    }
}
