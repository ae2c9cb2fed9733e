"""Rules of what a device's values are on the wire: type, scale, range and safe value.

Rules. A range must be one that the type holds; what a device accepts stands on whole steps of its
scale, so that neither end has to round at a limit. A bool is 0 or 1 and has neither unit nor range;
everything else has both. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from amphost.spec.board import AcceptSpec, SendSpec
from amphost.spec.decode import Holes
from amphost.spec.positions import KeyPath, Problem
from amphost.spec.wire_types import WIRE_TYPES, whole_steps

__all__ = ["is_described", "wire_problems"]

BOOL = "bool"
NEEDED = {
    "unit": "a unit such as rad, V or rad/s (at most 16 characters, no space)",
    "range": "two numbers, [low, high]",
}


def is_described(value: SendSpec | AcceptSpec) -> bool:
    """Say whether the rules of its range can be looked at."""
    return value.type == BOOL or "range" in value.model_fields_set


def wire_problems(path: KeyPath, value: SendSpec | AcceptSpec, holes: Holes) -> Iterator[Problem]:
    """Check one value of a device."""
    if holes.within(*path, "type"):
        return
    if value.type == BOOL:
        yield from _bool_problems(path, value)
        return
    for key, expected in NEEDED.items():
        if key not in value.model_fields_set and not holes.within(*path, key):
            yield Problem(path=(*path, key), rule="is missing", remedy=f"add {key}: {expected}")
    if not WIRE_TYPES[value.type].is_scaled:
        yield from _without_scale(path, value)
    elif is_described(value) and value.range[0] < value.range[1]:
        yield from _codes(path, value)


def _without_scale(path: KeyPath, value: SendSpec | AcceptSpec) -> Iterator[Problem]:
    if "scale" in value.model_fields_set:
        rule = f"a scale is for integers, and this is {_article(value.type)} {value.type}"
        remedy = "leave it out, or choose i16, u16, i8 or u8"
        yield Problem(path=(*path, "scale"), rule=rule, remedy=remedy)


def _bool_problems(path: KeyPath, value: SendSpec | AcceptSpec) -> Iterator[Problem]:
    yield from _without_scale(path, value)
    for key in NEEDED:
        if key in value.model_fields_set:
            rule = f"a bool is 0 or 1 and has no {key}"
            yield Problem(path=(*path, key), rule=rule, remedy="leave it out, or choose u8")
    if isinstance(value, AcceptSpec):
        if value.safe not in (0.0, 1.0):
            rule = f"{value.safe:g} is neither 0 nor 1"
            yield Problem(path=(*path, "safe"), rule=rule, remedy="choose one of them")
        if value.ramp_per_s is not None:
            rule, remedy = "a bool has nothing between 0 and 1 to ramp through", "leave it out"
            yield Problem(path=(*path, "ramp_per_s"), rule=rule, remedy=remedy)


def _codes(path: KeyPath, value: SendSpec | AcceptSpec) -> Iterator[Problem]:
    """Check an integer: what it holds, and that what is accepted stands on its steps."""
    type_, scale = WIRE_TYPES[value.type], value.scale
    low, high = value.range
    if round(low / scale) < type_.low or round(high / scale) > type_.high:
        holds = f"[{type_.low * scale:.9g}, {type_.high * scale:.9g}]"
        rule = f"{_article(value.type)} {value.type} with a scale of {scale:g} holds {holds}"
        yield Problem(path=(*path, "range"), rule=rule, remedy=_wider(value))
    elif isinstance(value, AcceptSpec):
        for key, number in (("range", low), ("range", high), ("safe", value.safe)):
            if whole_steps(number, scale) is None:
                rule = f"{number:.9g} is no whole number of steps of {scale:g}"
                remedy = f"use {round(number / scale) * scale:.9g}, or another scale"
                yield Problem(path=(*path, key), rule=rule, remedy=remedy)


def _wider(value: SendSpec | AcceptSpec) -> str:
    low, high = value.range
    type_ = WIRE_TYPES[value.type]
    if low < 0 and type_.low == 0:
        return "choose i16 or i8 for values below 0"
    scale = max(high / type_.high, low / type_.low if type_.low else 0.0)
    return f"choose a scale of at least {scale * 1.0000005:.6g}, or another type"


def _article(type_: str) -> str:
    return "an" if type_[0] in "fi" else "a"
