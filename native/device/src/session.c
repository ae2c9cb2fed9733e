#include "session_end.h"

#define SEQUENCE_AHEAD_MAX 0x7FFFu // further ahead than this is behind

void amp_session_clear(struct amp_session *session, const struct amp_session_end *end,
                       uint32_t schema_hash) {
    uint8_t *const bytes = (uint8_t *)session;
    for (size_t i = 0; i < sizeof *session; i++) {
        bytes[i] = 0;
    }
    session->end = end;
    amp_frame_parser_init(&session->parser, schema_hash);
}

bool amp_session_advance(struct amp_session *session, const struct amp_frame *frame,
                         uint64_t now_us) {
    const uint16_t ahead = (uint16_t)(frame->sequence - session->expected_sequence);
    const bool old = ahead > SEQUENCE_AHEAD_MAX;
    if (!session->sequence_open && old && now_us < session->heard_us + AMP_SEQUENCE_FORGET_US) {
        session->counters.repeated++;
        return false;
    }
    if (!session->sequence_open && !old) {
        session->counters.sequence_gaps += ahead;
    }
    session->sequence_open = false;
    session->expected_sequence = (uint16_t)(frame->sequence + 1);
    session->heard_us = now_us;
    return true;
}

// IDENTIFY, IDENTITY, DESCRIBE, DICTIONARY and BOOT stand outside the sequence.
size_t amp_session_emit(struct amp_session *session, enum amp_frame_type type, uint16_t number,
                        const uint8_t *payload, size_t length, uint8_t *wire, size_t room) {
    const bool loose = type < AMP_FRAME_SEEDED || number == 0;
    const uint16_t sequence = (uint16_t)(session->sent_sequence + 1);
    const struct amp_frame frame = {.type = (uint8_t)type,
                                    .session = number,
                                    .sequence = loose ? 0 : sequence,
                                    .length = (uint8_t)length,
                                    .payload = payload};
    const int size = length > AMP_FRAME_PAYLOAD_MAX
                         ? 0
                         : amp_frame_encode(&frame, session->parser.schema_hash, wire, room);
    if (size <= 0) {
        return 0;
    }
    session->counters.frames_out++;
    if (!loose) {
        session->sent_sequence = sequence;
    }
    return (size_t)size;
}

size_t amp_session_send(struct amp_session *session, enum amp_frame_type type,
                        const uint8_t *payload, size_t length, uint8_t *wire, size_t room) {
    return session->state == AMP_SESSION_UP
               ? amp_session_emit(session, type, session->number, payload, length, wire, room)
               : 0;
}

static void count_verdict(struct amp_session_counters *counters, enum amp_frame_verdict verdict) {
    counters->frames_in += verdict == AMP_FRAME_GOOD;
    counters->bad_cobs += verdict == AMP_FRAME_ECOBS;
    counters->bad_length += verdict == AMP_FRAME_ELENGTH;
    counters->bad_crc += verdict == AMP_FRAME_ECRC;
}

size_t amp_session_receive(struct amp_session *session, const uint8_t *bytes, size_t size,
                           uint64_t now_us, struct amp_session_event *event) {
    size_t used = 0;
    event->kind = AMP_ON_NOTHING;
    while (used < size && event->kind == AMP_ON_NOTHING) {
        enum amp_frame_verdict verdict = AMP_FRAME_MORE;
        struct amp_frame frame;
        used += amp_frame_parse(&session->parser, bytes + used, size - used, &verdict, &frame);
        count_verdict(&session->counters, verdict);
        if (verdict == AMP_FRAME_GOOD) {
            session->end->take(session, &frame, now_us, event);
        }
    }
    return used;
}

bool amp_session_poll(struct amp_session *session, uint64_t now_us,
                      struct amp_session_event *event) {
    event->kind = AMP_ON_NOTHING;
    return session->end->poll(session, now_us, event);
}

size_t amp_session_pending(struct amp_session *session, uint64_t now_us, uint8_t *wire,
                           size_t room) {
    return session->end->pending(session, now_us, wire, room);
}
