/* ATmega328P at 16 MHz, as on an Arduino Uno: USART0 on PD0 (in) and PD1 (out), timer 1.
 *
 * Register names are avr-libc's; what they do: ATmega328P data sheet (Microchip, DS40002061): 9 sleep, 10.8
 * watchdog, 15 timer 1, 19 USART.
 */
#include "amp/port.h"

#include "amp/wire.h"
#include "boot.h"
#include "ring.h"

#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
#include <avr/wdt.h>

#define TICK_COUNTS 2000u /* 1 ms of a count each half microsecond */

#define RX_SIZE 128
#define TX_SIZE 64

uint32_t amp_boot_pool[AMP_BOOT_POOL_WORDS] AMP_KEPT;

static volatile uint8_t rx_bytes[RX_SIZE];
static volatile uint8_t tx_bytes[TX_SIZE];
static struct amp_ring rx = {rx_bytes, RX_SIZE, 0, 0};
static struct amp_ring tx = {tx_bytes, TX_SIZE, 0, 0};
static volatile uint16_t lost;
static volatile uint32_t overflows; /* of timer 1 */
static volatile bool ticked;
static bool watched;
static uint8_t reset_flags __attribute__((section(".noinit")));

void amp_port_quiet(void) __attribute__((naked, used, section(".init3")));

/* Before anything is initialised: the watchdog runs on after its own reset, at its shortest time. */
void amp_port_quiet(void) {
    reset_flags = MCUSR;
    MCUSR = 0;
    wdt_disable();
}

ISR(USART_RX_vect) {
    const uint8_t status = UCSR0A;
    const uint8_t byte = UDR0;
    if ((status & _BV(DOR0)) != 0) {
        lost++;
    }
    if (!amp_ring_put(&rx, byte)) {
        lost++;
    }
}

ISR(USART_UDRE_vect) {
    if (amp_ring_waiting(&tx) != 0) {
        UDR0 = amp_ring_take(&tx);
    } else {
        UCSR0B &= (uint8_t)~_BV(UDRIE0);
    }
}

ISR(TIMER1_OVF_vect) {
    overflows++;
}

ISR(TIMER1_COMPA_vect) {
    OCR1A += TICK_COUNTS;
    ticked = true;
}

static uint8_t hardware_cause(void) {
    if ((reset_flags & _BV(PORF)) != 0) {
        return AMP_RESET_POWER;
    }
    if ((reset_flags & _BV(BORF)) != 0) {
        return AMP_RESET_BROWNOUT;
    }
    if ((reset_flags & _BV(WDRF)) != 0) {
        return AMP_RESET_WATCHDOG;
    }
    return (reset_flags & _BV(EXTRF)) != 0 ? AMP_RESET_PIN : AMP_RESET_UNKNOWN;
}

void amp_port_begin(uint32_t baud) {
    amp_boot_begin(hardware_cause(), 0);
    UCSR0A = _BV(U2X0); /* before the divisor: simavr reckons the rate when that is written */
    UBRR0 = (uint16_t)((F_CPU / 4u / baud - 1u) / 2u);
    UCSR0C = _BV(UCSZ01) | _BV(UCSZ00);
    UCSR0B = _BV(RXCIE0) | _BV(RXEN0) | _BV(TXEN0);
    TCCR1A = 0;
    TCCR1B = _BV(CS11); /* an eighth of 16 MHz */
    OCR1A = TICK_COUNTS;
    TIMSK1 = _BV(TOIE1) | _BV(OCIE1A);
    SMCR = 0; /* sleep is idle: the timer and the UART go on */
    sei();
}

uint64_t amp_port_now_us(void) {
    const uint8_t before = SREG;
    cli();
    uint16_t count = TCNT1;
    uint32_t high = overflows;
    if ((TIFR1 & _BV(TOV1)) != 0 && count < 0x8000u) {
        high++; /* it has overflowed since interrupts are off */
    }
    SREG = before;
    return ((uint64_t)high << 15) + (count >> 1);
}

size_t amp_port_read(uint8_t *bytes, size_t size) {
    return amp_ring_read(&rx, bytes, size);
}

size_t amp_port_write(const uint8_t *bytes, size_t size) {
    const size_t put = amp_ring_write(&tx, bytes, size);
    if (put > 0) {
        const uint8_t before = SREG;
        cli();
        UCSR0B |= _BV(UDRIE0);
        SREG = before;
    }
    return put;
}

uint32_t amp_port_lost_bytes(void) {
    const uint8_t before = SREG;
    cli();
    const uint16_t now = lost;
    SREG = before;
    return now;
}

/* The second write has to follow the first within four cycles. */
static void set_watchdog(uint8_t control) {
    const uint8_t before = SREG;
    cli();
    wdt_reset();
    WDTCSR = _BV(WDCE) | _BV(WDE);
    WDTCSR = control;
    SREG = before;
}

/* 16 ms, doubled up to 9 times, by an oscillator of 128 kHz within 10 %. */
void amp_port_watchdog_begin(uint32_t timeout_us) {
    uint8_t prescaler = 0;
    for (uint32_t reached_us = 14000; reached_us < timeout_us && prescaler < 9; reached_us *= 2) {
        prescaler++;
    }
    const uint8_t high = prescaler > 7 ? _BV(WDP3) : 0;
    set_watchdog((uint8_t)(_BV(WDE) | high | (prescaler & 7u)));
    watched = true;
}

void amp_port_watchdog_kick(void) {
    if (watched) {
        wdt_reset();
    }
}

uint8_t amp_port_reset_cause(void) {
    return amp_boot_cause();
}

uint32_t amp_port_boot_nonce(void) {
    return amp_boot_nonce();
}

/* The instruction behind sei is done before any interrupt, so none can slip in before the sleep. */
void amp_port_wait(void) {
    cli();
    if (amp_ring_waiting(&rx) == 0 && !ticked) {
        sleep_enable();
        sei();
        sleep_cpu();
        sleep_disable();
    }
    ticked = false;
    sei();
}

_Noreturn void amp_port_reset(void) {
    cli();
    amp_boot_expect(AMP_RESET_SOFTWARE);
    set_watchdog(_BV(WDE));
    for (;;) {
    }
}
