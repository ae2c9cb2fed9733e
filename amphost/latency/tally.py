"""Latencies, counted: quantiles, shares later than a bound.

Rules. Pure. A quantile is never smaller than the value it stands for and never larger than the
largest one; one that so few values cannot show is None, not the maximum under another name. Means
are not kept: they say nothing about a deadline.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

BOUNDS_NS = (10_000, 50_000, 100_000, 1_000_000)
"""Shares later than these are told, exactly."""
QUANTILES = (("p50", 1, 2), ("p99", 99, 100), ("p999", 999, 1000), ("p9999", 9999, 10_000))
"""Name, numerator, denominator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How often which latency was seen: `counts` holds (largest value of the class, how often).

    Synchronization: none required; immutable.
    """

    counts: tuple[tuple[int, int], ...] = ()
    max_ns: int = 0
    over: tuple[int, ...] = (0,) * len(BOUNDS_NS)

    @property
    def n(self) -> int:
        """How many values."""
        return sum(count for _, count in self.counts)

    def quantile_ns(self, numerator: int, denominator: int) -> int | None:
        """Return the value that so large a share does not exceed; None if n cannot show it."""
        n = self.n
        if n * (denominator - numerator) < denominator:
            return None
        rank = -(-n * numerator // denominator)
        seen = 0
        for top_ns, count in self.counts:
            seen += count
            if seen >= rank:
                return min(top_ns, self.max_ns)
        raise AssertionError("the counts add up to n")

    def quantiles_us(self) -> dict[str, float | None]:
        """Return p50, p99, p999 and p9999 in microseconds."""
        found = ((name, self.quantile_ns(above, below)) for name, above, below in QUANTILES)
        return {name: None if value is None else value / 1e3 for name, value in found}

    def shares(self) -> tuple[float | None, ...]:
        """Return which share of all values is above each of BOUNDS_NS."""
        n = self.n
        return tuple(late / n if n else None for late in self.over)

    def within(self, edges: Sequence[int]) -> list[int]:
        """Count the values of each class between two `edges`: from the first up to the second.

        A class of our own that lies across an edge is counted where its largest value belongs.
        """
        found = [0] * (len(edges) - 1)
        for top_ns, count in self.counts:
            place = bisect_right(edges, min(top_ns, self.max_ns)) - 1
            if 0 <= place < len(found):
                found[place] += count
        return found


def from_probe(words: Mapping[str, Any]) -> Tally:
    """Make a tally of what a probe has said."""
    return Tally(
        counts=tuple((int(top), int(count)) for top, count in words["counts"]),
        max_ns=int(words["max_ns"]),
        over=tuple(int(late) for late in words["over"]),
    )


def from_values(values_ns: Iterable[tuple[int, int]]) -> Tally:
    """Make a tally of exact values, each with how often it was seen."""
    counts: dict[int, int] = {}
    for value, count in values_ns:
        counts[value] = counts.get(value, 0) + count
    return Tally(
        counts=tuple(sorted(counts.items())),
        max_ns=max(counts, default=0),
        over=tuple(
            sum(count for value, count in counts.items() if value > bound) for bound in BOUNDS_NS
        ),
    )


def add(left: Tally, right: Tally) -> Tally:
    """Take two tallies as one."""
    counts = dict(left.counts)
    for value, count in right.counts:
        counts[value] = counts.get(value, 0) + count
    return Tally(
        counts=tuple(sorted(counts.items())),
        max_ns=max(left.max_ns, right.max_ns),
        over=tuple(a + b for a, b in zip(left.over, right.over, strict=True)),
    )
