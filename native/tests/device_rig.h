/* device_rig.h: a device under test and the host that talks to it, joined by a perfect line. */
#ifndef AMP_TESTS_DEVICE_RIG_H
#define AMP_TESTS_DEVICE_RIG_H

#include "amp/device.h"
#include "check.h"

#include <math.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#define RIG_SCHEMA 0x5EED0A17u
#define RIG_LEASE_US 50000u
#define RIG_PERIOD_US 1000u
#define RIG_BEGIN_US UINT64_C(5000000)

static const struct amp_value RIG_SENDS[] = {{.low = -100, .high = 100}, {.low = -20, .high = 20}};

/// Output 0 ramps, output 1 goes to safe at once, output 2 is safe away from zero.
static const struct amp_value RIG_ACCEPTS[] = {
    {.low = -12, .high = 12, .safe = 0, .ramp_per_s = 100},
    {.low = 0, .high = 1, .safe = 0, .ramp_per_s = 0},
    {.low = -5, .high = 5, .safe = 2, .ramp_per_s = 10},
};

static inline struct amp_device_config rig_config(void) {
    const struct amp_device_config config = {
        .board = "bench",
        .firmware = {1, 2, 3},
        .reset_cause = AMP_RESET_POWER,
        .boot_nonce = 0xB0070001u,
        .schema_hash = RIG_SCHEMA,
        .baud = 1000000,
        .lease_us = RIG_LEASE_US,
        .state_period_us = RIG_PERIOD_US,
        .sends_count = COUNT(RIG_SENDS),
        .sends = RIG_SENDS,
        .accepts_count = COUNT(RIG_ACCEPTS),
        .accepts = RIG_ACCEPTS,
    };
    return config;
}

struct rig {
    struct amp_device_config config;
    struct amp_device device;
    struct amp_session host;
    uint64_t now_us;
    float sensed[AMP_DEVICE_VALUES_MAX];
    struct amp_wire_state state; // newest that the host got
    float values[AMP_DEVICE_VALUES_MAX];
    unsigned states;
    struct amp_wire_event events[64]; // all that the host got
    size_t event_count;
    struct amp_session_event command; // newest ACKED or EXPIRED
    uint8_t sent[AMP_FRAME_WIRE_MAX]; // newest frame of the host
    size_t sent_size;
};

static inline void rig_give(struct rig *rig, const uint8_t *bytes, size_t size) {
    memcpy(rig->sent, bytes, size);
    rig->sent_size = size;
    amp_device_receive(&rig->device, bytes, size, rig->now_us);
}

static inline void rig_take(struct rig *rig, const struct amp_session_event *event) {
    const struct amp_frame *frame = &event->frame;
    if (event->kind == AMP_ON_ACKED || event->kind == AMP_ON_EXPIRED) {
        rig->command = *event;
    } else if (event->kind == AMP_ON_MESSAGE && frame->type == AMP_FRAME_STATE) {
        rig->states++;
        CHECK(amp_wire_state_decode(frame->payload, frame->length, &rig->state));
        CHECK(amp_values_decode(rig->config.sends, rig->config.sends_count,
                                frame->payload + AMP_STATE_SIZE,
                                (size_t)frame->length - AMP_STATE_SIZE, rig->values));
    } else if (event->kind == AMP_ON_MESSAGE && frame->type == AMP_FRAME_EVENT &&
               rig->event_count < COUNT(rig->events)) {
        CHECK(
            amp_wire_event_decode(frame->payload, frame->length, &rig->events[rig->event_count++]));
    }
}

/// Carries all that either end has to say, at this instant.
static inline void rig_exchange(struct rig *rig) {
    for (bool busy = true; busy;) {
        uint8_t bytes[2048];
        size_t size = amp_device_transmit(&rig->device, bytes, sizeof bytes);
        busy = size > 0;
        for (size_t used = 0; used < size;) {
            struct amp_session_event event;
            used += amp_session_receive(&rig->host, bytes + used, size - used, rig->now_us, &event);
            rig_take(rig, &event);
        }
        size = amp_session_pending(&rig->host, rig->now_us, bytes, sizeof bytes);
        if (size > 0) {
            rig_give(rig, bytes, size);
            busy = true;
        }
    }
}

