/* RP2040 (Cortex-M0+, its first core): UART0 on GPIO 0 (out) and 1 (in), 12 MHz crystal, 125 MHz.
 *
 * Addresses and bits: RP2040 data sheet: 2.3.2 interrupts, 2.13.4 power-on state machine, 2.14 resets,
 * 2.19.6 IO, 4.2.8 UART, 4.6.5 timer, 4.7.6 watchdog and its erratum E1, 2.12.8 chip reset.
 */
#include "amp/port.h"

#include "amp/wire.h"
#include "boot.h"
#include "clock.h"
#include "cortex_m.h"
#include "ring.h"

#define TICK_US 1000u

#define RESETS_RESET AMP_REGISTER(0x4000C000u)
#define RESETS_DONE AMP_REGISTER(0x4000C008u)
#define RESET_OURS (1u << 5 | 1u << 8 | 1u << 21 | 1u << 22) /* IO, pads, timer, UART0 */

#define GPIO0_CTRL AMP_REGISTER(0x40014004u)
#define GPIO1_CTRL AMP_REGISTER(0x4001400Cu)
#define FUNCTION_UART 2u

#define UART(offset) AMP_REGISTER(0x40034000u + (offset))
#define UART_DR UART(0x000u)
#define UART_FR UART(0x018u)
#define UART_IBRD UART(0x024u)
#define UART_FBRD UART(0x028u)
#define UART_LCRH UART(0x02Cu)
#define UART_CR UART(0x030u)
#define UART_IFLS UART(0x034u)
#define UART_IMSC UART(0x038u)
#define UART_ICR UART(0x044u)
#define DR_OVERRUN (1u << 11)
#define FR_RX_EMPTY (1u << 4)
#define FR_TX_FULL (1u << 5)
#define LCRH_8N1_FIFO 0x70u
#define CR_ON 0x301u
#define IFLS_HALF 0x12u
#define IRQ_RX_RT 0x50u
#define IRQ_TX 0x20u
#define IRQ_ALL 0x7F0u

#define TIMER_ALARM0 AMP_REGISTER(0x40054010u)
#define TIMER_RAWL AMP_REGISTER(0x40054028u)
#define TIMER_INTR AMP_REGISTER(0x40054034u)
#define TIMER_INTE AMP_REGISTER(0x40054038u)

#define WATCHDOG_CTRL AMP_REGISTER(0x40058000u)
#define WATCHDOG_LOAD AMP_REGISTER(0x40058004u)
#define WATCHDOG_REASON AMP_REGISTER(0x40058008u)
#define WATCHDOG_ON (1u << 30)
#define WATCHDOG_NOW (1u << 31)
#define WATCHDOG_MOST_US 0x7FFFFFu
#define REASON_TIMER 1u
#define REASON_FORCED 2u
#define PSM_WDSEL AMP_REGISTER(0x40010008u)
#define WDSEL_ALL_BUT_OSCILLATORS 0x1FFFCu
#define CHIP_RESET AMP_REGISTER(0x40064008u)
#define CHIP_RESET_POWER (1u << 8) /* or a brownout: the chip does not tell */
#define CHIP_RESET_PIN (1u << 16)

#define SCB_VTOR AMP_REGISTER(0xE000ED08u)

#define TIMER_IRQ 0u
#define UART_IRQ 20u

#define RX_SIZE 1024
#define TX_SIZE 512

static volatile uint8_t rx_bytes[RX_SIZE];
static volatile uint8_t tx_bytes[TX_SIZE];
static struct amp_ring rx = {rx_bytes, RX_SIZE, 0, 0};
static struct amp_ring tx = {tx_bytes, TX_SIZE, 0, 0};
static volatile uint32_t lost;
static volatile bool ticked;
static uint32_t watchdog_load; /* 0: not begun */
static uint32_t counted_us;
static uint64_t now_us;

