#include "amp/pump.h"

#include <string.h>

#include "amp/device.h"

#define AMP_NS_PER_US 1000LL
#define AMP_CONFIRM_NS 20000000LL /* from the acknowledged ARM to a state that says so */
#define AMP_GRACE_NS 300000000LL  /* for a DISARM after the supervisor was lost */

size_t amp_pump_size(void) {
    return sizeof(struct amp_pump);
}

static uint64_t us_of(amp_ns now) {
    return (uint64_t)(now / AMP_NS_PER_US);
}

int amp_pump_init(struct amp_pump *pump) {
    const struct amp_session_host *const expected = &pump->expected;
    if (expected->sends_count > AMP_PUMP_VALUES_MAX ||
        expected->accepts_count > AMP_PUMP_VALUES_MAX ||
        pump->channel.words != (uint32_t)expected->sends_count + 2 ||
        pump->source.words > AMP_PUMP_WORDS_MAX || pump->session_number == 0 ||
        pump->sensed_word >= (int32_t)pump->source.words || pump->role >= AMP_ROLES_MAX ||
        pump->timing.period_ns <= 0 || pump->timing.supervisor_ns <= 0 ||
        pump->timing.lease_ns <= 0) {
        return -AMP_EARG;
    }
    for (uint32_t i = 0; i < expected->accepts_count; i++) {
        if (pump->accept_words[i] >= pump->source.words) {
            return -AMP_EARG;
        }
    }
    const amp_ns now = pump->platform->now(pump->platform->context);
    amp_session_host_init(&pump->session, expected, pump->session_number, us_of(now));
    memset(&pump->counted, 0, sizeof pump->counted);
    pump->supervisor_beat = amp_owner_heartbeat(pump->supervisor, NULL, NULL);
    pump->supervisor_seen_ns = pump->supervisor_looked_ns = now;
    pump->supervisor_lost = pump->port_lost = false;
    pump->unwanted_ns = now;
    pump->device_armed = pump->disarming = pump->state_known = pump->confirmed = false;
    pump->acknowledged_ns = 0;
    pump->last_wake = 0;
    pump->arming = 0;
    pump->applied_count = 0;
    pump->forwarded = amp_channel_count(&pump->source);
    pump->out_size = pump->out_sent = 0;
    pump->actuation_waits = false;
    pump->sensed_next = 0;
    memset(pump->sensed, 0, sizeof pump->sensed);
    (void)amp_system_mode(pump->system, &pump->refused_arming);
    amp_owner_set(pump->owner, AMP_GAUGE_LINK, (uint64_t)pump->session.state);
    amp_owner_set(pump->owner, AMP_GAUGE_READY, 0);
    amp_owner_set(pump->owner, AMP_GAUGE_DEVICE_ARMED, 0);
    amp_owner_prefault(pump->owner);
    return AMP_OK;
}

/* The act of arming is over, through |fault| unless that is AMP_FAULT_NONE. */
static void end_arming(struct amp_pump *pump, enum amp_fault fault, int64_t argument, amp_ns now) {
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

static void take_applied(struct amp_pump *pump, const struct amp_wire_state *state) {
    if (pump->state_known && state->applied_count != pump->applied_count &&
        state->sense_to_actuate_us != AMP_WIRE_NONE) {
        amp_owner_record(pump->owner, AMP_HISTOGRAM_SENSE_TO_ACTUATE,
                         (amp_ns)state->sense_to_actuate_us * AMP_NS_PER_US);
    }
    pump->applied_count = state->applied_count;
}

static void take_state(struct amp_pump *pump, const struct amp_frame *frame, amp_ns now) {
    struct amp_wire_state state;
    float values[AMP_PUMP_VALUES_MAX];
    const uint8_t count = pump->expected.sends_count;
    if (!amp_wire_state_decode(frame->payload, frame->length, &state, values, count)) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        const double value = (double)values[i];
        memcpy(&pump->words[i], &value, sizeof value);
    }
    pump->words[count] = state.sampled_us;
    pump->words[count + 1u] = state.applied_count;
    const bool armed = state.mode == AMP_DEVICE_ARMED;
    amp_channel_publish(&pump->channel, now, armed ? AMP_FLAG_ARMED : 0u, pump->words);
    amp_owner_add(pump->owner, AMP_COUNT_PUBLISHED, 1);

    pump->sensed[pump->sensed_next] =
        (struct amp_pump_sensed){.t_ns = now, .sampled_us = (uint32_t)state.sampled_us};
    pump->sensed_next = (pump->sensed_next + 1) % AMP_PUMP_SENSED_MAX;
    take_applied(pump, &state);
    pump->state_known = true;
    pump->device_mode = state.mode;
    amp_owner_set(pump->owner, AMP_GAUGE_DEVICE_MODE, state.mode);
    amp_owner_set(pump->owner, AMP_GAUGE_READY, 1);
    /* A state that was sampled before the ARM may follow its acknowledgement on the line. */
    pump->confirmed = pump->device_armed && (pump->confirmed || armed);
    const bool overdue = now - pump->acknowledged_ns > AMP_CONFIRM_NS;
    if (pump->device_armed && !pump->disarming && !armed && (pump->confirmed || overdue)) {
        end_arming(pump, AMP_FAULT_DEVICE_SAFE, state.reason, now);
    }
}

