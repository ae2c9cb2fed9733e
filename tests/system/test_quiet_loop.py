"""What a live control role asks of Linux while it is armed: nothing but its sleeps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.system.live import LiveRun, wait_for

MANUAL = ("arm: on_start", "arm: manual")
PERIODS = 60  # over a second


def faults(pid: int) -> tuple[int, int]:
    """Return how many page faults a process has had: minor, major."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[7]), int(fields[9])


def status(pid: int, key: str) -> int:
    """Return a number of /proc/PID/status."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{key}:")).split()[1])


def test_an_armed_loop_has_no_page_fault(
    start: Callable[..., LiveRun], patient: Callable[..., Path]
) -> None:
    """Not even in its first armed period, which runs code that no period before it did."""
    run = start(spec=patient(MANUAL))
    run.in_mode("DISARMED")
    control = run.pid("control")
    slept = status(control, "voluntary_ctxt_switches")
    wait_for(lambda: status(control, "voluntary_ctxt_switches") > slept + 2, "the loop goes round")
    before = faults(control)
    wait_for(lambda: run.ask("arm", "motor")[0] == 0, "everything is ready to be armed")
    run.event("first_actuation")
    slept = status(control, "voluntary_ctxt_switches")
    wait_for(
        lambda: status(control, "voluntary_ctxt_switches") > slept + PERIODS, "a second has passed"
    )
    assert faults(control) == before


def test_an_armed_loop_is_confined_and_says_how_it_waits(
    start: Callable[..., LiveRun], patient: Callable[..., Path]
) -> None:
    """Linux itself says that the filter stands, and the way out of it leads to a clean report."""
    run = start(spec=patient())
    run.armed()
    control = run.pid("control")
    assert (status(control, "Seccomp"), status(control, "NoNewPrivs")) == (2, 1)
    assert run.ask("stop", "motor")[0] == 0
    code, report, _ = run.finish()
    role = report["roles"]["control"]
    assert (code, role["state"], role["sandboxed"]) == (0, "ENDED", True)
    assert role["wait"] == "hybrid"
    assert role["calibrated_wakeup_us"] > 0
    assert 2.0 <= role["margin_us"] <= 1000.0  # a twentieth of 20 ms
    assert report["roles"]["io"]["sandboxed"] is None


def test_a_loop_that_is_told_to_sleep_sleeps(
    start: Callable[..., LiveRun], patient: Callable[..., Path]
) -> None:
    """The spec's word arrives where it counts."""
    run = start(spec=patient(("rate_hz: 50", "rate_hz: 50\n    wait: sleep")))
    run.armed()
    assert run.ask("stop", "motor")[0] == 0
    _, report, _ = run.finish()
    role = report["roles"]["control"]
    assert (role["wait"], role["margin_us"], role["calibrated_wakeup_us"]) == ("sleep", 0.0, None)
