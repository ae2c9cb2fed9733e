// The registers behind Arduino.h: UART0 with a ring for what comes, Timer 1 for the time.
// ATmega328P data sheet (Microchip DS40002061B): 16 "Timer/Counter1", 20 "USART0", 24 "ADC".
#include <Arduino.h>
#include <avr/interrupt.h>
#include <avr/io.h>

static volatile uint8_t ring[64];
static volatile uint8_t first, behind;
static volatile uint32_t overflows;
SerialPort Serial;

ISR(USART_RX_vect) {
    const uint8_t byte = UDR0;
    const uint8_t next = (uint8_t)((behind + 1) % sizeof ring);
    if (next != first) {
        ring[behind] = byte;
        behind = next;
    }
}

ISR(TIMER1_OVF_vect) {
    ++overflows;
}

void SerialPort::begin(unsigned long baud) {
    UCSR0A = _BV(U2X0);
    UBRR0 = (uint16_t)((F_CPU / 4 / baud - 1) / 2);
    UCSR0C = _BV(UCSZ01) | _BV(UCSZ00);
    UCSR0B = _BV(RXCIE0) | _BV(RXEN0) | _BV(TXEN0);
}

int SerialPort::available() {
    return (uint8_t)(behind - first + sizeof ring) % sizeof ring;
}

int SerialPort::read() {
    const uint8_t byte = ring[first];
    first = (uint8_t)((first + 1) % sizeof ring);
    return byte;
}

int SerialPort::availableForWrite() {
    return UCSR0A & _BV(UDRE0) ? 1 : 0;
}

size_t SerialPort::write(const uint8_t *bytes, size_t size) {
    for (size_t at = 0; at < size; ++at) {
        while (!(UCSR0A & _BV(UDRE0))) {
        }
        UDR0 = bytes[at];
    }
    return size;
}

unsigned long micros() {
    const uint8_t kept = SREG;
    cli();
    uint32_t high = overflows;
    const uint16_t low = TCNT1;
    if (TIFR1 & _BV(TOV1) && low < 0x8000) {
        ++high;
    }
    SREG = kept;
    return (high << 16 | low) / 2; // F_CPU / 8
}

int analogRead(uint8_t pin) {
    ADMUX = (uint8_t)(_BV(REFS0) | (pin - A0));
    ADCSRA = _BV(ADEN) | _BV(ADSC) | 7;
    while (ADCSRA & _BV(ADSC)) {
    }
    return ADC;
}

void analogWrite(uint8_t pin, int value) { // pin 9 is OC1A; without PWM: on from the half
    PORTB = (uint8_t)(value > 127 ? PORTB | _BV(pin - 8) : PORTB & ~_BV(pin - 8));
}

void pinMode(uint8_t pin, uint8_t mode) {
    DDRB = (uint8_t)(mode == OUTPUT ? DDRB | _BV(pin - 8) : DDRB & ~_BV(pin - 8));
}

int main() {
    TCCR1B = _BV(CS11);
    TIMSK1 = _BV(TOIE1);
    sei();
    setup();
    for (;;) {
        loop();
    }
}
