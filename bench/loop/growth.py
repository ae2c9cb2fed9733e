"""How the cost of a period grows: with the signals, and with the readers of its outputs.

Rules. Pure. A point is the median over the rounds; the line is fitted to the medians by least
squares.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.spread import Spread

AXES, SIGNALS, READERS = "axes", "signals", "readers"
STEPS = (1, 8, 16, 24, 32, 40, 48, 55, 62)  # inputs, and as many outputs and blocks
CROWDS = (0, 1, 2, 4, 8, 16)
COUNT = 20_000

Cost = Mapping[str, float]  # what the program printed
Costs = Mapping[tuple[str, int], Cost]  # one round


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One call of the program: what it varies, and how far.

    Synchronization: none required, immutable.
    """

    kind: str
    number: int

    def arguments(self) -> list[str]:
        """Return the program's signals and readers."""
        if self.kind == SIGNALS:
            return [str(self.number), "0"]
        return ["axes", str(self.number if self.kind == READERS else 0)]


POINTS = (
    Point(kind=AXES, number=0),
    *(Point(kind=SIGNALS, number=number) for number in STEPS),
    *(Point(kind=READERS, number=number) for number in CROWDS),
)


def _points(rounds: Sequence[Costs], kind: str) -> list[dict[str, Any]]:
    shown = []
    for point in POINTS:
        key = (point.kind, point.number)
        spread = Spread.of(one[key]["p50_ns"] for one in rounds if key in one)
        if point.kind == kind and spread is not None:
            number = 2 * point.number if kind == SIGNALS else point.number
            shown.append({"number": number, **spread.as_json()})
    return shown


def fit(points: Sequence[Mapping[str, float]]) -> dict[str, float] | None:
    """Fit a line; None through fewer than three points."""
    if len(points) < 3:
        return None
    x, y = [one["number"] for one in points], [one["median"] for one in points]
    slope, intercept = statistics.linear_regression(x, y)
    off = [value - (intercept + slope * number) for number, value in zip(x, y, strict=True)]
    return {
        "ns_a_signal": slope,
        "ns_without": intercept,
        "worst_residual_ns": max(map(abs, off)),
        "r_squared": statistics.correlation(x, y) ** 2 if len(set(y)) > 1 else 1.0,
    }


def growth(rounds: Sequence[Costs]) -> dict[str, Any]:
    """Gather both curves and the fit."""
    signals = _points(rounds, SIGNALS)
    return {SIGNALS: signals, READERS: _points(rounds, READERS), "fit": fit(signals)}


def spread_of(rounds: Sequence[Costs], kind: str, field: str) -> Spread | None:
    """Return a field of the point 0 of this kind, over the rounds."""
    return Spread.of(one[kind, 0][field] for one in rounds if (kind, 0) in one)


def crowd_ratio(rounds: Sequence[Costs]) -> Spread | None:
    """Divide inside each round: the cost with the most readers by that with one."""
    most = (READERS, CROWDS[-1])
    return Spread.of(
        one[most]["p50_ns"] / one[READERS, 1]["p50_ns"]
        for one in rounds
        if most in one and (READERS, 1) in one
    )
