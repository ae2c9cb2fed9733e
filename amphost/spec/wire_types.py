"""The types that a value has on the wire: their sizes and the codes that they hold.

Rules. As in native/device/include/amp/value.h; a test compares them. One code of each integer means
"no value", so it is not among those that it holds. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["WIRE_TYPES", "WireType", "values_bytes", "whole_steps"]

STEP_SLACK = 1e-6
"""So far from a whole number of steps is the rounding of decimal numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WireType:
    """One type. `size` is in bytes; 0 is one bit. An f32 has no codes.

    Synchronization: none required; immutable.
    """

    size: int
    low: int = 0
    high: int = 0

    @property
    def is_scaled(self) -> bool:
        """Say whether its values are codes times a scale."""
        return self.high > 1


WIRE_TYPES = {
    "f32": WireType(size=4),
    "i16": WireType(size=2, low=-32767, high=32767),
    "u16": WireType(size=2, low=0, high=65534),
    "i8": WireType(size=1, low=-127, high=127),
    "u8": WireType(size=1, low=0, high=254),
    "bool": WireType(size=0, low=0, high=1),
}


def values_bytes(types: Iterable[str]) -> int:
    """Return the bytes of values of these types, side by side; bools share bytes."""
    total = bits = 0
    for name in types:
        size = WIRE_TYPES[name].size
        if size:
            bits = 0
        else:
            size = 1 if bits % 8 == 0 else 0
            bits += 1
        total += size
    return total


def whole_steps(value: float, scale: float) -> int | None:
    """Return how many steps of `scale` a value is; None if it is no whole number of them."""
    steps = value / scale
    return round(steps) if abs(steps - round(steps)) <= STEP_SLACK else None
