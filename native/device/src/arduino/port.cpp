// port.h by what every Arduino core has: Serial, micros(), analogRead(); and by the watchdog of AVR.
// On another processor a sketch defines amp_port_watchdog_begin(), amp_port_watchdog_kick(),
// amp_port_reset_cause() and amp_port_reset() itself: Arduino has no name for them.
#ifdef ARDUINO

#include <Arduino.h>

#include "amphost_device.h"

#ifndef AMP_ARDUINO_SERIAL
#define AMP_ARDUINO_SERIAL Serial
#endif

void amp_port_begin(uint32_t baud) {
    AMP_ARDUINO_SERIAL.begin(baud);
    (void)amp_port_boot_nonce(); // before anybody drives the pin that it listens to
}

uint64_t amp_port_now_us(void) {
    static uint32_t low_before, high;
    const uint32_t low = micros();
    if (low < low_before) {
        ++high; // once in 71 minutes
    }
    low_before = low;
    return (uint64_t)high << 32 | low;
}

size_t amp_port_read(uint8_t *bytes, size_t size) {
    size_t taken = 0;
    while (taken < size && AMP_ARDUINO_SERIAL.available() > 0) {
        bytes[taken++] = (uint8_t)AMP_ARDUINO_SERIAL.read();
    }
    return taken;
}

size_t amp_port_write(const uint8_t *bytes, size_t size) {
    const int room = AMP_ARDUINO_SERIAL.availableForWrite();
    const size_t fits = room < 0 ? 0 : (size_t)room;
    return AMP_ARDUINO_SERIAL.write(bytes, size < fits ? size : fits);
}

uint32_t amp_port_lost_bytes(void) {
    return 0; // no core counts them; the frames that lack them fail their CRC
}

void amp_port_wait(void) {}

// What noise there is on an open analog input, and how long listening to it took.
static uint32_t entropy(void) {
    uint32_t hash = 2166136261u;
    for (uint8_t turn = 0; turn < 64; ++turn) {
        hash = (hash ^ (uint32_t)analogRead(A0) ^ micros()) * 16777619u;
    }
    return hash;
}

#ifdef __AVR__

#include <avr/io.h>
#include <avr/wdt.h>

#ifdef WDTO_8S
#define LONGEST_STEP WDTO_8S
#else
#define LONGEST_STEP WDTO_2S
#endif

// RAM that a reset leaves as it was: a nonce, and its complement as the sign that it is one.
static uint32_t nonce_kept __attribute__((section(".noinit")));
static uint32_t nonce_check __attribute__((section(".noinit")));
static uint8_t reset_flags __attribute__((section(".noinit")));

// Before main(), because a watchdog goes on after the reset it caused, with its shortest time.
extern "C" void amp_arduino_look_at_reset(void) __attribute__((naked, used, section(".init3")));
void amp_arduino_look_at_reset(void) {
    reset_flags = MCUSR;
    MCUSR = 0;
    wdt_disable();
}

uint32_t amp_port_boot_nonce(void) {
    static bool made;
    if (!made) {
        nonce_kept = nonce_kept == ~nonce_check ? nonce_kept + 1u : entropy();
        nonce_check = ~nonce_kept;
        made = true;
    }
    return nonce_kept;
}

// A boot loader may have cleared the flags: then nobody knows.
uint8_t amp_port_reset_cause(void) {
    if (reset_flags & _BV(PORF)) {
        return AMP_RESET_POWER;
    }
    if (reset_flags & _BV(WDRF)) {
        return AMP_RESET_WATCHDOG;
    }
    if (reset_flags & _BV(BORF)) {
        return AMP_RESET_BROWNOUT;
    }
    return reset_flags & _BV(EXTRF) ? AMP_RESET_PIN : AMP_RESET_UNKNOWN;
}

// Step 0 takes 16 ms, each step twice the one before.
void amp_port_watchdog_begin(uint32_t timeout_us) {
    uint8_t step = WDTO_15MS;
    while (step < LONGEST_STEP && timeout_us > (uint32_t)16000 << step) {
        ++step;
    }
    wdt_enable(step);
}

void amp_port_watchdog_kick(void) {
    wdt_reset();
}

void amp_port_reset(void) {
    wdt_enable(WDTO_15MS);
    for (;;) {
    }
}

#else

uint32_t amp_port_boot_nonce(void) {
    static bool made;
    static uint32_t nonce;
    if (!made) {
        nonce = entropy();
        made = true;
    }
    return nonce;
}

#endif

#endif
