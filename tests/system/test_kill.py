"""`kill -9` and SIGSTOP of each process of a live system: safe in time, by the device's own clock.

The device stamps a mark as the signal is sent. A sample in which the device's own loop
was late by more than a millisecond is no measurement: it is counted, and the trial is made again.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.live import LiveRun, wait_for

STEP_US = 250
LATE_US = 1000
TRIES = 8


def chain_us(root: Path, words: str) -> float:
    """Return the plan's worst bound, in us, of the faults whose name has all of `words`."""
    command = [sys.executable, "-m", "amphost", "plan", "motor", "--json"]
    plan = json.loads(subprocess.run(command, capture_output=True, check=True, cwd=root).stdout)
    rows = [row for row in plan["chain"] if all(word in row["fault"] for word in words.split())]
    assert rows, [row["fault"] for row in plan["chain"]]
    return float(max(row["total_ns"] for row in rows)) / 1e3


def time_to_safe_us(run: LiveRun, victim: str, number: int) -> tuple[int, bool]:
    """Send a signal to one process; return mark to safe on the device's clock, and if it counts.

    The mark is stamped at the device's next step, so a step and its lateness are added. A machine
    that stalled so long that the system had gone safe before the signal gives no measurement.
    """
    mark = run.strike(victim, number)
    before = [e["event"] for e in run.journal() if e["t_us"] < mark["t_us"]]
    if before[-1] != "first_actuation":
        return 0, False
    safe = run.event("safe_reached", mark["t_us"])
    between = [e for e in run.journal() if mark["t_us"] <= e["t_us"] <= safe["t_us"]]
    late = any(event["late_us"] > LATE_US for event in between)
    return safe["t_us"] - mark["t_us"] + STEP_US + mark["late_us"], not late


@pytest.mark.parametrize(
    ("victim", "number", "words"),
    [
        ("control", signal.SIGKILL, "control dies"),
        ("control", signal.SIGSTOP, "control dies"),
        ("io", signal.SIGKILL, "io dies cable"),
        ("io", signal.SIGSTOP, "io dies cable"),
        ("supervisor", signal.SIGKILL, "supervisor"),
        ("supervisor", signal.SIGSTOP, "supervisor"),
    ],
)
def test_a_dead_process_leaves_the_outputs_safe_within_its_bound(
    start: Callable[..., LiveRun], root: Path, victim: str, number: int, words: str
) -> None:
    """The promise of the whole product: the plan's bound holds on the device's own clock."""
    bound_us = chain_us(root, words)
    late = 0
    for _ in range(TRIES):
        run = start()
        run.armed()
        took_us, counts = time_to_safe_us(run, victim, number)
        run.end()
        if counts:
            name = signal.Signals(number).name
            print(f"{victim} {name}: {took_us / 1e3:.1f} ms, bound {bound_us / 1e3:g}, late {late}")
            assert took_us <= bound_us, f"{took_us} us, bound {bound_us} us, late samples {late}"
            return
        late += 1
        shutil.rmtree(run.base / "motor")
    pytest.fail(f"the instrument was late in all {late} samples")


def test_a_killed_control_role_restarts_disarmed_and_the_run_ends_latched(
    start: Callable[..., LiveRun],
) -> None:
    """No silent resume: the successor waits, the mode stays SAFE, the exit code tells."""
    run = start("--for", "2s")
    run.armed()
    os.kill(run.pid("control"), signal.SIGKILL)
    run.in_mode("SAFE")
    wait_for(
        lambda: (
            run.state()["roles"]["control"] | {"pid": 0}
            == {"pid": 0, "state": "RUNNING", "epoch": 2}
        ),
        "control runs again",
    )
    code, report, err = run.finish()
    assert code == 1, err
    assert report["mode"] == "SAFE"
    assert report["roles"]["control"]["restarts"] == 1
    assert 0 < report["time_to_safe_ms"] <= report["safe_within_ms"]
    assert run.gone()


def test_telemetrys_death_changes_nothing_for_control(start: Callable[..., LiveRun]) -> None:
    """An observer is restarted and its cut recording completed; control never notices."""
    run = start("--for", "3s")
    run.armed()
    os.kill(run.pid("telemetry"), signal.SIGKILL)
    wait_for(
        lambda: (
            run.state()["roles"]["telemetry"]["epoch"] == 2
            and run.state()["roles"]["telemetry"]["state"] == "RUNNING"
        ),
        "telemetry runs again",
    )
    assert run.state()["mode"] == "ARMED"
    code, report, err = run.finish()
    assert code in (0, 1), err
    assert report["mode"] == "DISARMED"
    control = report["roles"]["control"]
    assert control["restarts"] == 0
    assert control["ticks"] + control["skipped_ticks"] == control["expected_ticks"]
    assert report["roles"]["telemetry"]["restarts"] == 1
    assert report["recording"]["lost"] is None  # what went by in between was counted by nobody


def test_a_killed_supervisor_leaves_nothing_behind(start: Callable[..., LiveRun]) -> None:
    """Every process ends by itself, and the next start begins DISARMED."""
    run = start()
    run.armed()
    run.state()
    os.kill(run.process.pid, signal.SIGKILL)
    run.process.wait()
    wait_for(run.gone, "every process of the run is gone", 10)
    again = start("--for", "1s")
    again.in_mode("DISARMED")
    os.kill(again.process.pid, signal.SIGINT)
    _, report, err = again.finish()
    assert "did not end cleanly" in err
    assert report["armings"] == 0
