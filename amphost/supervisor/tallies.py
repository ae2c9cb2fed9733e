"""Follow what the io roles tell of their lines, for the report: totals, and the worst second.

Rules. A turn takes what has come since the last one and never waits; a line tells once a second.
Nothing is computed that an io role has not measured (`link.tally`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amphost.link.tally import (
    Totals,
    counts_since,
    errors_of,
    identity_of,
    words_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amphost.channel import ChannelReader
    from amphost.mailbox import Segment
    from amphost.plan.model import IoPlan

DEVICE_COUNTS = ("applied", "refused_values")


class Tallies:
    """Every line of a run.

    Synchronization: one thread.
    """

    def __init__(self, segments: Mapping[str, Segment]) -> None:
        self._segments = segments
        self._readers: dict[str, ChannelReader] = {}
        self._totals: dict[str, Totals] = {}

    def look(self, io: IoPlan) -> Totals:
        """Take what has come of a device's line, and return what there is of it."""
        if io.device not in self._readers:
            self._readers[io.device] = self._segments[io.tally].reader(oldest=True)
            self._totals[io.device] = Totals()
        totals = self._totals[io.device]
        while (record := self._readers[io.device].next()) is not None:
            totals.add(record[1], words_of(record[3:]))
        return totals

    def result(self, io: IoPlan, started_ns: int) -> dict[str, Any]:
        """Return what the report says of a device's line besides its counters."""
        totals = self.look(io)
        words = totals.newest
        counts = None if words is None else counts_since(words, None)
        return {
            "seconds": totals.seconds,
            "identity": None if words is None else identity_of(words),
            "errors": None if counts is None else errors_of(counts),
            "load": totals.loads(),
            "round_trip": totals.times()["round_trip"],
            "command_round_trip_us": (words or {}).get("command_round_trip_us") or None,
            "sense_to_actuate_parts": totals.parts(),
            "device": None if counts is None else {name: counts[name] for name in DEVICE_COUNTS},
            "worst_second": _worst(totals, started_ns),
        }


def _worst(totals: Totals, started_ns: int) -> dict[str, Any] | None:
    if totals.worst is None:
        return None
    worst = dict(totals.worst)
    return {"after_ms": (worst.pop("t_ns") - started_ns) / 1e6, **worst}
