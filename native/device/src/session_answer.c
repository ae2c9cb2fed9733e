// The device's side of commands: each id is applied once, and answered as often as it is repeated.

#include "session_end.h"

// What is known of an id of the window, beside its result in the lower bits.
#define SEEN 0x80u
#define ANSWERED 0x40u
#define DUE 0x20u
#define RESULT 0x1Fu

static uint8_t *slot_of(struct amp_answering *answering, uint16_t id) {
    return &answering->slots[id % AMP_COMMAND_WINDOW];
}

static void settle(struct amp_answering *answering, uint8_t *slot, enum amp_result result) {
    *slot = (uint8_t)(SEEN | ANSWERED | DUE | result);
    answering->due = true;
}

// How far |id| is behind the newest.
static uint16_t behind(const struct amp_session *session, uint16_t id) {
    return (uint16_t)(session->command_id - id);
}

static void move_window(struct amp_session *session, uint16_t id) {
    struct amp_answering *const answering = &session->commands.answering;
    uint16_t ahead = (uint16_t)(id - session->command_id);
    if (!answering->any || ahead > AMP_COMMAND_WINDOW) {
        ahead = AMP_COMMAND_WINDOW;
    }
    for (; ahead > 0; ahead--) {
        *slot_of(answering, (uint16_t)(id - ahead + 1)) = 0;
    }
    answering->any = true;
    session->command_id = id;
}

// What a command that is not applied is answered with; DONE: apply it.
static enum amp_result judge(struct amp_session *session, const struct amp_wire_command *command) {
    struct amp_answering *const answering = &session->commands.answering;
    const uint8_t verb = command->verb;
    if (verb == 0 || (verb > AMP_VERB_RESET && verb < AMP_VERB_SET) || verb > AMP_VERB_SET_LAST) {
        return AMP_RESULT_UNKNOWN_VERB;
    }
    if (verb < AMP_VERB_SET) {
        const uint16_t ahead = (uint16_t)(command->id - answering->mode_id);
        if (answering->mode_any && ahead > AMP_COMMAND_AHEAD_MAX) {
            return AMP_RESULT_SUPERSEDED;
        }
        answering->mode_any = true;
        answering->mode_id = command->id;
    }
    if (verb == AMP_VERB_ARM && command->ttl_ms == 0) {
        return AMP_RESULT_EXPIRED;
    }
    if (verb == AMP_VERB_ARM && command->argument != session->identity.challenge) {
        return AMP_RESULT_STALE;
    }
    return AMP_RESULT_DONE;
}

void amp_session_take_command(struct amp_session *session, const struct amp_frame *frame,
                              struct amp_session_event *event) {
    struct amp_answering *const answering = &session->commands.answering;
    struct amp_wire_command command;
    if (!amp_wire_command_decode(frame->payload, frame->length, &command)) {
        session->counters.unexpected++;
        return;
    }
    if (!answering->any || behind(session, command.id) > AMP_COMMAND_AHEAD_MAX) {
        move_window(session, command.id);
    }
    uint8_t *const slot = slot_of(answering, command.id);
    const bool passed = behind(session, command.id) >= AMP_COMMAND_WINDOW;
    if (passed || *slot != 0) {
        if (!passed && (*slot & ANSWERED) != 0) {
            settle(answering, slot, (enum amp_result)(*slot & RESULT));
        }
        session->counters.repeated++;
        return;
    }
    *slot = SEEN;
    const enum amp_result result = judge(session, &command);
    if (result != AMP_RESULT_DONE) {
        settle(answering, slot, result);
        return;
    }
    event->kind = AMP_ON_COMMAND;
    event->id = command.id;
    event->verb = command.verb;
    event->argument = command.argument;
}

void amp_session_acknowledge(struct amp_session *session, uint16_t id, enum amp_result result) {
    struct amp_answering *const answering = &session->commands.answering;
    uint8_t *const slot = slot_of(answering, id);
    if (answering->any && behind(session, id) < AMP_COMMAND_WINDOW && *slot != 0) {
        settle(answering, slot, result);
    }
}

void amp_session_forget_commands(struct amp_session *session) {
    struct amp_answering *const answering = &session->commands.answering;
    answering->any = answering->mode_any = answering->due = false;
}

// The oldest first.
size_t amp_session_pending_ack(struct amp_session *session, uint8_t *wire, size_t room) {
    struct amp_answering *const answering = &session->commands.answering;
    for (uint16_t back = AMP_COMMAND_WINDOW; back > 0 && answering->due; back--) {
        const uint16_t id = (uint16_t)(session->command_id - back + 1);
        uint8_t *const slot = slot_of(answering, id);
        if ((*slot & DUE) != 0) {
            const struct amp_wire_ack ack = {.id = id, .result = *slot & RESULT};
            uint8_t payload[AMP_ACK_SIZE];
            const size_t length = amp_wire_ack_encode(&ack, payload);
            const size_t size =
                amp_session_send(session, AMP_FRAME_ACK, payload, length, wire, room);
            if (size > 0) {
                *slot &= (uint8_t)~DUE;
            }
            return size;
        }
    }
    answering->due = false;
    return 0;
}
