/* pump_rig.h: an io role in virtual time: its pump, a supervisor that beats, a control role that
 * publishes, and at the other end of the line the device's own C.
 *
 * One step is one period: the world moves, the device ticks, the pump takes what has come and makes
 * its send point. The line is two byte queues; a test may cut it, stop it from taking bytes, or
 * spoil what is on it.
 */
#ifndef AMP_TESTS_PUMP_RIG_H
#define AMP_TESTS_PUMP_RIG_H

#include <stdalign.h>
#include <string.h>

#include "../src/layout.h"
#include "amp/device.h"
#include "amp/pump.h"
#include "check.h"
#include "virtual_platform.h"

#define MS ((amp_ns)1000000)
#define RIG_ORIGIN ((amp_ns)1000000000)
#define RIG_ROLE 1
#define RIG_LEASE_US 20000
#define RIG_SCHEMA 0x12345678u
#define RIG_LINE 8192
#define RIG_SOURCE_WORDS 3 /* voltage, tick, sensed */

struct rig_line {
    uint8_t bytes[RIG_LINE];
    size_t size;
};

struct rig {
    struct virtual_platform machine;
    struct amp_system system;
    struct amp_owner supervisor;
    struct amp_owner owner;
    alignas(AMP_CACHE_LINE) unsigned char source_bytes[4096];
    alignas(AMP_CACHE_LINE) unsigned char own_bytes[4096];
    struct amp_channel source;
    struct amp_pump pump;
    struct amp_device_config config;
    struct amp_device device;
    struct rig_line to_device;
    struct rig_line to_host;

    bool supervisor_beats;
    bool control_publishes;
    bool device_runs;
    bool line_takes;  /* false: writes return 0 */
    bool line_is_cut; /* reads and writes fail */
    double voltage;
    uint32_t flags;
};

static struct rig rig;

static inline int rig_read(void *context, int descriptor, uint8_t *bytes, size_t room) {
    (void)context;
    (void)descriptor;
    if (rig.line_is_cut) {
        return -AMP_EIO;
    }
    const size_t size = rig.to_host.size < room ? rig.to_host.size : room;
    memcpy(bytes, rig.to_host.bytes, size);
    memmove(rig.to_host.bytes, rig.to_host.bytes + size, rig.to_host.size - size);
    rig.to_host.size -= size;
    return (int)size;
}

static inline int rig_write(void *context, int descriptor, const uint8_t *bytes, size_t size) {
    (void)context;
    (void)descriptor;
    if (rig.line_is_cut) {
        return -AMP_EIO;
    }
    if (!rig.line_takes || rig.to_device.size + size > RIG_LINE) {
        return 0;
    }
    memcpy(rig.to_device.bytes + rig.to_device.size, bytes, size);
    rig.to_device.size += size;
    return (int)size;
}

static inline uint64_t rig_us(void) {
    return (uint64_t)(rig.machine.now_ns - RIG_ORIGIN) / 1000 + 1;
}

static const struct amp_value RIG_SENDS[] = {{.low = -100, .high = 100}};
static const struct amp_value RIG_ACCEPTS[] = {{.low = -12, .high = 12}};

static inline void rig_boot_device(uint32_t nonce) {
    rig.config = (struct amp_device_config){
        .board = "rig",
        .boot_nonce = nonce,
        .schema_hash = RIG_SCHEMA,
        .baud = 1000000,
        .lease_us = RIG_LEASE_US,
        .state_period_us = 1000,
        .sends_count = 1,
        .sends = RIG_SENDS,
        .accepts_count = 1,
        .accepts = RIG_ACCEPTS,
    };
    CHECK(amp_device_init(&rig.device, &rig.config, rig_us()));
}

