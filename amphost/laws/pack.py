"""The numbers of one instruction: p0, p1, ... as program.h has them, and how many states it has.

Rules. Pure. A block is right by itself (see `laws.parse`). Where a block's tables or its design
make the numbers, that is written here; every other block's stand in the order of its declaration.

Literature: A. V. Oppenheim, R. W. Schafer, Discrete-Time Signal Processing, ch. 7 (bilinear
transformation); S. J. Orfanidis, Introduction to Signal Processing, ch. 11 (notch).

Synchronization: none required; functions of values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

from amphost.laws.blocks import BLOCKS, BlockSpec, Parameter

__all__ = ["UNLIMITED", "normalised", "numbers", "parameter_count", "state_count"]

UNLIMITED = 1.7976931348623157e308  # the largest finite double: a limit that JSON can carry

Section = tuple[float, float, float, float, float]  # b0, b1, b2, a1, a2
Range = tuple[float, float]


def numbers(block: BlockSpec, output: Range | None, dt_s: float) -> tuple[float, ...]:
    """Return the parameters of one instruction; `output` is the range of the output it drives."""
    special = _SPECIAL.get(block.op)
    if special is not None:
        return special(block, dt_s)
    found: list[float] = []
    for parameter in BLOCKS[block.op].parameters:
        found.extend(_numbers(block, parameter, output or (-UNLIMITED, UNLIMITED)))
    return tuple(found)


def parameter_count(block: BlockSpec) -> int:
    """Return how many parameters its instruction has."""
    return len(numbers(block, None, 1e-6))


def state_count(block: BlockSpec) -> int:
    """Return how many states its instruction has."""
    least = BLOCKS[block.op].state_count
    match block.op:
        case "biquad":
            return least + 2 * len(block.table("sections"))
        case "lowpass2" | "notch":
            return least + 2
        case "statespace":
            return least + len(block.table("a"))
        case "delay":
            return least + int(block.number("ticks"))
    return least


def normalised(row: tuple[float, ...]) -> Section:
    """Return a row b0, b1, b2, a0, a1, a2 with a0 = 1."""
    b0, b1, b2, a0, a1, a2 = row
    return (b0 / a0, b1 / a0, b2 / a0, a1 / a0, a2 / a0)


def _numbers(block: BlockSpec, parameter: Parameter, output: Range) -> tuple[float, ...]:
    values = [block.value(name) for name in parameter.names]
    given = tuple(value for value in values if value is not None)
    if parameter.time_constant:
        return tuple(1.0 / (2.0 * math.pi * value) for value in given) or (0.0,)
    return given or output


def _biquad(block: BlockSpec, _dt_s: float) -> tuple[float, ...]:
    rows = block.table("sections")
    return (float(len(rows)), *(number for row in rows for number in normalised(row)))


def _lowpass2(block: BlockSpec, dt_s: float) -> tuple[float, ...]:
    warped = math.tan(math.pi * block.number("cutoff_hz") * dt_s)
    damping = 2.0 * block.number("damping") * warped
    square = warped * warped
    total = 1.0 + damping + square
    b0 = square / total
    return (1.0, b0, 2.0 * b0, b0, 2.0 * (square - 1.0) / total, (1.0 - damping + square) / total)


def _notch(block: BlockSpec, dt_s: float) -> tuple[float, ...]:
    cosine = math.cos(2.0 * math.pi * block.number("frequency_hz") * dt_s)
    gain = 1.0 / (1.0 + math.tan(math.pi * block.number("width_hz") * dt_s))
    middle = -2.0 * gain * cosine
    return (1.0, gain, middle, gain, middle, 2.0 * gain - 1.0)


def _statespace(block: BlockSpec, _dt_s: float) -> tuple[float, ...]:
    order = float(len(block.table("a")))
    rows = [row for key in ("a", "b", "c", "d") for row in block.table(key)]
    return (order, *(number for row in rows for number in row))


def _lookup(block: BlockSpec, _dt_s: float) -> tuple[float, ...]:
    points = block.table("points")
    return (float(len(points)), *(x for x, _ in points), *(y for _, y in points))


_SPECIAL: Mapping[str, Callable[[BlockSpec, float], tuple[float, ...]]] = MappingProxyType(
    {
        "biquad": _biquad,
        "lowpass2": _lowpass2,
        "notch": _notch,
        "statespace": _statespace,
        "lookup": _lookup,
    }
)