static void take_message(struct amp_pump *pump, const struct amp_frame *frame, amp_ns now) {
    struct amp_wire_event event;
    if (frame->type == AMP_FRAME_STATE) {
        take_state(pump, frame, now);
    } else if (frame->type == AMP_FRAME_EVENT &&
               amp_wire_event_decode(frame->payload, frame->length, &event) &&
               event.code == AMP_EVENT_AT_SAFE && event.argument != AMP_WIRE_NONE) {
        amp_owner_set(pump->owner, AMP_GAUGE_DEVICE_SAFE_US, (uint64_t)event.argument + 1);
    }
}

static void take_ack(struct amp_pump *pump, const struct amp_session_event *event, amp_ns now) {
    const bool done = event->kind == AMP_ON_ACKED && event->result == AMP_RESULT_DONE;
    if (event->verb == AMP_VERB_ARM && pump->arming != 0) {
        if (done) {
            pump->device_armed = true;
            pump->confirmed = false;
            pump->acknowledged_ns = now;
            amp_owner_set(pump->owner, AMP_GAUGE_DEVICE_ARMED, pump->arming);
        } else {
            const int64_t result = event->kind == AMP_ON_ACKED ? event->result : AMP_RESULT_EXPIRED;
            end_arming(pump, AMP_FAULT_ARM_REFUSED, result, now);
        }
    } else if (event->verb == AMP_VERB_DISARM) {
        pump->disarming = false;
        if (done) {
            end_arming(pump, AMP_FAULT_NONE, 0, now);
        }
    }
}

static void link_down(struct amp_pump *pump, enum amp_fault fault, int64_t argument, amp_ns now) {
    pump->state_known = false;
    pump->disarming = false;
    pump->out_size = pump->out_sent = 0; /* bytes of a session that is over */
    pump->actuation_waits = false;
    amp_owner_set(pump->owner, AMP_GAUGE_READY, 0);
    end_arming(pump, fault, argument, now);
}

