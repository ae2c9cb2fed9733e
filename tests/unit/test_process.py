"""A child as the supervisor holds it: real processes, handed over, heard, ended, reaped."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from amphost.supervisor.process import BEGIN, Child, describe_exit
from tests.proc import children, descriptors, room_for
from tests.system.live import wait_for

CHILD = """
import json, os, sys, time
descriptor = int(sys.argv[sys.argv.index("--plan-fd") + 1])
text = b""
while chunk := os.read(descriptor, 65536):
    text += chunk
if text:
    {body}
"""

Starting = Callable[..., Child]


@pytest.fixture
def starting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Starting]:
    """Return a function that starts a child with a body of its own; all are ended."""
    started: list[Child] = []
    log = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT, 0o600)
    interpreter = tmp_path / "python"
    monkeypatch.setattr(sys, "executable", str(interpreter))

    def start(body: str = "pass") -> Child:
        """`body` sees `text`, what was handed over."""
        script = tmp_path / "child.py"
        script.write_text(CHILD.format(body=body))
        interpreter.write_text(f"#!/bin/sh\nshift 3\nexec {REAL} {script} module $@\n")
        interpreter.chmod(0o755)
        started.append(Child("module", "", [], log))
        return started[-1]

    yield start
    os.close(log)
    for child in started:
        if child.pid in children():
            child.kill()
            child.reap()


REAL = sys.executable


def ended(child: Child) -> bool:
    """Return whether its pidfd says that it is gone."""
    return bool(select.select([child.pidfd], [], [], 0)[0])


def test_a_child_hears_its_handover_and_is_heard(starting: Starting) -> None:
    """The plan goes one way, the status lines come the other."""
    child = starting('os.write(json.loads(text)[\'fd\'], b\'{"event": "report", "n": 1}\\n\')')
    child.hand_over(json.dumps({"fd": child.child_status_fd}))
    statuses = wait_for(child.statuses, "the status line")
    assert statuses == [{"event": "report", "n": 1}]
    wait_for(lambda: ended(child), "its end")
    assert child.reap() == 0


def test_a_line_in_two_pieces_is_one_status(starting: Starting) -> None:
    """A long report may come in parts: neither is lost, and the pipe stays open for more."""
    body = "fd = json.loads(text)['fd']; os.write(fd, b'{\"event\": \"re'); time.sleep(600)"
    child = starting(body)
    child.hand_over(json.dumps({"fd": child.child_status_fd}))
    write = os.open(f"/proc/{child.pid}/fd/{child.child_status_fd}", os.O_WRONLY)
    wait_for(lambda: select.select([child.status_fd], [], [], 0)[0], "the first part")
    assert child.statuses() == []
    heard_out = child.hung_up
    assert not heard_out
    os.write(write, b'port"}\n{"event": "report", "n": 2}\n')
    os.close(write)
    assert child.statuses() == [{"event": "report"}, {"event": "report", "n": 2}]
    child.kill()
    wait_for(lambda: ended(child), "its end")
    child.statuses()
    assert child.hung_up
    assert child.reap() == -signal.SIGKILL


@pytest.mark.parametrize("line", ["nonsense", "[1, 2]", "3", '"ready"', '{"a": ', "\\xff\\xfe"])
def test_what_is_no_status_is_passed_over(starting: Starting, line: str) -> None:
    """A library that prints into the pipe must not end the supervisor, nor hide what follows."""
    child = starting(
        f"fd = json.loads(text)['fd']; os.write(fd, b'{line}\\n'); "
        'os.write(fd, b\'{"event": "report"}\\n\')'
    )
    child.hand_over(json.dumps({"fd": child.child_status_fd}))
    wait_for(lambda: ended(child), "its end")
    assert child.statuses() == [{"event": "report"}]


def test_a_child_that_babbles_is_heard_in_portions(starting: Starting) -> None:
    """One turn of the supervisor is bounded, whatever a role writes."""
    child = starting("fd = json.loads(text)['fd']\n    while True: os.write(fd, b'x' * 4096)")
    child.hand_over(json.dumps({"fd": child.child_status_fd}))
    wait_for(lambda: select.select([child.status_fd], [], [], 0)[0], "its babble")
    for _ in range(100):
        assert child.statuses() == []  # and it comes back
    child.kill()
    child.reap()


def test_a_large_handover_does_not_wait_for_the_child(starting: Starting) -> None:
    """A child that hangs before it reads would hang the supervisor, and with it everything."""
    child = starting("os.write(json.loads(text)['fd'], b'%d\\n' % len(text))")
    os.kill(child.pid, signal.SIGSTOP)
    text = json.dumps({"fd": child.child_status_fd, "x": "y" * 300_000})
    child.hand_over(text)
    os.kill(child.pid, signal.SIGCONT)
    wait_for(lambda: ended(child), "its end")
    assert os.read(child.status_fd, 100) == b"%d\n" % len(text)
    assert child.reap() == 0


def test_handing_over_to_a_child_that_is_gone_is_no_error(starting: Starting) -> None:
    """Its pidfd tells; the supervisor must not fall over in between."""
    child = starting()
    child.kill()
    wait_for(lambda: ended(child), "its end")
    child.hand_over("{}")
    assert child.reap() == -signal.SIGKILL


@pytest.mark.parametrize("handed", [False, True])
def test_nothing_of_a_child_is_left(starting: Starting, handed: bool) -> None:
    """A run may restart a role for days: no descriptor and no zombie may stay."""
    before, processes = descriptors(), children()
    child = starting()
    if handed:
        child.hand_over("{}")
    else:
        child.kill()
    wait_for(lambda: ended(child), "its end")
    child.reap()
    assert descriptors() == before
    assert children() == processes


@pytest.mark.usefixtures("starting")
def test_an_interpreter_that_is_gone_leaves_nothing() -> None:
    """An upgrade in the middle of a run: the restart fails, and does not leak."""
    before, processes = descriptors(), children()
    log = os.open(os.devnull, os.O_WRONLY)
    with pytest.raises(FileNotFoundError):
        Child("module", "", [], log)
    os.close(log)
    assert (descriptors(), children()) == (before, processes)


def test_a_full_table_of_descriptors_leaves_nothing(starting: Starting) -> None:
    """Whichever of its descriptors is the one too many."""
    starting().kill()  # there is an interpreter now
    log = os.open(os.devnull, os.O_WRONLY)
    before, processes = descriptors(), children()
    room = 0
    while True:
        try:
            with room_for(room):
                child = Child("module", "", [], log)
        except OSError:
            assert (descriptors(), children()) == (before, processes), room
            room += 1
            continue
        child.kill()
        child.reap()
        break
    os.close(log)
    assert room >= 4


def test_ctrl_c_does_not_reach_it(starting: Starting) -> None:
    """Outputs go safe first: the terminal's signal is the supervisor's alone."""
    child = starting("time.sleep(600)")
    assert os.getsid(child.pid) == child.pid
    assert os.getsid(0) != child.pid


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "exit status 0"),
        (1, "exit status 1"),
        (-signal.SIGKILL, "killed by SIGKILL"),
        (-signal.SIGXCPU, "killed by SIGXCPU"),
        (-signal.SIGSYS, "killed by SIGSYS (a system call that a loop may not make)"),
        (-40, "killed by signal 40"),
    ],
)
def test_every_end_has_words(code: int, words: str) -> None:
    """Every signal that Linux has, the nameless ones included."""
    assert describe_exit(code) == words


AS_THE_SUPERVISOR = """
import subprocess, sys
from amphost.roles.settle import schedule
print(schedule("fifo", 1, 0, children_too=True)[0], flush=True)
subprocess.run([sys.executable, "-c", sys.argv[1]], check=True)
subprocess.run([sys.executable, "-c", "import os; print(os.sched_getscheduler(0))"], check=True)
"""


def test_a_child_has_the_supervisors_priority_until_it_has_execd(tmp_path: Path) -> None:
    """The supervisor waits for that exec: behind a busy core its own heartbeat would stop."""
    report = "import os\nmain = lambda _: print(os.sched_getscheduler(0))\n"
    (tmp_path / "looking.py").write_text(report)
    done = subprocess.run(
        [sys.executable, "-c", AS_THE_SUPERVISOR, BEGIN.format(module="looking")],
        env=os.environ | {"PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}"},
        capture_output=True,
        text=True,
        check=True,
    )
    policy, begun, untouched = done.stdout.split()
    assert int(begun) == os.SCHED_OTHER
    assert int(untouched) == (os.SCHED_FIFO if policy == "fifo" else os.SCHED_OTHER)
