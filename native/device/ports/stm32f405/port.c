/* STM32F405 (Cortex-M4F): USART1 on PA9 (out) and PA10 (in), crystal or internal oscillator, 168 MHz.
 *
 * Addresses and bits: RM0090 (ST): 7.3.21 RCC_CSR, 8.4 GPIO, 12.2 vector table, 18.4 TIM2, 21 IWDG, 30.6
 * USART; data sheet DS8626, table 9 (alternate functions), 5.3.9 (LSI: 17 to 47 kHz).
 */
#include "amp/port.h"

#include "amp/wire.h"
#include "boot.h"
#include "clock.h"
#include "cortex_m.h"
#include "ring.h"

#define RCC_AHB1ENR AMP_REGISTER(0x40023830u)
#define RCC_APB1ENR AMP_REGISTER(0x40023840u)
#define RCC_APB2ENR AMP_REGISTER(0x40023844u)
#define RCC_CSR AMP_REGISTER(0x40023874u)
#define AHB1_GPIOA 1u
#define APB1_TIM2 1u
#define APB2_USART1 (1u << 4)
#define CSR_CLEAR (1u << 24)
#define CSR_BROWNOUT (1u << 25)
#define CSR_PIN (1u << 26)
#define CSR_POWER (1u << 27)
#define CSR_SOFTWARE (1u << 28)
#define CSR_WATCHDOGS (3u << 29)

#define GPIOA_MODER AMP_REGISTER(0x40020000u)
#define GPIOA_AFRH AMP_REGISTER(0x40020024u)

#define USART_SR AMP_REGISTER(0x40011000u)
#define USART_DR AMP_REGISTER(0x40011004u)
#define USART_BRR AMP_REGISTER(0x40011008u)
#define USART_CR1 AMP_REGISTER(0x4001100Cu)
#define SR_OVERRUN (1u << 3)
#define SR_RECEIVED (1u << 5)
#define SR_EMPTY (1u << 7)
#define CR1_ON (1u << 13 | 1u << 5 | 1u << 3 | 1u << 2) /* UART, its receive interrupt, both ways */
#define CR1_EMPTY_INTERRUPT (1u << 7)

#define TIM2_CR1 AMP_REGISTER(0x40000000u)
#define TIM2_EGR AMP_REGISTER(0x40000014u)
#define TIM2_CNT AMP_REGISTER(0x40000024u)
#define TIM2_PSC AMP_REGISTER(0x40000028u)
#define TIM2_ARR AMP_REGISTER(0x4000002Cu)

#define IWDG_KR AMP_REGISTER(0x40003000u)
#define IWDG_PR AMP_REGISTER(0x40003004u)
#define IWDG_RLR AMP_REGISTER(0x40003008u)
#define KEY_START 0xCCCCu
#define KEY_KICK 0xAAAAu
#define KEY_WRITE 0x5555u
#define RELOAD_MAX 0xFFFu
#define PRESCALER_MAX 6u
#define LSI_KHZ_MAX 47u

#define USART1_IRQ 37u

#define RX_SIZE 1024
#define TX_SIZE 512

static volatile uint8_t rx_bytes[RX_SIZE];
static volatile uint8_t tx_bytes[TX_SIZE];
static struct amp_ring rx = {rx_bytes, RX_SIZE, 0, 0};
static struct amp_ring tx = {tx_bytes, TX_SIZE, 0, 0};
static volatile uint32_t lost;
static volatile bool ticked;
static bool watched;
static uint32_t counted_us; /* of the timer, when it was last looked at */
static uint64_t now_us;

/* An interrupt follows while bytes wait; QEMU 7 has none for that, but always room. */
static void feed_uart(void) {
    while (amp_ring_waiting(&tx) != 0 && (USART_SR & SR_EMPTY) != 0) {
        USART_DR = amp_ring_take(&tx);
    }
    USART_CR1 = amp_ring_waiting(&tx) != 0 ? CR1_ON | CR1_EMPTY_INTERRUPT : CR1_ON;
}

/* Reading the status and then the byte clears both of their flags. */
static void on_uart(void) {
    const uint32_t status = USART_SR;
    if ((status & (SR_RECEIVED | SR_OVERRUN)) != 0) {
        const uint8_t byte = (uint8_t)USART_DR;
        if ((status & SR_OVERRUN) != 0) {
            lost++;
        }
        if ((status & SR_RECEIVED) != 0 && !amp_ring_put(&rx, byte)) {
            lost++;
        }
    }
    feed_uart();
}

static void on_tick(void) {
    ticked = true;
}

#define NO_4 amp_failed, amp_failed, amp_failed, amp_failed
#define NO_12 NO_4, NO_4, NO_4

