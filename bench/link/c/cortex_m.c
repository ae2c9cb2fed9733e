/* cortex_m.c: what the device's library costs on a Cortex-M3, as a firmware for the lm3s6965evb port.
 *
 * It runs under `qemu-system-arm -icount shift=6` with semihosting: an instruction is then 64 ns of
 * the board's own clock, whatever the host does, so time counts instructions. A host's session in
 * the same image writes the frames first. Prints JSON: microseconds of so many turns.
 */
#include "amp/device.h"
#include "amp/port.h"
#include "amp/value.h"

#define BAUD 1000000u
#define TURNS 100
#define SYS_WRITE0 4
#define SYS_EXIT 0x18
#define STOPPED_BY_PROGRAM 0x20026

static const struct amp_value SENT[] = {{.low = -10, .high = 10}, {.low = -10, .high = 10}};
static const struct amp_value ACCEPTED[] = {{.low = -12, .high = 12}};

static const struct amp_device_config CONFIG = {
    .board = "bench",
    .boot_nonce = 1,
    .schema_hash = 0x12345678u,
    .baud = BAUD,
    .lease_us = 10000000,
    .state_period_us = 1,
    .sends_count = 2,
    .accepts_count = 1,
    .sends = SENT,
    .accepts = ACCEPTED,
};
static struct amp_device device;
static struct amp_session host;
static uint8_t line[AMP_FRAME_WIRE_MAX * 4];
static uint8_t wires[TURNS][64];
static size_t sizes[TURNS];

static uintptr_t semihost(uintptr_t operation, uintptr_t argument) {
    register uintptr_t r0 __asm__("r0") = operation;
    register uintptr_t r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static void print_number(const char *name, uint64_t value) {
    char text[24];
    char *at = &text[sizeof text - 1];
    *at = '\0';
    do {
        *--at = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    semihost(SYS_WRITE0, (uintptr_t)name);
    semihost(SYS_WRITE0, (uintptr_t)at);
}

static void end(const char *text) {
    semihost(SYS_WRITE0, (uintptr_t)text);
    semihost(SYS_EXIT, STOPPED_BY_PROGRAM);
}

static void to_host(uint64_t now) {
    struct amp_session_event event;
    const size_t size = amp_device_transmit(&device, line, sizeof line);
    for (size_t done = 0; done < size;) {
        done += amp_session_receive(&host, line + done, size - done, now, &event);
    }
}

static void to_device(uint64_t now) {
    size_t size;
    while ((size = amp_session_pending(&host, now, line, sizeof line)) > 0) {
        amp_device_receive(&device, line, size, now);
        to_host(now);
    }
}

/* Handshake and arming, then frames that nobody has read yet. */
static bool prepare(uint64_t now) {
    const struct amp_session_host expected = {.schema_hash = CONFIG.schema_hash,
                                              .lost_after_us = 10000000,
                                              .sends_count = 2,
                                              .accepts_count = 1};
    amp_session_host_init(&host, &expected, 7, now);
    to_device(now);
    amp_session_command(&host, AMP_VERB_ARM, 0, 1000, now);
    to_device(now);
    for (size_t i = 0; i < TURNS; i++) {
        const struct amp_wire_actuate actuate = {.answers_us = (uint32_t)now};
        const float value = (float)i / 16;
        uint8_t payload[AMP_ACTUATE_SIZE + 4];
        size_t bad, length = amp_wire_actuate_encode(&actuate, payload);
        length += amp_values_encode(ACCEPTED, &value, 1, payload + length, &bad);
        sizes[i] = amp_session_send(&host, AMP_FRAME_ACTUATE, payload, length, wires[i],
                                    sizeof wires[i]);
    }
    return device.mode == AMP_DEVICE_ARMED && sizes[TURNS - 1] > 0;
}

int main(void) {
    const float sensed[2] = {1.5f, 0.25f};
    amp_port_begin(BAUD);
    uint64_t now = amp_port_now_us();
    if (!amp_device_init(&device, &CONFIG, now) || !prepare(now)) {
        end("the device does not arm\n");
    }
    const uint64_t began = amp_port_now_us();
    for (size_t i = 0; i < TURNS; i++) {
        amp_device_receive(&device, wires[i], sizes[i], now);
    }
    const uint64_t received = amp_port_now_us();
    if (device.counters.applied != TURNS) {
        end("not every actuation was applied\n");
    }
    for (size_t i = 0; i < TURNS; i++) {
        amp_device_tick(&device, ++now, sensed);
        (void)amp_device_transmit(&device, line, sizeof line);
    }
    const uint64_t sent = amp_port_now_us();
    print_number("{\"receive_us\": ", received - began);
    print_number(", \"send_us\": ", sent - received);
    print_number(", \"turns\": ", TURNS);
    print_number(", \"device_bytes\": ", sizeof device);
    print_number(", \"buffer_bytes\": ", sizeof device.wire + sizeof device.session.parser.wire);
    end("}\n");
    return 0;
}