/* The interrupt that says "there is room" is on only while bytes wait for it. */
static void feed_uart(void) {
    while (amp_ring_waiting(&tx) != 0 && (UART_FR & FR_TX_FULL) == 0) {
        UART_DR = amp_ring_take(&tx);
    }
    UART_IMSC = amp_ring_waiting(&tx) != 0 ? IRQ_RX_RT | IRQ_TX : IRQ_RX_RT;
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
    TIMER_INTR = 1;
    TIMER_ALARM0 = TIMER_RAWL + TICK_US;
    ticked = true;
}

#define NO_4 amp_failed, amp_failed, amp_failed, amp_failed
#define NO_16 NO_4, NO_4, NO_4, NO_4

AMP_VECTORS(26) = {
    .stack = amp_stack_top,
    .reset = amp_start,
    .exceptions = AMP_NO_EXCEPTIONS,
    .systick = amp_failed,
    .interrupts = {on_timer, amp_failed, amp_failed, amp_failed, NO_16, on_uart, NO_4, amp_failed},
};

/* A debugger may start the image without its first stage. */
void amp_port_quiet(void) {
    WATCHDOG_CTRL &= ~WATCHDOG_ON;
    SCB_VTOR = (uint32_t)(uintptr_t)&amp_vectors;
}

static uint8_t hardware_cause(void) {
    const uint32_t reason = WATCHDOG_REASON;
    if ((reason & REASON_FORCED) != 0) {
        return AMP_RESET_SOFTWARE;
    }
    if ((reason & REASON_TIMER) != 0) {
        return AMP_RESET_WATCHDOG;
    }
    const uint32_t chip = CHIP_RESET;
    if ((chip & CHIP_RESET_POWER) != 0) {
        return AMP_RESET_POWER;
    }
    return (chip & CHIP_RESET_PIN) != 0 ? AMP_RESET_PIN : AMP_RESET_UNKNOWN;
}

static void begin_uart(uint32_t baud) {
    const uint32_t sixty_fourths = (AMP_SYSTEM_MHZ * 4000000u + baud / 2u) / baud;
    GPIO0_CTRL = FUNCTION_UART;
    GPIO1_CTRL = FUNCTION_UART;
    UART_CR = 0;
    UART_IBRD = sixty_fourths >> 6;
    UART_FBRD = sixty_fourths & 63u;
    UART_LCRH = LCRH_8N1_FIFO;
    UART_IFLS = IFLS_HALF;
    UART_ICR = IRQ_ALL;
    UART_IMSC = IRQ_RX_RT;
    UART_CR = CR_ON;
}

void amp_port_begin(uint32_t baud) {
    amp_boot_begin(hardware_cause(), amp_random());
    amp_clock_begin();
    RESETS_RESET |= RESET_OURS;
    RESETS_RESET &= ~RESET_OURS;
    while ((RESETS_DONE & RESET_OURS) != RESET_OURS) {
    }
    begin_uart(baud);
    counted_us = TIMER_RAWL;
    TIMER_INTR = 1;
    TIMER_INTE = 1;
    TIMER_ALARM0 = TIMER_RAWL + TICK_US;
    AMP_NVIC_ISER(0) = AMP_NVIC_BIT(TIMER_IRQ) | AMP_NVIC_BIT(UART_IRQ);
    on_uart(); /* what came before, which raises nothing any more */
    amp_interrupts_on();
}

uint64_t amp_port_now_us(void) {
    const uint32_t at_us = TIMER_RAWL;
    now_us += at_us - counted_us;
    counted_us = at_us;
    return now_us;
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

/* Erratum E1: it counts two for each microsecond. */
void amp_port_watchdog_begin(uint32_t timeout_us) {
    watchdog_load = 2u * (timeout_us < WATCHDOG_MOST_US ? timeout_us : WATCHDOG_MOST_US);
    PSM_WDSEL = WDSEL_ALL_BUT_OSCILLATORS;
    WATCHDOG_LOAD = watchdog_load;
    WATCHDOG_CTRL |= WATCHDOG_ON;
}

void amp_port_watchdog_kick(void) {
    if (watchdog_load != 0) {
        WATCHDOG_LOAD = watchdog_load;
    }
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
    PSM_WDSEL = WDSEL_ALL_BUT_OSCILLATORS;
    WATCHDOG_CTRL |= WATCHDOG_NOW;
    for (;;) {
    }
}
