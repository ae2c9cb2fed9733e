/* clock.h: the clock tree of an STM32F405, and what an emulator makes of it. */
#ifndef AMP_PORT_STM32F405_CLOCK_H
#define AMP_PORT_STM32F405_CLOCK_H

#include <stdint.h>

/// Frequency of the crystal, a whole number of MHz from 4 to 26. Most boards have 8; Netduino Plus 2
/// has 25, Feather STM32F405 12. One that does not start is done without: then the internal
/// oscillator's 1 % is all the precision there is.
#ifndef AMP_PORT_HSE_MHZ
#define AMP_PORT_HSE_MHZ 8
#endif

#define AMP_CORE_MHZ 168u
#define AMP_APB2_MHZ 84u

/// Run the core at 168 MHz, APB2 at 84, the timers of APB1 at 84, the random number generator at 48.
/// Returns what the timers of APB1 count at, in MHz.
uint32_t amp_clock_begin(void);

/// 32 bits of the random number generator; 0 where it gives none.
uint32_t amp_random(void);

#endif
