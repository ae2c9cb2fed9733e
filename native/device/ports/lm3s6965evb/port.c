/* LM3S6965 (Cortex-M3) on Luminary's evaluation board: UART0 on PA0 and PA1, 8 MHz crystal, 50 MHz.
 *
 * Addresses and bits: Stellaris LM3S6965 data sheet (Texas Instruments, DS-LM3S6965): 5 "System
 * Control", 8 "GPIOs", 9 "General-Purpose Timers", 10 "Watchdog Timer", 11 "ADC", 12 "UARTs"; interrupt
 * numbers: table 2-9.
 */
#include "amp/port.h"

#include "amp/wire.h"
#include "boot.h"
#include "cortex_m.h"
#include "ring.h"

#define CLOCK_MHZ 50u
#define TICK_US 1000u

/* System control */
#define SYSTEM(offset) AMP_REGISTER(0x400FE000u + (offset))
#define RIS SYSTEM(0x050u)
#define RESC SYSTEM(0x05Cu)
#define RCC SYSTEM(0x060u)
#define RCGC0 SYSTEM(0x100u)
#define RCGC1 SYSTEM(0x104u)
#define RCGC2 SYSTEM(0x108u)
#define RIS_PLL_LOCKED (1u << 6)
#define RESC_EXTERNAL (1u << 0)
#define RESC_POWER (1u << 1)
#define RESC_BROWNOUT (1u << 2)
#define RESC_WATCHDOG (1u << 3)
#define RESC_SOFTWARE (1u << 4)
#define RCC_MOSCDIS (1u << 0)
#define RCC_OSCSRC (3u << 4)
#define RCC_XTAL (15u << 6)
#define RCC_XTAL_8_MHZ (14u << 6)
#define RCC_BYPASS (1u << 11)
#define RCC_OEN (1u << 12)
#define RCC_PWRDN (1u << 13)
#define RCC_USESYSDIV (1u << 22)
#define RCC_SYSDIV (15u << 23)
#define RCC_SYSDIV_4 (3u << 23) /* 200 MHz / 4 */
#define RCGC0_WDT (1u << 3)
#define RCGC1_UART0 (1u << 0)
#define RCGC1_TIMER0 (1u << 16)
#define RCGC2_GPIOA (1u << 0)
#define MAIN_OSCILLATOR_LOOPS 100000u

/* Port A: PA0 is U0Rx, PA1 is U0Tx */
#define GPIOA_AFSEL AMP_REGISTER(0x40004420u)
#define GPIOA_DEN AMP_REGISTER(0x4000451Cu)
#define UART_PINS 3u

/* UART0, a PL011 */
#define UART(offset) AMP_REGISTER(0x4000C000u + (offset))
#define UART_DR UART(0x000u)
#define UART_FR UART(0x018u)
#define UART_IBRD UART(0x024u)
#define UART_FBRD UART(0x028u)
#define UART_LCRH UART(0x02Cu)
#define UART_CTL UART(0x030u)
#define UART_IFLS UART(0x034u)
#define UART_IM UART(0x038u)
#define UART_ICR UART(0x044u)
#define DR_OVERRUN (1u << 11)
#define FR_RX_EMPTY (1u << 4)
#define FR_TX_FULL (1u << 5)
#define LCRH_8N1_FIFO 0x70u
#define CTL_ON 0x301u
#define IFLS_HALF 0x12u    /* receive: half full; send: half empty */
#define IRQ_RX_TX_RT 0x70u /* receive, send, receive timeout */
#define IRQ_ALL 0x7F0u

/* Timer 0 */
#define TIMER(offset) AMP_REGISTER(0x40030000u + (offset))
#define TIMER_CFG TIMER(0x000u)
#define TIMER_TAMR TIMER(0x004u)
#define TIMER_CTL TIMER(0x00Cu)
#define TIMER_IMR TIMER(0x018u)
#define TIMER_ICR TIMER(0x024u)
#define TIMER_TAILR TIMER(0x028u)

/* Watchdog */
#define WDT(offset) AMP_REGISTER(0x40000000u + (offset))
#define WDT_LOAD WDT(0x000u)
#define WDT_CTL WDT(0x008u)
#define WDT_ICR WDT(0x00Cu)
#define WDT_LOCK WDT(0xC00u)
#define WDT_UNLOCKED 0x1ACCE551u
#define WDT_INTEN_RESEN 3u
#define WDT_LONGEST_US 85000000u /* of 32 bits at 50 MHz, a half */

