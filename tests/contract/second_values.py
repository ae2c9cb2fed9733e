"""A second implementation of docs/wire.md: values on the wire.

Rules. As of `second_frames`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

CODES = {"i16": ("<h", -32768), "u16": ("<H", 65535), "i8": ("<b", -128), "u8": ("<B", 255)}
"""How an integer is packed, and the code that means that there is no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value, as its line in the schema has it."""

    name: str
    type: str = "f32"
    scale: float = 1.0
    unit: str = "1"
    low: float
    high: float
    safe: float = 0.0
    ramp_per_s: float = 0.0

    def holds(self, number: float) -> bool:
        """Say whether a number is in range, to half a step."""
        slack = 0.0 if self.type == "f32" else self.scale / 2
        return self.low - slack <= number <= self.high + slack


def schema(sends: Sequence[Value], accepts: Sequence[Value]) -> str:
    """Write the schema."""
    lines = [f"send {_words(one)}" for one in sends]
    lines += [f"accept {_words(one)} {one.safe:.9g} {one.ramp_per_s:.9g}" for one in accepts]
    return "".join(f"{line}\n" for line in lines)


def pack(described: Sequence[Value], numbers: Sequence[float]) -> bytes:
    """Return the bytes of numbers, in order."""
    out = b""
    bits: list[int] = []
    for one, number in zip(described, numbers, strict=True):
        if one.type == "bool":
            bits.append(round(number))
            continue
        out += _bools(bits)
        bits = []
        if one.type == "f32":
            out += struct.pack("<f", number)
            continue
        form, none = CODES[one.type]
        code = none if not math.isfinite(number) else round(number / one.scale)
        out += struct.pack(form, code)
    return out + _bools(bits)


def unpack(described: Sequence[Value], line: bytes) -> tuple[float, ...] | None:
    """Return the numbers in exactly these bytes; None if they are not so many."""
    numbers: list[float] = []
    at = bit = left = 0
    try:
        for one in described:
            if one.type == "bool":
                if bit % 8 == 0:
                    left, at = line[at], at + 1
                numbers.append(float(left & 1))
                left, bit = left >> 1, bit + 1
                continue
            if left:
                return None
            bit = 0
            form, none = CODES.get(one.type, ("<f", None))
            (code,) = struct.unpack_from(form, line, at)
            numbers.append(math.nan if code == none else code * one.scale)
            at += struct.calcsize(form)
    except (struct.error, IndexError):
        return None
    return tuple(numbers) if at == len(line) and not left else None


def _bools(bits: list[int]) -> bytes:
    whole = sum(bit << place for place, bit in enumerate(bits))
    return whole.to_bytes((len(bits) + 7) // 8, "little")


def _words(one: Value) -> str:
    return f"{one.name} {one.type} {one.scale:.9g} {one.unit} {one.low:.9g} {one.high:.9g}"
