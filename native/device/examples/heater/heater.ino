/* A heated block: an LM35 on A1 (10 mV a degree), a transistor with the heater on pin 9 (PWM), and a
 * resistor that pulls that pin to ground while nobody drives it. The board is amphost's own `heater`:
 * replace its `loopback:` by the `port:` of this Arduino, and the spec of 03_heater.yaml runs it.
 *
 * The serial port belongs to the link: nothing else may print to it. */
#include <amphost_device.h>

#include "mcu_board.h"

/* How long the main loop may take before the watchdog resets the processor. */
#define WATCHDOG_US 100000u

static const uint8_t VERSION[3] = {0, 1, 0}; /* of this firmware; a host shows it */
static struct amp_device_config config;
static struct amp_device device;

static const uint8_t HEATER_PIN = 9;
static const uint8_t SENSOR_PIN = A1;
static const float DEGREES_PER_STEP = 5000.0f / 1024.0f / 10.0f; /* 5 V, 10 bits, 10 mV a degree */
static const float STEPS_PER_WATT = 255.0f / 60.0f;              /* 60 W without a pause */

/* Pins, converters, timers; every output at its safe value first. */
static void begin(void) {
    analogWrite(HEATER_PIN, 0);
    pinMode(HEATER_PIN, OUTPUT);
}

/* Read the sensors. */
static void sense(float *sensed) {
    sensed[MCU_SEND_TEMPERATURE] = (float)analogRead(SENSOR_PIN) * DEGREES_PER_STEP;
}

/* Put the outputs where amp_device_output() says: where the host wants them while the device
 * is armed, on the way to safe or there in every other mode. */
static void drive(void) {
    const float power_w = amp_device_output(&device, MCU_ACCEPT_POWER);
    analogWrite(HEATER_PIN, (int)(power_w * STEPS_PER_WATT + 0.5f));
}

static bool running;

void setup() {
    config = MCU_CONFIG;
    config.firmware[0] = VERSION[0];
    config.firmware[1] = VERSION[1];
    config.firmware[2] = VERSION[2];
    amp_port_begin(MCU_BAUD);
    begin();
    config.boot_nonce = amp_port_boot_nonce();
    config.reset_cause = amp_port_reset_cause();
    running = amp_device_init(&device, &config, amp_port_now_us());
    if (running) {
        amp_port_watchdog_begin(WATCHDOG_US);
    }
}

void loop() {
    static uint8_t bytes[32], out[32];
    static float sensed[MCU_SENDS_COUNT];
    static size_t size, sent;
    if (!running) {
        return; /* a rule of amp_device_config is broken: nothing is driven */
    }
    const size_t got = amp_port_read(bytes, sizeof bytes);
    amp_device_receive(&device, bytes, got, amp_port_now_us());
    sense(sensed);
    amp_device_tick(&device, amp_port_now_us(), sensed);
    drive();
    if (sent == size) {
        size = amp_device_transmit(&device, out, sizeof out);
        sent = 0;
    }
    sent += amp_port_write(&out[sent], size - sent);
    amp_port_watchdog_kick();
    amp_port_wait();
}
