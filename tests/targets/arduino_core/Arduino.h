/* As much of Arduino's core as the library's port calls, for the ATmega328P of an Uno. */
#ifndef ARDUINO_H
#define ARDUINO_H

#include <stddef.h>
#include <stdint.h>

#define A0 14
#define A1 15
#define OUTPUT 1

class SerialPort {
  public:
    void begin(unsigned long baud);
    int available();
    int read();
    int availableForWrite();
    size_t write(const uint8_t *bytes, size_t size);
};
extern SerialPort Serial;

unsigned long micros();
int analogRead(uint8_t pin);
void analogWrite(uint8_t pin, int value);
void pinMode(uint8_t pin, uint8_t mode);
void setup();
void loop();

#endif
