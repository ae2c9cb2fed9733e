/* twin_box.h: a line, a clock and a host in memory, for the tests of the loopback device. */
#ifndef AMP_TESTS_TWIN_BOX_H
#define AMP_TESTS_TWIN_BOX_H

#include "twin.h"

#include <math.h>
#include <string.h>

#include "check.h"

#define MS 1000000LL
#define LINE 7
#define WAKE 8
#define LEASE_US 20000
#define STEP_US 250
/* Of the motor that it drives. */
#define CURRENT 0
#define SPEED 1
#define POSITION 2
#define SCHEMA 0x1234abcdu

/* A line and a clock in memory: the twin sleeps by moving the clock, and the host's end of the
 * session runs between two sleeps. */
static struct {
    amp_ns now;
    amp_ns stall_at, stall_ns; /* the sleep that passes |stall_at| takes |stall_ns| longer */
    uint8_t to_device[65536];
    size_t to_device_size;
    uint8_t to_host[262144];
    size_t to_host_size;
    size_t room; /* bytes the line still takes */
    size_t room_per_step;
    uint8_t wakes[128];
    size_t wake_count;
    bool broken;
} box;

static struct {
    struct amp_session session;
    bool actuates;
    float volts;
    uint32_t states;
    uint64_t heard;
    float position, current;
    struct amp_wire_state state;
    uint8_t acked_verb;
} host;

static struct amp_twin twin;
static struct amp_twin_event seen[256];
static size_t seen_count;

static amp_ns box_now(void *context) {
    (void)context;
    return box.now;
}

static void box_sleep_until(void *context, amp_ns deadline) {
    (void)context;
    box.now = deadline > box.now ? deadline : box.now;
    if (box.stall_ns != 0 && box.now >= box.stall_at) {
        box.now += box.stall_ns;
        box.stall_ns = 0;
    }
    if (box.room_per_step != 0) {
        box.room = box.room_per_step;
    }
}

static int box_poll(void *context, struct amp_polled *polled, uint32_t count, amp_ns deadline) {
    (void)context;
    (void)deadline;
    for (uint32_t i = 0; i < count; i++) {
        polled[i].ready = polled[i].want;
    }
    return (int)count;
}

static int take(uint8_t *from, size_t *size, uint8_t *bytes, size_t room) {
    const size_t count = *size < room ? *size : room;
    memcpy(bytes, from, count);
    memmove(from, from + count, *size - count);
    *size -= count;
    return (int)count;
}

static int box_read(void *context, int descriptor, uint8_t *bytes, size_t room) {
    (void)context;
    if (descriptor == WAKE) {
        return take(box.wakes, &box.wake_count, bytes, room);
    }
    CHECK(descriptor == LINE);
    return box.broken ? -AMP_EIO : take(box.to_device, &box.to_device_size, bytes, room);
}

static int box_write(void *context, int descriptor, const uint8_t *bytes, size_t size) {
    (void)context;
    CHECK(descriptor == LINE);
    if (box.broken) {
        return -AMP_EIO;
    }
    const size_t count = size < box.room ? size : box.room;
    CHECK(box.to_host_size + count <= sizeof box.to_host);
    memcpy(&box.to_host[box.to_host_size], bytes, count);
    box.to_host_size += count;
    box.room -= count;
    return (int)count;
}

static const struct amp_platform platform = {
    .now = box_now,
    .boottime = box_now,
    .sleep_until = box_sleep_until,
    .poll = box_poll,
    .read = box_read,
    .write = box_write,
};

static const struct amp_value SENDS[] = {{.low = -1000, .high = 1000}, {.low = -20, .high = 20}};
static const struct amp_value ACCEPTS[] = {{.low = -12, .high = 12, .ramp_per_s = 1200}};

static struct amp_twin_config config(void) {
    return (struct amp_twin_config){
        .device =
            {
                .board = "loopback",
                .firmware = {1, 0, 0},
                .boot_nonce = 4711,
                .schema_hash = SCHEMA,
                .baud = 921600,
                .lease_us = LEASE_US,
                .state_period_us = 1000,
                .sends_count = 2,
                .sends = SENDS,
                .accepts_count = 1,
                .accepts = ACCEPTS,
            },
        .plant =
            {
                .kind = AMP_PLANT_DC_MOTOR,
                .parameters = {1.2, 0.0015, 0.05, 2e-5, 1e-5, 0.0, 0.0},
            },
        .sends = {POSITION, CURRENT},
        .drive = 0,
        .descriptor = LINE,
        .wake_descriptor = WAKE,
        .mark_byte = 10,
        .step_us = STEP_US,
    };
}

