"""A system whose line is spoilt on purpose: the patient spec, and a board with faults.

Rules. As `live`: read from outside. A measurement in which the device's own loop was late by more
than a millisecond is none; it is made again.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.system.live import PATIENT, LiveRun, wait_for

STEP_US = 250
LATE_US = 1000
PERIOD_US = 20_000
LEASE_US = 100_000
Faults = dict[str, dict[str, Any]]


def write(folder: Path, root: Path, faults: Faults, lease_ms: float = LEASE_US / 1e3) -> Path:
    """Write spec and board; return the spec's path."""
    board = (root / "boards" / "loopback.yaml").read_text(encoding="utf-8")
    spoilt = json.dumps({"seed": 1, "inject": faults})
    changed = f"    faults: {spoilt}\n    lease_ms: {lease_ms:g}\n    baud:"
    (folder / "bad_line.yaml").write_text(board.replace("    baud:", changed), encoding="utf-8")
    spec = folder / "motor.yaml"
    spec.write_text(PATIENT.replace("board: loopback", "board: bad_line.yaml"), encoding="utf-8")
    return spec


def strike(run: LiveRun) -> None:
    """Begin what waits for a signal."""
    os.kill(run.state()["fault_proxies"]["mcu"]["pid"], signal.SIGUSR1)


def finish(run: LiveRun) -> tuple[int, dict[str, Any], str]:
    """Stop a run as a person does."""
    os.kill(run.process.pid, signal.SIGTERM)
    return run.finish()


def device_events(run: LiveRun, kind: str) -> int:
    """Return how often something has happened to the device."""
    return sum(event["event"] == kind for event in run.journal())


def over(run: LiveRun) -> bool:
    """Return whether the fault that was begun has ended, by the proxy's own record."""
    (path,) = run.base.glob("*/mcu.faults.journal")
    return '"event": "off"' in path.read_text(encoding="utf-8")


def arm_again(run: LiveRun, system: str = "motor") -> None:
    """Do the two acts that a person does after a fault, and wait for the device to follow."""
    wait_for(lambda: over(run), "the fault is over")
    assert run.ask("acknowledge", system) == (0, "DISARMED", "")
    followed = device_events(run, "first_actuation")
    wait_for(lambda: run.ask("arm", system)[0] == 0, "the link is up again")
    wait_for(lambda: device_events(run, "first_actuation") > followed, "the device follows again")


def time_to_safe_us(run: LiveRun) -> int | None:
    """Return last actuation to safe outputs by the device's clock; None: its loop was late."""
    safe = run.event("safe_reached", run.event("first_actuation")["t_us"])
    late = any(e["late_us"] > LATE_US for e in run.journal() if e["t_us"] <= safe["t_us"])
    return (
        None
        if late and safe["since_applied_us"] > LEASE_US + PERIOD_US
        else safe["since_applied_us"]
    )


def armed_and_struck(start: Callable[..., LiveRun], spec: Path) -> LiveRun:
    """Start a system, wait until it follows, break its line, and wait for SAFE."""
    run = start(spec=spec)
    run.armed()
    strike(run)
    run.in_mode("SAFE")
    return run
