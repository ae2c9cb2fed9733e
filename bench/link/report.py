"""The link's figures as JSON, as Markdown and as its block of the README.

Rules. Pure. A ratio is taken inside a round, ours first; what is to be reached stands in RATIOS and
REACH, and the report says yes or no for each of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.pages import markdown_table
from bench.spread import Spread

Round = Mapping[str, Mapping[str, float]]

# name -> (ours, the other, the figure, at most, text)
RATIOS = {
    "encode_vs_c_extension": (
        "codec.ours", "codec.cobs", "encode_ns", None,
        "encode a 64-byte frame with its CRC, by PyPI's C extension",
    ),
    "parse_vs_c_extension": (
        "codec.ours", "codec.cobs", "parse_ns", None,
        "parse it and check the CRC, by PyPI's C extension",
    ),
    "encode_vs_python": (
        "codec.ours", "codec.pure", "encode_ns", None, "encode, by Python alone",
    ),
    "trip_vs_raw": (
        "trip.ours", "trip.raw", "p50_ns", 1.1,
        "round trip over a pty with all checks, by raw C write and read, p50",
    ),
    "trip_vs_poll": (
        "trip.ours", "trip.poll", "p50_ns", None, "the same, by raw C write, ppoll and read",
    ),
    "trip_vs_pyserial": (
        "trip.ours", "trip.pyserial", "p50_ns", None, "the same, by pyserial",
    ),
}  # fmt: skip
# figure -> (at most, text)
REACH = {
    "system.1000.io_cpu_percent": (3.0, "CPU of the io role, 1 kHz both ways (%)"),
    "flash_bytes": (4096.0, "device library on a Cortex-M3, flash (bytes)"),
    "ram_bytes": (1024.0, "device library on a Cortex-M3, RAM besides buffers (bytes)"),
}


def result(
    rounds: Sequence[Round],
    lines: Sequence[Mapping[str, float]],
    device: Mapping[str, float],
    failed: Mapping[str, str],
    machine: Mapping[str, str],
) -> dict[str, Any]:
    """Gather everything that was found."""
    figures = _figures(rounds)
    figures |= {name: _only(value) for name, value in device.items()}
    return {
        "machine": dict(machine),
        "rounds": len(rounds),
        "failed": dict(failed),
        "ratios": _ratios(rounds),
        "reach": {
            name: {"reach": most, "text": text, "reached": figures[name]["median"] <= most}
            for name, (most, text) in REACH.items()
            if name in figures
        },
        "lines": [dict(line) for line in lines],
        "figures": figures,
    }


def _ratios(rounds: Sequence[Round]) -> dict[str, dict[str, Any]]:
    found = {}
    for name, (ours, other, figure, most, text) in RATIOS.items():
        spread = Spread.of(
            one[ours][figure] / one[other][figure] for one in rounds if ours in one and other in one
        )
        if spread is not None:
            reached = None if most is None else spread.median <= most
            found[name] = {**spread.as_json(), "text": text, "reach": most, "reached": reached}
    return found


def _figures(rounds: Sequence[Round]) -> dict[str, dict[str, float]]:
    values: dict[str, list[float]] = {}
    for one in rounds:
        for candidate, figures in one.items():
            for name, value in figures.items():
                values.setdefault(f"{candidate}.{name}", []).append(value)
    spreads = {name: Spread.of(every) for name, every in sorted(values.items())}
    return {name: spread.as_json() for name, spread in spreads.items() if spread is not None}


def _only(value: float) -> dict[str, float]:
    return {"median": value, "low": value, "high": value}


def markdown(found: Mapping[str, Any]) -> str:
    """Render the result."""
    lines = markdown_table(("what", "is"), list(found["machine"].items()))
    lines += [f"{found['rounds']} rounds.", "", "## What is to be reached", "", *_reach(found)]
    lines += ["## What a line carries", "", *_lines(found["lines"])]
    rows = [
        (f"`{name}`", f"{one['median']:.4g}", f"[{one['low']:.4g}, {one['high']:.4g}]")
        for name, one in found["figures"].items()
    ]
    lines += ["## Every figure", "", *markdown_table(("figure", "median", "of the rounds"), rows)]
    lines += [f"* {name} failed: {why}" for name, why in found["failed"].items()]
    return "\n".join(lines).rstrip() + "\n"


def readme(found: Mapping[str, Any]) -> str:
    """Render the README's block."""
    return "\n".join(_reach(found)).rstrip()


def _reach(found: Mapping[str, Any]) -> list[str]:
    rows = [
        (one["text"], f"{one['median']:.3g}", _most(one["reach"]), _yes(one["reached"]))
        for one in found["ratios"].values()
    ]
    rows += [
        (one["text"], f"{found['figures'][name]['median']:.3g}", _most(one["reach"]),
         _yes(one["reached"]))
        for name, one in found["reach"].items()
    ]  # fmt: skip
    return markdown_table(("the link: ours by the other, or a figure", "median", "at most",
                           "reached"), rows)  # fmt: skip


def _lines(lines: Sequence[Mapping[str, float]]) -> list[str]:
    rows = [
        (
            f"{one['baud']:.0f}",
            f"{one['values']:.0f}",
            f"{one['states_per_s']:.0f}",
            f"{one['actuations_per_s']:.0f}",
            f"{100 * one['state_share']:.0f} %, {100 * one['actuation_share']:.0f} %",
        )
        for one in lines
    ]
    head = ("baud", "values", "states/s", "actuations/s", "share of the line that is values")
    return markdown_table(head, rows)


def _most(reach: float | None) -> str:
    return "-" if reach is None else f"{reach:g}"


def _yes(reached: bool | None) -> str:
    return {None: "-", True: "yes", False: "no"}[reached]
