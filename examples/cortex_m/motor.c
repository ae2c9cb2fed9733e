/* The firmware of 11_cortex_m.yaml: a motor behind amphost's link, on any port of the device library. */
#include "plant.h"

#include "amp/device.h"
#include "amp/port.h"

#define BAUD 1000000u
#define WATCHDOG_US 500000u /* an emulator that its host keeps waiting is no hang */
#define STEP_MOST_US 100000u

/* What the board file says of the line, as both ends write it: a host that finds another compares. */
static const char DICTIONARY[] = "send position f32 1 rad -1000 1000\n"
                                 "send current f32 1 A -20 20\n"
                                 "accept voltage f32 1 V -12 12 0 1200\n";

static const struct amp_value SENDS[] = {
    {.type = AMP_VALUE_F32, .low = -1000.0f, .high = 1000.0f}, /* position, rad */
    {.type = AMP_VALUE_F32, .low = -20.0f, .high = 20.0f},     /* current, A */
};
static const struct amp_value ACCEPTS[] = {
    {.type = AMP_VALUE_F32, .low = -12.0f, .high = 12.0f, .safe = 0.0f, .ramp_per_s = 1200.0f},
};

static struct amp_device_config config = {
    .board = "cortex_motor",
    .firmware = {1, 0, 0},
    .schema_hash = 0x9A801B16u,
    .dictionary = DICTIONARY,
    .dictionary_size = sizeof DICTIONARY - 1u,
    .baud = BAUD,
    .lease_us = 250000,
    .state_period_us = 5000,
    .sends_count = 2,
    .accepts_count = 1,
    .sends = SENDS,
    .accepts = ACCEPTS,
};

int main(void) {
    static struct amp_device device;
    static struct motor motor;
    static uint8_t in[64];
    static uint8_t out[64];
    size_t size = 0;
    size_t sent = 0;

    amp_port_begin(BAUD);
    config.boot_nonce = amp_port_boot_nonce();
    config.reset_cause = amp_port_reset_cause();
    uint64_t moved_us = amp_port_now_us();
    if (!amp_device_init(&device, &config, moved_us)) {
        return 1;
    }
    amp_port_watchdog_begin(WATCHDOG_US);
    for (;;) {
        const size_t got = amp_port_read(in, sizeof in);
        const uint64_t now_us = amp_port_now_us();
        const uint64_t passed_us = now_us - moved_us;
        motor_step(&motor, (uint32_t)(passed_us < STEP_MOST_US ? passed_us : STEP_MOST_US),
                   amp_device_output(&device, 0));
        moved_us = now_us;
        amp_device_receive(&device, in, got, now_us);
        const float sensed[2] = {motor.position_rad, motor.current_a};
        amp_device_tick(&device, now_us, sensed);
        if (sent == size) {
            size = amp_device_transmit(&device, out, sizeof out);
            sent = 0;
        }
        sent += amp_port_write(&out[sent], size - sent);
        amp_port_watchdog_kick();
        amp_port_wait();
    }
}
