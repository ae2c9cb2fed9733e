"""Why a figure is out of reach: what one period takes in instructions, and what the machine takes.

Rules. Only what a tool counted is said; a tool that is missing is named as that. What a latency
cannot beat is the machine's own: its gaps, as the same run saw them.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from typing import Any

from bench.loop.play import PERIOD, PROGRAMS
from bench.loop.running import FailedError, run

CALLS = 2_000
PERIODS = ("execution_p50_ns", "execution_back_to_back_p50_ns", "periods_per_second")
FIELDS = {
    "late10us": "late_10us",
    "late50us": "late_50us",
    "late100us": "late_100us",
    "late1ms": "late_1ms",
    "p999": "p999_ns",
    "p99": "p99_ns",
    "p50": "p50_ns",
}


def instructions() -> str:
    """Count by callgrind what one period takes."""
    if shutil.which("valgrind") is None:
        return "there is no valgrind to count with"
    core = str(min(os.sched_getaffinity(0)))
    command = ["valgrind", "--log-fd=1", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    command += ["--toggle-collect=amp_loop_tick", str(PROGRAMS / PERIOD)]
    command += ["axes", "0", str(CALLS), core, core]
    try:
        text, _ = run(command, limit_s=60)
    except (OSError, FailedError) as error:
        return f"callgrind failed: {error}"[:160]
    found = re.findall(r"Collected : (\d+)", text)
    if not found or int(found[-1]) == 0:
        return "callgrind gave no count"
    return f"{int(found[-1]) / (CALLS + CALLS // 10):.0f} instructions a period by callgrind"


def _of_the_machine(found: dict[str, Any], name: str) -> str:
    """Set the machine's own share or quantile beside both sides."""
    rate = 10_000 if "10khz" in name else 1000
    field = next(field for short, field in FIELDS.items() if short in name)
    ours = name.partition("_")[0]
    rows = {one["key"]: one for one in found["rows"] if one["load"] == "all"}
    sides = {"ours": f"{ours}@{rate}", "cyclictest": f"cyclictest@{rate}", "the machine": "gaps"}
    said = []
    for side, key in sides.items():
        if key in rows:
            value = rows[key][field]
            text = f"{value / 1000:.3g} µs" if field.endswith("_ns") else f"{value * 100:.3g} %"
            said.append(f"{side} {text}")
    return ", ".join(said)


def hints(found: dict[str, Any], count: Callable[[], str] = instructions) -> list[str]:
    """Return one line for each figure out of reach."""
    lines = []
    for name, one in found["ratios"].items():
        if one["reached"] is not False:
            continue
        if name in PERIODS:
            hot = found["ratios"]["execution_back_to_back_p50_ns"]["value"]
            text = count() + (f"; {hot:.0f} ns back to back, in warm caches" if hot else "")
        elif name.endswith("_vs_cyclictest"):
            text = _of_the_machine(found, name)
        else:
            text = "see the rows below"
        lines.append(f"* `{name}`: {text}.")
    return lines
