"""What a monitor shows of a line each second: from its tally, and from its frames where wanted.

Rules. Pure: seconds and records in, plain values out. Figures are of the second, totals since the
io role began to count. What is not known is None.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from amphost.link.line_decoder import LineFrame, Verdict
from amphost.link.tally import (
    Words,
    clock_of,
    counts_since,
    errors_of,
    identity_of,
    share,
    standing_of,
    times_of,
)
from amphost.plan.link_segments import PARTS

if TYPE_CHECKING:
    from amphost.link.line_decoder import LineDecoder
    from amphost.link.trace import Record
    from amphost.link.trace_figures import TraceFigures

NS_PER_S = 1e9
ODD_KEPT = 5
SAID_KEPT = 20


class LineView:
    """One line as a monitor follows it.

    Synchronization: one thread.
    """

    def __init__(self, device: str, figures: TraceFigures | None = None) -> None:
        self.device = device
        self.newest: dict[str, Any] | None = None
        self._figures = figures
        self._before: Words | None = None
        self._state: LineFrame | None = None
        self._odd: list[str] = []  # what was wrong in this second, the newest
        self._said: list[str] = []  # what the firmware has told people in it

    @property
    def decoder(self) -> LineDecoder | None:
        """What decodes its frames, where that is wanted."""
        return None if self._figures is None else self._figures.decoder

    def record(self, record: Record) -> None:
        """Take what has gone over the line."""
        if self._figures is None:
            return
        for found in self._figures.take(record):
            if isinstance(found, LineFrame):
                self._take(found)

    def _take(self, frame: LineFrame) -> None:
        if frame.verdict is not Verdict.GOOD:
            self._odd = [*self._odd, "; ".join(frame.remarks)][-ODD_KEPT:]
        elif frame.type == "STATE" and "values" in frame.fields:
            self._state = frame
        elif frame.type == "LOG" and "text" in frame.fields:
            self._said = [*self._said, frame.fields["text"]][-SAID_KEPT:]

    def second(self, t_ns: int, words: Words) -> dict[str, Any]:
        """Take a second; return what there is to show of it."""
        counts = counts_since(words, self._before)
        self._before = words
        seconds = words["interval_ns"] / NS_PER_S or math.nan
        times = times_of(words)
        trip = times["round_trip"]
        self.newest = {
            "device": self.device,
            "t_ns": t_ns,
            **standing_of(words),
            "identity": identity_of(words),
            "frames_in_per_s": counts["frames_in"] / seconds,
            "frames_out_per_s": counts["frames_out"] / seconds,
            "load_in": share(words["load_in"]),
            "load_out": share(words["load_out"]),
            "errors": errors_of(counts),
            "counts": counts,
            "totals": counts_since(words, None),
            "round_trip": trip,
            "command_round_trip_us": words["command_round_trip_us"] or None,
            "command_timeout_us": words["command_timeout_us"] or None,
            "clock": clock_of(words, trip["min_us"]),
            "sense_to_actuate": times["sense_to_actuate"],
            "sense_to_actuate_parts": {name: times[name] for name in PARTS},
            "values": self._values(),
            "remarks": self._odd,
            "said": self._said,
        }
        self._odd, self._said = [], []
        return self.newest

    def _values(self) -> dict[str, Any] | None:
        if self._state is None:
            return None
        found: dict[str, Any] = self._state.fields["values"]
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in found.items()
        }
