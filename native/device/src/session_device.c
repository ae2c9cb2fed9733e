#include "session_end.h"

// What an IDENTIFY asks for, and what follows from it in each state.

enum request {
    REQUEST_SESSION,  // begin a session
    REQUEST_REPEAT,   // the answer to the last IDENTIFY was lost
    REQUEST_MISMATCH, // a host of another protocol or schema
    REQUEST_COUNT,
};

#define BEGIN {AMP_SESSION_UP, AMP_ON_UP, false}
#define REFUSE {AMP_SESSION_REFUSED, AMP_ON_REFUSED, false}
#define AGAIN(state) {AMP_SESSION_##state, AMP_ON_NOTHING, false}

static const struct amp_session_step STEPS[4][REQUEST_COUNT] = {
    [AMP_SESSION_DOWN] = {BEGIN, AGAIN(DOWN), REFUSE},
    [AMP_SESSION_IDENTIFYING] = {BEGIN, AGAIN(IDENTIFYING), REFUSE},
    [AMP_SESSION_UP] = {BEGIN, AGAIN(UP), REFUSE},
    [AMP_SESSION_REFUSED] = {BEGIN, AGAIN(REFUSED), REFUSE},
};

// Full period: no challenge comes again within 2^32 sessions of one boot.
static uint32_t challenge_after(uint32_t challenge) {
    return challenge * 1664525u + 1013904223u;
}

static void answer(struct amp_session *session, enum request request, enum amp_refusal refusal,
                   const struct amp_frame *frame, struct amp_session_event *event) {
    const struct amp_session_step *step = &STEPS[session->state][request];
    session->state = (enum amp_session_state)step->next;
    session->identity_due = true;
    session->boot_due = false;
    if (step->event == AMP_ON_NOTHING) {
        return;
    }
    session->number = frame->session;
    session->refusal = refusal;
    session->sequence_open = true;
    amp_session_forget_commands(session);
    session->time_due = false;
    session->identity.challenge = challenge_after(session->identity.challenge);
    session->counters.handshakes += step->event == AMP_ON_UP;
    session->counters.refusals += step->event == AMP_ON_REFUSED;
    event->kind = (enum amp_session_event_kind)step->event;
    event->refusal = refusal;
}

static void take_identify(struct amp_session *session, const struct amp_frame *frame,
                          struct amp_session_event *event) {
    struct amp_wire_identify identify;
    enum amp_refusal refusal = AMP_REFUSAL_NONE;
    if (frame->session == 0 ||
        !amp_wire_protocol(frame->payload, frame->length, &identify.major, &identify.minor)) {
        session->counters.unexpected++;
        return;
    }
    if (identify.major != AMP_PROTOCOL_MAJOR) {
        refusal = AMP_REFUSAL_PROTOCOL;
    } else if (!amp_wire_identify_decode(frame->payload, frame->length, &identify)) {
        session->counters.unexpected++;
        return;
    } else if (identify.schema_hash != session->identity.schema_hash) {
        refusal = AMP_REFUSAL_SCHEMA;
    }
    // Once the host has spoken in this session it has had its answer: whoever identifies under
    // the same number now is another host, or this one after a restart.
    const bool repeat = session->state != AMP_SESSION_DOWN && session->sequence_open &&
                        session->number == frame->session && session->refusal == refusal;
    if (repeat) {
        answer(session, REQUEST_REPEAT, refusal, frame, event);
    } else if (refusal != AMP_REFUSAL_NONE) {
        answer(session, REQUEST_MISMATCH, refusal, frame, event);
    } else {
        answer(session, REQUEST_SESSION, refusal, frame, event);
    }
}

// Of several that came before the line took an answer, the newest is answered.
static void take_clock(struct amp_session *session, const struct amp_frame *frame,
                       uint64_t now_us) {
    struct amp_wire_clock clock;
    if (!amp_wire_clock_decode(frame->payload, frame->length, &clock)) {
        session->counters.unexpected++;
        return;
    }
    session->time.token = clock.token;
    session->time.received_us = now_us;
    session->time_due = true;
}

static void device_take(struct amp_session *session, const struct amp_frame *frame, uint64_t now_us,
                        struct amp_session_event *event) {
    if (frame->type == AMP_FRAME_IDENTIFY) {
        take_identify(session, frame, event);
    } else if (frame->type != AMP_FRAME_ACTUATE && frame->type != AMP_FRAME_COMMAND &&
               frame->type != AMP_FRAME_CLOCK) {
        session->counters.unexpected++;
    } else if (session->state != AMP_SESSION_UP || frame->session != session->number) {
        session->counters.foreign++;
    } else if (amp_session_advance(session, frame, now_us)) {
        if (frame->type == AMP_FRAME_COMMAND) {
            amp_session_take_command(session, frame, event);
        } else if (frame->type == AMP_FRAME_CLOCK) {
            take_clock(session, frame, now_us);
        } else {
            event->kind = AMP_ON_MESSAGE;
            event->frame = *frame;
        }
    }
}

// The device watches no silence: its lease does that.
static bool device_poll(struct amp_session *session, uint64_t now_us,
                        struct amp_session_event *event) {
    (void)session;
    (void)now_us;
    (void)event;
    return false;
}

static size_t boot_pending(struct amp_session *session, uint64_t now_us, uint8_t *wire,
                           size_t room) {
    const struct amp_wire_event boot = {
        .code = AMP_EVENT_BOOT, .argument = session->identity.boot_nonce, .clock_us = now_us};
    uint8_t payload[AMP_EVENT_SIZE];
    const size_t length = amp_wire_event_encode(&boot, payload);
    const size_t size =
        amp_session_emit_loose(session, AMP_FRAME_EVENT, 0, payload, length, wire, room);
    session->boot_due = size == 0;
    return size;
}

static size_t identity_pending(struct amp_session *session, uint8_t *wire, size_t room) {
    uint8_t payload[AMP_IDENTITY_SIZE];
    const size_t length = amp_wire_identity_encode(&session->identity, payload);
    const size_t size = amp_session_emit_loose(session, AMP_FRAME_IDENTITY, session->number,
                                               payload, length, wire, room);
    session->identity_due = size == 0;
    return size;
}

static size_t time_pending(struct amp_session *session, uint64_t now_us, uint8_t *wire,
                           size_t room) {
    const uint64_t held_us = now_us - session->time.received_us;
    session->time.held_us = held_us < AMP_WIRE_NONE ? (uint32_t)held_us : AMP_WIRE_NONE;
    uint8_t payload[AMP_TIME_SIZE];
    const size_t length = amp_wire_time_encode(&session->time, payload);
    const size_t size = amp_session_send(session, AMP_FRAME_TIME, payload, length, wire, room);
    session->time_due = size == 0;
    return size;
}

static size_t device_pending(struct amp_session *session, uint64_t now_us, uint8_t *wire,
                             size_t room) {
    if (session->boot_due) {
        return boot_pending(session, now_us, wire, room);
    }
    if (session->identity_due) {
        return identity_pending(session, wire, room);
    }
    if (session->commands.answering.due != 0) {
        return amp_session_pending_ack(session, wire, room);
    }
    if (session->time_due) {
        return time_pending(session, now_us, wire, room);
    }
    return 0;
}

static const struct amp_session_end DEVICE = {device_take, device_poll, device_pending};

void amp_session_device_init(struct amp_session *session,
                             const struct amp_wire_identity *identity) {
    amp_session_clear(session, &DEVICE, identity->schema_hash);
    session->identity = *identity;
    session->identity.challenge = challenge_after(identity->boot_nonce);
    session->boot_due = true;
}
