/* The firmware of 11_cortex_m.yaml: a motor behind amphost's link, on any port of the device library.
 * mcu_board.h is what board.yaml says, in C: `amphost firmware new board.yaml` wrote it. */
#include "mcu_board.h"
#include "plant.h"

#define WATCHDOG_US 500000u /* an emulator that its host keeps waiting is no hang */
#define STEP_MOST_US 100000u

static struct amp_device_config config;

int main(void) {
    static struct amp_device device;
    static struct motor motor;
    static uint8_t in[64];
    static uint8_t out[64];
    size_t size = 0;
    size_t sent = 0;

    amp_port_begin(MCU_BAUD);
    config = MCU_CONFIG;
    config.firmware[0] = 1;
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
                   amp_device_output(&device, MCU_ACCEPT_VOLTAGE));
        moved_us = now_us;
        amp_device_receive(&device, in, got, now_us);
        const float sensed[MCU_SENDS_COUNT] = {
            [MCU_SEND_POSITION] = motor.position_rad,
            [MCU_SEND_CURRENT] = motor.current_a,
        };
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
