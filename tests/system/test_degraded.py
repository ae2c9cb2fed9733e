"""Without rights: the system runs degraded and says so, or does not arm where that is forbidden."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.rights import own_folder, without_rights
from tests.system.live import LiveRun, wait_for

FORBIDDEN = ("safe_within_ms: 20000", "safe_within_ms: 20000, allow_degraded: false")
MANUAL = ("arm: on_start", "arm: manual")
WHO = ("io", "control", "device mcu", "supervisor", "watchdog")


@pytest.fixture
def unprivileged(
    start: Callable[..., LiveRun], patient: Callable[..., Path], tmp_path: Path
) -> Callable[..., LiveRun]:
    """Return a function that starts a run as a user without any rights."""

    def start_run(*words: str, changes: tuple[tuple[str, str], ...] = ()) -> LiveRun:
        spec = patient(*changes)
        base = own_folder(tmp_path, "nobody")
        return start(*words, spec=spec, base=base, prefix=without_rights())

    return start_run


def test_it_runs_and_says_of_each_who_has_less_than_was_asked_for(
    unprivileged: Callable[..., LiveRun],
) -> None:
    """A laptop without rights is where most people see it first: it must run, and not pretend."""
    run = unprivileged("--for", "500ms")
    run.armed()
    code, report, err = run.finish()
    assert code in (0, 1), err  # 1: a busy machine may stall an ordinary process past a bound
    assert report["armings"] == 1
    assert report["roles"]["control"]["ticks"] > 0
    for name in ("io", "control"):
        role = report["roles"][name]
        assert (role["policy"], role["priority"], role["memory_locked"]) == ("other", 0, False)
        assert role["ticks"] + role["skipped_ticks"] == role["expected_ticks"]
    for who in WHO:
        assert any(text.startswith(f"{who}: ") for text in report["degraded"]), who
        assert f"amphost: degraded: {who}: " in err
    assert "CAP_SYS_NICE" in err
    assert "CAP_IPC_LOCK" in err
    assert report["supervisor"]["policy"] == "other"
    assert report["supervisor"]["watchdog_priority"] == 0
    assert Path(report["recording"]["path"]).is_file()
    assert run.gone()
    assert run.strays() == []


def test_where_degraded_is_forbidden_it_does_not_arm_and_says_why(
    unprivileged: Callable[..., LiveRun],
) -> None:
    """`allow_degraded: false` on a machine without rights: exit 77, before anything moved."""
    run = unprivileged("--for", "500ms", changes=(FORBIDDEN,))
    code, report, err = run.finish()
    assert code == 77, err
    assert report["armings"] == 0
    assert "not armed, since safety.allow_degraded is false: " in err
    assert "control: asked for SCHED_FIFO 80, runs as other" in err
    assert run.gone()
    assert [event["event"] for event in run.journal()].count("armed") == 0


def test_where_degraded_is_forbidden_a_person_is_refused_with_the_reason(
    unprivileged: Callable[..., LiveRun],
) -> None:
    """The system waits, DISARMED; whoever asks is told what to mend."""
    run = unprivileged(changes=(FORBIDDEN, MANUAL))
    run.in_mode("DISARMED")
    wait_for(lambda: run.ask("arm", "motor")[0] == 77, "only rights are missing")
    code, out, err = run.ask("arm", "motor")
    assert (code, out) == (77, "")
    assert "allow_degraded is false" in err
    assert "watchdog: asked for SCHED_FIFO" in err
    os.kill(run.process.pid, signal.SIGTERM)
    code, report, err = run.finish()
    assert code == 0, err
    assert report["armings"] == 0
