"""What a measurement has found: as one object, and as text for a terminal.

Rules. Pure. The keys of the object are stable and described in docs/reference/latency.md; the text
says the same. What was not measured is null or a dash, never 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from amphost.latency.band import Circumstances, advice, band_of
from amphost.latency.cyclictest import PACKAGE, PROGRAM
from amphost.latency.drawing import WIDTH_LEAST, Paper, draw
from amphost.latency.machine_line import machine_line, throttling
from amphost.latency.tally import BOUNDS_NS, Tally

if TYPE_CHECKING:
    from amphost.machine import Machine

DASH = "-"
LATER = ("10us", "50us", "100us", "1ms")
"""Names of BOUNDS_NS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One contestant: `name` is its way of waiting, or another program.

    Synchronization: none required; immutable.
    """

    name: str
    tally: Tally
    skipped: int | None  # None: it does not tell
    cpu_share: float | None
    margin_ns: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GapsSeen:
    """The machine's own gaps: what a probe that never slept has missed.

    Synchronization: none required; immutable.
    """

    tally: Tally
    watched_ns: int
    gone_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything that a report is made of.

    Synchronization: none required; immutable.
    """

    machine: Machine
    date: str
    core: int
    priority: int  # that was asked for
    period_ns: int
    periods: int  # that were asked for
    granted: dict[str, Any]  # cores, policy, priority, memory_locked
    idle_held: bool
    results: tuple[Result, ...]
    gaps: GapsSeen
    cyclictest: str | None  # its version; None: it has measured nothing
    cyclictest_found: bool | None  # None: nobody looked for it
    lacks: tuple[str, ...]
    interrupted: bool


def build(found: Findings) -> dict[str, Any]:
    """Return the object that `--json` prints."""
    machine = found.machine
    first = found.results[0].tally
    band = band_of(first.max_ns) if first.n else None
    return {
        "machine": {
            "line": machine_line(machine, found.core),
            "model": machine.model,
            "linux": machine.linux,
            "preempt_rt": machine.preempt_rt,
            "virtual": machine.virtual,
            "isolated": found.core in machine.isolated,
            "governor": dict(machine.governors).get(found.core),
            "realtime_throttling": throttling(machine),
        },
        "date": found.date,
        "core": found.core,
        "priority_asked": found.priority,
        "policy": found.granted["policy"],
        "priority": found.granted["priority"],
        "memory_locked": found.granted["memory_locked"],
        "cpu_dma_latency_held": found.idle_held,
        "period_ns": found.period_ns,
        "periods": found.periods,
        "interrupted": found.interrupted,
        "results": [_result(result) for result in found.results],
        "gaps": _gaps(found.gaps),
        "cyclictest": {"installed": found.cyclictest_found, "version": found.cyclictest},
        "band": None if band is None else {"name": band.name, "text": band.text},
        "advice": _advice(found),
        "degraded": [*_degraded(found), *found.lacks],
    }


def _result(result: Result) -> dict[str, Any]:
    tally = result.tally
    return {
        "name": result.name,
        "periods": tally.n + (result.skipped or 0),
        "wakeups": tally.n,
        "skipped": result.skipped,
        **{f"{name}_us": value for name, value in tally.quantiles_us().items()},
        "max_us": tally.max_ns / 1e3 if tally.n else None,
        "later": dict(zip(LATER, tally.shares(), strict=True)),
        "cpu_percent": None if result.cpu_share is None else 100 * result.cpu_share,
        "margin_us": None if result.margin_ns is None else result.margin_ns / 1e3,
        "counts": [list(pair) for pair in tally.counts],
    }


def _gaps(gaps: GapsSeen) -> dict[str, Any]:
    watched_s = gaps.watched_ns / 1e9
    per_s = [late / watched_s if watched_s else None for late in gaps.tally.over]
    return {
        "watched_s": watched_s,
        "gone_share": gaps.gone_ns / gaps.watched_ns if gaps.watched_ns else None,
        "max_us": gaps.tally.max_ns / 1e3 if gaps.watched_ns else None,
        "longer_per_s": dict(zip(LATER, per_s, strict=True)),
    }


def _advice(found: Findings) -> list[str]:
    first = found.results[0]
    if not first.tally.n:
        return []
    seen = Circumstances(
        core=found.core,
        wait=first.name,
        fifo=found.granted["policy"] == "fifo",
        locked=found.granted["memory_locked"],
        idle_held=found.idle_held,
        max_ns=first.tally.max_ns,
        gap_max_ns=found.gaps.tally.max_ns if found.gaps.watched_ns else None,
    )
    return advice(found.machine, seen)


def _degraded(found: Findings) -> list[str]:
    """List what was asked for and not granted."""
    granted = found.granted
    lacks = []
    if granted["cores"] != [found.core]:
        lacks.append(f"not pinned to core {found.core}: it may use {granted['cores']}")
    if granted["policy"] != "fifo":
        lacks.append(f"no right to SCHED_FIFO {found.priority}: it ran as any other program")
    elif granted["priority"] != found.priority:
        lacks.append(f"SCHED_FIFO {granted['priority']}, not {found.priority}: that is the most")
    if not granted["memory_locked"]:
        lacks.append("its memory is not locked: page faults may delay it")
    if not found.idle_held:
        lacks.append("/dev/cpu_dma_latency is not held at 0: idle states delay it")
    return lacks


