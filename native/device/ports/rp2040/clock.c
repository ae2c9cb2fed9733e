/* Addresses and bits: RP2040 data sheet: 2.14 resets, 2.15.7 clocks, 2.16 crystal, 2.17.8 ring
 * oscillator, 2.18.4 PLL, 4.7.6 the watchdog's tick.
 */
#include "clock.h"

#include "cortex_m.h"

#define RESETS_RESET AMP_REGISTER(0x4000C000u)
#define RESETS_DONE AMP_REGISTER(0x4000C008u)
#define RESET_PLL_SYS (1u << 12)
#define XOSC_CTRL AMP_REGISTER(0x40024000u)
#define XOSC_STATUS AMP_REGISTER(0x40024004u)
#define XOSC_STARTUP AMP_REGISTER(0x4002400Cu)
#define XOSC_ON (0xFABu << 12 | 0xAA0u) /* enabled, 1 to 15 MHz */
#define XOSC_MS 47u                     /* 12 MHz / 256 / 1 kHz */
#define STABLE (1u << 31)
#define CLK_REF_CTRL AMP_REGISTER(0x40008030u)
#define CLK_REF_SELECTED AMP_REGISTER(0x40008038u)
#define CLK_SYS_CTRL AMP_REGISTER(0x4000803Cu)
#define CLK_SYS_SELECTED AMP_REGISTER(0x40008044u)
#define CLK_PERI_CTRL AMP_REGISTER(0x40008048u)
#define REF_XOSC 2u
#define SYS_AUX 1u /* of which the PLL is the first */
#define PERI_ON (1u << 11)
#define PLL_CS AMP_REGISTER(0x40028000u)
#define PLL_PWR AMP_REGISTER(0x40028004u)
#define PLL_FBDIV AMP_REGISTER(0x40028008u)
#define PLL_PRIM AMP_REGISTER(0x4002800Cu)
#define PLL_MULTIPLY 125u                /* to 1500 MHz */
#define PLL_DIVIDE (6u << 16 | 2u << 12) /* to 125 MHz */
#define PWR_PD 1u
#define PWR_POSTDIVPD (1u << 3)
#define PWR_VCOPD (1u << 5)
#define WATCHDOG_TICK AMP_REGISTER(0x4005802Cu)
#define TICK_12_MHZ (1u << 9 | 12u)
#define ROSC_RANDOMBIT AMP_REGISTER(0x4006001Cu)

void amp_clock_begin(void) {
    XOSC_STARTUP = XOSC_MS;
    XOSC_CTRL = XOSC_ON;
    while ((XOSC_STATUS & STABLE) == 0) {
    }
    CLK_SYS_CTRL = 0; /* off the PLL, before that is touched */
    while ((CLK_SYS_SELECTED & 1u) == 0) {
    }
    CLK_REF_CTRL = REF_XOSC;
    while ((CLK_REF_SELECTED & 1u << REF_XOSC) == 0) {
    }
    RESETS_RESET |= RESET_PLL_SYS;
    RESETS_RESET &= ~RESET_PLL_SYS;
    while ((RESETS_DONE & RESET_PLL_SYS) == 0) {
    }
    PLL_CS = 1; /* the crystal, undivided */
    PLL_FBDIV = PLL_MULTIPLY;
    PLL_PWR &= ~(PWR_PD | PWR_VCOPD);
    while ((PLL_CS & STABLE) == 0) {
    }
    PLL_PRIM = PLL_DIVIDE;
    PLL_PWR &= ~PWR_POSTDIVPD;
    CLK_SYS_CTRL = SYS_AUX;
    while ((CLK_SYS_SELECTED & 1u << SYS_AUX) == 0) {
    }
    CLK_PERI_CTRL = PERI_ON;
    WATCHDOG_TICK = TICK_12_MHZ;
}

uint32_t amp_random(void) {
    uint32_t bits = 0;
    for (int n = 0; n < 32; n++) {
        bits = bits << 1 | (ROSC_RANDOMBIT & 1u);
        for (volatile int wait = 0; wait < 16; wait++) {
        }
    }
    return bits;
}
