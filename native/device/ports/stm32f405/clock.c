/* Addresses and bits: RM0090 (ST, "STM32F405/415, STM32F407/417 ..."): 3.9 flash interface, 7.3 RCC, 24.4
 * RNG. */
#include "clock.h"

#include "cortex_m.h"

#define RCC_CR AMP_REGISTER(0x40023800u)
#define RCC_PLLCFGR AMP_REGISTER(0x40023804u)
#define RCC_CFGR AMP_REGISTER(0x40023808u)
#define RCC_AHB2ENR AMP_REGISTER(0x40023834u)
#define CR_HSIRDY (1u << 1)
#define CR_HSEON (1u << 16)
#define CR_HSERDY (1u << 17)
#define CR_PLLON (1u << 24)
#define CR_PLLRDY (1u << 25)
#define PLL_N_336 (336u << 6) /* of 1 MHz; divided by 2: 168, by 7: 48 */
#define PLL_Q_7 (7u << 24)
#define PLL_HSE (1u << 22)
#define HSI_MHZ 16u
#define CFGR_APB1_4_APB2_2 (5u << 10 | 4u << 13)
#define CFGR_PLL 2u
#define CFGR_STATUS (3u << 2)
#define CFGR_STATUS_PLL (2u << 2)
#define FLASH_ACR AMP_REGISTER(0x40023C00u)
#define ACR_5_WAITS_CACHES (5u | 7u << 8)
#define AHB2_RNG (1u << 6)
#define RNG_CR AMP_REGISTER(0x50060800u)
#define RNG_SR AMP_REGISTER(0x50060804u)
#define RNG_DR AMP_REGISTER(0x50060808u)
#define RNG_ON (1u << 2)
#define RNG_STATUS 0x67u /* ready, and every error */
#define RNG_READY 1u
#define LOOPS_MAX 100000u

#define APB1_TIMERS_MHZ 84u
#define QEMU_TIMERS_MHZ 1000u

uint32_t amp_clock_begin(void) {
    if ((RCC_CR & CR_HSIRDY) == 0) {
        /* The chip comes out of reset on that oscillator, so this is none: QEMU (through 9) has no
         * RCC. Its core runs at 168 MHz by itself, its timers at 1 GHz. */
        return QEMU_TIMERS_MHZ;
    }
    RCC_CR |= CR_HSEON;
    for (uint32_t loops = 0; (RCC_CR & CR_HSERDY) == 0 && loops < LOOPS_MAX; loops++) {
    }
    const uint32_t source =
        (RCC_CR & CR_HSERDY) != 0 ? PLL_HSE | (uint32_t)AMP_PORT_HSE_MHZ : HSI_MHZ;
    RCC_PLLCFGR = source | PLL_N_336 | PLL_Q_7;
    RCC_CR |= CR_PLLON;
    while ((RCC_CR & CR_PLLRDY) == 0) {
    }
    FLASH_ACR = ACR_5_WAITS_CACHES;
    RCC_CFGR = CFGR_APB1_4_APB2_2;
    RCC_CFGR |= CFGR_PLL;
    while ((RCC_CFGR & CFGR_STATUS) != CFGR_STATUS_PLL) {
    }
    return APB1_TIMERS_MHZ;
}

uint32_t amp_random(void) {
    RCC_AHB2ENR |= AHB2_RNG;
    (void)RCC_AHB2ENR;
    RNG_CR = RNG_ON;
    for (uint32_t loops = 0; loops < LOOPS_MAX / 10u; loops++) {
        if ((RNG_SR & RNG_STATUS) == RNG_READY) {
            return RNG_DR;
        }
    }
    return 0;
}
