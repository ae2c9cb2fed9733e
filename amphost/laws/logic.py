"""Blocks of truths: comparing, combining, remembering and choosing.

Rules. Declarations alone; see `laws.blocks`. A truth is 1 or 0 and has the unit `bool`; its
reader takes as true what is above 0.5.

Synchronization: none required; immutable.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from amphost.laws.declare import ALL, Block, Parameter, SourceForm, UnitRule

__all__ = ["LOGIC"]


def _of_truths(op: int, text: str, equation: str, example: str, most: int = ALL) -> Block:
    """Return a block without memory whose sources and value are truths."""
    return Block(
        op=op,
        text=text,
        equation=equation,
        example=example,
        sources=SourceForm.ONE if most == 1 else SourceForm.LIST,
        source_min=min(2, most),
        source_max=most,
        unit=UnitRule.TRUTH,
        state_count=0,
        truths=ALL,
    )


LOGIC: Mapping[str, Block] = MappingProxyType(
    {
        "greater": Block(
            op=14,
            text="True while the first source is greater than the second.",
            equation="y = a > b",
            example="fast: {greater: [speed, top_speed]}",
            sources=SourceForm.LIST,
            source_min=2,
            source_max=2,
            unit=UnitRule.TRUTH,
            state_count=0,
            agree=True,
        ),
        "hysteresis": Block(
            op=15,
            text="True above a range, false below it, and as before inside.",
            equation="y = true where a > high, false where a < low, else as it was",
            example="hot: {hysteresis: temperature, range: [60.0, 70.0]}",
            sources=SourceForm.ONE,
            source_min=1,
            source_max=1,
            unit=UnitRule.TRUTH,
            state_count=1,
            parameters=(
                Parameter(
                    key="range",
                    text="Where it becomes false, and where true.",
                    unit="unit of the source",
                    pair=True,
                    required=True,
                ),
            ),
            begins="false",
        ),
        "and": _of_truths(
            17, "True while all its sources are.", "y = a and b and ...", "go: {and: [a, b]}"
        ),
        "or": _of_truths(
            18, "True while any of its sources is.", "y = a or b or ...", "stop: {or: [a, b]}"
        ),
        "not": _of_truths(
            16, "True while its source is false.", "y = not a", "idle: {not: moving}", most=1
        ),
        "select": Block(
            op=13,
            text="One of two signals, by a truth.",
            equation="y = b where a is true, else c",
            example="target: {select: [manual, wanted, parked]}",
            sources=SourceForm.LIST,
            source_min=3,
            source_max=3,
            unit=UnitRule.SAME,
            state_count=0,
            truths=1,
            mixed=True,
        ),
        "edge": Block(
            op=19,
            text="True for one period when its source changes.",
            equation="y = a[k] and not a[k-1] (rising), a[k-1] and not a[k] (falling), or both",
            example="pressed: {edge: button, change: rising}",
            sources=SourceForm.ONE,
            source_min=1,
            source_max=1,
            unit=UnitRule.TRUTH,
            state_count=2,
            parameters=(
                Parameter(
                    key="change",
                    text="Which change it shows.",
                    unit="a word",
                    default=0.0,
                    minimum=0.0,
                    maximum=2.0,
                    choices=("rising", "falling", "both"),
                ),
            ),
            begins="false: the first sample is no change",
            truths=1,
            fixed=True,
        ),
        "latch": Block(
            op=20,
            text="Set by its first source, reset by its second, which wins.",
            equation="y = false where b, else true where a, else as it was",
            example="tripped: {latch: [hot, acknowledged]}",
            sources=SourceForm.LIST,
            source_min=2,
            source_max=2,
            unit=UnitRule.TRUTH,
            state_count=1,
            begins="false",
            truths=ALL,
        ),
        "debounce": Block(
            op=21,
            text="Follows its source once that has differed for a time without a break.",
            equation="y = a when a has differed from y for for_s, else as it was",
            example="steady: {debounce: button, for_s: 0.02}",
            sources=SourceForm.ONE,
            source_min=1,
            source_max=1,
            unit=UnitRule.TRUTH,
            state_count=3,
            parameters=(
                Parameter(
                    key="for_s",
                    text="For how long.",
                    unit="s",
                    required=True,
                    minimum=0.0,
                    maximum=3600.0,
                ),
            ),
            begins="at the first sample",
            truths=1,
        ),
        "timer": Block(
            op=22,
            text="For how long its source has been true, and 0 while it is false.",
            equation="y = t since a became true: 0 in the first period, and while a is false",
            example="waited: {timer: ready}",
            sources=SourceForm.ONE,
            source_min=1,
            source_max=1,
            unit=UnitRule.SECONDS,
            state_count=2,
            begins="at 0",
            truths=1,
        ),
    }
)
