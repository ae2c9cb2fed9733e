"""A result as JSON and as Markdown, its plot, and the part of it that the README shows.

Rules. Pure: a result is one dictionary, and what is printed, written and shown in the README is
rendered from it alone. The reach table says yes or no for each figure and leaves none out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.loop import growth, plot
from bench.loop.candidates import LOADS, Candidate
from bench.loop.figures import RATIOS, Round, ratio, reached, readings, row
from bench.pages import markdown_table
from bench.spread import Spread, reaches

Result = dict[str, Any]
PICTURE = "loop_growth.svg"
ALL = "all"
LOWER, HIGHER = "lower is better", "higher is better"
EXECUTION_REACH_NS, RATE_REACH, CPU_REACH = 1500.0, 100_000.0, 0.06


def result(
    candidates: Sequence[Candidate],
    rounds: Sequence[Round],
    costs: Sequence[growth.Costs],
    *,
    machine: Mapping[str, str],
    versions: Mapping[str, str],
    absent: Mapping[str, str],
) -> Result:
    """Gather everything that was found."""
    rows = []
    for one in candidates:
        for load in (ALL, *LOADS):
            found = row(rounds, one.key, None if load == ALL else load)
            if found is not None:
                named = {"key": one.key, "label": one.label, "rate": one.rate, "load": load}
                rows.append({**named, "ours": one.is_ours, **found})
    return {
        "machine": dict(machine),
        "rounds": len(rounds),
        "peers": dict(versions),
        "absent": dict(absent),
        "rows": rows,
        "ratios": ratios(rounds, costs),
        "growth": growth.growth(costs),
    }


def _absolute(
    text: str, found: Spread | None, reach: float | None, *, unit: str, higher: bool = False
) -> dict[str, Any]:
    shown: dict[str, Any] = {"median": None, "low": None, "high": None}
    if found is not None:
        shown = found.as_json()
    value = shown["median"]
    return {
        "text": text,
        "unit": unit,
        "direction": HIGHER if higher else LOWER,
        "reach": reach,
        "reached": None if value is None else reaches(value, reach, lower_is_better=not higher),
        **shown,
        "value": value,
    }


def _over_rounds(rounds: Sequence[Round], field: str, load: str | None) -> Spread | None:
    found = (row([played], "hybrid@1000", load) for played in rounds)
    values = (one.get(field) for one in found if one is not None)
    return Spread.of(value for value in values if value is not None)


def _of_one_period(rounds: Sequence[Round], costs: Sequence[growth.Costs]) -> dict[str, Any]:
    law = "10 inputs, 10 outputs, 20 blocks"
    paced = _over_rounds(rounds, "execution_p50_ns", "idle")
    return {
        "hybrid_cpu": _absolute(
            "`hybrid` at 1 kHz, share of its core",
            _over_rounds(rounds, "cpu", None),
            CPU_REACH,
            unit="",
        ),
        "execution_p50_ns": _absolute(
            f"one period at 1 kHz, idle: {law}, p50", paced, EXECUTION_REACH_NS, unit="ns"
        ),
        "execution_back_to_back_p50_ns": _absolute(
            "the same, periods one after the other, p50",
            growth.spread_of(costs, growth.AXES, "p50_ns"),
            EXECUTION_REACH_NS,
            unit="ns",
        ),
        "periods_per_second": _absolute(
            "periods one after the other",
            growth.spread_of(costs, growth.AXES, "per_second"),
            RATE_REACH,
            unit="/s",
            higher=True,
        ),
        "growth_readers_16_vs_1": _absolute(
            "one period with 16 reading processes / with 1, p50",
            growth.crowd_ratio(costs),
            None,
            unit="",
        ),
    }


def ratios(rounds: Sequence[Round], costs: Sequence[growth.Costs]) -> dict[str, Any]:
    """Return every figure that is held against something."""
    found: dict[str, Any] = {}
    for wanted in RATIOS:
        value = ratio(rounds, wanted)
        found[wanted.name] = {
            "text": wanted.text,
            "direction": LOWER,
            "reach": wanted.reach,
            "reached": reached(wanted, value),
            **value,
        }
    found |= _of_one_period(rounds, costs)
    for wanted in RATIOS:
        one = found[wanted.name]
        if wanted.needs:
            one["needs"] = wanted.needs
            if one["reached"] and found[wanted.needs]["reached"] is not True:
                one["reached"] = False
    return found


def microseconds(ns: float | None) -> str:
    """Write a latency in µs, with as many digits as it has."""
    if ns is None:
        return "-"
    return f"{ns / 1000:.3f}" if ns < 1000 else f"{ns / 1000:.1f}"


def percent(share: float | None) -> str:
    """Write a share in percent."""
    if share is None:
        return "-"
    return "0" if share == 0 else f"{share * 100:.3g} %"


FIGURES = ("p50", "p99", "p99.9", "p99.99", "> 10 µs", "> 50 µs", "> 100 µs", "> 1 ms", "CPU")


def _figures(one: Mapping[str, Any]) -> list[str]:
    quantiles = [microseconds(one[name]) for name in ("p50_ns", "p99_ns", "p999_ns", "p9999_ns")]
    shares = ("late_10us", "late_50us", "late_100us", "late_1ms", "cpu")
    return [*quantiles, *(percent(one[name]) for name in shares)]


def _ordered(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(rows, key=lambda one: (one["p50_ns"], one["p99_ns"]))


def _latencies(found: Result, rate: int, load: str) -> list[str]:
    rows = [one for one in found["rows"] if one["load"] == load and one["rate"] in (rate, 0)]
    if not rows:
        return []
    head = (f"wake-up latency, µs, {LOADS.get(load, 'all loads together')}", *FIGURES, "periods")
    table = [
        (one["label"], *_figures(one), "-" if one["periods"] is None else str(one["periods"]))
        for one in _ordered(rows)
    ]
    return markdown_table(head, table)


def _number(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}" if unit else f"{value:.3g}"


def _reach(found: Result) -> list[str]:
    table = []
    for name, one in found["ratios"].items():
        unit = one.get("unit", "")
        word = {True: "yes", False: "**no**", None: "-"}[one["reached"]]
        value = "not measured"
        if one["value"] is not None:
            low, high = _number(one["low"], unit), _number(one["high"], unit)
            value = f"{_number(one['value'], unit)} ({low} to {high})"
        elif one["reach"] is not None:
            word = "no"
        sign = "at most" if one["direction"] == LOWER else "at least"
        reach = "-" if one["reach"] is None else f"{sign} {_number(one['reach'], unit)}"
        if "needs" in one:
            reach += f", with `{one['needs']}`"
        table.append((one["text"], f"`{name}`", one["direction"], value, reach, word))
    return markdown_table(
        ("figure", "in `ratios`", "direction", "value (of rounds)", "to reach", "reached"), table
    )


def _periods(found: Result) -> list[str]:
    rows = [one for one in found["rows"] if one.get("execution_p50_ns") and one["load"] != ALL]
    table = [
        (
            f"{one['label']} at {one['rate'] // 1000} kHz, {LOADS[one['load']]}",
            microseconds(one["execution_p50_ns"]),
            microseconds(one["execution_p99_ns"]),
            microseconds(one.get("margin_ns")),
        )
        for one in rows
    ]
    return markdown_table(("one period, µs", "execution p50", "p99", "margin"), table)


def _growth(found: Result) -> list[str]:
    line = found["growth"]["fit"]
    lines = ["## Growth", "", f"![cost of a period by signals and by readers]({PICTURE})", ""]
    if line is not None:
        lines.append(
            f"* By signals: {line['ns_without']:.0f} ns and {line['ns_a_signal']:.1f} ns a signal; "
            f"no point is further than {line['worst_residual_ns']:.0f} ns from that line "
            f"(r² {line['r_squared']:.4f})."
        )
    readers = [f"{one['number']}: {one['median']:.0f} ns" for one in found["growth"]["readers"]]
    if readers:
        lines.append(f"* By processes that read its outputs: {', '.join(readers)}.")
    return [*lines, ""]


def _gaps(found: Result) -> list[str]:
    lines = []
    for one in found["rows"]:
        if one["key"] == "gaps" and one["load"] != ALL:
            rates = (one["gaps_10us_per_s"], one["gaps_100us_per_s"], one["gaps_1ms_per_s"])
            over = "{:.0f} over 10 µs, {:.1f} over 100 µs, {:.2f} over 1 ms".format(*rates)
            lines.append(f"* {LOADS[one['load']]}: {over} in each second that a program spins")
    return ["### The machine's own gaps", "", *lines, ""] if lines else []


def markdown(found: Result) -> str:
    """Render the whole result."""
    lines = ["## What was to be reached", "", *_reach(found)]
    if found.get("profile"):
        lines += ["### Where it is out of reach", "", *found["profile"], ""]
    for rate in (1000, 10_000):
        lines += [f"## At {rate // 1000} kHz", ""]
        for load in (ALL, *LOADS):
            lines += _latencies(found, rate, load)
    lines += [*_gaps(found), "## One period", "", *_periods(found), *_growth(found)]
    return "\n".join([*lines, *_machine(found)]).rstrip() + "\n"


def _machine(found: Result) -> list[str]:
    lines = ["## Machine and peers", ""]
    lines += [f"* {name}: {value}" for name, value in found["machine"].items()]
    lines.append(f"* rounds: {found['rounds']}, loads and candidates shuffled in each")
    lines += [f"* {name} {version}" for name, version in found["peers"].items()]
    absent = [f"* absent: {name}: {why}" for name, why in found["absent"].items()]
    return [*lines, *(absent or ["* absent: none"])]


def pictures(found: Result) -> dict[str, str]:
    """Draw what stands beside RESULTS.md."""
    return {PICTURE: plot.growth(found["growth"])}


SHOWN = ("p50_ns", "p99_ns", "p999_ns")


def readme(found: Result) -> str:
    """Render the short table of the README."""
    rows = [one for one in found["rows"] if one["load"] == ALL and one["rate"] in (1000, 0)]
    table = [
        (
            one["label"],
            *(microseconds(one[name]) for name in SHOWN),
            percent(one["late_10us"]),
            percent(one["late_50us"]),
            percent(one["cpu"]),
        )
        for one in _ordered(rows)
    ]
    head = ("wake-up latency at 1 kHz, µs", "p50", "p99", "p99.9", "> 10 µs", "> 50 µs", "CPU")
    machine = found["machine"]
    loads = ", ".join(name for key, name in LOADS.items() if any(
        one["load"] == key for one in found["rows"]
    ))  # fmt: skip
    lines = [
        *markdown_table(head, table),
        f"One core, one priority, together over: {loads}.",
        f"{machine['machine']}; Linux {machine['linux']}; virtual: {machine['virtual']};",
        f"commit `{machine['commit']}`, {machine['date']}. By load, at 10 kHz, and what one period",
        "costs: [bench/RESULTS.md](bench/RESULTS.md#loop).",
    ]
    return "\n".join(lines)


def has_ours(rounds: Sequence[Round], candidates: Sequence[Candidate]) -> bool:
    """Say whether anything of ours was measured."""
    return any(readings(rounds, one.key) for one in candidates if one.is_ours)
