"""The motor example from the first process to the last, by its report and by what it leaves."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.live import LiveRun, wait_for


def test_run_accounts_for_every_period_and_loses_no_sample(
    start: Callable[..., LiveRun],
) -> None:
    """The report's figures are the product: they must add up exactly, whatever the host did."""
    code, report, err = start("--for", "3s").finish()
    assert code == 0, err
    for name in ("control", "io"):
        role = report["roles"][name]
        assert role["ticks"] + role["skipped_ticks"] == role["expected_ticks"]
        assert role["ticks"] > 2000
        assert role["period_us"]["n"] == role["ticks"] - 1
        assert role["response_us"]["n"] == role["ticks"]
    control = report["roles"]["control"]
    assert control["voluntary_switches"] > 2000  # at least one sleep a period, while armed
    if control["memory_locked"]:
        assert (control["minor_faults"], control["major_faults"]) == (0, 0)
    assert report["mode"] == "DISARMED"
    assert report["recording"]["lost"] == 0
    assert report["recording"]["samples"] > 6000
    assert Path(report["recording"]["path"]).is_file()
    assert report["tracking"]["ok"], report["tracking"]
    link = report["link"]["mcu"]
    assert link["bad_frames"] == 0
    assert link["sequence_gaps"] == 0
    assert link["sense_to_actuate_us"]["n"] > 1000


def test_phases_of_the_start_follow_one_another(start: Callable[..., LiveRun]) -> None:
    """The link may stand between two looks of the supervisor: it armed before it had noted that."""
    _, report, err = start("--for", "1s").finish()
    phases = report["startup_phases_ms"]
    assert all(length >= 0 for length in phases.values()), err
    assert sum(phases.values()) == pytest.approx(report["startup_ms"])


def test_each_role_says_what_it_really_got(start: Callable[..., LiveRun]) -> None:
    """A request is not a grant: the report shows the read-back, and what is missing is named."""
    _, report, err = start("--for", "500ms").finish()
    assert report["roles"]["control"]["core_got"] == [1], err
    asked_fifo = report["roles"]["control"]["policy"] == "fifo"
    assert asked_fifo or any("SCHED_FIFO" in line for line in report["degraded"])


def test_nothing_is_left_after_a_normal_stop(start: Callable[..., LiveRun]) -> None:
    """Processes, sockets and files of a run end with it; a clean end needs no clean-up."""
    run = start("--for", "500ms")
    run.armed()
    before = run.pids | {run.pid("mcu")}
    code, _, err = run.finish()
    assert code == 0, err
    assert len(before) == 5
    assert run.gone()
    assert not (run.base / "motor").exists()


def test_ctrl_c_stops_in_order_and_exits_130(start: Callable[..., LiveRun]) -> None:
    """Ctrl-C is the usual end: outputs go safe first, and the device is disarmed, not expired."""
    run = start()
    run.armed()
    journal = run.journal
    os.kill(run.process.pid, signal.SIGINT)
    disarmed = wait_for(
        lambda: (
            [event["event"] for event in journal() if event["event"] == "disarmed"]
            or run.process.poll() is not None
        ),
        "the device is disarmed",
    )
    code, report, err = run.finish()
    assert code == 130, err
    assert report["mode"] == "DISARMED"
    assert disarmed
    assert run.gone()


def test_a_second_run_of_the_same_system_is_refused(start: Callable[..., LiveRun]) -> None:
    """Two supervisors on one device would fight; the second one says so and leaves."""
    first = start()
    first.armed()
    code, _, err = start("--for", "1s").finish()
    assert code == 1
    assert "is running already" in err
    assert "Traceback" not in err
    assert first.state()["mode"] == "ARMED"


def test_a_timed_run_that_nobody_arms_ends_and_says_what_to_type(
    start: Callable[..., LiveRun], patient: Callable[..., Path]
) -> None:
    """Its time counts from arming: without an end of its own a script would wait for ever."""
    run = start("--for", "100ms", spec=patient(("arm: on_start", "arm: manual")))
    code, report, err = run.finish()
    assert code == 1, err
    assert report["armings"] == 0
    assert "not armed within 5.1 s: nobody has armed it" in err
    assert "`amphost arm motor`" in err
    assert run.gone()


def test_a_timed_run_after_an_unclean_end_waits_for_a_person_but_not_for_ever(
    start: Callable[..., LiveRun], patient: Callable[..., Path]
) -> None:
    """It starts DISARMED; who armed it in time gets the whole of its time."""
    spec = patient()
    killed = start(spec=spec)
    killed.armed()
    os.kill(killed.process.pid, signal.SIGKILL)
    killed.process.wait()
    wait_for(killed.gone, "its roles have left")
    run = start("--for", "100ms", spec=spec)
    code, report, err = run.finish()
    assert code == 1, err
    assert report["armings"] == 0
    assert "not armed within 5.1 s: the last run of this system did not end cleanly" in err
