// The device's side of commands: each id is applied once, and answered as often as it is repeated.

#include "session_end.h"

static void settle(struct amp_answering *answering, uint16_t id, uint8_t result, uint64_t bit) {
    answering->results[id % AMP_COMMAND_WINDOW] = result;
    answering->answered |= bit;
    answering->due |= bit;
}

// The bit of |id| in the window; 0 if the window has passed it. The newest id is bit 0.
static uint64_t bit_of(const struct amp_session *session, uint16_t id) {
    const unsigned back = ((unsigned)session->command_id - id) & 0xFFFFu;
    return back < AMP_COMMAND_WINDOW ? (uint64_t)1 << back : 0;
}

static void move_window(struct amp_session *session, uint16_t id) {
    struct amp_answering *const answering = &session->commands.answering;
    const uint16_t ahead = (uint16_t)(id - session->command_id);
    if (!answering->any || ahead >= AMP_COMMAND_WINDOW) {
        answering->seen = answering->answered = answering->due = 0;
    } else {
        answering->seen <<= ahead;
        answering->answered <<= ahead;
        answering->due <<= ahead;
    }
    answering->any = true;
    session->command_id = id;
}

static bool is_known(uint8_t verb) {
    return (verb >= AMP_VERB_ARM && verb <= AMP_VERB_RESET) ||
           (verb >= AMP_VERB_SET && verb <= AMP_VERB_SET_LAST);
}

// What a command that is not applied is answered with; DONE: apply it.
static enum amp_result judge(struct amp_session *session, const struct amp_wire_command *command) {
    struct amp_answering *const answering = &session->commands.answering;
    if (!is_known(command->verb)) {
        return AMP_RESULT_UNKNOWN_VERB;
    }
    if (command->verb < AMP_VERB_SET) {
        const uint16_t ahead = (uint16_t)(command->id - answering->mode_id);
        if (answering->mode_any && ahead > AMP_COMMAND_AHEAD_MAX) {
            return AMP_RESULT_SUPERSEDED;
        }
        answering->mode_any = true;
        answering->mode_id = command->id;
    }
    if (command->verb == AMP_VERB_ARM && command->ttl_ms == 0) {
        return AMP_RESULT_EXPIRED;
    }
    if (command->verb == AMP_VERB_ARM && command->argument != session->identity.challenge) {
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
    const uint16_t ahead = (uint16_t)(command.id - session->command_id);
    if (!answering->any || (ahead != 0 && ahead <= AMP_COMMAND_AHEAD_MAX)) {
        move_window(session, command.id);
    }
    const uint64_t bit = bit_of(session, command.id);
    if (bit == 0 || (answering->seen & bit) != 0) {
        answering->due |= answering->answered & bit;
        session->counters.repeated++;
        return;
    }
    answering->seen |= bit;
    const enum amp_result result = judge(session, &command);
    if (result != AMP_RESULT_DONE) {
        settle(answering, command.id, (uint8_t)result, bit);
        return;
    }
    event->kind = AMP_ON_COMMAND;
    event->id = command.id;
    event->verb = command.verb;
    event->argument = command.argument;
}

void amp_session_acknowledge(struct amp_session *session, uint16_t id, enum amp_result result) {
    struct amp_answering *const answering = &session->commands.answering;
    const uint64_t bit = bit_of(session, id);
    if (answering->any && (answering->seen & bit) != 0) {
        settle(answering, id, (uint8_t)result, bit);
    }
}

void amp_session_forget_commands(struct amp_session *session) {
    struct amp_answering *const answering = &session->commands.answering;
    answering->any = answering->mode_any = false;
    answering->seen = answering->answered = answering->due = 0;
}

// The oldest first.
size_t amp_session_pending_ack(struct amp_session *session, uint8_t *wire, size_t room) {
    struct amp_answering *const answering = &session->commands.answering;
    uint16_t back = AMP_COMMAND_WINDOW - 1;
    while ((answering->due >> back & 1) == 0) {
        if (back-- == 0) {
            return 0;
        }
    }
    const uint16_t id = (uint16_t)(session->command_id - back);
    const struct amp_wire_ack ack = {.id = id,
                                     .result = answering->results[id % AMP_COMMAND_WINDOW]};
    uint8_t payload[AMP_ACK_SIZE];
    const size_t length = amp_wire_ack_encode(&ack, payload);
    const size_t size = amp_session_send(session, AMP_FRAME_ACK, payload, length, wire, room);
    answering->due &= size > 0 ? ~((uint64_t)1 << back) : UINT64_MAX;
    return size;
}
