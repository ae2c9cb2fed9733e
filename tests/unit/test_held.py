"""A held role's place: what is laid out in it, and whose process is taken."""

from __future__ import annotations

import json
import os
import select
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from amphost.supervisor.held import HeldChild, Place
from amphost.supervisor.process import EXIT_UNKNOWN, describe_exit
from tests.proc import descriptors

EPOCH = 3


@pytest.fixture
def place() -> Iterator[Place]:
    """Return the place of a role; no descriptor is left of it."""
    before = set(descriptors(os.getpid()))
    made = Place("control")
    yield made
    made.close()
    assert set(descriptors(os.getpid())) == before


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """Return a process of ours that waits for nothing."""
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def say(place: Place, **fields: object) -> None:
    """Say something as the process would."""
    os.write(place.status_write, json.dumps(fields).encode() + b"\n")


def ended(child: HeldChild) -> bool:
    """Return whether its pidfd says that it is over."""
    return bool(select.select([child.pidfd], [], [], 0)[0])


def test_before_its_process_comes_a_held_role_ends_at_once(place: Place) -> None:
    """Ctrl-C must not wait for somebody who never came."""
    child = HeldChild(place, EPOCH, print)
    child.hand_over("{}")
    assert not ended(child)
    child.kill()
    assert ended(child)
    assert child.reap() == 0
    assert os.pread(place.handover, 10, 0) == b""


def test_the_process_that_comes_is_taken_and_ended_by_its_pidfd(
    place: Place, sleeper: subprocess.Popen[bytes]
) -> None:
    """From then on it is a role like any other, but how it ended is not known."""
    child = HeldChild(place, EPOCH, print)
    say(place, event="held", pid=sleeper.pid, epoch=EPOCH)
    granted = {"cores": [0], "policy": "other", "priority": 0}
    say(place, event="ready", granted=granted)
    assert child.statuses() == [{"event": "ready", "granted": granted}]
    assert child.pid == sleeper.pid
    assert not ended(child)
    child.kill()
    assert sleeper.wait(timeout=20) < 0
    assert ended(child)
    code = child.reap()
    assert code == EXIT_UNKNOWN
    assert "only its parent knows" in describe_exit(code)


@pytest.mark.parametrize("epoch", [EPOCH - 1, EPOCH + 1])
def test_a_process_of_another_epoch_is_not_taken(
    place: Place, sleeper: subprocess.Popen[bytes], epoch: int
) -> None:
    """It read a plan that holds no more; nothing that it says counts."""
    child = HeldChild(place, EPOCH, print)
    say(place, event="held", pid=sleeper.pid, epoch=epoch)
    say(place, event="ready", granted={})
    assert child.statuses() == []
    assert child.pid == 0
    child.kill()
    child.reap()


def test_another_users_process_is_not_taken(place: Place) -> None:
    """Who may write to the pipe may still not have the supervisor wait for somebody else."""
    said: list[str] = []
    stranger = next(
        (
            int(entry.name)
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and entry.stat().st_uid != os.geteuid()
        ),
        None,
    )
    if stranger is None:
        pytest.skip("every process here is ours")
    child = HeldChild(place, EPOCH, said.append)
    say(place, event="held", pid=stranger, epoch=EPOCH)
    child.statuses()
    assert child.pid == 0
    assert said == [f"control: process {stranger} is another user's: it is not taken"]
    child.kill()
    child.reap()


def test_what_it_said_of_its_end_is_its_exit(
    place: Place, sleeper: subprocess.Popen[bytes]
) -> None:
    """A role that ended well is no fault, though nobody here can wait for it."""
    child = HeldChild(place, EPOCH, print)
    say(place, event="held", pid=sleeper.pid, epoch=EPOCH)
    say(place, event="ended", end="ended")
    child.statuses()
    child.kill()
    assert sleeper.wait(timeout=20) < 0
    assert child.reap() == 0
