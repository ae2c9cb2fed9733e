/* The firmware that the tests talk to, on every port: it sends how many bytes its port lost and where its
 * output stands, accepts a voltage, and does on request what no firmware should: parameter 0 says what.
 */
#include "amp/device.h"
#include "amp/port.h"

#define BAUD 115200u
#define WATCHDOG_US 500000u /* an emulator that its host keeps waiting is no hang */

#define ACKNOWLEDGE_US 20000u

enum provocation {
    NOTHING = 0,
    HANG = 1,    /* the main loop stops; the watchdog has to bite */
    RESTART = 2, /* a software reset */
    DAWDLE = 3,  /* the main loop stops for 50 ms, once: bytes pile up */
};

static const struct amp_value SENDS[] = {{.low = 0, .high = 1e9f}, {.low = -12, .high = 12}};
static const struct amp_value ACCEPTS[] = {{.low = -12, .high = 12, .safe = 1.5f}};
static const struct amp_device_parameter PARAMETERS[] = {{.low = 0, .high = 3, .initial = 0}};

static struct amp_device_config config = {
    .board = "test",
    .firmware = {1, 2, 3},
    .schema_hash = 0x5EED0A17u,
    .baud = BAUD,
    .lease_us = 250000,
    .state_period_us = 20000,
    .sends_count = 2,
    .accepts_count = 1,
    .sends = SENDS,
    .accepts = ACCEPTS,
    .parameters_count = 1,
    .parameters = PARAMETERS,
};
static struct amp_device device;

/* Once for each time that it is asked for, and only when the acknowledgement is on its way. */
static void do_harm(void) {
    static float seen;
    static uint64_t due_us;
    const float asked = amp_device_parameter(&device, 0);
    if (asked < seen || asked > seen) {
        seen = asked;
        due_us = amp_port_now_us() + ACKNOWLEDGE_US;
    }
    if (due_us == 0 || amp_port_now_us() < due_us) {
        return;
    }
    due_us = 0;
    if ((enum provocation)seen == HANG) {
        for (;;) {
        }
    } else if ((enum provocation)seen == RESTART) {
        amp_port_reset();
    } else if ((enum provocation)seen == DAWDLE) {
        const uint64_t end_us = amp_port_now_us() + 50000u;
        while (amp_port_now_us() < end_us) {
        }
    }
}

int main(void) {
    static uint8_t bytes[32];
    static uint8_t out[32];
    size_t size = 0;
    size_t sent = 0;
    amp_port_begin(BAUD);
    config.boot_nonce = amp_port_boot_nonce();
    config.reset_cause = amp_port_reset_cause();
    if (!amp_device_init(&device, &config, amp_port_now_us())) {
        return 1;
    }
    amp_port_watchdog_begin(WATCHDOG_US);
    for (;;) {
        const size_t got = amp_port_read(bytes, sizeof bytes);
        amp_device_receive(&device, bytes, got, amp_port_now_us());
        const float sensed[2] = {(float)amp_port_lost_bytes(), amp_device_output(&device, 0)};
        amp_device_tick(&device, amp_port_now_us(), sensed);
        if (sent == size) {
            size = amp_device_transmit(&device, out, sizeof out);
            sent = 0;
        }
        sent += amp_port_write(&out[sent], size - sent);
        do_harm();
        amp_port_watchdog_kick();
        amp_port_wait();
    }
}
