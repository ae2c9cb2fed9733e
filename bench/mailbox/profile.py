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
# figure -> the same in rings that the first cache holds
SHALLOW = {
    "c_oneway_vs_cacheline": "c_shallow_vs_cacheline",
    "c_oneway_vs_best_peer": "c_shallow_vs_best_peer",
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
    return ", ".join(f"{int(number) / total:.1f} {event}" for event, number in known)


def _instructions(program: str, mode: str, course: Course) -> str | None:
    """Count by callgrind, which runs one process at a time: of the first of the two alone."""
    log = PROGRAMS / "callgrind.out"
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={log}"]
    command += [str(PROGRAMS / f"{program}_{mode}"), mode, "2000", *map(str, course.cores[:2])]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    found = re.findall(r"Collected : (\d+)", done.stderr)
    return f"{int(found[-1]) / 2200:.0f} instructions, waiting included" if found else None


def _tools() -> list[tuple[str, Any]]:
    tools = [("perf", "perf", _perf), ("callgrind", "valgrind", _instructions)]
    return [(name, count) for name, program, count in tools if shutil.which(program)]


def _shallow(found: dict[str, Any], name: str) -> str:
    """Say what is left of it where no slot has left the first cache."""
    one = found["ratios"].get(SHALLOW.get(name, ""))
    if one is None or one["median"] is None:
        return ""
    return (
        f" In rings of 64 places, which the first cache holds, it is {one['median']:.3g} "
        f"({one['low']:.3g} to {one['high']:.3g}); what 1024 places add is the way to the second."
    )


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
            said = [count(program, mode, course) for program in programs]
            if all(said):
                pairs = "; ".join(f"{p} {s}" for p, s in zip(programs, said, strict=True))
                counted = f"a message, by {tool}: {pairs}."
                break
        text += counted or "this machine gives no counters (perf, callgrind)."
        lines.append(text + _shallow(found, name))
    return lines
