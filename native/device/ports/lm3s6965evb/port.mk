# What builds a firmware for this port, read by make and by amphost: NAME = words, paths from ports/.
PORT_PREFIX = arm-none-eabi
PORT_PACKAGES = gcc-arm-none-eabi
PORT_PROCESSOR = -mcpu=cortex-m3 -mthumb
PORT_SOURCES = lm3s6965evb/port.c boot.c cortex_m/startup.c cortex_m/memory.c
PORT_INCLUDES = . cortex_m
PORT_SCRIPT = lm3s6965evb/lm3s6965evb.ld
PORT_LINK = -nostdlib -nostartfiles
PORT_LIBRARIES = -lgcc
