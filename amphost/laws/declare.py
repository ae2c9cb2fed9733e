"""What a declaration of a block consists of, and what a block is once it has been read.

Rules. A block is a mapping with one key that names the block; its value is the source, or the list
of sources, or, where a block has none, its parameter. The other keys are parameters, tables of
numbers, and `tunable`. Numbers stay in the units of the YAML file until they are compiled. A truth
is a signal whose unit is `bool`: 1 or 0.

Synchronization: none required; immutable.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = [
    "ALL",
    "LARGEST",
    "TRUTH",
    "TUNABLE",
    "Block",
    "BlockSpec",
    "LawProblem",
    "Parameter",
    "SourceForm",
    "Table",
    "UnitRule",
]

LARGEST = 1e12  # no parameter is larger: products of two of them stay far from infinity
TUNABLE = "tunable"
TRUTH = "bool"  # the unit of a truth
ALL = 16  # every source


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
    TRUTH = "truth"  # bool
    SECONDS = "seconds"  # s


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
    below_half_rate: bool = False  # a frequency that the role's rate must be able to show
    whole: bool = False  # a count
    choices: tuple[str, ...] = ()  # a word, compiled to its index

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of its numbers in a `BlockSpec`."""
        return (f"{self.key}_low", f"{self.key}_high") if self.pair else (self.key,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A key that holds rows of numbers, or one flat list when `columns` is 0."""

    key: str
    text: str
    unit: str
    rows: tuple[int, int]  # the least and the most
    columns: int  # numbers in each row; 0: a flat list; -1: it depends
    form: str  # how it is written

    @property
    def numbers(self) -> str:
        """Return what one entry is, for a message."""
        return f"rows of {self.columns} numbers" if self.columns > 0 else "numbers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One kind of block. Two may have one `op`: what differs is then how it is compiled."""

    op: int
    text: str
    equation: str
    example: str
    sources: SourceForm
    source_min: int
    source_max: int
    unit: UnitRule
    state_count: int  # the least: what a size adds is in `laws.pack`
    parameters: tuple[Parameter, ...] = ()
    tables: tuple[Table, ...] = ()
    begins: str = ""  # how it begins at each act of arming
    literature: str = ""
    truths: int = 0  # so many of the first sources are truths
    mixed: bool = False  # the other sources may be truths too
    agree: bool = False  # the other sources must agree in unit, though the value has another
    fixed: bool = False  # its parameters shape its memory or are designed into others

    def parameter(self, key: str) -> Parameter | None:
        """Return the parameter written as `key`."""
        return next((one for one in self.parameters if one.key == key), None)

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the keys beside the one that names the block, without `tunable`."""
        return (*(one.key for one in self.parameters), *(one.key for one in self.tables))

    @property
    def can_be_tuned(self) -> bool:
        """Say whether its parameters may change while it runs."""
        return bool(self.parameters) and not self.fixed


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockSpec:
    """A block of a law as the user wrote it, its defaults filled in. `op` is a key of `BLOCKS`."""

    name: str
    op: str
    sources: tuple[str, ...]
    parameters: tuple[tuple[str, float], ...]
    tunable: bool
    tables: tuple[tuple[str, tuple[tuple[float, ...], ...]], ...] = ()

    def value(self, name: str) -> float | None:
        """Return a parameter's number, None when it was left out."""
        return next((number for key, number in self.parameters if key == name), None)

    def number(self, name: str) -> float:
        """Return a parameter that is there."""
        value = self.value(name)
        assert value is not None
        return value

    def table(self, key: str) -> tuple[tuple[float, ...], ...]:
        """Return the rows of a table; a flat list is one row."""
        return next(rows for name, rows in self.tables if name == key)


@dataclass(frozen=True, slots=True, kw_only=True)
class LawProblem:
    """What is wrong with a law. `block` is empty when the law as a whole is meant.

    `key` is the path below the block's mapping: `("subtract", 1)` is its second source.
    """

    block: str
    key: tuple[str | int, ...]
    rule: str
    remedy: str