def render(found: Findings, paper: Paper) -> str:
    """Return the report as text."""
    report = build(found)
    blocks = [
        _wrapped([report["machine"]["line"], _setting(found)], paper),
        _table(report["results"], paper.width),
        _wrapped(
            [
                _gaps_line(report["gaps"], realtime=report["policy"] == "fifo"),
                *_about_cyclictest(found),
            ],
            paper,
        ),
        draw({result.name: result.tally for result in found.results}, paper),
        _wrapped(_verdict(found, report), paper),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _wrapped(sentences: Sequence[str], paper: Paper) -> list[str]:
    width = max(paper.width, WIDTH_LEAST)
    return [line for text in sentences for line in wrap(text, width, subsequent_indent="  ")]


def _setting(found: Findings) -> str:
    granted = found.granted
    fifo = granted["policy"] == "fifo"
    words = [
        f"core {found.core}",
        f"fifo {granted['priority']}" if fifo else "not real-time",
        "memory locked" if granted["memory_locked"] else "memory not locked",
        "cpu_dma_latency 0" if found.idle_held else "cpu_dma_latency not held",
        f"{1e9 / found.period_ns:g} Hz",
        found.date,
    ]
    return ", ".join(words)


_LATENCIES = ("p50_us", "p99_us", "p999_us", "p9999_us", "max_us")
_HEAD = ("wake-up latency, us", "p50", "p99", "p99.9", "p99.99", "max", "periods", "skipped")
_HEAD_LATE = ("later than", "10 us", "50 us", "100 us", "1 ms", "cpu")


def _table(results: Sequence[dict[str, Any]], width: int) -> list[str]:
    """Return one table, or two where the paper is too narrow."""
    latencies: list[tuple[str, ...]] = [_HEAD]
    shares: list[tuple[str, ...]] = [_HEAD_LATE]
    for result in results:
        margin = result["margin_us"]
        name = f"{result['name']}, margin {margin:.0f}" if margin else result["name"]
        latencies.append(
            (
                name,
                *(_us(result[key]) for key in _LATENCIES),
                str(result["periods"]),
                DASH if result["skipped"] is None else str(result["skipped"]),
            )
        )
        cpu = result["cpu_percent"]
        shares.append(
            (
                result["name"],
                *(_share(result["later"][key]) for key in LATER),
                DASH if cpu is None else f"{cpu:.1f}%",
            )
        )
    rows = [[*left, *right[1:]] for left, right in zip(latencies, shares, strict=True)]
    rows[0][len(_HEAD) : len(_HEAD) + len(LATER)] = [f">{name}" for name in _HEAD_LATE[1:-1]]
    whole = _columns(rows)
    if max(len(line) for line in whole) <= width:
        return whole
    return [*_columns(latencies), "", *_columns(shares)]


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _us(value: float | None) -> str:
    if value is None:
        return DASH
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def _share(share: float | None) -> str:
    if share is None:
        return DASH
    if share == 0:
        return "0"
    return f"{100 * share:.2g}%" if share < 0.0995 else f"{100 * share:.0f}%"


def _gaps_line(gaps: dict[str, Any], *, realtime: bool) -> str:
    if not gaps["watched_s"]:
        return "the machine's own gaps were not looked for"
    rates = ", ".join(
        f"{rate:.3g}/s over {name}" for name, rate in gaps["longer_per_s"].items() if rate
    )
    beaten = (
        "no software here can beat that"
        if realtime
        else "other programs had the core too, since this was not real-time"
    )
    return (
        f"the machine's own gaps, seen by a probe that never slept for {gaps['watched_s']:.1f} s:"
        f" longest {_us(gaps['max_us'])} us, {rates or 'none over 10us'}; {beaten}"
    )


def _about_cyclictest(found: Findings) -> list[str]:
    if found.cyclictest_found is False:
        return [f"{PROGRAM} is not installed, so nothing is beside it (Debian's package {PACKAGE})"]
    if found.cyclictest is None:
        return []
    return [f"{PROGRAM} {found.cyclictest}: alternating slices, same core, priority and period"]


def _verdict(found: Findings, report: dict[str, Any]) -> list[str]:
    band = report["band"]
    if band is None:
        return ["interrupted before the first slice was over: nothing was measured"]
    first = report["results"][0]
    latest = f"the latest of {first['wakeups']} wake-ups came {_us(first['max_us'])} us late"
    lines = [f"{band['name']}: {latest}; {band['text']}"]
    if found.interrupted:
        lines.append(f"interrupted after {first['periods']} of {found.periods} periods")
    lines += [f"to improve it: {report['advice'][0]}"] if report["advice"] else []
    lines += [f"degraded: {lack}" for lack in report["degraded"]]
    return lines


assert len(LATER) == len(BOUNDS_NS)
