"""The growth of a period's cost as one SVG: by signals, with its line, and by readers.

Rules. Pure, and the same text for the same result. Colours hold on white and on black.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 360, 250, 56, 34, 44
GREY, BLUE, ORANGE = "#808080", "#3b82c4", "#d9822b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One diagram and its place.

    Synchronization: none required, immutable.
    """

    at: float  # where it begins, from the left
    x_most: float
    y_most: float

    def x(self, number: float) -> float:
        return self.at + LEFT + (WIDTH - LEFT - 16) * number / self.x_most

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / self.y_most


def _text(x: float, y: float, words: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{colour}" stroke-width="{width:g}"/>'
    )


def _round_up(value: float) -> float:
    """Return the next of 1, 2, 5, 10 ... times four."""
    step = 1.0
    while True:
        for factor in (1, 2, 5):
            if value <= 4 * step * factor:
                return 4 * step * factor
        step *= 10


def _frame(panel: Panel, title: str, below: str) -> list[str]:
    parts = [_text(panel.at + LEFT, TOP - 14, title, "start")]
    for part in range(5):
        value = panel.y_most * part / 4
        y = panel.y(value)
        parts.append(_line(panel.x(0), y, panel.x(panel.x_most), y, GREY, 0.4))
        parts.append(_text(panel.x(0) - 6, y + 4, f"{value:g}", "end"))
        number = panel.x_most * part / 4
        parts.append(_text(panel.x(number), panel.y(0) + 16, f"{number:g}"))
    parts.append(_text(panel.x(panel.x_most / 2), panel.y(0) + 34, below))
    return parts


def _marks(panel: Panel, points: Sequence[Mapping[str, float]], colour: str) -> list[str]:
    parts = []
    for one in points:
        x = panel.x(one["number"])
        parts.append(_line(x, panel.y(one["low"]), x, panel.y(one["high"]), colour, 1.5))
        parts.append(f'<circle cx="{x:.1f}" cy="{panel.y(one["median"]):.1f}" r="3" />')
    return [f'<g fill="{colour}">', *parts, "</g>"]


def growth(found: Mapping[str, Any]) -> str:
    """Draw both curves; a result without points gives empty diagrams."""
    signals, readers, line = found["signals"], found["readers"], found["fit"]
    most = _round_up(max((one["high"] for one in (*signals, *readers)), default=1.0))
    by_signals = Panel(at=0, x_most=128, y_most=most)
    by_readers = Panel(at=WIDTH, x_most=16, y_most=most)
    parts = [*_frame(by_signals, "ns a period", "signals (inputs and outputs)")]
    if line is not None:
        ends = [(x, line["ns_without"] + line["ns_a_signal"] * x) for x in (0, 128)]
        (x1, y1), (x2, y2) = ends
        parts.append(
            _line(by_signals.x(x1), by_signals.y(y1), by_signals.x(x2), by_signals.y(y2), GREY, 1)
        )
    parts += _marks(by_signals, signals, BLUE)
    parts += _frame(by_readers, "ns a period", "processes that read its outputs")
    parts += _marks(by_readers, readers, ORANGE)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="12" fill="{GREY}">'
    )
    return "\n".join([head, *parts, "</svg>"]) + "\n"
