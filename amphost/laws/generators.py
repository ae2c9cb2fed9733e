"""Blocks without sources that change with time.

Rules. Declarations alone; see `laws.blocks`. Time is counted in whole nanoseconds from the first
period after arming, which adds up exactly: nothing drifts against the tick.

Synchronization: none required; immutable.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from amphost.laws.declare import Block, Parameter, SourceForm, UnitRule

__all__ = ["GENERATORS"]

_BEGINS: Final = "at t = 0"
_VALUE: Final = "unit of the value"


def _generator(
    op: int, text: str, equation: str, example: str, parameters: tuple[Parameter, ...]
) -> Block:
    return Block(
        op=op,
        text=text,
        equation=equation,
        example=example,
        sources=SourceForm.NONE,
        source_min=0,
        source_max=0,
        unit=UnitRule.ANY,
        state_count=2,
        parameters=parameters,
        begins=_BEGINS,
        fixed=True,  # another frequency or slope would make it jump
    )


def _frequency(key: str) -> Parameter:
    return Parameter(
        key=key,
        text="The frequency.",
        unit="Hz",
        required=True,
        minimum=0.0,
        maximum=1e4,
        below_half_rate=True,
    )


def _value(key: str, text: str, default: float) -> Parameter:
    return Parameter(key=key, text=text, unit=_VALUE, default=default)


def _pair(key: str, text: str) -> Parameter:
    return Parameter(key=key, text=text, unit=_VALUE, pair=True, required=True)


GENERATORS: Mapping[str, Block] = MappingProxyType(
    {
        "sine": _generator(
            30,
            "A sine wave.",
            "y = offset + amplitude * sin(2 pi (sine * t + phase_deg / 360))",
            "wave: {sine: 0.5, amplitude: 2.0, offset: 1.0}",
            (
                _frequency("sine"),
                _value("amplitude", "The amplitude.", 1.0),
                _value("offset", "The mean.", 0.0),
                Parameter(
                    key="phase_deg",
                    text="The phase at t = 0.",
                    unit="degrees",
                    default=0.0,
                    minimum=-360.0,
                    maximum=360.0,
                ),
            ),
        ),
        "square": _generator(
            33,
            "A square wave; it begins high.",
            "y = high where the fraction of (square * t) is below duty, else low",
            "blink: {square: 1.0, range: [0.0, 1.0], duty: 0.25}",
            (
                _frequency("square"),
                _pair("range", "Its two values."),
                Parameter(
                    key="duty",
                    text="The share of high.",
                    unit="1",
                    default=0.5,
                    minimum=0.0,
                    maximum=1.0,
                ),
            ),
        ),
        "step": _generator(
            31,
            "One value, and from some time on another.",
            "y = before while t < step, else after",
            "jump: {step: 2.0, before: 0.0, after: 1.0}",
            (
                Parameter(
                    key="step",
                    text="When.",
                    unit="s",
                    required=True,
                    minimum=0.0,
                    maximum=1e9,
                ),
                _value("before", "The value until then.", 0.0),
                _value("after", "The value from then on.", 1.0),
            ),
        ),
        "ramp": _generator(
            32,
            "A value that rises or falls evenly until it meets a limit.",
            "y = from + ramp * t, within `limit`",
            "sweep: {ramp: 0.5, from: 0.0, limit: [0.0, 3.0]}",
            (
                Parameter(
                    key="ramp", text="The slope.", unit="unit of the value per s", required=True
                ),
                _value("from", "The value at t = 0.", 0.0),
                _pair("limit", "The limits of the value."),
            ),
        ),
    }
)
