"""What is likely at the end of a USB cable, by vendor and product.

Rules. Only numbers that their vendors or Linux's own driver tables give out; the first line that
fits counts, so a product stands above its vendor. An adapter says nothing of the board behind it.
"""

from __future__ import annotations

BOARDS: tuple[tuple[int, int | None, str], ...] = (
    (0x2E8A, 0x000C, "Raspberry Pi Debug Probe, its UART"),
    (0x2E8A, 0x0005, "Raspberry Pi Pico with MicroPython"),
    (0x2E8A, None, "Raspberry Pi Pico (RP2040 or RP2350)"),
    (0x2341, 0x0043, "Arduino Uno"),
    (0x2341, 0x0001, "Arduino Uno"),
    (0x2341, 0x0010, "Arduino Mega 2560"),
    (0x2341, 0x0042, "Arduino Mega 2560"),
    (0x2341, 0x8036, "Arduino Leonardo"),
    (0x2341, 0x8037, "Arduino Micro"),
    (0x2341, 0x003D, "Arduino Due, its programming port"),
    (0x2341, 0x003E, "Arduino Due, its native port"),
    (0x2341, None, "Arduino"),
    (0x2A03, None, "Arduino"),
    (0x0483, 0x374B, "STM32 Nucleo or Discovery, by its ST-LINK"),
    (0x0483, 0x374E, "STM32 Nucleo or Discovery, by its ST-LINK"),
    (0x0483, 0x374F, "STM32 Nucleo or Discovery, by its ST-LINK"),
    (0x0483, 0x3752, "STM32 Nucleo or Discovery, by its ST-LINK"),
    (0x0483, 0x3753, "STM32 Nucleo or Discovery, by its ST-LINK"),
    (0x0483, 0x5740, "an STM32 with USB of its own"),
    (0x303A, None, "Espressif ESP32 with USB of its own"),
    (0x16C0, 0x0483, "Teensy"),
    (0x239A, None, "an Adafruit board"),
    (0x2886, None, "a Seeed board"),
    (0x0D28, 0x0204, "a board with DAPLink, such as a micro:bit"),
    (0x1366, None, "a board behind a SEGGER J-Link"),
    (0x1D50, 0x6018, "a board behind a Black Magic Probe"),
    (0x2FE3, 0x0100, "a board with Zephyr"),
    (0x0525, 0xA4A7, "another Linux machine, by its USB gadget"),
    (0x0403, 0x6010, "a board behind an FTDI FT2232"),
    (0x0403, 0x6011, "a board behind an FTDI FT4232"),
    (0x0403, 0x6014, "a board behind an FTDI FT232H"),
    (0x0403, None, "a board behind an FTDI adapter"),
    (0x10C4, 0xEA60, "a board behind a CP210x adapter (many ESP32)"),
    (0x10C4, 0xEA70, "a board behind a CP2105 adapter"),
    (0x1A86, 0x7523, "a board behind a CH340 adapter (many Arduino clones)"),
    (0x1A86, 0x5523, "a board behind a CH341 adapter"),
    (0x1A86, 0x55D4, "a board behind a CH9102 adapter (many ESP32)"),
    (0x067B, 0x2303, "a board behind a PL2303 adapter"),
)
"""Vendor, product (None: any), what is likely there."""


def likely_board(vid: int | None, pid: int | None) -> str:
    """Return what is likely behind a USB device; empty where the table has no line."""
    for vendor, product, text in BOARDS:
        if vid == vendor and product in (None, pid):
            return text
    return ""