AMP_VECTORS(38) = {
    .stack = amp_stack_top,
    .reset = amp_start,
    .exceptions = AMP_NO_EXCEPTIONS,
    .systick = on_tick,
    .interrupts = {NO_12, NO_12, NO_12, amp_failed, on_uart},
};

/* Nothing can stop this watchdog, and the reset has. */
void amp_port_quiet(void) {}

static uint8_t hardware_cause(void) {
    const uint32_t bits = RCC_CSR;
    RCC_CSR = CSR_CLEAR;
    if ((bits & CSR_POWER) != 0) {
        return AMP_RESET_POWER;
    }
    if ((bits & CSR_BROWNOUT) != 0) {
        return AMP_RESET_BROWNOUT;
    }
    if ((bits & CSR_WATCHDOGS) != 0) {
        return AMP_RESET_WATCHDOG;
    }
    if ((bits & CSR_SOFTWARE) != 0) {
        return AMP_RESET_SOFTWARE;
    }
    return (bits & CSR_PIN) != 0 ? AMP_RESET_PIN : AMP_RESET_UNKNOWN;
}

static void begin_uart(uint32_t baud) {
    GPIOA_AFRH = (GPIOA_AFRH & ~0xFF0u) | 0x770u;           /* 9 and 10: USART1 */
    GPIOA_MODER = (GPIOA_MODER & ~(15u << 18)) | 10u << 18; /* of both: alternate */
    USART_BRR = (AMP_APB2_MHZ * 1000000u + baud / 2u) / baud;
    USART_CR1 = CR1_ON;
}

static void begin_time(uint32_t timers_mhz) {
    TIM2_PSC = timers_mhz - 1u;
    TIM2_ARR = 0xFFFFFFFFu;
    TIM2_EGR = 1; /* takes the prescaler over */
    TIM2_CNT = 0;
    TIM2_CR1 = 1;
    counted_us = TIM2_CNT;
    AMP_SYST_RVR = AMP_CORE_MHZ * 1000u - 1u;
    AMP_SYST_CVR = 0;
    AMP_SYST_CSR = 7; /* the core's clock, with its interrupt */
}

void amp_port_begin(uint32_t baud) {
    const uint8_t cause = hardware_cause();
    const uint32_t timers_mhz = amp_clock_begin();
    amp_boot_begin(cause, amp_random());
    RCC_AHB1ENR |= AHB1_GPIOA;
    RCC_APB1ENR |= APB1_TIM2;
    RCC_APB2ENR |= APB2_USART1;
    (void)RCC_APB2ENR; /* a clock that was turned on is there two cycles later */
    begin_uart(baud);
    begin_time(timers_mhz);
    AMP_NVIC_ISER(USART1_IRQ) = AMP_NVIC_BIT(USART1_IRQ);
    amp_interrupts_on();
}

uint64_t amp_port_now_us(void) {
    const uint32_t at_us = TIM2_CNT;
    now_us += at_us - counted_us;
    counted_us = at_us;
    return now_us;
}

size_t amp_port_read(uint8_t *bytes, size_t size) {
    return amp_ring_read(&rx, bytes, size);
}

size_t amp_port_write(const uint8_t *bytes, size_t size) {
    const size_t put = amp_ring_write(&tx, bytes, size);
    AMP_NVIC_ICER(USART1_IRQ) = AMP_NVIC_BIT(USART1_IRQ);
    amp_barrier();
    feed_uart();
    AMP_NVIC_ISER(USART1_IRQ) = AMP_NVIC_BIT(USART1_IRQ);
    return put;
}

uint32_t amp_port_lost_bytes(void) {
    return lost;
}

/* By the fastest clock that its oscillator may have: never sooner than asked, up to 2.8 times later. */
void amp_port_watchdog_begin(uint32_t timeout_us) {
    const uint32_t most_ms = (RELOAD_MAX << (2u + PRESCALER_MAX)) / LSI_KHZ_MAX;
    const uint32_t asked_ms = timeout_us / 1000u + 1u;
    const uint32_t counts = (asked_ms < most_ms ? asked_ms : most_ms) * LSI_KHZ_MAX;
    uint32_t prescaler = 0;
    while (prescaler < PRESCALER_MAX && counts >> (2u + prescaler) > RELOAD_MAX) {
        prescaler++;
    }
    const uint32_t reload = counts >> (2u + prescaler);
    IWDG_KR = KEY_START;
    IWDG_KR = KEY_WRITE;
    IWDG_PR = prescaler;
    IWDG_RLR = reload < RELOAD_MAX ? reload : RELOAD_MAX;
    watched = true;
    amp_port_watchdog_kick();
}

void amp_port_watchdog_kick(void) {
    if (watched) {
        IWDG_KR = KEY_KICK;
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
    amp_barrier();
    AMP_SCB_AIRCR = AMP_AIRCR_RESET;
    for (;;) {
    }
}
