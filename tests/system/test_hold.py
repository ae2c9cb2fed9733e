"""A role that a person starts by hand: the very process, the very plan, no child of the run."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system.live import LiveRun, wait_for
from tests.system.test_devices import write_example

MANUAL = ("arm: on_start", "arm: manual")


class Stderr:
    """What a run says, as it says it.

    Synchronization: a thread appends, readers look.
    """

    def __init__(self, run: LiveRun) -> None:
        self.lines: list[str] = []
        self._thread = threading.Thread(target=self._read, args=(run.process.stderr,), daemon=True)
        self._thread.start()

    def _read(self, stream: Iterator[str]) -> None:
        for line in stream:
            self.lines.append(line.strip())

    def command(self, word: str, number: int = 0) -> list[str]:
        """Wait for a printed command that has a word; return its words."""

        def found() -> list[str]:
            return [line for line in self.lines if "--held" in line and word in line]

        wait_for(lambda: len(found()) > number, f"the command with {word}")
        return shlex.split(found()[number].removeprefix("amphost:"))

    def says(self, text: str) -> None:
        """Wait for a line that has a text."""
        wait_for(lambda: any(text in line for line in self.lines), text)


@pytest.fixture
def by_hand() -> Iterator[Callable[[list[str]], subprocess.Popen[str]]]:
    """Return a function that starts a command as a person does; all are ended afterwards."""
    started: list[subprocess.Popen[str]] = []

    def start_command(command: list[str]) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True
        )
        started.append(process)
        return process

    yield start_command
    for process in started:
        process.kill()
        process.communicate()


Starting = Callable[..., LiveRun]
ByHand = Callable[[list[str]], "subprocess.Popen[str]"]


def plain(stderr: Stderr, number: int = 0) -> list[str]:
    """Return the printed command without its debugger."""
    return stderr.command("gdb --args", number)[2:]


def stopped(run: LiveRun, *ours: subprocess.Popen[str]) -> None:
    """End a run as Ctrl-C does, and see that it leaves nothing; `ours` are our own to reap."""
    run.process.send_signal(signal.SIGINT)
    for process in (run.process, *ours):
        process.wait(timeout=20)
    assert run.gone()


def test_the_system_arms_once_the_held_role_is_started_by_hand(
    start: Starting, patient: Callable[..., Path], by_hand: ByHand
) -> None:
    """The printed command is all that somebody needs to debug a loop in the real system."""
    run = start("--hold", "control", spec=patient())
    stderr = Stderr(run)
    command = plain(stderr)
    assert run.state()["mode"] == "BOOT"
    process = by_hand(command)
    state = run.armed()
    assert state["roles"]["control"]["pid"] == process.pid
    second = by_hand(command)
    out, _ = second.communicate(timeout=20)
    assert second.returncode == 1
    assert "it runs already: end that process first" in out
    run.process.send_signal(signal.SIGINT)
    out = run.process.stdout.read() if run.process.stdout else ""
    assert '"held": true' in out
    assert "control: held: started by hand, its heartbeat is not judged" in out
    assert process.wait(timeout=20) in (0, -signal.SIGKILL)
    run.process.wait(timeout=20)


def test_a_held_role_that_nobody_starts_is_no_stray(
    start: Starting, patient: Callable[..., Path]
) -> None:
    """Ctrl-C ends what runs; what never ran is neither waited for nor a fault."""
    run = start("--hold", "control", spec=patient(MANUAL))
    stderr = Stderr(run)
    plain(stderr)
    code, _, err = run.ask("arm", "motor")
    assert code == 1
    assert "arm is not possible in BOOT" in err
    stopped(run)
    assert not any("role_died" in line for line in stderr.lines)
    assert run.process.returncode == 130
    assert run.strays() == []


def test_a_held_role_that_dies_can_be_started_again_by_the_same_command(
    start: Starting, patient: Callable[..., Path], by_hand: ByHand
) -> None:
    """A debugger's `run` repeats its command."""
    run = start("--hold", "control", spec=patient(MANUAL))
    stderr = Stderr(run)
    command = plain(stderr)
    first = by_hand(command)
    run.role("control", "RUNNING", 1)
    os.kill(run.pid("control"), signal.SIGKILL)
    assert plain(stderr, 1) == command
    again = by_hand(command)
    assert run.role("control", "RUNNING", 2)["pid"] == again.pid
    stopped(run, first, again)


@pytest.mark.skipif(shutil.which("gdb") is None, reason="there is no gdb")
def test_the_loop_runs_under_gdb(
    start: Starting, patient: Callable[..., Path], by_hand: ByHand
) -> None:
    """The command is for a debugger: it must stand being one's child."""
    run = start("--hold", "control", spec=patient(MANUAL))
    command = Stderr(run).command("gdb --args")
    command[1:1] = ["-q", "-batch", "-ex", "run"]
    gdb = by_hand(command)
    run.role("control", "RUNNING", 1)
    stopped(run, gdb)


def test_an_observer_runs_under_pdb(
    start: Starting, patient: Callable[..., Path], by_hand: ByHand
) -> None:
    """A Python role's author sets a breakpoint in it."""
    run = start("--hold", "telemetry", spec=patient(MANUAL))
    process = by_hand(Stderr(run).command(" pdb "))
    assert process.stdin is not None
    process.stdin.write("continue\n")
    process.stdin.flush()
    state = run.role("telemetry", "RUNNING", 1)
    assert state["pid"] == process.pid
    stopped(run, process)


def test_only_a_role_can_be_held(start: Starting, patient: Callable[..., Path]) -> None:
    """A wrong word starts nothing."""
    run = start("--hold", "mcu", spec=patient())
    code, _, err = run.finish()
    assert code == 2
    assert "there is no role mcu; the roles are io, control, telemetry" in err


def test_a_process_that_two_links_share_is_held_as_one(
    start: Starting, tmp_path: Path, by_hand: ByHand
) -> None:
    """A person starts one command, and both roles run in it; the guest alone cannot be held."""
    spec = write_example(tmp_path, ("arm: on_start", "arm: manual"))
    refused = start("--hold", "right_io", spec=spec)
    code, _, err = refused.finish()
    assert code == 2
    assert "right_io runs in the process of left_io; hold left_io" in err
    run = start("--hold", "left_io", spec=spec)
    stderr = Stderr(run)
    ours = by_hand(plain(stderr))
    stderr.says(f"left_io: process {ours.pid} has taken its place")
    wait_for(lambda: run.ask("arm", "two_devices")[0] == 0, "both links are up")
    assert run.pid("right_io") == run.pid("left_io") == ours.pid
    stopped(run, ours)
