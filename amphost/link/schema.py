"""The values of a device, by its canonical schema text: what STATE and ACTUATE carry.

Rules. Pure. The text is that of `plan.line.schema_text`, one value a line in wire order; it may
come from a device or a file, so a line that is not understood is a SchemaError that quotes it.
Types and their bytes are those of native/device/include/amp/value.h; this is a reading of its own,
in Python, which tests compare with the C code.

    send NAME TYPE SCALE UNIT LOW HIGH
    accept NAME TYPE SCALE UNIT LOW HIGH SAFE RAMP
    parameter NAME UNIT LOW HIGH INITIAL
"""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from amphost.errors import AmphostError

if TYPE_CHECKING:
    from collections.abc import Iterable

FORMATS = {"f32": "<f", "i16": "<h", "u16": "<H", "i8": "<b", "u8": "<B"}
NONE_CODES = {"i16": -32768, "u16": 65535, "i8": -128, "u8": 255}
"""The code of each integer type that means: there is no value."""
VALUES_MAX = 64


class SchemaError(AmphostError):
    """A schema text that is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value on the wire.

    Synchronization: none required; immutable.
    """

    name: str
    type: str
    scale: float
    unit: str
    low: float
    high: float

    def text(self, value: float | bool) -> str:
        """Write a value with its unit; one outside of its range is marked."""
        if isinstance(value, bool):
            return str(int(value))
        unit = "" if self.unit == "1" else f" {self.unit}"
        slack = self.scale / 2 if self.type in NONE_CODES else 0.0
        inside = self.low - slack <= value <= self.high + slack
        return f"{value:.6g}{unit}{'' if inside else ' (out of range)'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """A device's values.

    Synchronization: none required; immutable.
    """

    text: str
    sends: tuple[Value, ...]
    accepts: tuple[Value, ...]
    parameters: tuple[str, ...] = ()

    @property
    def hash(self) -> int:
        """The hash that both ends compare, and that seeds every checksum."""
        return zlib.crc32(self.text.encode())


def read_schema(text: str) -> Schema:
    """Read a schema text; SchemaError quotes the line that is none."""
    sends: list[Value] = []
    accepts: list[Value] = []
    parameters: list[str] = []
    for line in text.splitlines():
        words = line.split(" ")
        if words[0] == "send":
            sends.append(_value(line, words, 7))
        elif words[0] == "accept":
            accepts.append(_value(line, words, 9))
        elif words[0] == "parameter" and len(words) > 1:
            parameters.append(words[1])
    if max(len(sends), len(accepts), len(parameters)) > VALUES_MAX:
        raise SchemaError(f"a schema of {len(sends)} and {len(accepts)} values is none")
    return Schema(
        text=text, sends=tuple(sends), accepts=tuple(accepts), parameters=tuple(parameters)
    )


def _value(line: str, words: list[str], count: int) -> Value:
    wrong = SchemaError(f"{line[:100]!r} is no line of a schema")
    if len(words) != count:
        raise wrong
    try:
        scale, low, high = float(words[3]), float(words[5]), float(words[6])
    except ValueError as error:
        raise wrong from error
    if words[2] not in FORMATS and words[2] != "bool":
        raise SchemaError(f"{line[:100]!r}: there is no type {words[2]}")
    return Value(name=words[1], type=words[2], scale=scale, unit=words[4], low=low, high=high)


def decode_values(values: Iterable[Value], content: bytes) -> tuple[float | bool, ...] | None:
    """Read values from exactly `content`; None if it is not their size, or a spare bit is set.

    An integer that says "no value" is NaN.
    """
    decoded: list[float | bool] = []
    at = bit = 0
    for value in values:
        if value.type == "bool":
            if at >= len(content):
                return None
            decoded.append(bool(content[at] >> bit & 1))
            bit += 1
            at, bit = (at + 1, 0) if bit == 8 else (at, bit)
            continue
        at, spare = _end_of_bools(content, at, bit)
        bit = 0
        form = FORMATS[value.type]
        if spare or at + struct.calcsize(form) > len(content):
            return None
        (code,) = struct.unpack_from(form, content, at)
        at += struct.calcsize(form)
        decoded.append(_number(value, code))
    at, spare = _end_of_bools(content, at, bit)
    return None if spare or at != len(content) else tuple(decoded)


def _end_of_bools(content: bytes, at: int, bit: int) -> tuple[int, bool]:
    """Return where a run of bools ends, and whether a bit behind it is set."""
    return (at + 1, bool(content[at] >> bit)) if bit else (at, False)


def _number(value: Value, code: float) -> float:
    if value.type == "f32":
        return float(code)
    return math.nan if code == NONE_CODES[value.type] else code * value.scale
