"""Segments that Python makes, and the example program in C on them: what the contract tests use."""

from __future__ import annotations

import contextlib
import os
import runpy
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from amphost.attach import Handed, HandedDirectory
from amphost.mailbox import Segment
from amphost.plan import layout
from amphost.plan.model import SegmentPlan

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "examples/c_reader/reader.c"
START = ROOT / "examples/c_reader/start.py"
WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Werror")
NONCE = 0xA11CE
LIMIT_S = 20.0

_START = runpy.run_path(str(START))
CONTROL: SegmentPlan = _START["CONTROL"]
READER: SegmentPlan = _START["READER"]

# Plays the control role in a process that can be killed.
WRITER = """
import runpy, sys, time
from amphost.mailbox import Segment
plan = runpy.run_path(sys.argv[1])["CONTROL"]
control = Segment.attach(int(sys.argv[2]), plan, nonce=int(sys.argv[3]), writable=True)
control.attach_writer(1)
while True:
    control.publish(time.monotonic_ns(), 0, (6.5, 0.0))
"""


def until(condition: Callable[[], bool]) -> None:
    """Wait for what must become true; fail when it does not."""
    limit = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < limit, "it did not become true in time"
        time.sleep(0.001)


def printed_flags(*options: str) -> list[str]:
    """Return the words that the command line prints."""
    done = subprocess.run(
        [sys.executable, "-m", "amphost", "cflags", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return shlex.split(done.stdout)


def compiled(compiler: str, source: Path, to: Path, flags: Sequence[str]) -> Path:
    """Compile a program; a compiler that is not there skips the test."""
    if shutil.which(compiler) is None:
        pytest.skip(f"there is no {compiler} here")
    command = [compiler, *WARNINGS, "-o", str(to), str(source), *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return to


class Rig:
    """Segments of a control role, the program's and the supervisor's; starts programs on them.

    Synchronization: one thread.
    """

    def __init__(self, stack: contextlib.ExitStack, program: Path) -> None:
        self._stack = stack
        self._program = program
        supervisor = layout.segment(
            role="supervisor",
            role_id=0,
            page_size=READER.page_size,
            signals=[],
            writer_period_ns=1,
            follower_periods_ns=[],
        )
        self.control, self.reader, self.supervisor = map(self._made, (CONTROL, READER, supervisor))

    def _made(self, plan: SegmentPlan) -> Handed:
        descriptor = Segment.create(plan, NONCE)
        self._stack.callback(os.close, descriptor)
        return Handed(plan=plan, descriptor=descriptor)

    def mapped(self, handed: Handed, *, writable: bool) -> Segment:
        """Map a segment into this process."""
        attached = Segment.attach(handed.descriptor, handed.plan, nonce=NONCE, writable=writable)
        return self._stack.enter_context(attached)

    def start(self, *reads: Handed, epoch: int = 1) -> subprocess.Popen[str]:
        """Start the program on its own segment and on `reads`."""
        with HandedDirectory(self.reader, reads, nonce=NONCE, epoch=epoch) as handed:
            return self._popen([str(self._program)], handed.environment, handed.pass_fds)

    def start_writer(self) -> subprocess.Popen[str]:
        """Start a process that publishes as the control role."""
        words = [WRITER, str(START), str(self.control.descriptor), str(NONCE)]
        return self._popen([sys.executable, "-c", *words], {}, [self.control.descriptor])

    def _popen(
        self, command: list[str], environment: dict[str, str], pass_fds: Sequence[int]
    ) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **environment},
            pass_fds=pass_fds,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._stack.enter_context(child)
        self._stack.callback(child.kill)
        return child
