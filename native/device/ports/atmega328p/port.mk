# What builds a firmware for this port, read by make and by amphost: NAME = words, paths from ports/.
# Startup code, linker script and arithmetic are avr-libc's and the compiler's own.
PORT_PREFIX = avr
PORT_PACKAGES = gcc-avr avr-libc
PORT_PROCESSOR = -mmcu=atmega328p -DF_CPU=16000000UL
PORT_SOURCES = atmega328p/port.c boot.c
PORT_INCLUDES = atmega328p .
PORT_LIBRARIES = -lm
