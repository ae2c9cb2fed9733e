#include "session_end.h"

// What the device itself has to send, the first first; an acknowledgement comes before all but the
// first two.
#define DUE_BOOT 1u
#define DUE_IDENTITY 2u
#define DUE_TIME 4u
#define DUE_DICTIONARY 8u

#define PAYLOAD_MAX AMP_IDENTITY_SIZE

_Static_assert(AMP_DICTIONARY_SIZE + AMP_DICTIONARY_PIECE <= PAYLOAD_MAX, "the longest of them");

// Full period: no challenge comes again within 2^32 sessions of one boot.
static uint32_t challenge_after(uint32_t challenge) {
    return challenge * 1664525u + 1013904223u;
}

// Every IDENTIFY is answered, in every state; but for a repeated one it begins a session or refuses.
static void begin(struct amp_session *session, const struct amp_frame *frame,
                  enum amp_refusal refusal, struct amp_session_event *event) {
    const bool refused = refusal != AMP_REFUSAL_NONE;
    session->state = refused ? AMP_SESSION_REFUSED : AMP_SESSION_UP;
    session->number = frame->session;
    session->refusal = refusal;
    session->sequence_open = true;
    session->due = DUE_IDENTITY;
    amp_session_forget_commands(session);
    session->identity.challenge = challenge_after(session->identity.challenge);
    session->counters.handshakes += !refused;
    session->counters.refusals += refused;
    event->kind = refused ? AMP_ON_REFUSED : AMP_ON_UP;
    event->refusal = refusal;
}

static bool take_identify(struct amp_session *session, const struct amp_frame *frame,
                          struct amp_session_event *event) {
    struct amp_wire_identify identify;
    enum amp_refusal refusal = AMP_REFUSAL_NONE;
    if (frame->session == 0 ||
        !amp_wire_protocol(frame->payload, frame->length, &identify.major, &identify.minor)) {
        return false;
    }
    if (identify.major != AMP_PROTOCOL_MAJOR) {
        refusal = AMP_REFUSAL_PROTOCOL;
    } else if (!amp_wire_identify_decode(frame->payload, frame->length, &identify)) {
        return false;
    } else if (identify.schema_hash != session->identity.schema_hash) {
        refusal = AMP_REFUSAL_SCHEMA;
    }
    // Once the host has spoken in this session it has had its answer: whoever identifies under
    // the same number now is another host, or this one after a restart.
    if (session->state != AMP_SESSION_DOWN && session->sequence_open &&
        session->number == frame->session && session->refusal == refusal) {
        session->due = (uint8_t)((session->due & ~DUE_BOOT) | DUE_IDENTITY);
    } else {
        begin(session, frame, refusal, event);
    }
    return true;
}

// Of several that came before the line took an answer, the newest is answered.
static bool take_clock(struct amp_session *session, const struct amp_frame *frame,
                       uint64_t now_us) {
    struct amp_wire_clock clock;
    if (!amp_wire_clock_decode(frame->payload, frame->length, &clock)) {
        return false;
    }
    session->time.token = clock.token;
    session->time.received_us = now_us;
    session->due |= DUE_TIME;
    return true;
}

static bool take_describe(struct amp_session *session, const struct amp_frame *frame) {
    struct amp_wire_describe describe;
    if (!amp_wire_describe_decode(frame->payload, frame->length, &describe)) {
        return false;
    }
    session->described = describe.offset;
    session->due |= DUE_DICTIONARY;
    return true;
}

static bool take_message(struct amp_session *session, const struct amp_frame *frame,
                         uint64_t now_us, struct amp_session_event *event) {
    if (!amp_session_advance(session, frame, now_us)) {
        return true;
    }
    if (frame->type == AMP_FRAME_COMMAND) {
        amp_session_take_command(session, frame, event);
    } else if (frame->type == AMP_FRAME_CLOCK) {
        return take_clock(session, frame, now_us);
    } else {
        event->kind = AMP_ON_MESSAGE;
        event->frame = *frame;
    }
    return true;
}

