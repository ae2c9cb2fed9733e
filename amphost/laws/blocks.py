"""The blocks a law is written with: each declared once, here, and read from YAML by this alone.

Rules. `BLOCKS` is the only list of blocks: parsing, compiling, the JSON Schema and the reference
page are made from it. A block's `op` is its number in `enum amp_op` (native/include/amp/program.h)
and its parameters stand in the order p0, p1, ... of that header. A block is a mapping with one key
that names the block; its value is the source, or the list of sources, or, where a block has none,
its parameter. The other keys are parameters, and `tunable`. Numbers stay in the units of the YAML
file until they are compiled. What a block reads is not looked at here: see `laws.compile`.

Synchronization: none required; immutable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

__all__ = [
    "BLOCKS",
    "LARGEST",
    "TUNABLE",
    "Block",
    "BlockSpec",
    "LawProblem",
    "Parameter",
    "SourceForm",
    "UnitRule",
]

LARGEST = 1e12  # no parameter is larger: products of two of them stay far from infinity
TUNABLE = "tunable"


class SourceForm(Enum):
    """How the sources stand under the key that names the block."""

    NONE = "none"  # the key holds the parameter of the same name
    ONE = "one"  # one signal
    LIST = "list"  # a list of signals


class UnitRule(Enum):
    """What unit a block's value has."""

    SAME = "same"  # the sources must agree; the value has their unit
    KEEP = "keep"  # that of its one source
    ANY = "any"  # not known: it fits wherever it is used


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One key of a block's mapping. A pair is written `[low, high]` and is two numbers."""

    key: str
    text: str
    unit: str
    pair: bool = False
    required: bool = False
    default: float | None = None  # of an optional number; None: it may be absent
    minimum: float = -LARGEST
    maximum: float = LARGEST
    needed_with: str = ""  # required when that parameter is not 0
    from_output: bool = False  # when absent, the range of the output that the block drives
    time_constant: bool = False  # a frequency f, compiled to 1 / (2 pi f)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of its numbers in a `BlockSpec`."""
        return (f"{self.key}_low", f"{self.key}_high") if self.pair else (self.key,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One kind of block."""

    op: int
    text: str
    example: str
    sources: SourceForm
    source_min: int
    source_max: int
    unit: UnitRule
    state_count: int
    parameters: tuple[Parameter, ...] = ()

    def parameter(self, key: str) -> Parameter | None:
        """Return the parameter written as `key`."""
        return next((one for one in self.parameters if one.key == key), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockSpec:
    """A block of a law as the user wrote it, its defaults filled in. `op` is a key of `BLOCKS`."""

    name: str
    op: str
    sources: tuple[str, ...]
    parameters: tuple[tuple[str, float], ...]
    tunable: bool

    def value(self, name: str) -> float | None:
        """Return a parameter's number, None when it was left out."""
        return next((number for key, number in self.parameters if key == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class LawProblem:
    """What is wrong with a law. `block` is empty when the law as a whole is meant.

    `key` is the path below the block's mapping: `("subtract", 1)` is its second source.
    """

    block: str
    key: tuple[str | int, ...]
    rule: str
    remedy: str


_GAIN_UNIT = "unit of the value per unit of the source"

BLOCKS: Mapping[str, Block] = MappingProxyType(
    {
        "constant": Block(
            op=0,
            text="A number that does not change by itself.",
            example="bias: {constant: 1.0}",
            sources=SourceForm.NONE,
            source_min=0,
            source_max=0,
            unit=UnitRule.ANY,
            state_count=0,
            parameters=(Parameter(key="constant", text="The number.", unit="any", required=True),),
        ),
        "add": Block(
            op=1,
            text="The sum of its sources.",
            example="sum: {add: [a, b]}",
            sources=SourceForm.LIST,
            source_min=2,
            source_max=16,
            unit=UnitRule.SAME,
            state_count=0,
        ),
        "subtract": Block(
            op=2,
            text="The first source less all the others.",
            example="error: {subtract: [target, position]}",
            sources=SourceForm.LIST,
            source_min=2,
            source_max=16,
            unit=UnitRule.SAME,
            state_count=0,
        ),
        "gain": Block(
            op=3,
            text="The source times a number.",
            example="doubled: {gain: x, by: 2.0}",
            sources=SourceForm.ONE,
            source_min=1,
            source_max=1,
            unit=UnitRule.ANY,
            state_count=0,
            parameters=(Parameter(key="by", text="The number.", unit=_GAIN_UNIT, required=True),),
        ),
        "limit": Block(
            op=4,
            text="The source, held within a range.",
            example="limited: {limit: x, range: [-1.0, 1.0]}",
            sources=SourceForm.ONE,
            source_min=1,
            source_max=1,
            unit=UnitRule.KEEP,
            state_count=0,
            parameters=(
                Parameter(
                    key="range",
                    text="The range.",
                    unit="unit of the source",
                    pair=True,
                    required=True,
                ),
            ),
        ),
        "lowpass": Block(
            op=5,
            text="First-order low-pass; the first sample passes unchanged.",
            example="smooth: {lowpass: x, cutoff_hz: 50}",
            sources=SourceForm.ONE,
            source_min=1,
            source_max=1,
            unit=UnitRule.KEEP,
            state_count=2,
            parameters=(
                Parameter(
                    key="cutoff_hz",
                    text="The frequency at which 0.71 of the amplitude is left.",
                    unit="Hz",
                    required=True,
                    minimum=1e-6,
                    maximum=1e6,
                    time_constant=True,
                ),
            ),
        ),
        "pid": Block(
            op=6,
            text=(
                "PID on an error, with filtered derivative; the integral stands still while the "
                "value is at a limit and the error would drive it further."
            ),
            example="u: {pid: error, kp: 9.0, ki: 25.0, kd: 0.08, derivative_cutoff_hz: 120}",
            sources=SourceForm.ONE,
            source_min=1,
            source_max=1,
            unit=UnitRule.ANY,
            state_count=4,
            parameters=(
                Parameter(key="kp", text="Proportional gain.", unit=_GAIN_UNIT, required=True),
                Parameter(key="ki", text="Integral gain.", unit=f"{_GAIN_UNIT} and s", default=0.0),
                Parameter(
                    key="kd", text="Derivative gain.", unit=f"{_GAIN_UNIT}, times s", default=0.0
                ),
                Parameter(
                    key="derivative_cutoff_hz",
                    text="Cutoff of the derivative's low-pass.",
                    unit="Hz",
                    minimum=1e-6,
                    maximum=1e6,
                    needed_with="kd",
                    time_constant=True,
                ),
                Parameter(
                    key="limit",
                    text="The limits of the value.",
                    unit="unit of the value",
                    pair=True,
                    needed_with="ki",
                    from_output=True,
                ),
            ),
        ),
    }
)
