#include "session_end.h"

// What the host learns, and what follows from it in each state. A state that a row does not name
// stays as it is and reports nothing.

enum lesson {
    LESSON_MATCH,    // an IDENTITY that agrees in every field
    LESSON_MISMATCH, // one that differs in a field
    LESSON_REBOOT,   // another boot nonce than before
    LESSON_RENEWED,  // the device has begun a session since: it no longer is in ours
    LESSON_SILENCE,
    LESSON_COUNT,
};

#define STAY(state) {AMP_SESSION_##state, AMP_ON_NOTHING, false}
#define ANEW(event) {AMP_SESSION_IDENTIFYING, (event), true}
#define TO_UP {AMP_SESSION_UP, AMP_ON_UP, false}
#define TO_REFUSED {AMP_SESSION_REFUSED, AMP_ON_REFUSED, false}

static const struct amp_session_step STEPS[4][LESSON_COUNT] = {
    [AMP_SESSION_DOWN] = {STAY(DOWN), STAY(DOWN), STAY(DOWN), STAY(DOWN), STAY(DOWN)},
    [AMP_SESSION_IDENTIFYING] = {TO_UP, TO_REFUSED, ANEW(AMP_ON_REBOOT), TO_UP, STAY(IDENTIFYING)},
    [AMP_SESSION_UP] = {STAY(UP), TO_REFUSED, ANEW(AMP_ON_REBOOT), ANEW(AMP_ON_LOST),
                        ANEW(AMP_ON_LOST)},
    [AMP_SESSION_REFUSED] = {TO_UP, TO_REFUSED, ANEW(AMP_ON_REBOOT), TO_UP, STAY(REFUSED)},
};

static uint16_t after(uint16_t number) {
    return number == 0xFFFFu ? 1 : (uint16_t)(number + 1);
}

void amp_session_describe(struct amp_session *session, uint64_t now_us) {
    if (session->expected.dictionary != NULL) {
        amp_dictionary_begin(session->expected.dictionary, session->identity.schema_hash, now_us);
    }
}

static void identify_anew(struct amp_session *session, uint16_t number, uint64_t now_us) {
    session->state = AMP_SESSION_IDENTIFYING;
    session->number = number;
    session->identify_next_us = now_us;
    amp_session_end_commands(session);
}

static void learn(struct amp_session *session, enum lesson lesson, enum amp_refusal refusal,
                  uint64_t now_us, struct amp_session_event *event) {
    const struct amp_session_step *step = &STEPS[session->state][lesson];
    const bool news = step->event != AMP_ON_REFUSED || session->refusal != refusal;
    if (step->next != AMP_SESSION_UP) {
        amp_session_end_commands(session);
    }
    if (step->event == AMP_ON_UP) {
        session->sequence_open = true;
        session->heard_us = now_us;
    }
    if (step->event == AMP_ON_REFUSED) {
        session->identify_next_us = now_us + AMP_IDENTIFY_REFUSED_US;
    }
    if (step->renew) {
        identify_anew(session, after(session->number), now_us);
    }
    session->state = (enum amp_session_state)step->next;
    session->refusal = refusal;
    if (news && refusal == AMP_REFUSAL_SCHEMA) {
        amp_session_describe(session, now_us);
    }
    session->counters.handshakes += step->event == AMP_ON_UP;
    session->counters.refusals += news && step->event == AMP_ON_REFUSED;
    session->counters.losses += step->event == AMP_ON_LOST;
    session->counters.reboots += step->event == AMP_ON_REBOOT;
    if (news) {
        event->kind = (enum amp_session_event_kind)step->event;
        event->refusal = refusal;
        event->argument = session->identity.boot_nonce;
    }
}

static bool texts_agree(const char *expected, const char *board) {
    if (expected == NULL || expected[0] == '\0') {
        return true;
    }
    for (size_t i = 0; i < AMP_BOARD_ID_ROOM; i++) {
        if (expected[i] != board[i]) {
            return false;
        }
        if (board[i] == '\0') {
            return true;
        }
    }
    return false;
}

static enum amp_refusal compare(const struct amp_session_host *expected,
                                const struct amp_wire_identity *identity) {
    if (identity->schema_hash != expected->schema_hash) {
        return AMP_REFUSAL_SCHEMA;
    }
    if (!texts_agree(expected->board, identity->board)) {
        return AMP_REFUSAL_BOARD;
    }
    if (identity->sends_count != expected->sends_count ||
        identity->accepts_count != expected->accepts_count) {
        return AMP_REFUSAL_COUNTS;
    }
    if (expected->lease_us_max != 0 && identity->lease_us > expected->lease_us_max) {
        return AMP_REFUSAL_LEASE;
    }
    if (expected->state_period_us != 0 && identity->state_period_us != expected->state_period_us) {
        return AMP_REFUSAL_RATE;
    }
    return AMP_REFUSAL_NONE;
}

