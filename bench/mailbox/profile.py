"""Why a figure is out of reach: instructions and cache misses a message, where they can be counted.

Rules. Only what a tool counted is said; a tool that is missing, or counters that this machine does
not give, are named as that.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

from bench.mailbox.play import PROGRAMS, Course

COUNT = 100_000
CALLS = 2_000
# figure -> the ratios that say where the rest of it comes from
EXPLAINED_BY = {
    "c_oneway_vs_cacheline": (
        "c_oneway_vs_cachelines",
        "c_shallow_vs_cacheline",
        "c_least_vs_cacheline",
    ),
    "c_oneway_vs_best_peer": ("c_shallow_vs_best_peer",),
}
EVENTS = "instructions,cache-misses,L1-dcache-load-misses"
# figure -> program of ours, of the one it is held against
PROGRAMS_OF = {
    "c_oneway_vs_cacheline": ("oneway", "c_ours", "c_line"),
    "c_oneway_vs_best_peer": ("oneway", "c_ours", "c_spsc"),
    "c_stream_vs_best_peer": ("stream", "c_ours", "c_spsc"),
    "c_batch_vs_best_peer": ("stream", "c_batch128", "c_spsc"),
}


def _perf(program: str, mode: str, course: Course) -> str | None:
    command = [
        "perf",
        "stat",
        "-x,",
        "-e",
        EVENTS,
        str(PROGRAMS / f"{program}_{mode}"),
        mode,
        str(COUNT),
    ]
    command += [str(core) for core in course.cores[:2]]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    counted = [line.split(",") for line in done.stderr.splitlines() if line.count(",") > 3]
    known = [(one[2], one[0]) for one in counted if one[0].isdigit()]
    if not known:
        return None
    total = COUNT + COUNT // 10
    return ", ".join(f"{int(number) / total:.1f} {event} a message" for event, number in known)


def _instructions(program: str, mode: str, course: Course) -> str | None:
    """Count by callgrind what one call of publish takes; reading is mostly waiting."""
    log = PROGRAMS / "callgrind.out"
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={log}"]
    command += ["--toggle-collect=amp_channel_publish", str(PROGRAMS / f"{program}_{mode}")]
    command += [mode, str(CALLS), *map(str, course.cores[:2])]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    found = re.findall(r"Collected : (\d+)", done.stderr)
    if not found or int(found[-1]) == 0:
        return None
    return f"{int(found[-1]) / (CALLS + CALLS // 10):.0f} instructions a publication"


def _tools() -> list[tuple[str, Any]]:
    tools = [("perf", "perf", _perf), ("callgrind", "valgrind", _instructions)]
    return [(name, count) for name, program, count in tools if shutil.which(program)]


def _explained(found: dict[str, Any], name: str) -> str:
    """Give the ratios beside it, which leave one cause out each."""
    beside = [found["ratios"].get(other) for other in EXPLAINED_BY.get(name, ())]
    said = [
        f"{one['text']}: {one['median']:.3g} ({one['low']:.3g} to {one['high']:.3g})"
        for one in beside
        if one is not None and one["median"] is not None
    ]
    return f" Beside it: {'; '.join(said)}." if said else ""


def hints(found: dict[str, Any], course: Course) -> list[str]:
    """Return one line for each figure out of reach."""
    lines = []
    for name, one in found["ratios"].items():
        if one["reached"] is not False:
            continue
        text = f"* `{name}`: "
        if name not in PROGRAMS_OF:
            lines.append(text + "see the rows below; no program of one kind to count in.")
            continue
        mode, *programs = PROGRAMS_OF[name]
        counted = None
        for tool, count in _tools():
            said = [(program, count(program, mode, course)) for program in programs]
            pairs = "; ".join(f"{program} {number}" for program, number in said if number)
            if pairs:
                counted = f"by {tool}: {pairs}."
                break
        text += counted or "this machine gives no counters (perf, callgrind)."
        lines.append(text + _explained(found, name))
    return lines
