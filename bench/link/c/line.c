/* line.c: what a line of a given speed carries in the long run, both ways at once.
 *
 *     line BAUD VALUES            prints JSON
 *
 * Device and host talk over a line that carries one byte in ten bit times each way, in virtual time:
 * the device always has a state to send, the host an actuation, and each frame goes out behind the
 * one before. What is counted is what arrived and was valid.
 */
#include <stdio.h>
#include <stdlib.h>

#include "amp/device.h"
#include "machine.h"

#define SCHEMA 0x12345678u
#define BITS_PER_BYTE 10.0
#define BYTES 400000

static struct amp_device device;
static struct amp_session host;
static struct amp_device_config config = {
    .board = "bench", .boot_nonce = 1, .schema_hash = SCHEMA, .baud = 1, .lease_us = 10000000,
    .state_period_us = 1};

int main(int count, char **words) {
    if (count != 3) {
        fail("usage: line BAUD VALUES");
    }
    const double byte_us = 1e6 * BITS_PER_BYTE / atof(words[1]);
    const uint8_t values = (uint8_t)atoi(words[2]);
    float sensed[AMP_DEVICE_VALUES_MAX] = {0};
    struct amp_value described[UINT8_MAX];
    config.sends_count = config.accepts_count = values;
    for (uint8_t i = 0; i < values; i++) {
        described[i] = (struct amp_value){.low = -1, .high = 1};
    }
    config.sends = config.accepts = described;
    if (values > AMP_DEVICE_VALUES_MAX || !amp_device_init(&device, &config, 0)) {
        fail("the device refuses its config");
    }
    const struct amp_session_host expected = {.schema_hash = SCHEMA, .lost_after_us = 10000000,
                                              .sends_count = values, .accepts_count = values};
    amp_session_host_init(&host, &expected, 7, 0);
    uint8_t out[AMP_FRAME_WIRE_MAX];
    size_t size = 0, sent = 0;
    uint64_t states = 0, bytes = 0;
    bool armed = false;
    uint64_t applied = 0;
    for (; bytes < BYTES; bytes++) {
        const uint64_t now = (uint64_t)((double)(bytes + 1) * byte_us);
        struct amp_session_event event;
        uint8_t byte;
        amp_device_tick(&device, now, sensed);
        if (amp_device_transmit(&device, &byte, 1) == 1) {
            amp_session_receive(&host, &byte, 1, now, &event);
            states += event.kind == AMP_ON_MESSAGE && event.frame.type == AMP_FRAME_STATE;
        }
        if (sent == size) {
            sent = 0;
            size = amp_session_pending(&host, now, out, sizeof out);
            if (size == 0 && host.state == AMP_SESSION_UP && !armed) {
                armed = amp_session_command(&host, AMP_VERB_ARM, 0, 1000, now) != 0;
            } else if (size == 0 && host.state == AMP_SESSION_UP) {
                const struct amp_wire_actuate actuate = {.answers_us = 0};
                uint8_t payload[AMP_FRAME_PAYLOAD_MAX];
                size_t bad, length = amp_wire_actuate_encode(&actuate, payload);
                length += amp_values_encode(described, sensed, values, payload + length, &bad);
                size = amp_session_send(&host, AMP_FRAME_ACTUATE, payload, length, out, sizeof out);
            }
        }
        if (sent < size) {
            amp_device_receive(&device, &out[sent++], 1, now);
        }
        applied = device.counters.applied;
    }
    const double seconds = (double)bytes * byte_us / 1e6;
    const double value_bytes = 4.0 * values;
    printf("{\"states_per_s\": %.1f, \"actuations_per_s\": %.1f, \"state_share\": %.4f, "
           "\"actuation_share\": %.4f}\n",
           (double)states / seconds, (double)applied / seconds,
           (double)states * value_bytes / (double)bytes,
           (double)applied * value_bytes / (double)bytes);
    return 0;
}
