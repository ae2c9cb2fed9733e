"""A figure of several rounds, and whether it reaches what is wanted.

Rules. Pure.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A median over rounds and where eight of ten rounds lie.

    Synchronization: none required, immutable.
    """

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread | None:
        """Return the spread of these, None of none."""
        ordered = sorted(values)
        if not ordered:
            return None
        last = len(ordered) - 1
        return cls(
            median=statistics.median(ordered),
            low=ordered[round(last * 0.1)],
            high=ordered[round(last * 0.9)],
        )

    def as_json(self) -> dict[str, float]:
        return {"median": self.median, "low": self.low, "high": self.high}


def reaches(value: float, reach: float | None, *, lower_is_better: bool) -> bool | None:
    """Say whether a value reaches what is wanted; None where nothing is."""
    if reach is None:
        return None
    return value <= reach if lower_is_better else value >= reach
