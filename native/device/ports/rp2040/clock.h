/* clock.h: the clock tree of an RP2040, and its random bits. */
#ifndef AMP_PORT_RP2040_CLOCK_H
#define AMP_PORT_RP2040_CLOCK_H

#include <stdint.h>

#define AMP_SYSTEM_MHZ 125u

/// Crystal (12 MHz), PLL, the system and its peripherals at 125 MHz, a tick each microsecond.
void amp_clock_begin(void);

/// 32 bits of the ring oscillator; they are noise on the chip and ones in an emulator.
uint32_t amp_random(void);

#endif