static void take_identity(struct amp_session *session, const struct amp_frame *frame,
                          uint64_t now_us, struct amp_session_event *event) {
    struct amp_wire_identity identity;
    if (!amp_wire_protocol(frame->payload, frame->length, &identity.major, &identity.minor)) {
        session->counters.unexpected++;
        return;
    }
    if (identity.major != AMP_PROTOCOL_MAJOR) {
        session->identity.major = identity.major;
        session->identity.minor = identity.minor;
        learn(session, LESSON_MISMATCH, AMP_REFUSAL_PROTOCOL, now_us, event);
        return;
    }
    if (!amp_wire_identity_decode(frame->payload, frame->length, &identity)) {
        session->counters.unexpected++;
        return;
    }
    const bool known = session->identity_known;
    const bool rebooted = known && identity.boot_nonce != session->identity.boot_nonce;
    const bool renewed = known && identity.challenge != session->identity.challenge;
    session->identity = identity;
    session->identity_known = true;
    const enum amp_refusal refusal = compare(&session->expected, &identity);
    if (rebooted) {
        learn(session, LESSON_REBOOT, AMP_REFUSAL_NONE, now_us, event);
    } else if (refusal != AMP_REFUSAL_NONE) {
        learn(session, LESSON_MISMATCH, refusal, now_us, event);
    } else if (renewed) {
        learn(session, LESSON_RENEWED, AMP_REFUSAL_NONE, now_us, event);
    } else {
        learn(session, LESSON_MATCH, AMP_REFUSAL_NONE, now_us, event);
    }
}

// A device that has just started belongs to no session: this one event is heard from anybody.
static void take_boot(struct amp_session *session, const struct amp_frame *frame, uint64_t now_us,
                      struct amp_session_event *event) {
    struct amp_wire_event boot;
    if (!amp_wire_event_decode(frame->payload, frame->length, &boot) ||
        boot.code != AMP_EVENT_BOOT) {
        session->counters.unexpected++;
        return;
    }
    if (session->identity_known && boot.argument != session->identity.boot_nonce) {
        session->identity.boot_nonce = boot.argument;
        learn(session, LESSON_REBOOT, AMP_REFUSAL_NONE, now_us, event);
    }
}

// What comes from a device that is refused, or that has not answered yet, says nothing about values.
static bool is_foreign(const struct amp_session *session, const struct amp_frame *frame) {
    return session->state == AMP_SESSION_DOWN || frame->session != session->number ||
           (session->state != AMP_SESSION_UP && frame->type >= AMP_FRAME_SEEDED);
}

static bool is_for_hosts(uint8_t type) {
    return type == AMP_FRAME_IDENTITY || type == AMP_FRAME_DICTIONARY || type == AMP_FRAME_STATE ||
           type == AMP_FRAME_ACK || type == AMP_FRAME_EVENT || type == AMP_FRAME_TIME ||
           type == AMP_FRAME_LOG;
}

static void take_dictionary(struct amp_session *session, const struct amp_frame *frame,
                            uint64_t now_us) {
    struct amp_dictionary *const dictionary = session->expected.dictionary;
    if (dictionary == NULL ||
        !amp_dictionary_take(dictionary, frame->payload, frame->length, now_us)) {
        session->counters.unexpected++;
    }
}

static void host_take(struct amp_session *session, const struct amp_frame *frame, uint64_t now_us,
                      struct amp_session_event *event) {
    if (!is_for_hosts(frame->type)) {
        session->counters.unexpected++;
    } else if (frame->type == AMP_FRAME_EVENT && frame->session == 0 &&
               session->state != AMP_SESSION_DOWN) {
        take_boot(session, frame, now_us, event);
    } else if (is_foreign(session, frame)) {
        session->counters.foreign++;
    } else if (frame->type == AMP_FRAME_IDENTITY) {
        take_identity(session, frame, now_us, event);
    } else if (frame->type == AMP_FRAME_DICTIONARY) {
        take_dictionary(session, frame, now_us);
    } else if (amp_session_advance(session, frame, now_us)) {
        if (frame->type == AMP_FRAME_ACK) {
            amp_session_take_ack(session, frame, now_us, event);
        } else {
            event->kind = AMP_ON_MESSAGE;
            event->frame = *frame;
        }
    }
}

