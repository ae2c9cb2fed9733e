"""Which part of a recording is wanted: signals by name, and a span of time.

Rules. Pure. Times are seconds since the first sample of the recording. A name that is not in the
recording is an error that lists what is.
"""

from __future__ import annotations

import difflib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from amphost.errors import UsageError
from amphost.telemetry.reading import Loaded, Signal, Track

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The wanted rows and columns of one role.

    Synchronization: none required; nothing changes it.
    """

    track: Track
    rows: range
    columns: tuple[int, ...]  # indexes into track.signals
    origin_ns: int

    @property
    def signals(self) -> tuple[Signal, ...]:
        """The wanted signals, in their order in the mailbox."""
        return tuple(self.track.signals[index] for index in self.columns)

    def times_s(self) -> list[float]:
        """Seconds since the first sample of the recording."""
        return [(self.track.t_ns[row] - self.origin_ns) / NS_PER_S for row in self.rows]

    def values(self, index: int) -> array[float]:
        """The wanted rows of one column."""
        return self.track.columns[index][self.rows.start : self.rows.stop]


def select(
    loaded: Loaded,
    names: Sequence[str] = (),
    *,
    from_s: float | None = None,
    to_s: float | None = None,
) -> tuple[Part, ...]:
    """Return the wanted part of each role that has any; no names: everything."""
    wanted = _by_role(loaded, names)
    parts = []
    for track in loaded.tracks:
        columns = tuple(wanted[track.role]) if track.role in wanted else ()
        if columns:
            rows = _rows(track, loaded.origin_ns, from_s, to_s)
            part = Part(track=track, rows=rows, columns=columns, origin_ns=loaded.origin_ns)
            parts.append(part)
    return tuple(parts)


def _rows(track: Track, origin_ns: int, from_s: float | None, to_s: float | None) -> range:
    first = 0 if from_s is None else bisect_left(track.t_ns, origin_ns + round(from_s * NS_PER_S))
    end = len(track.t_ns)
    if to_s is not None:
        end = bisect_right(track.t_ns, origin_ns + round(to_s * NS_PER_S))
    return range(first, max(first, end))


def _by_role(loaded: Loaded, names: Sequence[str]) -> dict[str, list[int]]:
    """Return for each role the indexes of its wanted signals."""
    every = {
        f"{track.role}.{signal.name}": (track.role, index)
        for track in loaded.tracks
        for index, signal in enumerate(track.signals)
    }
    # A person sets `operator.target`; it is published by the supervisor.
    every |= {
        name.replace("supervisor.", "operator.", 1): place
        for name, place in every.items()
        if name.startswith("supervisor.") and "operator" not in {t.role for t in loaded.tracks}
    }
    roles = {track.role for track in loaded.tracks}
    found: dict[str, list[int]] = {}
    for name in names or sorted(roles):
        if name in roles:
            [track] = [one for one in loaded.tracks if one.role == name]
            found[name] = list(range(len(track.signals)))
        elif name in every:
            role, index = every[name]
            columns = found.setdefault(role, [])
            if index not in columns:
                columns.append(index)
                columns.sort()
        else:
            raise UsageError(_unknown(name, [*roles, *every]))
    return found


def _unknown(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    guess = f"did you mean {close[0]}? " if close else ""
    return f"there is no signal {name!r} in the recording; {guess}it has {', '.join(sorted(known))}"
