"""What the run verb decides by itself: durations, its exit code, signals."""

from __future__ import annotations

import argparse
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from amphost.cli import main as cli
from amphost.cli.run import duration_s, exit_code
from amphost.cli.stopper import SIGNALS, Stopper


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10.0),
        ("500ms", 0.5),
        ("2m", 120.0),
        ("2min", 120.0),
        ("1h", 3600.0),
        ("1.5s", 1.5),
        ("3", 3.0),
        (" 3 ", 3.0),
    ],
)
def test_durations_are_read_as_people_write_them(text: str, seconds: float) -> None:
    """A run of ten minutes in place of ten milliseconds is no small mistake."""
    assert duration_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "s", "0", "0s", "-1s", "1 s", "1d", "1e3", "nan", "inf", "1s2m", "1,5s", "٣s"]
)
def test_what_is_no_duration_is_refused_with_the_right_ones(text: str) -> None:
    """A time that is read as another one would end a run too early or never."""
    with pytest.raises(argparse.ArgumentTypeError, match="write 10s, 500ms, 2m or 1h"):
        duration_s(text)


def test_a_wrong_duration_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, before anything starts."""
    with pytest.raises(SystemExit) as caught:
        cli.main(["run", "motor", "--for", "soon"])
    assert caught.value.code == 2
    assert "'soon' is no duration" in capsys.readouterr().err


def report(**changes: Any) -> dict[str, Any]:
    """Return what the exit code depends on, of a run that went well."""
    well: dict[str, Any] = {
        "mode": "DISARMED",
        "armings": 1,
        "tracking": {"ok": True},
        "roles": {"control": {"state": "ENDED"}, "telemetry": {"state": "ENDED"}},
        "recording": {"lost": 0, "reason": ""},
        "faults": [],
    }
    return well | changes


FAULT = {"kind": "control"}
LOST = {"lost": 5, "reason": "ENOSPC: No space left on device"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, 0),
        ({"tracking": None}, 0),
        ({"recording": None}, 0),
        ({"mode": "SAFE"}, 1),
        ({"faults": [FAULT]}, 1),
        ({"faults": [{"kind": "telemetry"}]}, 0),
        ({"tracking": {"ok": False}}, 1),
        ({"tracking": {"ok": False}, "armings": 0}, 0),
        ({"roles": {"telemetry": {"state": "DEAD"}}}, 1),
        ({"recording": LOST}, 1),
        ({"recording": {"lost": 5, "reason": "max_mb reached"}}, 0),
        ({"recording": {"lost": None, "reason": None}}, 0),
    ],
)
def test_the_exit_code_says_whether_the_run_went_well(changes: dict[str, Any], code: int) -> None:
    """A script, or a service manager, reads nothing else."""
    assert exit_code(report(**changes), None, interrupted=False) == code


def test_a_failure_has_its_own_code_whatever_else_happened() -> None:
    """A port that is missing is 69, also when nothing could track."""
    poor = report(mode="SAFE", tracking={"ok": False})
    for code in (1, 69, 77):
        assert exit_code(poor, (code, "reason"), interrupted=True) == code


def test_ctrl_c_is_130_only_for_a_run_that_went_well() -> None:
    """A fault is worth more than who ended the run."""
    assert exit_code(report(), None, interrupted=True) == 130
    assert exit_code(report(mode="SAFE"), None, interrupted=True) == 1


@pytest.fixture
def handlers() -> Iterator[None]:
    """Put the signal handlers of the test runner back afterwards."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_remembered_and_raises_nothing(number: signal.Signals) -> None:
    """It may come in the middle of anything: also while everything is given back."""
    stopper = Stopper()
    os.kill(os.getpid(), number)
    assert stopper.asked
    assert stopper.interrupted == (number == signal.SIGINT)
    assert not stopper.at_once


@pytest.mark.usefixtures("handlers")
def test_the_second_ctrl_c_asks_for_the_end_at_once_and_a_third_changes_nothing() -> None:
    """Impatience must not leave processes behind."""
    stopper = Stopper()
    states = []
    for _ in range(4):
        os.kill(os.getpid(), signal.SIGINT)
        states.append((stopper.asked, stopper.at_once))
    assert states == [(True, False), (True, True), (True, True), (True, True)]


@pytest.mark.usefixtures("handlers")
def test_who_interrupted_first_is_not_forgotten() -> None:
    """Ctrl-C, then a service manager's SIGTERM: still 130."""
    stopper = Stopper()
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGTERM)
    assert stopper.interrupted


@pytest.mark.usefixtures("handlers")
def test_a_hang_up_that_was_ignored_stays_ignored() -> None:
    """`nohup amphost run ...` outlives its terminal."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stopper = Stopper()
    os.kill(os.getpid(), signal.SIGHUP)
    assert not stopper.asked