#define UART_IRQ 5u
#define WDT_IRQ 18u
#define TIMER_IRQ 19u

#define RX_SIZE 1024
#define TX_SIZE 512

static volatile uint8_t rx_bytes[RX_SIZE];
static volatile uint8_t tx_bytes[TX_SIZE];
static struct amp_ring rx = {rx_bytes, RX_SIZE, 0, 0};
static struct amp_ring tx = {tx_bytes, TX_SIZE, 0, 0};
static volatile uint32_t lost;
static volatile bool ticked;
static bool watched;

/* The clock: SysTick counts down through all its 24 bits, 335 ms, and is looked at each millisecond. */
static uint32_t counted;
static uint32_t cycles;
static uint64_t now_us;

static void count_time(void) {
    const uint32_t at = AMP_SYST_CVR;
    cycles += (counted - at) & (AMP_SYST_COUNTS - 1u);
    counted = at;
    now_us += cycles / CLOCK_MHZ;
    cycles %= CLOCK_MHZ;
}

static void feed_uart(void) {
    while (amp_ring_waiting(&tx) != 0 && (UART_FR & FR_TX_FULL) == 0) {
        UART_DR = amp_ring_take(&tx);
    }
}

/* Acknowledged before it is drained: a byte that comes in between raises it again. */
static void on_uart(void) {
    UART_ICR = IRQ_ALL;
    while ((UART_FR & FR_RX_EMPTY) == 0) {
        const uint32_t got = UART_DR;
        if ((got & DR_OVERRUN) != 0) {
            lost++;
        }
        if (!amp_ring_put(&rx, (uint8_t)got)) {
            lost++;
        }
    }
    feed_uart();
}

static void on_timer(void) {
    TIMER_ICR = 1;
    count_time();
    ticked = true;
}

/* Half of the timeout has passed. It stays pending on purpose: the second half ends in the reset. */
static void on_watchdog(void) {
    AMP_NVIC_ICER(WDT_IRQ) = AMP_NVIC_BIT(WDT_IRQ);
    amp_boot_expect(AMP_RESET_WATCHDOG);
}

AMP_VECTORS(20) = {
    .stack = amp_stack_top,
    .reset = amp_start,
    .exceptions = AMP_NO_EXCEPTIONS,
    .systick = amp_failed,
    .interrupts = {amp_failed, amp_failed, amp_failed, amp_failed,  amp_failed,
                   on_uart,    amp_failed, amp_failed, amp_failed,  amp_failed,
                   amp_failed, amp_failed, amp_failed, amp_failed,  amp_failed,
                   amp_failed, amp_failed, amp_failed, on_watchdog, on_timer},
};

/* The reset has stopped the watchdog. */
void amp_port_quiet(void) {}

/* Data sheet 5.3: bypass the PLL, choose the crystal, power the PLL up, divide, wait, use it. */
static void begin_clock(void) {
    RCC = (RCC | RCC_BYPASS) & ~RCC_USESYSDIV;
    RCC &= ~RCC_MOSCDIS;
    for (volatile uint32_t loops = 0; loops < MAIN_OSCILLATOR_LOOPS; loops++) {
        /* the main oscillator has no ready flag */
    }
    RCC = (RCC & ~(RCC_XTAL | RCC_OSCSRC | RCC_PWRDN | RCC_OEN)) | RCC_XTAL_8_MHZ;
    RCC = (RCC & ~RCC_SYSDIV) | RCC_SYSDIV_4 | RCC_USESYSDIV;
    while ((RIS & RIS_PLL_LOCKED) == 0) {
    }
    RCC &= ~RCC_BYPASS;
}

static void begin_uart(uint32_t baud) {
    const uint32_t sixty_fourths = (CLOCK_MHZ * 4000000u + baud / 2u) / baud; /* of 1/16 bit */
    GPIOA_AFSEL |= UART_PINS;
    GPIOA_DEN |= UART_PINS;
    UART_CTL = 0;
    UART_IBRD = sixty_fourths >> 6;
    UART_FBRD = sixty_fourths & 63u;
    UART_LCRH = LCRH_8N1_FIFO;
    UART_IFLS = IFLS_HALF;
    UART_ICR = IRQ_ALL;
    UART_IM = IRQ_RX_TX_RT;
    UART_CTL = CTL_ON;
}

