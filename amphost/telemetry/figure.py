"""A recording as a picture: an SVG for a report, or one HTML page to look around in.

Rules. matplotlib draws the SVG and plotly the page; both are imported here and nowhere else, each
by the one function that needs it. The page holds all it needs and loads nothing. One panel a unit,
all on one axis of time; where the outputs were armed is shaded. A curve with more points than a
picture can show is thinned to the extremes of each step, so that no spike is lost; the caption
says so.
"""

from __future__ import annotations

import html
import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from amphost.errors import MissingPackageError
from amphost.telemetry.reading import ARMED, Loaded
from amphost.telemetry.selection import Part

SVG_STEPS = 1200  # of the axis of time; two points each
HTML_STEPS = 20_000
NO_UNIT = "no unit"
LARGEST = 1e300
SHADE = "#2a9d8f"
OPERATOR = {"supervisor": "operator"}  # who publishes the values that people set: how they name it


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One signal, ready to be drawn."""

    label: str
    unit: str
    times_s: Sequence[float]
    values: Sequence[float]
    thinned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Panels of curves by unit, and when the outputs were armed."""

    title: str
    panels: tuple[tuple[str, tuple[Curve, ...]], ...]
    armed_s: tuple[tuple[float, float], ...]

    @property
    def is_thinned(self) -> bool:
        """Whether some curve has fewer points than the recording."""
        return any(curve.thinned for _, curves in self.panels for curve in curves)


