"""A trace as frames, and what they come to: counts by type and by error, round trips, gaps.

Rules. Pure. Records in their order in; frames, remarks and figures out. A record of a kind that is
not known is left out: it belongs to a later version.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from amphost.link.line_decoder import LineDecoder, LineFrame, Verdict, Way
from amphost.link.trace import Kind, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

WAYS = {Kind.FROM_DEVICE: Way.FROM_DEVICE, Kind.TO_DEVICE: Way.TO_DEVICE}
NS_PER_US = 1e3
NS_PER_S = 1e9
_I64, _U64 = struct.Struct("<q"), struct.Struct("<Q")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something that is no frame: what happened to the port, or to the trace.

    Synchronization: none required; immutable.
    """

    t_ns: int
    what: str  # port_lost, port_opened or missed
    argument: int
    text: str


class TraceFigures:
    """What the frames of a trace come to.

    Synchronization: one thread.
    """

    def __init__(self, decoder: LineDecoder) -> None:
        self.decoder = decoder
        self.types: dict[Way, Counter[str]] = {way: Counter() for way in Way}
        self.errors: dict[Way, Counter[str]] = {way: Counter() for way in Way}
        self.bytes: dict[Way, int] = dict.fromkeys(Way, 0)
        self.lost: dict[Way, int] = dict.fromkeys(Way, 0)
        self.missed = 0
        self.began_ns: int | None = None
        self.ended_ns = 0
        self._round_trips: dict[str, list[int]] = {}

    def take(self, record: Record) -> Iterator[LineFrame | Mark]:
        """Yield what a record of bytes or of a mark brings."""
        if record.kind == Kind.ABOUT:
            return
        self.began_ns = record.t_ns if self.began_ns is None else self.began_ns
        self.ended_ns = record.t_ns
        way = WAYS.get(Kind(record.kind)) if record.kind in set(Kind) else None
        if way is None:
            mark = mark_of(record)
            if mark is not None:
                self.missed += mark.argument if mark.what == "missed" else 0
                yield mark
            return
        self.bytes[way] += len(record.content)
        for frame in self.decoder.feed(record.t_ns, way, record.content):
            self._count(frame)
            yield frame

    def _count(self, frame: LineFrame) -> None:
        if frame.verdict is not Verdict.GOOD:
            self.errors[frame.way][frame.verdict.value] += 1
            return
        self.types[frame.way][frame.type] += 1
        self.lost[frame.way] += frame.lost
        for remark in frame.remarks:
            kind = remark.partition(":")[0]
            if kind in ("foreign", "repeated"):
                self.errors[frame.way][kind] += 1
        if frame.round_trip_ns is not None:
            figures = self._round_trips.setdefault(frame.type, [0, frame.round_trip_ns, 0, 0])
            figures[0] += 1
            figures[1] = min(figures[1], frame.round_trip_ns)
            figures[2] += frame.round_trip_ns
            figures[3] = max(figures[3], frame.round_trip_ns)

    def result(self) -> dict[str, Any]:
        """Return the figures, keys as in docs/reference/link.md."""
        return {
            "seconds": (self.ended_ns - (self.began_ns or 0)) / NS_PER_S if self.began_ns else 0.0,
            "missed": self.missed,
            **{
                way.value: {
                    "bytes": self.bytes[way],
                    "frames": dict(self.types[way]),
                    "errors": {**self.errors[way], "lost": self.lost[way]},
                    "unfinished_bytes": self.decoder.rest(way),
                }
                for way in Way
            },
            "round_trips": {
                name: {
                    "n": count,
                    "min_us": least / NS_PER_US,
                    "mean_us": total / count / NS_PER_US,
                    "max_us": most / NS_PER_US,
                }
                for name, (count, least, total, most) in self._round_trips.items()
            },
        }


def mark_of(record: Record) -> Mark | None:
    """Return what a record that is no bytes says; None for one of a later version."""
    form = (
        {Kind.PORT_LOST: _I64, Kind.MISSED: _U64}.get(Kind(record.kind))
        if (record.kind in set(Kind))
        else None
    )
    argument = 0
    if form is not None and len(record.content) == form.size:
        (argument,) = form.unpack(record.content)
    if record.kind == Kind.PORT_LOST:
        text = f"the port was lost (error {argument})"
    elif record.kind == Kind.PORT_OPENED:
        text = "the port was opened again"
    elif record.kind == Kind.MISSED:
        text = f"{argument} pieces of the line are missing here: the trace was too slow"
    else:
        return None
    return Mark(t_ns=record.t_ns, what=Kind(record.kind).name.lower(), argument=argument, text=text)
