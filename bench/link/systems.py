"""A whole system at one rate, as `amphost run` reports it: the motor behind the loopback device.

Rules. The spec is the shipped example's with other rates; the line is the fastest that a board file
may name, so that 5000 states a second fit. A run in which a fault came gives no figure.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.install import ROOT

RATES = (1000, 5000)
BAUD_MAX = 4_000_000
LIMIT_S = 30.0


def write_system(rate: int, folder: Path) -> Path:
    """Write the spec and the board file of this rate; return the spec's path."""
    board = (ROOT / "boards" / "loopback.yaml").read_text(encoding="utf-8")
    board = _put(board, "state_rate_hz", rate)
    if rate > RATES[0]:
        board = _put(board, "baud", BAUD_MAX)
    spec = (ROOT / "examples" / "01_motor.yaml").read_text(encoding="utf-8")
    spec = _put(_put(spec, "rate_hz", rate), "board", f"board_{rate}.yaml")
    spec = spec.replace("profiles/", f"{ROOT}/examples/profiles/")
    (folder / f"board_{rate}.yaml").write_text(board, encoding="utf-8")
    path = folder / f"system_{rate}.yaml"
    path.write_text(spec, encoding="utf-8")
    return path


def _put(text: str, key: str, value: int | str) -> str:
    changed, count = re.subn(rf"^( *{key}:) *\S+", rf"\1 {value}", text, flags=re.MULTILINE)
    if count != 1:
        raise ValueError(f"{key} stands {count} times in the example")
    return changed


def of_system(rate: int, seconds: float, folder: Path) -> dict[str, float] | str:
    """Run it; return its figures, or why there are none."""
    command = [sys.executable, "-m", "amphost", "run", str(write_system(rate, folder)), "--json"]
    command += ["--for", f"{int(seconds * 1000)}ms", "--runtime-dir", str(folder / "run")]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
        return figures(json.loads(done.stdout))
    except subprocess.TimeoutExpired:
        return "it did not end"
    except ValueError:
        return (done.stderr.strip().splitlines() or ["no report"])[-1][:160]


def figures(report: dict[str, Any]) -> dict[str, float] | str:
    """Return what a report says of the way from a sensor to an actuator, in us."""
    if report["faults"]:
        return "; ".join(fault["text"] for fault in report["faults"])[:160]
    [link] = report["link"].values()
    roles = report["roles"]
    io, control = roles["io"], roles["control"]
    if link["sense_to_actuate_us"] is None:
        return "nothing was actuated"
    found = {
        "sense_to_actuate_p50_us": link["sense_to_actuate_us"]["p50"],
        "sense_to_actuate_p99_us": link["sense_to_actuate_us"]["p99"],
        "round_trip_us": link["clock"]["round_trip_us"],
        "io_wakeup_p50_us": io["wakeup_latency_us"]["p50"],
        "io_execution_p50_us": io["execution_us"]["p50"],
        "control_wakeup_p50_us": control["wakeup_latency_us"]["p50"],
        "control_execution_p50_us": control["execution_us"]["p50"],
        "io_cpu_percent": io["cpu_percent"],
        "control_cpu_percent": control["cpu_percent"],
        "frames_in": link["frames_in"],
        "frames_out": link["frames_out"],
        "bad_frames": link["bad_frames"],
    }
    return {name: value for name, value in found.items() if value is not None}