def measured(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Leave out what counts and stamps: nobody wants to see those unless he names them."""
    kept = []
    for part in parts:
        types = part.track.signals
        columns = tuple(index for index in part.columns if types[index].type in ("f64", "bool"))
        if columns:
            kept.append(replace(part, columns=columns))
    return tuple(kept)


def picture(loaded: Loaded, parts: Sequence[Part], steps: int) -> Picture:
    """Gather curves by unit, in the order in which units first come."""
    panels: dict[str, list[Curve]] = {}
    for part in parts:
        times_s = part.times_s()
        for index, signal in zip(part.columns, part.signals, strict=True):
            times, values, is_thinned = thin(times_s, part.values(index), steps)
            curve = Curve(
                label=f"{OPERATOR.get(part.track.role, part.track.role)}.{signal.name}",
                unit=signal.unit,
                times_s=times,
                values=values,
                thinned=is_thinned,
            )
            panels.setdefault(signal.unit, []).append(curve)
    return Picture(
        title=f"{loaded.system}, {loaded.path.name}",
        panels=tuple((unit, tuple(curves)) for unit, curves in panels.items()),
        armed_s=armed_spans(parts),
    )


def thin(
    times_s: Sequence[float], values: array[float], steps: int
) -> tuple[Sequence[float], Sequence[float], bool]:
    """Keep the least and the greatest value of each of `steps` equal runs of samples; what is not
    finite, or larger than any axis, becomes a gap.
    """
    drawable = [value if abs(value) <= LARGEST else math.nan for value in values]
    count = len(drawable)
    if count <= 2 * steps:
        return times_s, drawable, False
    lows = [value if math.isfinite(value) else math.inf for value in drawable]
    highs = [value if math.isfinite(value) else -math.inf for value in drawable]
    kept = [0]
    for step in range(steps):
        run = range(step * count // steps, (step + 1) * count // steps)
        ends = sorted({min(run, key=lows.__getitem__), max(run, key=highs.__getitem__)})
        kept += [row for row in ends if row > kept[-1]]
    if kept[-1] != count - 1:
        kept.append(count - 1)
    return [times_s[row] for row in kept], [drawable[row] for row in kept], True


def armed_spans(parts: Sequence[Part]) -> tuple[tuple[float, float], ...]:
    """Return when a role published armed, from the part that says most about it."""
    best: tuple[tuple[float, float], ...] = ()
    for part in parts:
        spans: list[tuple[float, float]] = []
        since: int | None = None
        for row in part.rows:
            is_armed = bool(part.track.flags(row) & ARMED)
            if is_armed and since is None:
                since = part.track.t_ns[row]
            elif not is_armed and since is not None:
                spans.append(_span(part, since, part.track.t_ns[row]))
                since = None
        if since is not None:
            spans.append(_span(part, since, part.track.t_ns[part.rows[-1]]))
        if sum(end - begin for begin, end in spans) > sum(end - begin for begin, end in best):
            best = tuple(spans)
    return best


def _span(part: Part, begin_ns: int, end_ns: int) -> tuple[float, float]:
    return (begin_ns - part.origin_ns) / 1e9, (end_ns - part.origin_ns) / 1e9


def write_svg(drawn: Picture, path: Path) -> None:
    """Draw an SVG."""
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        raise _missing("an SVG", "matplotlib") from None
    # Text stays text, and two drawings of one recording are the same bytes.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "amphost"}):
        figure = Figure(figsize=(11, 1.2 + 2.2 * len(drawn.panels)), layout="constrained")
        axes = figure.subplots(len(drawn.panels), 1, sharex=True, squeeze=False)[:, 0]
        for plot, (unit, curves) in zip(axes, drawn.panels, strict=True):
            for begin, end in drawn.armed_s:
                plot.axvspan(begin, end, color=SHADE, alpha=0.08, linewidth=0)
            for curve in curves:
                plot.plot(curve.times_s, curve.values, linewidth=0.8, label=_plain(curve.label))
            plot.set_ylabel(_plain(unit or NO_UNIT))
            plot.grid(visible=True, alpha=0.3)
            plot.legend(loc="upper right", fontsize="small")
        axes[-1].set_xlabel(f"s{_remark(drawn)}")
        figure.suptitle(_plain(drawn.title), fontsize="medium")
        figure.savefig(path, format="svg", metadata={"Date": None, "Title": drawn.title})


def write_html(drawn: Picture, path: Path) -> None:
    """Write one page that stands alone; about 5 MB, most of it plotly."""
    try:
        import plotly.graph_objects as graph
        from plotly.subplots import make_subplots
    except ImportError:
        raise _missing("a page", "plotly") from None
    figure: Any = make_subplots(
        rows=len(drawn.panels), cols=1, shared_xaxes=True, vertical_spacing=0.03
    )
    for row, (unit, curves) in enumerate(drawn.panels, 1):
        for curve in curves:
            line = graph.Scattergl(
                x=list(curve.times_s),
                y=list(curve.values),
                name=html.escape(f"{curve.label} [{unit}]" if unit else curve.label),
                mode="lines",
                line={"width": 1},
            )
            figure.add_trace(line, row=row, col=1)
        figure.update_yaxes(title_text=html.escape(unit or NO_UNIT), row=row, col=1)
        for begin, end in drawn.armed_s:
            figure.add_vrect(
                x0=begin, x1=end, fillcolor=SHADE, opacity=0.08, line_width=0, row=row, col=1
            )
    figure.update_xaxes(title_text=f"s{_remark(drawn)}", row=len(drawn.panels), col=1)
    figure.update_layout(
        title=html.escape(drawn.title), height=120 + 260 * len(drawn.panels), hovermode="x unified"
    )
    figure.write_html(str(path), include_plotlyjs=True, full_html=True)


def _remark(drawn: Picture) -> str:
    shade = "; shaded: armed" if drawn.armed_s else ""
    thinned = "; long curves show the extremes of each step" if drawn.is_thinned else ""
    return f" since the first sample{shade}{thinned}"


def _plain(text: str) -> str:
    """Keep matplotlib from reading a name as mathematics, or as one to leave out."""
    return text.replace("$", r"\$").lstrip("_") or text


def _missing(what: str, package: str) -> MissingPackageError:
    return MissingPackageError(
        f"{what} needs the package {package}: pip install 'amphost[plot]'; PlotJuggler and Foxglove"
        " open the recording as it is"
    )