static void begin(const struct amp_twin_config *with) {
    const struct amp_session_host expected = {
        .board = "loopback",
        .schema_hash = SCHEMA,
        .lost_after_us = 50000,
        .sends_count = 2,
        .accepts_count = 1,
    };
    memset(&box, 0, sizeof box);
    memset(&host, 0, sizeof host);
    box.now = 5000 * MS;
    box.room = SIZE_MAX / 2;
    seen_count = 0;
    amp_session_host_init(&host.session, &expected, 77, (uint64_t)box.now / 1000);
    CHECK(amp_twin_init(&twin, with, &platform) == 0);
}

static void begin_default(void) {
    const struct amp_twin_config with = config();
    begin(&with);
}

static void drain(void) {
    while (seen_count < 256 && amp_twin_drain(&twin, &seen[seen_count])) {
        seen_count++;
    }
}

static void run_twin(amp_ns duration) {
    const amp_ns until = box.now + duration;
    CHECK(amp_twin_run(&twin, until) == AMP_TWIN_TIME);
    box.now = until > box.now ? until : box.now;
    drain();
}

static void host_hear(void) {
    const uint64_t now_us = (uint64_t)box.now / 1000;
    struct amp_session_event event;
    for (size_t used = 0; used < box.to_host_size;) {
        used += amp_session_receive(&host.session, &box.to_host[used], box.to_host_size - used,
                                    now_us, &event);
        float values[2];
        if (event.kind == AMP_ON_ACKED) {
            host.acked_verb = event.verb;
        }
        if (event.kind == AMP_ON_MESSAGE && event.frame.type == AMP_FRAME_STATE &&
            amp_wire_state_decode(event.frame.payload, event.frame.length, &host.state) &&
            amp_values_decode(SENDS, 2, event.frame.payload + AMP_STATE_SIZE,
                              (size_t)event.frame.length - AMP_STATE_SIZE, values)) {
            host.states++;
            host.position = values[0];
            host.current = values[1];
        }
    }
    box.to_host_size = 0;
    while (amp_session_poll(&host.session, now_us, &event)) {
    }
}

static void host_push(const uint8_t *bytes, size_t size) {
    CHECK(size <= sizeof box.to_device - box.to_device_size);
    if (size > sizeof box.to_device - box.to_device_size) {
        return;
    }
    memcpy(&box.to_device[box.to_device_size], bytes, size);
    box.to_device_size += size;
}

static void host_say(void) {
    const uint64_t now_us = (uint64_t)box.now / 1000;
    uint8_t wire[AMP_FRAME_WIRE_MAX];
    size_t size = 0;
    while ((size = amp_session_pending(&host.session, now_us, wire, sizeof wire)) > 0) {
        host_push(wire, size);
    }
    if (host.actuates) {
        uint8_t payload[AMP_ACTUATE_SIZE + 4];
        const struct amp_wire_actuate actuate = {(uint32_t)host.state.sampled_us};
        size_t bad;
        size_t length = amp_wire_actuate_encode(&actuate, payload);
        length += amp_values_encode(ACCEPTS, &host.volts, 1, payload + length, &bad);
        host_push(wire, amp_session_send(&host.session, AMP_FRAME_ACTUATE, payload, length, wire,
                                         sizeof wire));
    }
}

static void run_ms(int count) {
    for (int ms = 0; ms < count; ms++) {
        host_say();
        run_twin(MS);
        host_hear();
    }
}

static void command(enum amp_verb verb) {
    CHECK(amp_session_command(&host.session, verb, 0, 100, (uint64_t)box.now / 1000) != 0);
    run_ms(3);
    CHECK(host.acked_verb == verb);
}

static void arm_and_drive(float volts) {
    run_ms(5);
    CHECK(host.session.state == AMP_SESSION_UP);
    command(AMP_VERB_ARM);
    CHECK(twin.device.mode == AMP_DEVICE_ARMED);
    host.actuates = true;
    host.volts = volts;
    run_ms(30);
}

#endif
