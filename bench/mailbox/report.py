"""A result as JSON and as Markdown, and the part of it that the README shows.

Rules. Pure: a result is one dictionary, and what is printed, written and shown in the README is
rendered from it alone. The reach table says yes or no for each figure and leaves none out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.mailbox.figures import RATIOS, Ratio, Round, ratio, reached, spreads
from bench.mailbox.jobs import BACKLOG, BATCH, C_PYTHON, ONEWAY, PYTHON, STREAM, C, Job
from bench.pages import markdown_table

Result = dict[str, Any]
LINE_RATE = 200e6  # messages a second that a drain is to reach


def result(
    jobs: Sequence[Job],
    rounds: Sequence[Round],
    *,
    machine: Mapping[str, str],
    versions: Mapping[str, str],
    absent: Mapping[str, str],
) -> Result:
    """Gather everything that was found."""
    rows = []
    for job in jobs:
        found = {name: s.as_json() for name, s in spreads(rounds, job.key, job.mode).items()}
        if found:
            row = {
                "key": job.key,
                "label": job.label,
                "group": job.group,
                "mode": job.mode,
                "payload": job.payload,
                "ours": job.is_ours,
                **found,
            }
            rows.append(row)
    return {
        "machine": dict(machine),
        "rounds": len(rounds),
        "peers": dict(versions),
        "absent": dict(absent),
        "rows": rows,
        "ratios": {one.name: _ratio(rounds, one) for one in RATIOS},
    }


def _ratio(rounds: Sequence[Round], wanted: Ratio) -> dict[str, Any]:
    found = ratio(rounds, wanted)
    return {
        "text": wanted.text,
        "direction": "lower is better" if wanted.lower_is_better else "higher is better",
        "reach": wanted.reach,
        "reached": reached(wanted, found),
        **(found.as_json() if found else {"median": None, "low": None, "high": None}),
    }


def _ns(spread: Mapping[str, float] | None) -> str:
    if spread is None:
        return "-"
    median = spread["median"]
    if median >= 10_000:
        return f"{median / 1000:.1f} µs"
    return f"{median:.0f} ns" if median >= 100 else f"{median:.1f} ns"


def _within(spread: Mapping[str, float] | None, scale: float = 1.0) -> str:
    if spread is None:
        return "-"
    return f"{spread['low'] / scale:.3g} to {spread['high'] / scale:.3g}"


def _latencies(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    ordered = sorted(rows, key=lambda row: float(row["p50_ns"]["median"]))
    table = [
        (
            row["label"],
            row["payload"],
            _ns(row["p50_ns"]),
            _within(row["p50_ns"]),
            _ns(row.get("p99_ns")),
            _ns(row.get("p999_ns")),
        )
        for row in ordered
    ]
    return markdown_table(("one way", "payload", "p50", "p50 of rounds, ns", "p99", "p99.9"), table)


def _rates(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    ordered = sorted(rows, key=lambda row: -float(row["per_second"]["median"]))
    table = [
        (
            row["label"],
            row["payload"],
            f"{row['per_second']['median'] / 1e6:.3g}",
            _within(row["per_second"], 1e6),
        )
        for row in ordered
    ]
    return markdown_table(("stream", "payload", "million messages/s", "of rounds"), table)


def _reach(found: Result) -> list[str]:
    table = []
    for name, one in found["ratios"].items():
        if one["median"] is None:
            value, word = "not measured", "no"
        else:
            value = f"{one['median']:.3g} ({one['low']:.3g} to {one['high']:.3g})"
            word = {True: "yes", False: "**no**", None: "-"}[one["reached"]]
        sign = "at most" if one["direction"].startswith("lower") else "at least"
        reach = "-" if one["reach"] is None else f"{sign} {one['reach']:g}"
        if one["reach"] is None and one["median"] is None:
            word = "-"
        table.append((one["text"], f"`{name}`", one["direction"], value, reach, word))
    for row in found["rows"]:
        if row["key"] == "py.OursMany" and row["mode"] == BACKLOG:
            rate = row["per_second"]["median"]
            value = f"{rate / 1e6:.0f} million/s ({_within(row['per_second'], 1e6)})"
            word = "yes" if rate >= LINE_RATE else "**no**"
            table.append(
                ("Python drain of one-line messages", "`backlog`", "higher is better", value,
                 "at least 200 million/s", word)
            )  # fmt: skip
    return markdown_table(
        ("figure", "in `ratios`", "direction", "median (of rounds)", "to reach", "reached"), table
    )


def _of(found: Result, group: str, modes: Sequence[str], payload: str | None = None) -> list[Any]:
    return [
        row
        for row in found["rows"]
        if row["group"] == group
        and row["mode"] in modes
        and (payload is None or (row["payload"] == "1 KiB") == (payload == "1 KiB"))
    ]


def _section(title: str, rows: Sequence[Any], render: Any) -> list[str]:
    return [f"### {title}", "", *render(rows)] if rows else []


def _costs(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    table = [(r["label"], _ns(r["p50_ns"]), _within(r["p50_ns"])) for r in rows]
    return markdown_table(("writer's cost of one publication", "p50", "p50 of rounds, ns"), table)


def _wakes(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    table = [(r["label"], _ns(r["p50_ns"]), _within(r["p50_ns"]), _ns(r["p99_ns"])) for r in rows]
    return markdown_table(("sleeping reader", "p50", "p50 of rounds, ns", "p99"), table)


def markdown(found: Result) -> str:
    """Render the whole result."""
    lines = ["## What was to be reached", "", *_reach(found)]
    if found.get("profile"):
        lines += ["### Where it is out of reach", "", *found["profile"], ""]
    for group in (C, C_PYTHON, PYTHON):
        lines += [f"## {group}", ""]
        for payload, title in (("line", "one cache line"), ("1 KiB", "1 KiB")):
            lines += _section(f"One way, {title}", _of(found, group, [ONEWAY], payload), _latencies)
            streams = _of(found, group, [STREAM, BATCH, BACKLOG], payload)
            lines += _section(f"Stream, {title}", streams, _rates)
        lines += _section("Readers do not slow the writer", _of(found, group, ["publish"]), _costs)
        lines += _section("Blocking read", _of(found, group, ["wake"]), _wakes)
    return "\n".join([*lines, *_machine(found)]).rstrip() + "\n"


def _machine(found: Result) -> list[str]:
    lines = ["## Machine and peers", ""]
    lines += [f"* {name}: {value}" for name, value in found["machine"].items()]
    clocks = [
        row["clock_ns"]["median"]
        for row in found["rows"]
        if row["key"] == "c.ours" and "clock_ns" in row
    ]
    if clocks:
        lines.append(
            f"* clock: {clocks[0]:.1f} ns a reading in C; each one-way figure holds half of one"
        )
    lines.append(f"* rounds: {found['rounds']}, jobs shuffled in each")
    lines += [f"* {name} {version}" for name, version in found["peers"].items()]
    absent = [f"* absent: {name}: {why}" for name, why in found["absent"].items()]
    return [*lines, *(absent or ["* absent: none"])]


SHOWN = (
    ("c.line", ONEWAY),
    ("c.ours", ONEWAY),
    ("c.spsc", ONEWAY),
    ("c.boost", ONEWAY),
    ("c.ck", ONEWAY),
    ("py.Ours", ONEWAY),
    ("py.Cloudtoid", ONEWAY),
    ("py.Kickmsg", ONEWAY),
    ("py.Iceoryx2", ONEWAY),
    ("py.Zmq", ONEWAY),
    ("py.Queue", ONEWAY),
)


def readme(found: Result) -> str:
    """Render the short table of the README."""
    rates = {row["key"]: row["per_second"] for row in found["rows"] if row["mode"] == STREAM}
    rows = {(row["key"], row["mode"]): row for row in found["rows"]}
    table = []
    for key, mode in SHOWN:
        if (key, mode) in rows:
            row = rows[key, mode]
            rate = f"{rates[key]['median'] / 1e6:.3g}" if key in rates else "-"
            table.append((row["label"], row["group"], _ns(row["p50_ns"]), _ns(row["p99_ns"]), rate))
    head = ("one cache line between two pinned processes", "", "one way p50", "p99", "million/s")
    machine = found["machine"]
    where = f"{machine['machine']}; Linux {machine['linux']}; virtual: {machine['virtual']};"
    when = f"commit `{machine['commit']}`, {machine['date']}."
    all_of = "All rows, ratios and peers: [bench/RESULTS.md](bench/RESULTS.md)."
    return "\n".join([*markdown_table(head, table), where, when, all_of])
