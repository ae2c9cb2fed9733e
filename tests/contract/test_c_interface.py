"""A program in C, built with the flags that are printed, against segments that Python made."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from amphost.lifecycle import RoleState
from amphost.mailbox import EPOCH_MASK, FLAG_STALE, Segment
from amphost.plan import layout
from tests.contract.c_program import (
    CONTROL,
    LIMIT_S,
    READER,
    ROOT,
    SOURCE,
    START,
    Rig,
    compiled,
    printed_flags,
    until,
)

# Starts the program and does nothing more, so that it can be killed while the program runs.
STARTER = """
import os, runpy, signal, subprocess, sys
from amphost.attach import Handed, HandedDirectory
from amphost.mailbox import Segment
plans = runpy.run_path(sys.argv[1])
own, control = (
    Handed(plan=plans[name], descriptor=Segment.create(plans[name], 1))
    for name in ("READER", "CONTROL")
)
with HandedDirectory(own, [control], nonce=1, epoch=1) as handed:
    environment = {**os.environ, **handed.environment}
    subprocess.Popen([sys.argv[2]], env=environment, pass_fds=handed.pass_fds)
signal.pause()
"""


@pytest.fixture(scope="module", params=["gcc", "clang"])
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the example, compiled as its own comment says."""
    to = tmp_path_factory.mktemp(request.param) / "reader"
    return compiled(request.param, SOURCE, to, printed_flags())


@pytest.fixture
def rig(program: Path) -> Iterator[Rig]:
    """Return the segments; all processes are ended and all memory is closed behind the test."""
    with contextlib.ExitStack() as stack:
        yield Rig(stack, program)


def values(segment: Segment) -> tuple[Any, ...]:
    """Return the newest values, or none."""
    latest = segment.latest()
    return () if latest is None else latest[3]


def test_values_agree_both_ways(rig: Rig) -> None:
    """Published in Python, read in C, published in C, read in Python: to the last bit."""
    control, read = rig.mapped(rig.control, writable=True), rig.mapped(rig.reader, writable=False)
    control.attach_writer(4)
    child = rig.start(rig.control, epoch=3)
    for k, position in enumerate((0.1, -2.5e300, 5e-324, -0.0), start=1):
        control.publish(time.monotonic_ns(), 0, (position, 1.0))
        until(lambda k=k: values(read)[1:] == (k,))  # type: ignore[misc] # mypy asks for its type
        assert repr(values(read)[0]) == repr(position)
    latest = read.latest()
    assert latest is not None
    assert latest[2] & EPOCH_MASK == 3
    assert read.owner.heartbeat()[0] > 0
    child.terminate()
    assert child.wait(LIMIT_S) == 0


def test_killed_program_leaves_what_it_published_and_a_successor_goes_on(rig: Rig) -> None:
    """A death at any instruction is harmless, whoever wrote the program."""
    control, read = rig.mapped(rig.control, writable=True), rig.mapped(rig.reader, writable=False)
    control.attach_writer(1)
    control.publish(time.monotonic_ns(), 0, (1.5, 0.0))
    for epoch in range(1, 6):
        before = read.count()
        child = rig.start(rig.control, epoch=epoch)
        until(lambda before=before: read.count() > before + 5)  # type: ignore[misc] # as above
        child.send_signal(signal.SIGKILL)
        assert child.wait(LIMIT_S) == -signal.SIGKILL
        latest = read.latest()
        assert latest is not None
        assert latest[0] == read.count() > before
        assert latest[2] & EPOCH_MASK == epoch
        assert latest[3] == (1.5, 1)
    control.publish(time.monotonic_ns(), 0, (2.5, 0.0))
    assert control.count() == 2


def test_killed_writer_leaves_its_last_value_and_the_program_goes_on(rig: Rig) -> None:
    """The program reads on, and says that the value is old."""
    read = rig.mapped(rig.reader, writable=False)
    watched = rig.mapped(rig.control, writable=False)
    writer = rig.start_writer()
    until(lambda: watched.count() > 100)
    child = rig.start(rig.control)
    until(lambda: values(read)[:1] == (6.5,))
    writer.send_signal(signal.SIGKILL)
    assert writer.wait(LIMIT_S) == -signal.SIGKILL
    last = watched.count()

    def is_flagged() -> bool:
        latest = read.latest()
        assert latest is not None
        return bool(latest[2] >> 32 & FLAG_STALE)

    until(is_flagged)
    assert values(read) == (6.5, last)
    assert child.poll() is None


def test_other_layout_is_refused_in_words(rig: Rig) -> None:
    """Whoever swapped two signals reads it in the log, instead of steering with the wrong one."""
    assert CONTROL.channel is not None
    swapped = layout.directory_text(
        "control", replace(CONTROL.channel, signals=CONTROL.channel.signals[::-1])
    )
    other = replace(CONTROL, directory=swapped, layout_hash=layout.layout_hash(swapped))
    child = rig.start(replace(rig.control, plan=other))
    out, told = child.communicate(timeout=LIMIT_S)
    assert (child.returncode, out) == (1, "")
    assert told.startswith("reader: line 3 of the directory: its layout is another one")


def test_started_by_hand_it_says_how_it_is_meant(program: Path) -> None:
    """The first thing that anybody does is to start it."""
    environment = {name: text for name, text in os.environ.items() if name != "AMPHOST_MAILBOX"}
    done = subprocess.run(
        [str(program)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "the environment names no directory" in done.stderr


def test_program_ends_when_the_supervisor_wants_it(rig: Rig) -> None:
    """The role table is for it as for any role."""
    system = rig.mapped(rig.supervisor, writable=True).system()
    system.set_role(READER.role_id, state=RoleState.RUNNING, pid=1, epoch=1, end=False)
    child = rig.start(rig.control, rig.supervisor)
    read = rig.mapped(rig.reader, writable=False)
    until(lambda: read.owner.heartbeat()[0] > 5)
    assert child.poll() is None
    system.set_role(READER.role_id, state=RoleState.ENDING, pid=1, epoch=1, end=True)
    assert child.wait(LIMIT_S) == 0


def test_program_ends_when_its_starter_is_killed(program: Path) -> None:
    """A program that nobody can stop any more would publish for ever."""
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, str(START), str(program)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "reader: epoch 1, reads control\n"
        starter.kill()
        rest, _ = starter.communicate(timeout=LIMIT_S)  # its end: the program has it open
        assert (rest, starter.returncode) == ("", -signal.SIGKILL)


def test_starter_shows_what_the_program_published(program: Path) -> None:
    """The example as a whole, as its comment says to start it."""
    done = subprocess.run(
        [sys.executable, str(START), str(program)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "reader: epoch 1, reads control\n" in done.stdout
    assert "the program's newest publication: (" in done.stdout
