"""Latencies as counts, and the gaps of a machine as the latencies that they cause.

Rules. Pure. A quantile is the smallest value that so large a share does not exceed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

QUANTILES = {"p50_ns": 0.5, "p99_ns": 0.99, "p999_ns": 0.999, "p9999_ns": 0.9999}
LIMITS = {"late_10us": 10_000, "late_50us": 50_000, "late_100us": 100_000, "late_1ms": 1_000_000}


@dataclass(frozen=True, slots=True)
class Latencies:
    """How often each latency was measured.

    Synchronization: none required, immutable.
    """

    counts: Mapping[int, int]  # ns -> periods

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def quantile(self, share: float) -> float:
        """Return the latency that this share of the periods does not exceed."""
        wanted, seen = share * self.total, 0
        for value in sorted(self.counts):
            seen += self.counts[value]
            if seen >= wanted - 1e-9:
                return value
        raise ValueError("no period was measured")

    def later(self, limit_ns: int) -> int:
        """Count the periods that were later than this."""
        return sum(count for value, count in self.counts.items() if value > limit_ns)

    def share_later(self, limit_ns: int) -> float:
        return self.later(limit_ns) / self.total


@dataclass(frozen=True, slots=True)
class Gaps:
    """How often each gap was seen in a time that was watched.

    A release at any moment with equal chance that falls into a gap is late by what is left of it:
    so gaps have quantiles and shares as latencies have.
    Synchronization: none required, immutable.
    """

    counts: Mapping[int, int]  # ns -> gaps
    watched_ns: int

    def share_later(self, limit_ns: float) -> float:
        """Return the chance of a release that is later than this."""
        left = sum(
            (value - limit_ns) * count for value, count in self.counts.items() if value > limit_ns
        )
        return left / self.watched_ns

    def quantile(self, share: float) -> float:
        """Return the latency that this share of all moments does not exceed."""
        low, high = 0.0, float(max(self.counts, default=0))
        if self.share_later(low) <= 1 - share:
            return 0.0
        while high - low > 1:
            middle = (low + high) / 2
            if self.share_later(middle) > 1 - share:
                low = middle
            else:
                high = middle
        return high

    def per_second(self, limit_ns: int) -> float:
        """Count the gaps longer than this in each second."""
        longer = sum(count for value, count in self.counts.items() if value > limit_ns)
        return longer * 1e9 / self.watched_ns


def pooled(parts: Iterable[Latencies | Gaps]) -> Latencies | Gaps | None:
    """Put slices of one kind together; None of none."""
    counts: Counter[int] = Counter()
    watched, any_part = 0, False
    for part in parts:
        any_part = True
        counts.update(part.counts)
        watched += part.watched_ns if isinstance(part, Gaps) else 0
    if not any_part:
        return None
    return Gaps(counts, watched) if watched else Latencies(counts)


def figures(found: Latencies | Gaps) -> dict[str, float]:
    """Return every quantile and share of it."""
    shown = {name: float(found.quantile(share)) for name, share in QUANTILES.items()}
    return shown | {name: found.share_later(limit) for name, limit in LIMITS.items()}
