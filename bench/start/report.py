"""The start as JSON, as Markdown and as its block of the README.

Rules. Pure. What is to be reached stands in REACH, and the report says yes or no for each of it.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from bench.pages import markdown_table
from bench.spread import Spread

REACH = {
    "kept_startup_ms": (
        200.0,
        "first line of the program to the first armed period, second start",
    ),
    "fresh_startup_ms": (200.0, "the same, spec read anew (`--fresh`)"),
    "kept_from_exec_ms": (200.0, "first exec of a process to the first armed period"),
    "fresh_from_exec_ms": (200.0, "the same, spec read anew"),
    "control_uss_mb": (4.0, "memory of its own, control role, armed (MiB)"),
    "bad_file_ms_max": (200.0, "slowest bad file beyond a bare interpreter"),
}


def result(
    rounds: Sequence[Mapping[str, Any]], disturbed: Sequence[str], machine: Mapping[str, str]
) -> dict[str, Any]:
    """Gather everything that was found."""
    figures = _figures(rounds)
    bad = _bad_files(rounds)
    if bad:
        figures["bad_file_ms_max"] = _only(max(bad))
        figures["bad_file_ms_p50"] = _only(statistics.median(bad))
    reached = {
        name: {"reach": most, "text": text, "reached": figures[name]["median"] <= most}
        for name, (most, text) in REACH.items()
        if name in figures
    }
    return {
        "machine": dict(machine),
        "rounds": len(rounds),
        "bad_files": len(bad),
        "disturbed": list(disturbed),
        "figures": figures,
        "reach": reached,
    }


def _bad_files(rounds: Sequence[Mapping[str, Any]]) -> list[float]:
    """Return for each file the least that it took beyond the bare interpreter of its round.

    The least, as `timeit` has it: whatever disturbs one of so many short processes adds time.
    """
    took: dict[str, list[float]] = {}
    for one in rounds:
        for file, ms in one.get("bad_ms", {}).items():
            took.setdefault(file, []).append(ms - one["bare_ms"])
    return [min(every) for every in took.values()]


def _figures(rounds: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    values: dict[str, list[float]] = {}
    for one in rounds:
        values.setdefault("bare_ms", []).append(one["bare_ms"])
        for name in (name for name in one if name.endswith("_ms") and name != "bad_ms"):
            if name.startswith("import_"):
                values.setdefault(name, []).append(one[name] - one["bare_ms"])
            elif name != "bare_ms":
                values.setdefault(name, []).append(one[name])
        for start in ("fresh", "kept"):
            for name, value in _start(one.get(start)).items():
                values.setdefault(f"{start}_{name}", []).append(value)
        for role, memory in (one.get("kept") or {}).get("memory_mb", {}).items():
            for kind, size in memory.items():
                if size is not None:
                    values.setdefault(f"{role}_{kind}_mb", []).append(size)
    spreads = {name: Spread.of(every) for name, every in values.items()}
    return {name: spread.as_json() for name, spread in spreads.items() if spread is not None}


def _start(run: Mapping[str, Any] | None) -> dict[str, float]:
    if run is None:
        return {}
    phases = {f"{name}_phase_ms": length for name, length in run["phases_ms"].items()}
    return {"startup_ms": run["startup_ms"], "from_exec_ms": run["from_exec_ms"], **phases}


def _only(value: float) -> dict[str, float]:
    return {"median": value, "low": value, "high": value}


def markdown(found: Mapping[str, Any]) -> str:
    """Render the result."""
    lines = markdown_table(("what", "is"), list(found["machine"].items()))
    lines += [f"{found['rounds']} rounds, {found['bad_files']} bad files.", ""]
    lines += ["## What is to be reached", "", *_reach(found)]
    rows = [(f"`{name}`", *_cells(figure)) for name, figure in found["figures"].items()]
    lines += ["## Every figure", "", *markdown_table(("figure", "median", "of the rounds"), rows)]
    lines += [f"* disturbed: {text}" for text in found["disturbed"]]
    return "\n".join(lines).rstrip() + "\n"


def readme(found: Mapping[str, Any]) -> str:
    """Render the README's block."""
    return "\n".join(_reach(found)).rstrip()


def _reach(found: Mapping[str, Any]) -> list[str]:
    rows = [
        (one["text"], f"{found['figures'][name]['median']:.1f}", f"{one['reach']:g}", _yes(one))
        for name, one in found["reach"].items()
    ]
    return markdown_table(("start-up (ms) and memory", "median", "at most", "reached"), rows)


def _yes(one: Mapping[str, Any]) -> str:
    return "yes" if one["reached"] else "no"


def _cells(figure: Mapping[str, float]) -> tuple[str, str]:
    return f"{figure['median']:.1f}", f"[{figure['low']:.1f}, {figure['high']:.1f}]"
