/* session_end.h: what session.c, session_host.c and session_device.c share. Private to them. */
#ifndef AMP_SESSION_END_H
#define AMP_SESSION_END_H

#include "amp/session.h"

/// One end of a session. A firmware that never calls amp_session_host_init() links no host's end.
struct amp_session_end {
    void (*take)(struct amp_session *session, const struct amp_frame *frame, uint64_t now_us,
                 struct amp_session_event *event);
    bool (*poll)(struct amp_session *session, uint64_t now_us, struct amp_session_event *event);
    size_t (*pending)(struct amp_session *session, uint64_t now_us, uint8_t *wire, size_t room);
};

/// One cell of a state table: where a session goes, what it reports, whether it begins anew.
struct amp_session_step {
    uint8_t next;  /* enum amp_session_state */
    uint8_t event; /* enum amp_session_event_kind */
    bool renew;    /* host: go on under the next session number, identifying at once */
};

/// Set every field of a session that is in DOWN.
void amp_session_clear(struct amp_session *session, const struct amp_session_end *end,
                       uint32_t schema_hash);

/// True if |frame| is newer than all before it in this session; it is then the newest, and the
/// gap before it is counted. False, and counted, if it is old.
bool amp_session_advance(struct amp_session *session, const struct amp_frame *frame,
                         uint64_t now_us);

/// Host: an acknowledgement; the end of a session, and of its commands; what to report of them, and
/// the next one to send.
void amp_session_take_ack(struct amp_session *session, const struct amp_frame *frame,
                          uint64_t now_us, struct amp_session_event *event);
void amp_session_end_commands(struct amp_session *session);
bool amp_session_poll_commands(struct amp_session *session, uint64_t now_us,
                               struct amp_session_event *event);
size_t amp_session_pending_command(struct amp_session *session, uint64_t now_us, uint8_t *wire,
                                   size_t room);

/// Device: a command; a new session; the next answer.
void amp_session_take_command(struct amp_session *session, const struct amp_frame *frame,
                              struct amp_session_event *event);
void amp_session_forget_commands(struct amp_session *session);
size_t amp_session_pending_ack(struct amp_session *session, uint8_t *wire, size_t room);

/// Write a frame of session |number|, in any state; under the next sequence number unless its type is
/// below AMP_FRAME_SEEDED or |number| is 0.
size_t amp_session_emit(struct amp_session *session, enum amp_frame_type type, uint16_t number,
                        const uint8_t *payload, size_t length, uint8_t *wire, size_t room);

#endif
