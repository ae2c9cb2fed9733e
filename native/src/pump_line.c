#include "pump_parts.h"

void amp_pump_lose_port(struct amp_pump *pump, int error, amp_ns now) {
    pump->descriptor = -1;
    pump->tally.ports_lost++;
    amp_tap_mark(&pump->tap, now, AMP_TAP_PORT_LOST, error);
    amp_pump_isolate_port(pump, now);
    amp_session_close(&pump->session);
    amp_pump_link_down(pump, AMP_FAULT_PORT, error, now);
    amp_owner_set(pump->owner, AMP_GAUGE_LINK, (uint64_t)pump->session.state);
}

void amp_pump_session_anew(struct amp_pump *pump, amp_ns now) {
    const uint16_t number = pump->session.number;
    amp_session_restart(&pump->session, number == UINT16_MAX ? 1 : (uint16_t)(number + 1),
                        amp_pump_us(now));
    amp_owner_set(pump->owner, AMP_GAUGE_LINK, (uint64_t)pump->session.state);
}

void amp_pump_open(struct amp_pump *pump, int descriptor, amp_ns now) {
    pump->descriptor = descriptor;
    pump->tally.ports_opened++;
    amp_tap_mark(&pump->tap, now, AMP_TAP_PORT_OPENED, 0);
    amp_pump_isolate_port(pump, now);
    amp_pump_session_anew(pump, now);
    amp_owner_add(pump->owner, AMP_COUNT_PORTS_OPENED, 1);
}

bool amp_pump_receive(struct amp_pump *pump, amp_ns now) {
    const int got =
        pump->platform->read(pump->platform->context, pump->descriptor, pump->in, sizeof pump->in);
    if (got < 0) {
        amp_pump_lose_port(pump, -got, now);
        return false;
    }
    amp_owner_add(pump->owner, AMP_COUNT_BYTES_IN, (uint64_t)got);
    pump->tally.bytes_in += (uint64_t)got;
    amp_tap_bytes(&pump->tap, now, AMP_TAP_FROM_DEVICE, pump->in, (size_t)got);
    if (pump->isolation.kind != AMP_ISOLATED_NOT) {
        amp_pump_isolate_drop(pump, (uint32_t)got, now);
        return true;
    }
    size_t done = 0;
    while (done < (size_t)got) { /* each call takes at least one byte */
        struct amp_session_event event;
        done += amp_session_receive(&pump->session, pump->in + done, (size_t)got - done,
                                    amp_pump_us(now), &event);
        amp_pump_take_event(pump, &event, now);
    }
    amp_pump_isolate_heard(pump, (uint32_t)got, now);
    if (amp_pump_clock_ask(pump, now)) {
        amp_pump_write_out(pump, now);
    }
    return true;
}

void amp_pump_write_out(struct amp_pump *pump, amp_ns now) {
    amp_ns taken = now;
    while (pump->out_sent < pump->out_size) { /* each pass writes at least one byte */
        const int put =
            pump->platform->write(pump->platform->context, pump->descriptor,
                                  pump->out + pump->out_sent, pump->out_size - pump->out_sent);
        if (put < 0) {
            amp_pump_lose_port(pump, -put, now);
            return;
        }
        amp_pump_isolate_wrote(pump, put > 0, now);
        if (put == 0) {
            return;
        }
        taken = pump->platform->now(pump->platform->context);
        amp_tap_bytes(&pump->tap, taken, AMP_TAP_TO_DEVICE, pump->out + pump->out_sent,
                      (size_t)put);
        pump->out_sent += (uint32_t)put;
        amp_owner_add(pump->owner, AMP_COUNT_BYTES_OUT, (uint64_t)put);
        pump->tally.bytes_out += (uint64_t)put;
        if (pump->out_sent > pump->actuation_at) {
            pump->actuation_waits = false;
        }
    }
    amp_pump_tally_written(pump, taken);
    pump->out_size = pump->out_sent = 0;
    pump->actuation_waits = false;
}

void amp_pump_count(struct amp_pump *pump) {
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
    amp_owner_add(owner, AMP_COUNT_RETRANSMISSIONS, now->retransmissions - before->retransmissions);
    amp_owner_add(owner, AMP_COUNT_COMMANDS_EXPIRED, now->expired - before->expired);
    amp_owner_add(owner, AMP_COUNT_REBOOTS, now->reboots - before->reboots);
    *before = *now;
}

void amp_pump_queue_pending(struct amp_pump *pump, amp_ns now) {
    size_t size;
    do { /* ends when nothing is due, or no frame fits */
        size = amp_session_pending(&pump->session, amp_pump_us(now), pump->out + pump->out_size,
                                   AMP_PUMP_OUT_SIZE - pump->out_size);
        pump->out_size += (uint32_t)size;
    } while (size > 0);
}