static void begin_time(void) {
    AMP_SYST_RVR = AMP_SYST_COUNTS - 1u;
    AMP_SYST_CVR = 0;
    AMP_SYST_CSR = 5; /* the processor's clock, no interrupt */
    counted = AMP_SYST_CVR;
    TIMER_CTL = 0;
    TIMER_CFG = 0;  /* 32 bits */
    TIMER_TAMR = 2; /* periodic */
    TIMER_TAILR = TICK_US * CLOCK_MHZ - 1u;
    TIMER_ICR = 1;
    TIMER_IMR = 1;
    TIMER_CTL = 1;
}

static uint8_t hardware_cause(void) {
    const uint32_t bits = RESC;
    RESC = 0;
    if ((bits & RESC_POWER) != 0) {
        return AMP_RESET_POWER;
    }
    if ((bits & RESC_BROWNOUT) != 0) {
        return AMP_RESET_BROWNOUT;
    }
    if ((bits & RESC_WATCHDOG) != 0) {
        return AMP_RESET_WATCHDOG;
    }
    if ((bits & RESC_SOFTWARE) != 0) {
        return AMP_RESET_SOFTWARE;
    }
    return (bits & RESC_EXTERNAL) != 0 ? AMP_RESET_PIN : AMP_RESET_UNKNOWN;
}

void amp_port_begin(uint32_t baud) {
    amp_boot_begin(hardware_cause(), 0);
    begin_clock();
    RCGC0 |= RCGC0_WDT;
    RCGC1 |= RCGC1_UART0 | RCGC1_TIMER0;
    RCGC2 |= RCGC2_GPIOA;
    (void)RCGC2; /* a clock that was turned on is there three cycles later */
    (void)RCGC2;
    begin_uart(baud);
    begin_time();
    AMP_NVIC_ISER(UART_IRQ) =
        AMP_NVIC_BIT(UART_IRQ) | AMP_NVIC_BIT(WDT_IRQ) | AMP_NVIC_BIT(TIMER_IRQ);
    on_uart(); /* what came before, which raises nothing any more */
    amp_interrupts_on();
}

uint64_t amp_port_now_us(void) {
    amp_interrupts_off();
    count_time();
    const uint64_t now = now_us;
    amp_interrupts_on();
    return now;
}

size_t amp_port_read(uint8_t *bytes, size_t size) {
    return amp_ring_read(&rx, bytes, size);
}

size_t amp_port_write(const uint8_t *bytes, size_t size) {
    const size_t put = amp_ring_write(&tx, bytes, size);
    AMP_NVIC_ICER(UART_IRQ) = AMP_NVIC_BIT(UART_IRQ);
    amp_barrier();
    feed_uart();
    AMP_NVIC_ISER(UART_IRQ) = AMP_NVIC_BIT(UART_IRQ);
    return put;
}

uint32_t amp_port_lost_bytes(void) {
    return lost;
}

/* Its first timeout raises an interrupt, its second the reset. */
void amp_port_watchdog_begin(uint32_t timeout_us) {
    const uint32_t half_us = timeout_us / 2u + 1u;
    WDT_LOCK = WDT_UNLOCKED;
    WDT_LOAD = (half_us < WDT_LONGEST_US ? half_us : WDT_LONGEST_US) * CLOCK_MHZ;
    WDT_CTL = WDT_INTEN_RESEN;
    WDT_LOCK = 0;
    watched = true;
}

void amp_port_watchdog_kick(void) {
    if (!watched) {
        return;
    }
    WDT_LOCK = WDT_UNLOCKED;
    WDT_ICR = 1; /* clears the first timeout and loads the counter */
    WDT_LOCK = 0;
    amp_boot_expect(AMP_RESET_UNKNOWN);
    AMP_NVIC_ISER(WDT_IRQ) = AMP_NVIC_BIT(WDT_IRQ);
}

uint8_t amp_port_reset_cause(void) {
    return amp_boot_cause();
}

uint32_t amp_port_boot_nonce(void) {
    return amp_boot_nonce();
}

void amp_port_wait(void) {
    amp_interrupts_off();
    if (amp_ring_waiting(&rx) == 0 && !ticked) {
        amp_wait_for_interrupt();
    }
    ticked = false;
    amp_interrupts_on();
}

_Noreturn void amp_port_reset(void) {
    amp_interrupts_off();
    amp_boot_expect(AMP_RESET_SOFTWARE);
    amp_barrier();
    AMP_SCB_AIRCR = AMP_AIRCR_RESET;
    for (;;) {
    }
}
