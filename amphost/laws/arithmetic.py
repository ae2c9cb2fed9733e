"""Blocks without memory: numbers, sums, products, limits, tables.

Rules. Declarations alone; see `laws.blocks`.

Synchronization: none required; immutable.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from amphost.laws.declare import Block, Parameter, SourceForm, Table, UnitRule

__all__ = ["ARITHMETIC", "GAIN_UNIT"]

GAIN_UNIT: Final = "unit of the value per unit of the source"


def _many(op: int, text: str, equation: str, example: str, unit: UnitRule) -> Block:
    """Return a block of 2 to 16 sources."""
    return Block(
        op=op,
        text=text,
        equation=equation,
        example=example,
        sources=SourceForm.LIST,
        source_min=2,
        source_max=16,
        unit=unit,
        state_count=0,
        mixed=unit is UnitRule.ANY,
    )


def _range(text: str) -> Parameter:
    return Parameter(key="range", text=text, unit="unit of the source", pair=True, required=True)


def _ranged(op: int, text: str, equation: str, example: str, meaning: str) -> Block:
    """Return a block of one source and a range."""
    return Block(
        op=op,
        text=text,
        equation=equation,
        example=example,
        sources=SourceForm.ONE,
        source_min=1,
        source_max=1,
        unit=UnitRule.KEEP,
        state_count=0,
        parameters=(_range(meaning),),
    )


ARITHMETIC: Mapping[str, Block] = MappingProxyType(
    {
        "constant": Block(
            op=0,
            text="A number that does not change by itself.",
            equation="y = constant",
            example="bias: {constant: 1.0}",
            sources=SourceForm.NONE,
            source_min=0,
            source_max=0,
            unit=UnitRule.ANY,
            state_count=0,
            parameters=(Parameter(key="constant", text="The number.", unit="any", required=True),),
        ),
        "add": _many(
            1, "The sum of its sources.", "y = a + b + ...", "sum: {add: [a, b]}", UnitRule.SAME
        ),
        "subtract": _many(
            2,
            "The first source less all the others.",
            "y = a - b - ...",
            "error: {subtract: [target, position]}",
            UnitRule.SAME,
        ),
        "multiply": _many(
            7,
            "The product of its sources; a truth among them switches the product on and off.",
            "y = a * b * ...",
            "power: {multiply: [voltage, current]}",
            UnitRule.ANY,
        ),
        "divide": Block(
            op=8,
            text=(
                "The first source over the second; a number of yours where that would be "
                "infinite or nearly so."
            ),
            equation="y = a / b; `otherwise` where |b| < `smallest` or the quotient is infinite",
            example="ratio: {divide: [a, b], otherwise: 0.0, smallest: 1.0e-3}",
            sources=SourceForm.LIST,
            source_min=2,
            source_max=2,
            unit=UnitRule.ANY,
            state_count=0,
            parameters=(
                Parameter(
                    key="otherwise",
                    text="The value where it cannot divide.",
                    unit="unit of the value",
                    required=True,
                ),
                Parameter(
                    key="smallest",
                    text="The smallest divisor, either side of 0.",
                    unit="unit of the second source",
                    default=1e-9,
                    minimum=1e-12,
                ),
            ),
        ),
        "gain": Block(
            op=3,
            text="The source times a number; of a truth it makes a number.",
            equation="y = by * a",
            example="doubled: {gain: x, by: 2.0}",
            sources=SourceForm.ONE,
            source_min=1,
            source_max=1,
            unit=UnitRule.ANY,
            state_count=0,
            parameters=(Parameter(key="by", text="The number.", unit=GAIN_UNIT, required=True),),
            mixed=True,
        ),
        "min": _many(
            9,
            "The smallest of its sources.",
            "y = the smallest of a, b, ...",
            "least: {min: [a, b]}",
            UnitRule.SAME,
        ),
        "max": _many(
            10,
            "The largest of its sources.",
            "y = the largest of a, b, ...",
            "most: {max: [a, b]}",
            UnitRule.SAME,
        ),
        "limit": _ranged(
            4,
            "The source, held within a range.",
            "y = low below low, high above high, else a",
            "limited: {limit: x, range: [-1.0, 1.0]}",
            "The range.",
        ),
        "deadband": _ranged(
            11,
            "Nothing within a range, and what goes beyond it.",
            "y = a - high above high, a - low below low, else 0",
            "beyond: {deadband: x, range: [-0.1, 0.1]}",
            "The range in which the value is 0.",
        ),
        "lookup": Block(
            op=28,
            text="Straight lines between points; beyond the first and the last their values stand.",
            equation="y = y[i] + (y[i+1] - y[i]) * (a - x[i]) / (x[i+1] - x[i])",
            example="torque: {lookup: speed, points: [[0, 1.0], [50, 0.8], [100, 0.0]]}",
            sources=SourceForm.ONE,
            source_min=1,
            source_max=1,
            unit=UnitRule.ANY,
            state_count=0,
            tables=(
                Table(
                    key="points",
                    text="The points, x rising.",
                    unit="unit of the source, unit of the value",
                    rows=(2, 64),
                    columns=2,
                    form="[[x, y], [x, y], ...]",
                ),
            ),
        ),
    }
)
