"""What a firmware is made for: the ports of the device library, and Arduino.

Rules. The ports are those that have a folder; what a chip has of flash and RAM stands here, from
its data sheet. An ELF file tells its processor, not its chip: that is its folder's name, or the
caller's.
"""

from __future__ import annotations

from dataclasses import dataclass

from amphost.firmware.library import library_folder

__all__ = ["ARDUINO", "CHIPS", "DEFAULT_PORT", "Chip", "port_names"]

ARDUINO = "arduino"
DEFAULT_PORT = "lm3s6965evb"
KIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """A microcontroller's memory, in bytes.

    Synchronization: none required; immutable.
    """

    name: str
    flash: int
    ram: int


_ATMEGA328P = Chip(name="ATmega328P", flash=32 * KIB, ram=2 * KIB)
CHIPS = {
    "lm3s6965evb": Chip(name="LM3S6965", flash=256 * KIB, ram=64 * KIB),
    "stm32f405": Chip(name="STM32F405", flash=1024 * KIB, ram=128 * KIB),
    "atmega328p": _ATMEGA328P,
    ARDUINO: _ATMEGA328P,
    "rp2040": Chip(name="RP2040 with 2 MiB", flash=2048 * KIB, ram=264 * KIB),
}


def port_names() -> list[str]:
    """Return the names that a firmware can be made for."""
    folders = library_folder().glob("ports/*/port.mk")
    return [*sorted(one.parent.name for one in folders), ARDUINO]
