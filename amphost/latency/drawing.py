"""Histograms as text: latencies down, one column of bars for each that was measured.

Rules. Pure. Both axes are logarithmic: the classes go 10, 20, 50, 100 and so on, and a bar grows
with the logarithm of its count, so that one late period in a million is still seen. Every class
that has a value has a mark. Nothing but ASCII where the terminal is not one of UTF-8.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amphost.latency.tally import Tally

WIDTH_LEAST = 60
WIDTH_MOST = 160
_EIGHTHS = " ▏▎▍▌▋▊▉"
_GAP = 2
_UNITS = ((1_000_000_000, "s"), (1_000_000, "ms"), (1000, "us"), (1, "ns"))


def _edges() -> tuple[int, ...]:
    steps = (first * 10**power for power in range(1, 11) for first in (1, 2, 5))
    return (0, *steps, 1 << 63)


EDGES_NS = _edges()


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """What is drawn on: `width` in characters, and whether it shows block characters.

    Synchronization: none required; immutable.
    """

    width: int = 80
    utf8: bool = False


def is_utf8(environ: Mapping[str, str], encoding: str | None) -> bool:
    """Say whether a terminal shows UTF-8: its locale says so, and so is what we write encoded.

    Python itself sets LC_CTYPE to C.UTF-8 where nobody has said anything: that is nobody's word.
    """
    names = [environ.get(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG")]
    if names[1] == "C.UTF-8" and names[2] in ("", "C", "POSIX"):
        names[1] = ""
    locale = next((name for name in names if name), "")
    said = locale.lower().replace("-", "")
    return "utf8" in said and (encoding or "").lower().replace("-", "") == "utf8"


def draw(tallies: Mapping[str, Tally], paper: Paper) -> list[str]:
    """Return the lines of the histogram; none where nothing was measured."""
    counts = {name: tally.within(EDGES_NS) for name, tally in tallies.items() if tally.n}
    if not counts:
        return []
    rows = _rows(list(counts.values()))
    labels = [_label(row) for row in rows]
    label_width = max(len(label) for label in labels)
    width = min(max(paper.width, WIDTH_LEAST), WIDTH_MOST)
    column = (width - 1 - label_width) // len(counts) - _GAP
    columns = [_column(name, found, rows, column, paper) for name, found in counts.items()]
    head, *lines = zip(*columns, strict=True)
    gap = " " * _GAP
    texts = [" " * label_width + gap + gap.join(head)]
    for label, cells in zip(labels, lines, strict=True):
        texts.append(label.rjust(label_width) + gap + gap.join(cells))
    return [text.rstrip() for text in texts]


def _rows(counts: Sequence[Sequence[int]]) -> range:
    """Return the classes from the first to the last that has a value."""
    used = [row for row in range(len(EDGES_NS) - 1) if any(found[row] for found in counts)]
    return range(used[0], used[-1] + 1)


def _label(row: int) -> str:
    low, high = EDGES_NS[row], EDGES_NS[row + 1]
    if row == 0:
        return f"under {duration(high)}"
    if row == len(EDGES_NS) - 2:
        return f"{duration(low)} and more"
    return f"{duration(low)} to {duration(high)}"


def duration(time_ns: int) -> str:
    """Return a time of one significant digit in its largest unit."""
    for factor, unit in _UNITS:
        if time_ns >= factor:
            return f"{time_ns // factor} {unit}"
    return "0 ns"


def _column(name: str, counts: Sequence[int], rows: range, width: int, paper: Paper) -> list[str]:
    largest = max(counts)
    digits = max(len(f"{largest:,}"), 3)
    room = max(width - digits - 1, 1)
    cells = [name[:width].ljust(width)]
    for row in rows:
        count = counts[row]
        bar = _bar(_length(count, largest, room), paper)
        number = f"{count:,}" if count else ""
        cells.append(f"{number.rjust(digits)} {bar}".ljust(width))
    return cells


def _length(count: int, largest: int, room: int) -> float:
    """Return how long a bar is, in characters; one value has an eighth of one at least."""
    if count == 0:
        return 0.0
    return max(room * math.log1p(count) / math.log1p(largest), 0.125)


def _bar(length: float, paper: Paper) -> str:
    if not paper.utf8:
        return "#" * max(round(length), 1 if length else 0)
    eighths = round(8 * length)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
