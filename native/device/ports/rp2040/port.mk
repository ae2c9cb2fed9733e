# What builds a firmware for this port, read by make and by amphost: NAME = words, paths from ports/.
PORT_PREFIX = arm-none-eabi
PORT_PACKAGES = gcc-arm-none-eabi
PORT_PROCESSOR = -mcpu=cortex-m0plus -mthumb
PORT_SOURCES = rp2040/boot2.S rp2040/port.c rp2040/clock.c boot.c cortex_m/startup.c cortex_m/memory.c
PORT_INCLUDES = . cortex_m
PORT_SCRIPT = rp2040/rp2040.ld
PORT_LINK = -nostdlib -nostartfiles
PORT_LIBRARIES = -lgcc
