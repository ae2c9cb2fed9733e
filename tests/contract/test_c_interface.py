"""A program in C, built with the flags that are printed, against segments that Python made."""

from __future__ import annotations

import contextlib
import os
import runpy
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from amphost.attach import Handed, HandedDirectory
from amphost.lifecycle import RoleState
from amphost.mailbox import EPOCH_MASK, FLAG_STALE, Segment
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


@pytest.fixture(scope="module", params=["gcc", "clang"])
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the example, compiled as its own comment says."""
    to = tmp_path_factory.mktemp(request.param) / "reader"
    return compiled(request.param, SOURCE, to, printed_flags())


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


USES = """
#include "amphost.h"
#include <stdlib.h>

int main(void) {
    struct amp_attached *attached = (struct amp_attached *)calloc(1, sizeof *attached);
    struct amp_cursor cursor;
    struct amp_queue queue;
    struct amp_summary summary;
    if (attached == NULL || amp_attach(attached) == AMP_OK) {
        return 1;
    }
    struct amp_attached_segment *one = amp_attached_find(attached, "control");
    if (one != NULL) {
        amp_cursor_open(&cursor, &one->channel, AMP_START_LATEST);
        AMP_ASSERT(amp_queue_open(&queue, &one->channel, one->owner, 0) == AMP_OK);
        amp_owner_summary(one->owner, AMP_HISTOGRAM_WAKEUP, &summary);
        AMP_ASSERT(amp_system_mode(one->system, NULL) == AMP_MODE_SAFE);
    }
    amp_detach(attached);
    free(attached);
    return 0;
}
"""


@pytest.mark.parametrize(
    ("compiler", "standard", "suffix"),
    [
        ("gcc", "c11", "c"),
        ("clang", "c11", "c"),
        ("gcc", "c17", "c"),
        ("g++", "c++11", "cpp"),
        ("clang++", "c++11", "cpp"),
        ("g++", "c++20", "cpp"),
        ("clang++", "c++20", "cpp"),
    ],
)
def test_one_header_compiles_clean(
    tmp_path: Path, compiler: str, standard: str, suffix: str
) -> None:
    """A warning out of our header is a warning in everybody's build; every part is linked."""
    source = tmp_path / f"uses.{suffix}"
    source.write_text(USES, encoding="ascii")
    flags = [f"-std={standard}", *printed_flags()]
    made = compiled(compiler, source, tmp_path / "uses", flags)
    assert subprocess.run([str(made)], check=False).returncode == 0


@pytest.mark.slow
def test_built_package_has_it_all_inside(tmp_path: Path) -> None:
    """After `pip install` there is no checkout to fall back on."""
    tools = ROOT / ".venv" / "build-tools"
    environment = {**os.environ, "PYTHONPATH": str(tools)}
    probe = [sys.executable, "-c", "import setuptools"]
    if subprocess.run(probe, env=environment, capture_output=True, check=False).returncode:
        pytest.skip("there is no setuptools here")
    folder = tmp_path / "installed"
    build = f"setup.py -q build --build-lib {folder} --build-temp {tmp_path / 'temp'}".split()
    subprocess.run(
        [sys.executable, *build], cwd=ROOT, env=environment, capture_output=True, check=True
    )
    asked = "import sys; sys.path.insert(0, sys.argv[1]); from amphost.cli.main import main; "
    printed = subprocess.run(
        [sys.executable, "-c", f"{asked}main(['cflags'])", str(folder)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    flags = shlex.split(printed.stdout)
    assert flags[:2] == [f"-I{folder}/amphost/include", f"-L{folder}/amphost/_native"]
    shipped = folder / "amphost/examples/c_reader/reader.c"
    compiled("gcc", shipped, tmp_path / "reader", flags)
    headers = {path.name for path in (folder / "amphost/include").rglob("*.h")}
    assert "amphost.h" in headers
    assert headers.isdisjoint({"loop.h", "pump.h", "atomic.h"})