static void device_take(struct amp_session *session, const struct amp_frame *frame, uint64_t now_us,
                        struct amp_session_event *event) {
    const uint8_t type = frame->type;
    bool expected = true;
    if (type == AMP_FRAME_IDENTIFY) {
        expected = take_identify(session, frame, event);
    } else if (type != AMP_FRAME_ACTUATE && type != AMP_FRAME_COMMAND && type != AMP_FRAME_CLOCK &&
               type != AMP_FRAME_DESCRIBE) {
        expected = false;
    } else if (session->state == AMP_SESSION_DOWN || frame->session != session->number ||
               (session->state != AMP_SESSION_UP && type != AMP_FRAME_DESCRIBE)) {
        session->counters.foreign++;
    } else if (type == AMP_FRAME_DESCRIBE) {
        expected = take_describe(session, frame);
    } else {
        expected = take_message(session, frame, now_us, event);
    }
    session->counters.unexpected += !expected;
}

// The device watches no silence: its lease does that.
static bool device_poll(struct amp_session *session, uint64_t now_us,
                        struct amp_session_event *event) {
    (void)session;
    (void)now_us;
    (void)event;
    return false;
}

static size_t dictionary_payload(const struct amp_session *session, uint8_t *payload) {
    const struct amp_wire_dictionary piece = {.offset = session->described,
                                              .size = session->dictionary_size};
    size_t length = amp_wire_dictionary_encode(&piece, payload);
    for (size_t at = piece.offset;
         at < piece.size && length < AMP_DICTIONARY_SIZE + AMP_DICTIONARY_PIECE; at++) {
        payload[length++] = (uint8_t)AMP_DICTIONARY_BYTE(session->dictionary + at);
    }
    return length;
}

static size_t time_payload(struct amp_session *session, uint64_t now_us, uint8_t *payload) {
    const uint64_t held_us = now_us - session->time.received_us;
    session->time.held_us = held_us < AMP_WIRE_NONE ? (uint32_t)held_us : AMP_WIRE_NONE;
    return amp_wire_time_encode(&session->time, payload);
}

static size_t boot_payload(const struct amp_session *session, uint64_t now_us, uint8_t *payload) {
    const struct amp_wire_event boot = {
        .code = AMP_EVENT_BOOT, .argument = session->identity.boot_nonce, .clock_us = now_us};
    return amp_wire_event_encode(&boot, payload);
}

static size_t device_pending(struct amp_session *session, uint64_t now_us, uint8_t *wire,
                             size_t room) {
    const uint8_t due = session->due & (uint8_t)-session->due; // the lowest of its bits
    uint8_t payload[PAYLOAD_MAX];
    size_t length;
    enum amp_frame_type type;
    uint16_t number = session->number;
    if (due != DUE_BOOT && due != DUE_IDENTITY && session->commands.answering.due) {
        const size_t ack = amp_session_pending_ack(session, wire, room);
        if (session->commands.answering.due) {
            return ack;
        }
    }
    if (due == DUE_BOOT) {
        type = AMP_FRAME_EVENT;
        number = 0;
        length = boot_payload(session, now_us, payload);
    } else if (due == DUE_IDENTITY) {
        type = AMP_FRAME_IDENTITY;
        length = amp_wire_identity_encode(&session->identity, payload);
    } else if (due == DUE_TIME) {
        type = AMP_FRAME_TIME;
        length = time_payload(session, now_us, payload);
    } else if (due == DUE_DICTIONARY) {
        type = AMP_FRAME_DICTIONARY;
        length = dictionary_payload(session, payload);
    } else {
        return 0;
    }
    const size_t size = amp_session_emit(session, type, number, payload, length, wire, room);
    if (size > 0) {
        session->due &= (uint8_t)~due;
    }
    return size;
}

static const struct amp_session_end DEVICE = {device_take, device_poll, device_pending};

void amp_session_device_init(struct amp_session *session,
                             const struct amp_wire_identity *identity) {
    amp_session_clear(session, &DEVICE, identity->schema_hash);
    session->identity = *identity;
    session->identity.challenge = challenge_after(identity->boot_nonce);
    session->due = DUE_BOOT;
}
