"""A user's class on a stage, as users test theirs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from amphost import Rehearsal, Role, WriteRefusedError


class Follow:
    """Follows its input while it is fresh."""

    def setup(self, role: Role) -> None:
        """Log once."""
        role.log(f"gain {role.parameters.gain}")

    def step(self, role: Role) -> None:
        """Write what it reads, if it may."""
        if role.is_armed and not role.reads.position.is_stale:
            role.writes.target = role.parameters.gain * role.reads.position.value


def make() -> Rehearsal:
    """Put it on a stage at 10 Hz, whose input may be 250 ms old."""
    writes = {"target": (-2.0, 2.0)}
    return Rehearsal(
        Follow, reads=["position"], writes=writes, rate_hz=10, max_age_ms=250, gain=0.5
    )


def test_a_step_sees_what_was_set_and_its_output_can_be_read() -> None:
    """The three lines that every user's test has."""
    stage = make()
    stage.set(position=2.0)
    stage.step()
    assert (stage.writes.target, stage.logged) == (1.0, ["gain 0.5"])


def test_inputs_age_by_one_period_a_step() -> None:
    """Staleness is tested without waiting for it."""
    stage = make()
    stage.set(position=1.0)
    ages = []
    for _ in range(4):
        stage.step()
        ages.append((round(stage.reads.position.age_ms), stage.reads.position.is_stale))
    assert ages == [(0, False), (100, False), (200, False), (300, True)]


def test_the_mode_is_what_the_test_says() -> None:
    """A class must be testable while nothing may move."""
    stage = make()
    stage.mode("DISARMED")
    stage.set(position=1.0)
    stage.step()
    assert stage.writes.target == 0.0
    with pytest.raises(ValueError, match="'armed' is no mode; there are BOOT, DISARMED, ARMED"):
        stage.mode("armed")


def test_whatever_the_class_raises_comes_out() -> None:
    """A test must fail where the system would count an error."""
    stage = make()
    stage.set(position=5.0)
    with pytest.raises(WriteRefusedError):
        stage.step()
    with pytest.raises(AttributeError, match=r"there is no reads\.speed"):
        stage.set(speed=1.0)


def test_the_test_of_the_example_passes(root: Path) -> None:
    """It is what people copy; it runs as they would run it."""
    folder = root / "examples" / "python_role"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


class Halves:
    """A worker's class."""

    def work(self, role: Role) -> None:
        """Say how long half the item is."""
        role.writes.half = len(role.item.data) / 2


class Asks:
    """Hands out work, and adds up what comes back."""

    def step(self, role: Role) -> None:
        """Take the results, then hand out the next item."""
        role.writes.total += sum(result["half"] for result in role.work.results)
        role.work.submit(bytes(role.tick + 2))


def test_a_worker_and_its_producer_are_rehearsed_apart() -> None:
    """Neither needs the other, a queue or a process."""
    worker = Rehearsal(Halves, writes={"half": (0, 9)})
    worker.work(b"four")
    assert worker.writes.half == 2.0
    producer = Rehearsal(Asks, writes={"total": (0, 9)}, item_bytes=8)
    producer.step()
    assert len(producer.finish(half=1.0).data) == 2
    producer.step()
    assert producer.writes.total == 1.0
    with pytest.raises(AttributeError, match="rehearsal hands out no work"):
        Rehearsal(Asks, writes={"total": (0, 9)}).step()