static bool host_poll(struct amp_session *session, uint64_t now_us,
                      struct amp_session_event *event) {
    if (session->state == AMP_SESSION_UP && now_us > session->heard_us &&
        now_us - session->heard_us >= session->expected.lost_after_us) {
        learn(session, LESSON_SILENCE, AMP_REFUSAL_NONE, now_us, event);
        return true;
    }
    if (session->expected.dictionary != NULL &&
        amp_dictionary_ended(session->expected.dictionary)) {
        event->kind = AMP_ON_DICTIONARY;
        return true;
    }
    return amp_session_poll_commands(session, now_us, event);
}

static size_t identify_pending(struct amp_session *session, uint64_t now_us, uint8_t *wire,
                               size_t room) {
    if (now_us < session->identify_next_us) {
        return 0;
    }
    const struct amp_wire_identify identify = {AMP_PROTOCOL_MAJOR, AMP_PROTOCOL_MINOR,
                                               session->expected.schema_hash};
    uint8_t payload[AMP_IDENTIFY_SIZE];
    const size_t size = amp_session_emit(session, AMP_FRAME_IDENTIFY, session->number, payload,
                                         amp_wire_identify_encode(&identify, payload), wire, room);
    if (size > 0) {
        const bool refused = session->state == AMP_SESSION_REFUSED;
        session->identify_next_us = now_us + (refused ? AMP_IDENTIFY_REFUSED_US : AMP_IDENTIFY_US);
    }
    return size;
}

static size_t describe_pending(struct amp_session *session, uint64_t now_us, uint8_t *wire,
                               size_t room) {
    struct amp_dictionary *const dictionary = session->expected.dictionary;
    struct amp_wire_describe describe;
    if (dictionary == NULL || room < AMP_DESCRIBE_SIZE + AMP_FRAME_OVERHEAD ||
        !amp_dictionary_ask(dictionary, now_us, &describe)) {
        return 0;
    }
    uint8_t payload[AMP_DESCRIBE_SIZE];
    return amp_session_emit(session, AMP_FRAME_DESCRIBE, session->number, payload,
                            amp_wire_describe_encode(&describe, payload), wire, room);
}

static size_t host_pending(struct amp_session *session, uint64_t now_us, uint8_t *wire,
                           size_t room) {
    size_t size = 0;
    switch (session->state) {
    case AMP_SESSION_IDENTIFYING:
        return identify_pending(session, now_us, wire, room);
    case AMP_SESSION_REFUSED:
        size = identify_pending(session, now_us, wire, room);
        return size > 0 ? size : describe_pending(session, now_us, wire, room);
    case AMP_SESSION_UP:
        size = amp_session_pending_command(session, now_us, wire, room);
        return size > 0 ? size : describe_pending(session, now_us, wire, room);
    case AMP_SESSION_DOWN:
        break;
    }
    return 0;
}

static const struct amp_session_end HOST = {host_take, host_poll, host_pending};

void amp_session_host_init(struct amp_session *session, const struct amp_session_host *expected,
                           uint16_t number, uint64_t now_us) {
    amp_session_clear(session, &HOST, expected->schema_hash);
    session->expected = *expected;
    session->commands.asking.timeout_us = AMP_COMMAND_US;
    identify_anew(session, number, now_us);
}

size_t amp_session_replace(const struct amp_session *session, uint16_t sequence,
                           enum amp_frame_type type, const uint8_t *payload, size_t length,
                           uint8_t *wire, size_t room) {
    if (session->state != AMP_SESSION_UP || length > AMP_FRAME_PAYLOAD_MAX) {
        return 0;
    }
    const struct amp_frame frame = {.type = (uint8_t)type,
                                    .session = session->number,
                                    .sequence = sequence,
                                    .length = (uint8_t)length,
                                    .payload = payload};
    const int size = amp_frame_encode(&frame, session->parser.schema_hash, wire, room);
    return size < 0 ? 0 : (size_t)size;
}

void amp_session_restart(struct amp_session *session, uint16_t number, uint64_t now_us) {
    amp_frame_parser_init(&session->parser, session->expected.schema_hash);
    session->refusal = AMP_REFUSAL_NONE;
    identify_anew(session, number, now_us);
}

void amp_session_close(struct amp_session *session) {
    session->state = AMP_SESSION_DOWN;
    amp_session_end_commands(session);
}
