"""Why a figure is out of reach: what one period takes in instructions, and what the machine takes.

Rules. Only what a tool counted is said; a tool that is missing is named as that. What a latency
cannot beat is the machine's own: its gaps, as the same run saw them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import Any

from bench.loop.play import PERIOD, PROGRAMS

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
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    command += ["--toggle-collect=amp_loop_tick", str(PROGRAMS / PERIOD)]
    command += ["axes", "0", str(CALLS), *map(str, sorted(os.sched_getaffinity(0))[:1] * 2)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"callgrind did not end: {error}"[:160]
    found = re.findall(r"Collected : (\d+)", done.stderr)
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


def hints(found: dict[str, Any]) -> list[str]:
    """Return one line for each figure out of reach."""
    lines = []
    for name, one in found["ratios"].items():
        if one["reached"] is not False:
            continue
        if name in PERIODS:
            text = instructions()
        elif name.endswith("_vs_cyclictest"):
            text = _of_the_machine(found, name)
        else:
            text = "see the rows below"
        lines.append(f"* `{name}`: {text}.")
    return lines