static inline void rig_open(void) {
    memset(&rig, 0, sizeof rig);
    virtual_open(&rig.machine, RIG_ORIGIN);
    rig.machine.platform.read = rig_read;
    rig.machine.platform.write = rig_write;
    rig.supervisor_beats = rig.control_publishes = rig.device_runs = rig.line_takes = true;
    rig.flags = AMP_FLAG_AT_SAFE;
    rig_boot_device(7);
    CHECK(amp_channel_bind(&rig.source, rig.source_bytes, sizeof rig.source_bytes, RIG_SOURCE_WORDS,
                           4) == 0);
    amp_channel_attach(&rig.source, 1);
    struct amp_pump *const pump = &rig.pump;
    pump->platform = &rig.machine.platform;
    pump->system = &rig.system;
    pump->supervisor = &rig.supervisor;
    pump->owner = &rig.owner;
    pump->wake_descriptor = -1;
    CHECK(amp_channel_bind(&pump->channel, rig.own_bytes, sizeof rig.own_bytes, 4, 4) == 0);
    amp_channel_attach(&pump->channel, 1);
    pump->source = rig.source;
    pump->timing = (struct amp_pump_timing){
        .period_ns = MS,
        .origin_ns = RIG_ORIGIN,
        .send_offset_ns = MS / 2,
        .supervisor_ns = 100 * MS,
        .lease_ns = RIG_LEASE_US * 1000LL,
        .clock_ns = 97 * MS,
    };
    pump->share = (struct amp_pump_share){.bytes = 12000, .frames = 100};
    pump->expected = (struct amp_session_host){
        .board = "rig",
        .schema_hash = RIG_SCHEMA,
        .lost_after_us = 50000,
        .lease_us_max = RIG_LEASE_US,
        .sends_count = 1,
        .accepts_count = 1,
    };
    pump->sends[0] = RIG_SENDS[0];
    pump->accepts[0] = RIG_ACCEPTS[0];
    pump->role = RIG_ROLE;
    pump->session_number = 100;
    pump->sensed_word = 2;
    pump->accept_words[0] = 0;
    amp_system_set_mode(&rig.system, AMP_MODE_DISARMED, 0);
    CHECK(amp_pump_init(pump) == 0);
}

/// When the pump last published: what a control role would have read.
static inline amp_ns rig_sensed_ns(void) {
    union {
        struct amp_sample sample;
        uint64_t words[3 + 4];
    } last;
    return amp_channel_latest(&rig.pump.channel, &last.sample, NULL) == AMP_READ_VALUE
               ? last.sample.t_ns
               : 0;
}

static inline void rig_world(void) {
    if (rig.supervisor_beats) {
        amp_owner_beat(&rig.supervisor, AMP_AT_WAIT, rig.machine.now_ns);
    }
    if (rig.control_publishes) {
        uint64_t words[RIG_SOURCE_WORDS] = {0, 0, (uint64_t)rig_sensed_ns()};
        memcpy(words, &rig.voltage, sizeof rig.voltage);
        amp_channel_publish(&rig.source, rig.machine.now_ns, rig.flags, words);
    }
    if (rig.device_runs) {
        const float position = 1.5f;
        amp_device_receive(&rig.device, rig.to_device.bytes, rig.to_device.size, rig_us());
        rig.to_device.size = 0;
        amp_device_tick(&rig.device, rig_us(), &position);
        rig.to_host.size += amp_device_transmit(&rig.device, rig.to_host.bytes + rig.to_host.size,
                                                RIG_LINE - rig.to_host.size);
    }
}

/// |periods| periods of 1 ms. Returns false when the port was found gone.
static inline bool rig_run(int periods) {
    bool there = true;
    for (int i = 0; i < periods && there; i++) {
        rig.machine.now_ns += MS;
        rig_world();
        there = rig.pump.descriptor < 0 || amp_pump_receive(&rig.pump, rig.machine.now_ns);
        amp_pump_send(&rig.pump, rig.machine.now_ns);
    }
    return there;
}

/// amp_pump_run() of this one pump.
static inline enum amp_pump_end rig_pump_run(amp_ns until) {
    struct amp_pump *const pumps[] = {&rig.pump};
    return amp_pump_run(pumps, 1, until);
}

/// From the start to an armed device, through the handshake and act |arming|.
static inline void rig_arm(uint64_t arming) {
    rig_run(60);
    CHECK(rig.pump.session.state == AMP_SESSION_UP);
    rig.flags = AMP_FLAG_ARMED;
    amp_system_set_mode(&rig.system, AMP_MODE_ARMED, arming);
    rig_run(10);
    CHECK(rig.pump.device_armed);
    CHECK(rig.device.mode == AMP_DEVICE_ARMED);
}

static inline uint64_t rig_gauge(enum amp_gauge gauge) {
    return amp_owner_gauge(&rig.owner, gauge);
}

static inline bool rig_has_fault(enum amp_fault fault) {
    struct amp_fault_view view;
    amp_owner_faults(&rig.owner, &view);
    return (view.mask >> fault & 1) != 0;
}

#endif
