# What builds a firmware for this port, read by make and by amphost: NAME = words, paths from ports/.
PORT_PREFIX = arm-none-eabi
PORT_PACKAGES = gcc-arm-none-eabi
PORT_PROCESSOR = -mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard
PORT_SOURCES = stm32f405/port.c stm32f405/clock.c boot.c cortex_m/startup.c cortex_m/memory.c
PORT_INCLUDES = . cortex_m
PORT_SCRIPT = stm32f405/stm32f405.ld
PORT_LINK = -nostdlib -nostartfiles
PORT_LIBRARIES = -lgcc