static void take_event(struct amp_pump *pump, const struct amp_session_event *event, amp_ns now) {
    switch (event->kind) {
    case AMP_ON_UP:
        pump->state_known = false;
        amp_owner_set(pump->owner, AMP_GAUGE_DEVICE_NONCE, pump->session.identity.boot_nonce);
        amp_owner_set(pump->owner, AMP_GAUGE_REFUSAL, AMP_REFUSAL_NONE);
        break;
    case AMP_ON_REFUSED:
        amp_owner_set(pump->owner, AMP_GAUGE_REFUSAL, (uint64_t)event->refusal);
        link_down(pump, AMP_FAULT_LINK_REFUSED, (int64_t)event->refusal, now);
        break;
    case AMP_ON_LOST:
        link_down(pump, AMP_FAULT_LINK_LOST, now - (amp_ns)pump->session.heard_us * AMP_NS_PER_US,
                  now);
        break;
    case AMP_ON_REBOOT:
        link_down(pump, AMP_FAULT_DEVICE_REBOOT, event->argument, now);
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

static void lose_port(struct amp_pump *pump, int error, amp_ns now) {
    pump->port_lost = true;
    amp_session_close(&pump->session);
    link_down(pump, AMP_FAULT_PORT, error, now);
    amp_owner_set(pump->owner, AMP_GAUGE_LINK, (uint64_t)pump->session.state);
}

bool amp_pump_receive(struct amp_pump *pump, amp_ns now) {
    const int got =
        pump->platform->read(pump->platform->context, pump->descriptor, pump->in, sizeof pump->in);
    if (got < 0) {
        lose_port(pump, -got, now);
        return false;
    }
    amp_owner_add(pump->owner, AMP_COUNT_BYTES_IN, (uint64_t)got);
    size_t done = 0;
    while (done < (size_t)got) { /* each call takes at least one byte */
        struct amp_session_event event;
        done += amp_session_receive(&pump->session, pump->in + done, (size_t)got - done, us_of(now),
                                    &event);
        take_event(pump, &event, now);
    }
    return true;
}

static void write_out(struct amp_pump *pump, amp_ns now) {
    while (pump->out_sent < pump->out_size) { /* each pass writes at least one byte */
        const int put =
            pump->platform->write(pump->platform->context, pump->descriptor,
                                  pump->out + pump->out_sent, pump->out_size - pump->out_sent);
        if (put < 0) {
            lose_port(pump, -put, now);
        }
        if (put <= 0) {
            return;
        }
        pump->out_sent += (uint32_t)put;
        amp_owner_add(pump->owner, AMP_COUNT_BYTES_OUT, (uint64_t)put);
        if (pump->out_sent > pump->actuation_at) {
            pump->actuation_waits = false;
        }
    }
    pump->out_size = pump->out_sent = 0;
    pump->actuation_waits = false;
}

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

static size_t encode_actuation(const struct amp_pump *pump, uint8_t *payload) {
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
    return amp_wire_actuate_encode(&actuate, values, pump->expected.accepts_count, payload);
}

/* Queue the publication in |record| for the line, in the place of an older one that still waits. */
static void queue_actuation(struct amp_pump *pump) {
    uint8_t payload[AMP_FRAME_PAYLOAD_MAX];
    const size_t length = encode_actuation(pump, payload);
    if (pump->actuation_waits) {
        (void)amp_session_replace(&pump->session, pump->actuation_sequence, AMP_FRAME_ACTUATE,
                                  payload, length, pump->out + pump->actuation_at,
                                  AMP_PUMP_OUT_SIZE - pump->actuation_at);
        amp_owner_add(pump->owner, AMP_COUNT_REPLACED, 1);
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
    }
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

/* Arm for a new act; disarm once the source's outputs are safe, or the lease has passed anyway. A
 * new act that comes while the device still follows an older one disarms it first. */
static void follow_mode(struct amp_pump *pump, const struct amp_sample *sample, amp_ns now) {
    uint64_t arming = 0;
    const bool up = pump->session.state == AMP_SESSION_UP;
    if (pump->expected.accepts_count == 0) {
        return; /* a device that only senses is never armed */
    }
    const bool wanted = wants_armed(pump, &arming, now);
    if (wanted && (pump->arming == 0 || pump->arming == arming)) {
        if (up && pump->arming == 0 && arming > pump->refused_arming &&
            amp_session_command(&pump->session, AMP_VERB_ARM, (uint32_t)arming, AMP_PUMP_COMMAND_MS,
                                us_of(now)) != 0) {
            pump->arming = arming;
            pump->source_epoch = (uint32_t)(sample->mark & UINT32_MAX);
        }
        return;
    }
    const bool over = wanted || (sample->mark >> 32 & AMP_FLAG_AT_SAFE) != 0 ||
                      now - pump->unwanted_ns > pump->timing.lease_ns;
    if (up && pump->arming != 0 && over && !pump->disarming) {
        pump->disarming = amp_session_command(&pump->session, AMP_VERB_DISARM, 0,
                                              AMP_PUMP_COMMAND_MS, us_of(now)) != 0;
    }
}

static void count_session(struct amp_pump *pump) {
    const struct amp_session_counters *const now = &pump->session.counters;
    struct amp_session_counters *const before = &pump->counted;
    struct amp_owner *const owner = pump->owner;
    amp_owner_add(owner, AMP_COUNT_FRAMES_IN, now->frames_in - before->frames_in);
    amp_owner_add(owner, AMP_COUNT_FRAMES_OUT, now->frames_out - before->frames_out);
    amp_owner_add(owner, AMP_COUNT_BAD_FRAMES,
                  now->bad_cobs + now->bad_length + now->bad_crc - before->bad_cobs -
                      before->bad_length - before->bad_crc);
    amp_owner_add(owner, AMP_COUNT_SEQUENCE_GAPS, now->sequence_gaps - before->sequence_gaps);
    amp_owner_add(owner, AMP_COUNT_FOREIGN, now->foreign - before->foreign);
    amp_owner_add(owner, AMP_COUNT_REPEATED, now->repeated - before->repeated);
    amp_owner_add(owner, AMP_COUNT_HANDSHAKES, now->handshakes - before->handshakes);
    amp_owner_add(owner, AMP_COUNT_LINK_LOSSES, now->losses - before->losses);
    *before = *now;
}

static void queue_pending(struct amp_pump *pump, amp_ns now) {
    size_t size;
    do { /* ends when nothing is due, or no frame fits */
        size = amp_session_pending(&pump->session, us_of(now), pump->out + pump->out_size,
                                   AMP_PUMP_OUT_SIZE - pump->out_size);
        pump->out_size += (uint32_t)size;
    } while (size > 0);
}

void amp_pump_send(struct amp_pump *pump, amp_ns now) {
    struct amp_session_event event;
    watch_supervisor(pump, now);
    while (amp_session_poll(&pump->session, us_of(now), &event)) { /* each one reported once */
        take_event(pump, &event, now);
    }
    struct amp_sample *const sample = (void *)pump->record;
    uint64_t torn = 0;
    const bool got = amp_channel_latest(&pump->source, sample, &torn) == AMP_READ_VALUE;
    amp_owner_add(pump->owner, AMP_COUNT_TORN, torn);
    if (!got) {
        sample->mark = 0;
    }
    /* Before DISARM, so that the device has the safe values that it is disarmed for. Of the process
     * that was there when it was armed alone: what a successor says is for another act. */
    const bool same = (sample->mark & UINT32_MAX) == pump->source_epoch;
    if (got && same && sample->count != pump->forwarded && pump->device_armed && !pump->disarming) {
        pump->forwarded = sample->count;
        queue_actuation(pump);
    }
    follow_mode(pump, sample, now);
    queue_pending(pump, now);
    write_out(pump, now);
    count_session(pump);
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
    return release + period;
}

/* Do what the descriptor is ready for. A line that Linux has hung up reads as empty for ever. */
static void serve(struct amp_pump *pump, int ready, amp_ns now) {
    if ((ready & (AMP_POLL_READ | AMP_POLL_ERROR)) != 0 && !amp_pump_receive(pump, now)) {
        return;
    }
    if ((ready & AMP_POLL_ERROR) != 0) {
        lose_port(pump, AMP_EIO, now);
    } else if ((ready & AMP_POLL_WRITE) != 0) {
        write_out(pump, now);
    }
}

enum amp_pump_end amp_pump_run(struct amp_pump *pump) {
    const struct amp_platform *const platform = pump->platform;
    const amp_ns period = pump->timing.period_ns;
    const amp_ns grid = pump->timing.origin_ns + pump->timing.send_offset_ns;
    const amp_ns since = platform->now(platform->context) - grid;
    amp_ns release = grid + ((since > 0 ? since : 0) / period + 1) * period;
    amp_owner_begin(pump->owner, release);

    while (!pump->port_lost) { /* ends by may_end() at a send point, or with the port */
        const int want = AMP_POLL_READ | (pump->out_size > 0 ? AMP_POLL_WRITE : 0);
        const int ready = platform->poll(platform->context, pump->descriptor, want, release);
        const amp_ns wake = platform->now(platform->context);
        serve(pump, ready, wake);
        if (pump->port_lost || wake < release) {
            continue;
        }
        release = send_point(pump, release, wake);
        if (release == 0) {
            amp_owner_set(pump->owner, AMP_GAUGE_T_STOP_NS, (uint64_t)wake);
            amp_owner_beat(pump->owner, AMP_AT_END, wake);
            return pump->supervisor_lost ? AMP_PUMP_SUPERVISOR_LOST : AMP_PUMP_ENDED;
        }
    }
    amp_owner_set(pump->owner, AMP_GAUGE_T_STOP_NS, (uint64_t)release); /* the next, never made */
    return AMP_PUMP_PORT_LOST;
}
