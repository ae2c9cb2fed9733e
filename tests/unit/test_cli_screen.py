"""What a running command says, to readers that are slow, gone or stopped."""

from __future__ import annotations

import fcntl
import os
import termios
import time
from collections.abc import Iterator

import pytest

from amphost.cli.screen import LINES_MAX, Screen

PIPE_BYTES = 4096
TURN_S = 1.0
"""No call may wait for a reader; one that does would never come back."""


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe that takes one page."""
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    os.set_blocking(read, False)
    yield read, write
    for descriptor in (read, write):
        try:
            os.close(descriptor)
        except OSError:
            continue  # the test has closed it


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, int]]:
    """A terminal: what a person sees, and what the program writes to."""
    monkeypatch.setenv("TERM", "xterm")
    master, slave = os.openpty()
    os.set_blocking(master, False)
    yield master, slave
    os.close(slave)
    os.close(master)


def read(descriptor: int) -> str:
    """Return what there is."""
    text = b""
    while True:
        try:
            chunk = os.read(descriptor, 65536)
        except BlockingIOError:
            return text.decode()
        if not chunk:
            return text.decode()
        text += chunk


def test_lines_come_out_as_they_are_said(pipe: tuple[int, int]) -> None:
    """Elsewhere than on a terminal: plain lines, and no status line."""
    screen = Screen(lambda: "status", pipe[1])
    screen.say("mode BOOT -> DISARMED")
    screen.refresh()
    screen.clear()
    assert read(pipe[0]) == "amphost: mode BOOT -> DISARMED\n"


def test_a_reader_that_is_slow_gets_every_line_later(pipe: tuple[int, int]) -> None:
    """A log that stalls for a moment must lose nothing, and hold nobody."""
    screen = Screen(lambda: "", pipe[1])
    lines = [f"line {number} {'x' * 80}" for number in range(LINES_MAX)]
    began_s = time.monotonic()
    for line in lines:
        screen.say(line)
    assert time.monotonic() - began_s < TURN_S
    got = read(pipe[0])
    while not got.endswith(f"amphost: {lines[-1]}\n"):
        screen.refresh()
        got += read(pipe[0])
    assert got == "".join(f"amphost: {line}\n" for line in lines)


def test_a_reader_that_stays_away_costs_the_oldest_lines_and_is_told_how_many(
    pipe: tuple[int, int],
) -> None:
    """Memory is bounded; what is missing is counted."""
    screen = Screen(lambda: "", pipe[1])
    said = LINES_MAX * 3
    for number in range(said):
        screen.say(f"line {number} {'x' * 80}")
    got = read(pipe[0])
    while f"line {said - 1} " not in got:
        screen.refresh()
        got += read(pipe[0])
    lines = got.splitlines()
    (told,) = [line for line in lines if line.endswith("lines were dropped")]
    dropped = int(told.split()[1])
    assert dropped > 0
    assert len(lines) - 1 + dropped == said


def test_a_reader_that_has_gone_is_no_error(pipe: tuple[int, int]) -> None:
    """`amphost run ... 2>&1 | head -1`."""
    screen = Screen(lambda: "", pipe[1])
    os.close(pipe[0])
    for _ in range(3):
        screen.say("nobody hears this")
        screen.refresh()
        screen.clear()


def test_a_closed_descriptor_is_no_error(pipe: tuple[int, int]) -> None:
    """A program whose stderr was closed by a library."""
    os.close(pipe[1])
    screen = Screen(lambda: "status", pipe[1])
    screen.say("nobody hears this")
    screen.refresh()
    screen.clear()


def test_on_a_terminal_one_line_is_renewed_and_taken_away(terminal: tuple[int, int]) -> None:
    """Lines of what happened must not be mixed with the status line."""
    screen = Screen(lambda: "ARMED  1.0 s", terminal[1])
    screen.refresh()
    assert read(terminal[0]) == "\r\x1b[KARMED  1.0 s"
    screen.refresh()
    assert read(terminal[0]) == ""  # five times a second is enough
    screen.say("mode ARMED -> SAFE")
    assert read(terminal[0]) == "\r\x1b[Kamphost: mode ARMED -> SAFE\r\n"
    screen.clear()
    assert read(terminal[0]) == ""


def test_a_status_line_never_wraps(terminal: tuple[int, int]) -> None:
    """A wrapped one could not be taken away."""
    termios.tcsetwinsize(terminal[1], (24, 30))
    screen = Screen(lambda: "x" * 500, terminal[1])
    screen.refresh()
    assert read(terminal[0]) == "\r\x1b[K" + "x" * 29


def test_a_terminal_stopped_with_ctrl_s_holds_nobody(terminal: tuple[int, int]) -> None:
    """A supervisor that waits for a person to press Ctrl-Q has lost its roles."""
    screen = Screen(lambda: "status", terminal[1])
    termios.tcflow(terminal[1], termios.TCOOFF)
    began_s = time.monotonic()
    for _ in range(100):
        screen.say("mode ARMED -> SAFE")
        screen.refresh()
    assert time.monotonic() - began_s < TURN_S
    assert read(terminal[0]) == ""
    termios.tcflow(terminal[1], termios.TCOON)
    got = ""
    while got.count("mode ARMED -> SAFE") < 100:
        screen.refresh()
        got += read(terminal[0])


def test_text_that_no_terminal_can_show_is_no_error(pipe: tuple[int, int]) -> None:
    """A file name from a foreign system, in an error."""
    screen = Screen(lambda: "", pipe[1])
    screen.say("runs/\udcff.mcap")
    assert read(pipe[0]).startswith("amphost: runs/")
