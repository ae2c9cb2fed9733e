/* session_rig.h: sessions under test, and the bytes that the other side would have sent. */
#ifndef AMP_TESTS_SESSION_RIG_H
#define AMP_TESTS_SESSION_RIG_H

#include "amp/session.h"
#include "check.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#define RIG_SCHEMA 0x5EED0A17u
#define RIG_NONCE 0xB0070001u
#define RIG_CHALLENGE 0xC4A11E01u
#define RIG_NUMBER 0x0A0A
#define RIG_LOST_US 50000
#define RIG_LEASE_US 50000

static const struct amp_session_host RIG_EXPECTED = {.board = "bench",
                                                     .schema_hash = RIG_SCHEMA,
                                                     .lost_after_us = RIG_LOST_US,
                                                     .lease_us_max = RIG_LEASE_US,
                                                     .sends_count = 2,
                                                     .accepts_count = 1};

static inline struct amp_wire_identity rig_identity(void) {
    const struct amp_wire_identity identity = {.major = AMP_PROTOCOL_MAJOR,
                                               .minor = AMP_PROTOCOL_MINOR,
                                               .firmware = {1, 2, 3},
                                               .boot_nonce = RIG_NONCE,
                                               .challenge = RIG_CHALLENGE,
                                               .schema_hash = RIG_SCHEMA,
                                               .baud = 1000000,
                                               .lease_us = RIG_LEASE_US,
                                               .sends_count = 2,
                                               .accepts_count = 1,
                                               .board = "bench"};
    return identity;
}

/// Puts one frame into |session|, as the other side would have sent it, and returns what came of it.
static inline struct amp_session_event rig_feed(struct amp_session *session,
                                                enum amp_frame_type type, uint16_t number,
                                                uint16_t sequence, const uint8_t *payload,
                                                size_t length, uint64_t now_us) {
    const struct amp_frame frame = {.type = (uint8_t)type,
                                    .session = number,
                                    .sequence = sequence,
                                    .length = (uint8_t)length,
                                    .payload = payload};
    uint8_t wire[AMP_FRAME_WIRE_MAX];
    struct amp_session_event event;
    memset(&event, 0x5A, sizeof event);
    const int size = amp_frame_encode(&frame, RIG_SCHEMA, wire, sizeof wire);
    CHECK(size > 0);
    CHECK(amp_session_receive(session, wire, (size_t)size, now_us, &event) == (size_t)size);
    return event;
}

static inline struct amp_session_event rig_feed_identity(struct amp_session *host, uint16_t number,
                                                         const struct amp_wire_identity *identity,
                                                         uint64_t now_us) {
    uint8_t payload[AMP_IDENTITY_SIZE];
    const size_t length = amp_wire_identity_encode(identity, payload);
    return rig_feed(host, AMP_FRAME_IDENTITY, number, 0, payload, length, now_us);
}

static inline struct amp_session_event rig_feed_event(struct amp_session *host, uint16_t number,
                                                      uint16_t sequence,
                                                      const struct amp_wire_event *message,
                                                      uint64_t now_us) {
    uint8_t payload[AMP_EVENT_SIZE];
    const size_t length = amp_wire_event_encode(message, payload);
    return rig_feed(host, AMP_FRAME_EVENT, number, sequence, payload, length, now_us);
}

static inline struct amp_session_event rig_feed_state(struct amp_session *host, uint16_t number,
                                                      uint16_t sequence, uint64_t now_us) {
    const uint8_t payload[AMP_STATE_SIZE + 8] = {1};
    return rig_feed(host, AMP_FRAME_STATE, number, sequence, payload, sizeof payload, now_us);
}

static inline struct amp_session_event rig_feed_ack(struct amp_session *host, uint16_t number,
                                                    uint16_t sequence, uint16_t id,
                                                    enum amp_result result, uint64_t now_us) {
    const struct amp_wire_ack ack = {id, (uint8_t)result};
    uint8_t payload[AMP_ACK_SIZE];
    const size_t length = amp_wire_ack_encode(&ack, payload);
    return rig_feed(host, AMP_FRAME_ACK, number, sequence, payload, length, now_us);
}

static inline struct amp_session_event rig_feed_identify(struct amp_session *device,
                                                         uint16_t number, uint8_t major,
                                                         uint32_t schema_hash) {
    const struct amp_wire_identify identify = {major, AMP_PROTOCOL_MINOR, schema_hash};
    uint8_t payload[AMP_IDENTIFY_SIZE];
    const size_t length = amp_wire_identify_encode(&identify, payload);
    return rig_feed(device, AMP_FRAME_IDENTIFY, number, 0, payload, length, 0);
}

static inline struct amp_session_event rig_feed_command(struct amp_session *device,
                                                        uint16_t sequence,
                                                        const struct amp_wire_command *command) {
    uint8_t payload[AMP_COMMAND_SIZE];
    const size_t length = amp_wire_command_encode(command, payload);
    return rig_feed(device, AMP_FRAME_COMMAND, RIG_NUMBER, sequence, payload, length, 0);
}

static inline struct amp_session_event rig_feed_actuate(struct amp_session *device, uint16_t number,
                                                        uint16_t sequence) {
    const uint8_t payload[AMP_ACTUATE_SIZE + 4] = {0};
    return rig_feed(device, AMP_FRAME_ACTUATE, number, sequence, payload, sizeof payload, 0);
}

/// Takes the next frame that |session| itself has to send. Its type is 0 if there is none.
static inline struct amp_frame rig_pending(struct amp_session *session, uint64_t now_us) {
    static uint8_t wire[AMP_FRAME_WIRE_MAX];
    static struct amp_frame_parser parser;
    struct amp_frame frame = {.type = 0};
    enum amp_frame_verdict verdict = AMP_FRAME_MORE;
    const size_t size = amp_session_pending(session, now_us, wire, sizeof wire);
    if (size > 0) {
        amp_frame_parser_init(&parser, RIG_SCHEMA);
        CHECK(amp_frame_parse(&parser, wire, size, &verdict, &frame) == size);
        CHECK(verdict == AMP_FRAME_GOOD);
    }
    return frame;
}

static inline void rig_host_begin(struct amp_session *host) {
    amp_session_host_init(host, &RIG_EXPECTED, RIG_NUMBER, 0);
}

/// A host that is UP since |now_us|.
static inline void rig_host_up(struct amp_session *host, uint64_t now_us) {
    const struct amp_wire_identity identity = rig_identity();
    rig_host_begin(host);
    CHECK(rig_feed_identity(host, RIG_NUMBER, &identity, now_us).kind == AMP_ON_UP);
}

/// A device that is UP under RIG_NUMBER; the host has not spoken since.
static inline void rig_device_up(struct amp_session *device) {
    const struct amp_wire_identity identity = rig_identity();
    amp_session_device_init(device, &identity);
    CHECK(rig_feed_identify(device, RIG_NUMBER, AMP_PROTOCOL_MAJOR, RIG_SCHEMA).kind == AMP_ON_UP);
    CHECK(rig_pending(device, 0).type == AMP_FRAME_IDENTITY);
}

#endif
