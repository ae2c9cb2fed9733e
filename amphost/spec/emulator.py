"""The `emulator:` of a device: a microcontroller that is emulated on this host, and its firmware.

Rules. The firmware is a C file, which `amphost build` compiles with port and device library, or an
ELF that something else has made; not both. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from amphost.spec.positions import KeyPath, Problem
from amphost.spec.value_types import Model

__all__ = ["EmulatorSpec", "emulator_problems"]

FilePath = Annotated[str, Field(min_length=1, max_length=1000)]


class EmulatorSpec(Model):
    """An emulated microcontroller that runs the device's firmware, started with the system."""

    machine: Literal["lm3s6965evb", "stm32f405", "atmega328p", "rp2040"] = Field(
        description="Which microcontroller: lm3s6965evb (Cortex-M3) and stm32f405 (Cortex-M4F) in"
        " QEMU, atmega328p in simavr, rp2040 in rp2040js."
    )
    source: FilePath | None = Field(
        None,
        description="C file of the firmware, with its `main`, relative to this file; `amphost"
        " build` compiles it with the machine's port and the device library.",
    )
    beside: list[FilePath] = Field(
        default_factory=list,
        max_length=32,
        description="Further C files of the firmware, relative to this file.",
    )
    elf: FilePath | None = Field(
        None, description="The firmware as an ELF file instead, relative to this file."
    )


def emulator_problems(path: KeyPath, emulator: EmulatorSpec) -> Iterator[Problem]:
    """Check that an emulator has one firmware."""
    if emulator.source is not None and emulator.elf is not None:
        rule, remedy = "has a source and an elf", "keep one of them"
        yield Problem(path=path, rule=rule, remedy=remedy, key=True)
    elif emulator.source is None and emulator.elf is None:
        rule, remedy = "has no firmware", "add source: FILE.c, or elf: FILE.elf"
        yield Problem(path=path, rule=rule, remedy=remedy, key=True)
    elif emulator.elf is not None and emulator.beside:
        rule, remedy = "an elf is not compiled", "take the files out, or name a source"
        yield Problem(path=(*path, "beside"), rule=rule, remedy=remedy, key=True)
