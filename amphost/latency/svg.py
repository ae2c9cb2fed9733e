"""The histogram as a picture: one SVG file that needs nothing else.

Rules. Pure. Both axes are logarithmic, and the bands of LinuxCNC's test stand behind the curves.
Colours differ in brightness too, so that it can be printed. Every word from outside is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from amphost.latency.band import BANDS
from amphost.latency.drawing import duration

if TYPE_CHECKING:
    from amphost.latency.tally import Tally

WIDTH, HEIGHT = 960, 600
LEFT, RIGHT, TOP, BOTTOM = 80, 30, 160, 56
PER_DECADE = 12
"""Classes of the curve to each power of ten."""
_LOWEST_NS = 10
_QUANTILES = {"p50": "p50", "p99": "p99", "p999": "p99.9", "p9999": "p99.99"}
_COLOURS = ("#1b5fa8", "#d9730d", "#3f8f5f", "#7a3f8f")
_SHADES = ("#eef7ee", "#f7f7e6", "#fdf0e4", "#fbe6e6")
_STYLE = (
    "text{font-family:system-ui,sans-serif;font-size:13px;fill:#222}"
    ".title{font-size:17px;font-weight:600}.small{font-size:12px;fill:#555}"
    ".grid{stroke:#d5d5d5;stroke-width:1}.axis{stroke:#222;stroke-width:1}"
    ".curve{fill-opacity:.18;stroke-width:1.8;stroke-linejoin:round}"
)


class _Scale:
    """Where a latency and a count stand on the picture.

    Synchronization: none required; immutable.
    """

    def __init__(self, largest_ns: int, largest_count: int) -> None:
        self.decades = range(1, max(math.ceil(math.log10(max(largest_ns, 11))), 4) + 1)
        self.powers = range(max(math.ceil(math.log10(max(largest_count, 2))), 1) + 1)

    def x(self, time_ns: float) -> float:
        along = math.log10(max(time_ns, _LOWEST_NS)) - self.decades[0]
        return LEFT + (WIDTH - LEFT - RIGHT) * min(along / (self.decades[-1] - 1), 1.0)

    def y(self, count: float) -> float:
        """A count of 1 stands a little above the axis, 0 on it."""
        up = 0.0 if count < 1 else (0.3 + math.log10(count)) / (0.3 + self.powers[-1])
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * up

    def edges(self) -> list[int]:
        """Return the edges of the classes, whole ns, the first 0."""
        steps = (self.decades[-1] - 1) * PER_DECADE
        return [0, *(round(10 ** (1 + step / PER_DECADE)) for step in range(1, steps + 1)), 1 << 63]


def picture(tallies: Mapping[str, Tally], title: str, notes: Sequence[str]) -> str:
    """Return the SVG text; `notes` are two lines at most below the title."""
    shown = {name: tally for name, tally in tallies.items() if tally.n}
    edges = _Scale(max((tally.max_ns for tally in shown.values()), default=1), 1).edges()
    counts = {name: tally.within(edges) for name, tally in shown.items()}
    scale = _Scale(
        max((tally.max_ns for tally in shown.values()), default=1),
        max((max(found) for found in counts.values()), default=1),
    )
    parts = [
        _head(title),
        f"<style>{_STYLE}</style>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        _text(LEFT, 26, title, kind="title"),
        *(_text(LEFT, 46 + 18 * row, note, kind="small") for row, note in enumerate(notes[:2])),
        *_bands(scale),
        *_grid(scale),
    ]
    for index, (name, found) in enumerate(counts.items()):
        parts.append(_curve(found, edges, scale, _COLOURS[index % len(_COLOURS)]))
        parts += _legend(index, name, shown[name])
    return "\n".join([*parts, "</svg>", ""])


def _head(title: str) -> str:
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    label = escape(title, {'"': "&quot;"})
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{label}">'


def _bands(scale: _Scale) -> list[str]:
    parts = []
    low: float = _LOWEST_NS
    for band, shade in zip(BANDS, _SHADES, strict=True):
        left = scale.x(low)
        right = WIDTH - RIGHT if band.most_ns is None else scale.x(band.most_ns)
        if right > left:
            parts.append(
                f'<rect x="{left:.1f}" y="{TOP}" width="{right - left:.1f}"'
                f' height="{HEIGHT - BOTTOM - TOP}" fill="{shade}"/>'
            )
            if right - left > 8 * len(band.name):
                parts.append(_text(left + 5, TOP + 16, band.name, kind="small"))
        low = band.most_ns or low
    return parts


def _grid(scale: _Scale) -> list[str]:
    floor = HEIGHT - BOTTOM
    parts = []
    for power in scale.decades:
        x = scale.x(10**power)
        parts.append(f'<line class="grid" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{floor}"/>')
        parts.append(_text(x, floor + 18, duration(10**power), anchor="middle"))
    for power in scale.powers:
        y = scale.y(10**power)
        right = WIDTH - RIGHT
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>')
        parts.append(_text(LEFT - 6, y + 4, f"{10**power:,}", anchor="end"))
    parts.append(f'<path class="axis" fill="none" d="M{LEFT} {TOP}V{floor}H{WIDTH - RIGHT}"/>')
    parts.append(_text((LEFT + WIDTH) / 2, HEIGHT - 12, "wake-up latency", anchor="middle"))
    turned = f'transform="rotate(-90 16 {(TOP + floor) / 2})"'
    parts.append(
        f'<text x="16" y="{(TOP + floor) / 2}" text-anchor="middle" {turned}>periods</text>'
    )
    return parts


def _curve(counts: Sequence[int], edges: Sequence[int], scale: _Scale, colour: str) -> str:
    """Return the steps of one histogram, closed along the axis."""
    floor = scale.y(0)
    path = [f"M{LEFT} {floor:.1f}"]
    for index, count in enumerate(counts):
        y = scale.y(count)
        path.append(f"L{scale.x(edges[index]):.1f} {y:.1f}L{scale.x(edges[index + 1]):.1f} {y:.1f}")
    path.append(f"V{floor:.1f}Z")
    return f'<path class="curve" fill="{colour}" stroke="{colour}" d="{"".join(path)}"/>'


def _legend(index: int, name: str, tally: Tally) -> list[str]:
    y = 90 + 18 * index
    found = [
        f"{_QUANTILES[key]} {value:.4g}"
        for key, value in tally.quantiles_us().items()
        if value is not None
    ]
    text = f"{name}: {', '.join([*found, f'max {tally.max_ns / 1e3:.4g}'])} us, n {tally.n:,}"
    colour = _COLOURS[index % len(_COLOURS)]
    return [
        f'<rect x="{LEFT}" y="{y - 11}" width="14" height="14" fill="{colour}"/>',
        _text(LEFT + 20, y, text),
    ]


def _text(x: float, y: float, words: str, *, kind: str = "", anchor: str = "") -> str:
    styled = (f' class="{kind}"' if kind else "") + (f' text-anchor="{anchor}"' if anchor else "")
    return f'<text x="{x:.1f}" y="{y:.1f}"{styled}>{escape(words)}</text>'