static inline void rig_tick(struct rig *rig, uint64_t now_us) {
    rig->now_us = now_us;
    amp_device_tick(&rig->device, now_us, rig->sensed);
}

static inline void rig_host(struct rig *rig, struct amp_session *host, uint16_t number) {
    const struct amp_session_host expected = {.board = "bench",
                                              .schema_hash = RIG_SCHEMA,
                                              .lost_after_us = 100000000,
                                              .sends_count = rig->config.sends_count,
                                              .accepts_count = rig->config.accepts_count};
    amp_session_host_init(host, &expected, number, rig->now_us);
}

/// A device that has booted; nobody has identified.
static inline void rig_begin_as(struct rig *rig, const struct amp_device_config *config,
                                uint64_t now_us) {
    memset(rig, 0, sizeof *rig);
    rig->config = *config;
    rig->now_us = now_us;
    memset(&rig->device, 0x5A, sizeof rig->device);
    CHECK(amp_device_init(&rig->device, &rig->config, now_us));
    rig_host(rig, &rig->host, 7);
}

static inline void rig_begin(struct rig *rig) {
    const struct amp_device_config config = rig_config();
    rig_begin_as(rig, &config, RIG_BEGIN_US);
}

/// The host's session stands.
static inline void rig_join(struct rig *rig) {
    rig_exchange(rig);
    CHECK(rig->host.state == AMP_SESSION_UP && rig->device.session.state == AMP_SESSION_UP);
}

/// Sends a command and returns what the device said to it.
static inline enum amp_result rig_command(struct rig *rig, enum amp_verb verb) {
    const uint16_t id = amp_session_command(&rig->host, verb, 0, 1000, rig->now_us);
    CHECK(id != 0);
    rig_exchange(rig);
    CHECK(rig->command.kind == AMP_ON_ACKED && rig->command.id == id);
    return (enum amp_result)rig->command.result;
}

static inline void rig_arm(struct rig *rig) {
    CHECK(rig_command(rig, AMP_VERB_ARM) == AMP_RESULT_DONE);
    CHECK(rig->device.mode == AMP_DEVICE_ARMED);
}

static inline size_t rig_actuate_frame(struct rig *rig, const float *values, uint32_t answers_us,
                                       uint8_t *wire, size_t room) {
    const struct amp_wire_actuate actuate = {answers_us};
    uint8_t payload[AMP_ACTUATE_SIZE + 4 * AMP_DEVICE_VALUES_MAX];
    size_t bad;
    size_t length = amp_wire_actuate_encode(&actuate, payload);
    length += amp_values_encode(rig->config.accepts, values, rig->config.accepts_count,
                                payload + length, &bad);
    return amp_session_send(&rig->host, AMP_FRAME_ACTUATE, payload, length, wire, room);
}

static inline void rig_actuate(struct rig *rig, float first, float second, float third) {
    const float values[] = {first, second, third};
    uint8_t wire[AMP_FRAME_WIRE_MAX];
    const size_t size = rig_actuate_frame(rig, values, 0, wire, sizeof wire);
    CHECK(size > 0);
    rig_give(rig, wire, size);
}

/// Joined, armed and actuated, all at RIG_BEGIN_US.
static inline void rig_run(struct rig *rig) {
    rig_begin(rig);
    rig_join(rig);
    rig_arm(rig);
    rig_actuate(rig, 10.0f, 1.0f, -3.0f);
}

static inline bool rig_outputs_are(const struct rig *rig, float first, float second, float third) {
    const float expected[] = {first, second, third};
    bool equal = true;
    for (size_t i = 0; i < COUNT(expected); i++) {
        const float difference = fabsf(amp_device_output(&rig->device, i) - expected[i]);
        equal = equal && difference <= 1e-5f;
    }
    return equal;
}

static inline const struct amp_wire_event *rig_last_event(const struct rig *rig,
                                                          enum amp_event_code code) {
    for (size_t n = rig->event_count; n > 0; n--) {
        if (rig->events[n - 1].code == code) {
            return &rig->events[n - 1];
        }
    }
    return NULL;
}

#endif
