/* A motor's firmware that a debugger can harm: what the host does then is what the tests look at.
 *
 * |amp_test_harm| is written from outside while the processor stands still, |amp_test_facts| read.
 * The tests define AMP_TEST_...: what the plan of a board file says.
 */
#include "amp/device.h"
#include "amp/port.h"

#define WATCHDOG_US 500000u
#define RAD_PER_VS 3.0f

enum harm {
    NOTHING = 0,
    HANG = 1,  /* the main loop stops, interrupts go on */
    WEDGE = 2, /* everything stops but the clock of the watchdog */
};

/* Read in this order by tests/mcu. */
struct facts {
    uint64_t now_us;
    uint64_t applied_us;
    uint64_t safe_begin_us;
    uint64_t safe_reached_us;
    uint32_t mode, reason;
    uint32_t at_safe;
    uint32_t boot_nonce;
    uint32_t session; /* its number; 0: none stands */
    uint32_t late_us; /* the longest round of the main loop from an actuation until all was safe */
    uint64_t hung_us; /* of the boot before this one: for how long its main loop had stood */
};

volatile uint32_t amp_test_harm;
volatile struct facts amp_test_facts;
static volatile uint64_t hung_us __attribute__((noinit));

static const struct amp_value SENDS[] = {{.low = -AMP_TEST_RANGE, .high = AMP_TEST_RANGE}};
static const struct amp_value ACCEPTS[] = {{.low = -12, .high = 12, .ramp_per_s = 1200}};

static struct amp_device_config config = {
    .board = AMP_TEST_BOARD,
    .firmware = {1, 2, 3},
    .schema_hash = AMP_TEST_SCHEMA,
    .baud = AMP_TEST_BAUD,
    .lease_us = AMP_TEST_LEASE_US,
    .state_period_us = AMP_TEST_STATE_US,
    .sends_count = 1,
    .accepts_count = 1,
    .sends = SENDS,
    .accepts = ACCEPTS,
    .dictionary = AMP_TEST_DICTIONARY,
    .dictionary_size = sizeof AMP_TEST_DICTIONARY - 1,
};
static struct amp_device device;

static void do_harm(void) {
    const uint64_t begin_us = amp_port_now_us();
    while (amp_test_harm == HANG) {
        hung_us = amp_port_now_us() - begin_us;
    }
    if (amp_test_harm == WEDGE) {
        __asm__ volatile("cpsid i" ::: "memory");
        for (;;) {
        }
    }
}

static void tell(uint64_t now_us) {
    const uint32_t round_us = (uint32_t)(now_us - amp_test_facts.now_us);
    const bool applied = amp_test_facts.applied_us != device.applied_us;
    const bool counts = amp_test_facts.at_safe == 0 && round_us > amp_test_facts.late_us;
    if (applied || counts) {
        amp_test_facts.late_us = round_us;
    }
    const bool up = device.session.state == AMP_SESSION_UP;
    amp_test_facts.session = up ? device.session.number : 0u;
    amp_test_facts.now_us = now_us;
    amp_test_facts.applied_us = device.applied_us;
    amp_test_facts.safe_begin_us = device.safe_begin_us;
    amp_test_facts.safe_reached_us = device.safe_reached_us;
    amp_test_facts.mode = device.mode;
    amp_test_facts.reason = device.reason;
    amp_test_facts.at_safe = device.at_safe;
}

int main(void) {
    static uint8_t bytes[64];
    static uint8_t out[64];
    size_t size = 0;
    size_t sent = 0;
    float position = 0.0f;
    uint64_t before_us = 0;
    amp_port_begin(AMP_TEST_BAUD);
    config.boot_nonce = amp_port_boot_nonce();
    config.reset_cause = amp_port_reset_cause();
    amp_test_facts.boot_nonce = config.boot_nonce;
    amp_test_facts.hung_us = hung_us;
    hung_us = 0;
    if (!amp_device_init(&device, &config, amp_port_now_us())) {
        return 1;
    }
    amp_port_watchdog_begin(WATCHDOG_US);
    for (;;) {
        const size_t got = amp_port_read(bytes, sizeof bytes);
        amp_device_receive(&device, bytes, got, amp_port_now_us());
        const uint64_t now_us = amp_port_now_us();
        position +=
            amp_device_output(&device, 0) * RAD_PER_VS * (float)(now_us - before_us) * 1e-6f;
        before_us = now_us;
        amp_device_tick(&device, now_us, &position);
        tell(now_us);
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
