// The host's commands: under way until they are acknowledged or their time is over.

#include "session_end.h"

// One command of each subject at a time, so that no later one is overtaken by an earlier one: all
// that is about the mode in the first place, each parameter in one of the others.
static size_t place_of(const struct amp_asking *asking, uint8_t verb) {
    if (verb < AMP_VERB_SET) {
        return 0;
    }
    size_t free = AMP_COMMANDS_MAX;
    for (size_t i = AMP_COMMANDS_MAX - 1; i > 0; i--) {
        const struct amp_asked *const asked = &asking->places[i];
        if (asked->id != 0 && asked->verb == verb) {
            return i;
        }
        free = asked->id == 0 ? i : free;
    }
    return free;
}

uint16_t amp_session_command(struct amp_session *session, enum amp_verb verb, uint32_t argument,
                             uint16_t ttl_ms, uint64_t now_us) {
    struct amp_asking *const asking = &session->commands.asking;
    const size_t place = place_of(asking, (uint8_t)verb);
    const bool waits = verb == AMP_VERB_ARM || verb == AMP_VERB_RESET;
    if (session->state != AMP_SESSION_UP || ttl_ms == 0 || place == AMP_COMMANDS_MAX ||
        (asking->places[place].id != 0 && waits)) {
        return 0;
    }
    session->command_id = session->command_id == UINT16_MAX ? 1 : session->command_id + 1u;
    asking->places[place] = (struct amp_asked){
        .id = session->command_id,
        .verb = (uint8_t)verb,
        .argument = argument,
        .sent_argument = verb == AMP_VERB_ARM ? session->identity.challenge : argument,
        .next_us = now_us,
        .end_us = now_us + (uint64_t)ttl_ms * 1000,
    };
    return session->command_id;
}

uint16_t amp_session_set(struct amp_session *session, uint8_t index, float value, uint16_t ttl_ms,
                         uint64_t now_us) {
    if (index > AMP_VERB_SET_LAST - AMP_VERB_SET) {
        return 0;
    }
    return amp_session_command(session, (enum amp_verb)(AMP_VERB_SET + index),
                               amp_float_bits(value), ttl_ms, now_us);
}

static void report(struct amp_asked *asked, enum amp_session_event_kind kind, uint8_t result,
                   struct amp_session_event *event) {
    event->kind = kind;
    event->id = asked->id;
    event->verb = asked->verb;
    event->argument = asked->argument;
    event->result = result;
    asked->id = 0;
}

// RFC 6298 (2.2 to 2.4), with Karn's rule: who was repeated says nothing about the way. It does not
// double while it waits: the line is one host's own, and what it loses was damaged, not queued.
static void take_round_trip(struct amp_asking *asking, uint64_t trip_us) {
    const uint32_t trip = trip_us < AMP_TIMEOUT_US_MAX ? (uint32_t)trip_us : AMP_TIMEOUT_US_MAX;
    if (!asking->round_trip_known) {
        asking->round_trip_us = trip;
        asking->deviation_us = trip / 2;
    } else {
        const uint32_t smooth = asking->round_trip_us;
        const uint32_t error = trip > smooth ? trip - smooth : smooth - trip;
        asking->deviation_us = (3 * asking->deviation_us + error) / 4;
        asking->round_trip_us = (7 * smooth + trip) / 8;
    }
    asking->round_trip_known = true;
    const uint32_t spread = 4 * asking->deviation_us;
    uint32_t timeout =
        asking->round_trip_us + (spread > AMP_TIMEOUT_GRAIN_US ? spread : AMP_TIMEOUT_GRAIN_US);
    timeout = timeout > AMP_TIMEOUT_US_MIN ? timeout : AMP_TIMEOUT_US_MIN;
    asking->timeout_us = timeout < AMP_TIMEOUT_US_MAX ? timeout : AMP_TIMEOUT_US_MAX;
}

void amp_session_take_ack(struct amp_session *session, const struct amp_frame *frame,
                          uint64_t now_us, struct amp_session_event *event) {
    struct amp_asking *const asking = &session->commands.asking;
    struct amp_wire_ack ack;
    if (amp_wire_ack_decode(frame->payload, frame->length, &ack)) {
        for (size_t i = 0; i < AMP_COMMANDS_MAX; i++) {
            struct amp_asked *const asked = &asking->places[i];
            if (asked->id != 0 && asked->id == ack.id && asked->sent > 0 && !asked->over) {
                if (asked->sent == 1) {
                    take_round_trip(asking, now_us - asked->sent_us);
                }
                report(asked, AMP_ON_ACKED, ack.result, event);
                return;
            }
        }
    }
    session->counters.unexpected++;
}

void amp_session_end_commands(struct amp_session *session) {
    for (size_t i = 0; i < AMP_COMMANDS_MAX; i++) {
        session->commands.asking.places[i].over = true;
    }
}

bool amp_session_poll_commands(struct amp_session *session, uint64_t now_us,
                               struct amp_session_event *event) {
    for (size_t i = 0; i < AMP_COMMANDS_MAX; i++) {
        struct amp_asked *const asked = &session->commands.asking.places[i];
        if (asked->id != 0 && (asked->over || now_us >= asked->end_us)) {
            session->counters.expired++;
            report(asked, AMP_ON_EXPIRED, 0, event);
            return true;
        }
    }
    return false;
}

size_t amp_session_pending_command(struct amp_session *session, uint64_t now_us, uint8_t *wire,
                                   size_t room) {
    struct amp_asking *const asking = &session->commands.asking;
    struct amp_asked *due = NULL;
    for (size_t i = 0; i < AMP_COMMANDS_MAX && due == NULL; i++) {
        struct amp_asked *const asked = &asking->places[i];
        const bool live = asked->id != 0 && !asked->over && now_us < asked->end_us;
        due = live && now_us >= asked->next_us ? asked : NULL;
    }
    if (due == NULL) {
        return 0;
    }
    const struct amp_wire_command command = {.id = due->id,
                                             .verb = due->verb,
                                             .argument = due->sent_argument,
                                             .ttl_ms =
                                                 (uint16_t)((due->end_us - now_us + 999) / 1000)};
    uint8_t payload[AMP_COMMAND_SIZE];
    const size_t size = amp_session_send(session, AMP_FRAME_COMMAND, payload,
                                         amp_wire_command_encode(&command, payload), wire, room);
    if (size > 0) {
        session->counters.retransmissions += due->sent > 0;
        due->sent = due->sent < UINT8_MAX ? (uint8_t)(due->sent + 1) : UINT8_MAX;
        due->sent_us = now_us;
        due->next_us = now_us + asking->timeout_us;
    }
    return size;
}
