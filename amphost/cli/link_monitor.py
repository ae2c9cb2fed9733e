"""Follow lines: show each second, write traces, say what changes, and know how it ended.

Rules. A look every 20 ms, so that no tap runs over; a second is shown when it is told. On a
terminal one screen is drawn again and again, in a pipe a line a second. A trace is written as it
comes, so that it is whole up to the moment in which somebody pulls the plug.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from typing import TYPE_CHECKING, Any, Protocol

from amphost.cli.link_text import block_text, line_text
from amphost.cli.top import ALTERNATE, HOME_AND_CLEAR, ORDINARY
from amphost.errors import AmphostError, UsageError
from amphost.link.line_decoder import LineDecoder
from amphost.link.line_view import LineView
from amphost.link.schema import read_schema
from amphost.link.trace import encode, heading
from amphost.link.trace_figures import TraceFigures

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from contextlib import ExitStack
    from pathlib import Path

    from amphost.link.tally import Words
    from amphost.link.trace import Record

LOOK_S = 0.02
CHECK_S = 1.0
NS_PER_S = 1e9
REFUSED = 1
TRACE_MODE = 0o640


class Followed(Protocol):
    """A line that is followed: of a running system, or of a port of one's own."""

    device: str
    about: dict[str, Any]

    def seconds(self) -> Iterator[tuple[int, Words]]: ...
    def records(self) -> Iterator[Record]: ...
    def refusal(self) -> str | None: ...
    def check(self) -> None: ...


class Trace:
    """A trace that is being written.

    Synchronization: one thread; nobody else writes the file.
    """

    def __init__(self, path: Path, about: dict[str, Any]) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        try:
            self._descriptor = os.open(path, flags, TRACE_MODE)
        except FileExistsError as error:
            raise UsageError(
                f"{path}: it is there already; a trace is never written over"
            ) from error
        except OSError as error:
            raise AmphostError(f"{path}: no trace can be written ({error.strerror})") from error
        self._path = path
        self._write(heading(about, time.monotonic_ns()))

    def write(self, records: list[Record]) -> None:
        """Append records."""
        if records:
            self._write(b"".join(encode(record) for record in records))

    def _write(self, content: bytes) -> None:
        while content:
            try:
                content = content[os.write(self._descriptor, content) :]
            except OSError as error:
                raise AmphostError(
                    f"{self._path}: the trace ends here ({error.strerror})"
                ) from error

    def close(self) -> None:
        """Close it."""
        os.close(self._descriptor)


class Shown:
    """One line as it is shown.

    Synchronization: one thread.
    """

    def __init__(self, line: Followed, trace: Trace | None, *, own: bool) -> None:
        self.line = line
        self.own = own
        self.schema = read_schema(line.about["schema"])
        figures = TraceFigures(LineDecoder(self.schema)) if own else None
        self.view = LineView(line.device, figures)
        self.units = {value.name: value.unit for value in self.schema.sends}
        self.was_up = False
        self._trace = trace
        self._said = ""
        for t_ns, words in line.seconds():
            self.view.second(t_ns, words)  # what was before is no news, but counts go on from it

    def look(self) -> list[dict[str, Any]]:
        """Take what has come; return the seconds that are new."""
        if self._trace is not None or self.own:
            records = list(self.line.records())
            if self._trace is not None:
                self._trace.write(records)
            for record in records:
                self.view.record(record)
        return [self._second(t_ns, words) for t_ns, words in self.line.seconds()]

    def _second(self, t_ns: int, words: Words) -> dict[str, Any]:
        view = self.view.second(t_ns, words)
        refused = view["session"] == "refused"
        view["refused_for"] = self.line.refusal() if refused else None
        return view

    def say_changes(self, view: dict[str, Any]) -> None:
        """Say how the session of a port of one's own stands, whenever it changes."""
        self.was_up |= view["session"] == "up"
        for line in view["said"]:
            print(f"amphost: {self.line.device} says: {line}", file=sys.stderr, flush=True)
        text = view["refused_for"] or view["session"]
        if not self.own or text == self._said:
            return
        self._said = text
        print(f"amphost: {self.line.device}: {text}", file=sys.stderr, flush=True)

    def failed(self) -> bool:
        """Return whether the device is refused, or never answered on a port of one's own."""
        newest = self.view.newest
        refused = newest is not None and newest["session"] == "refused"
        return refused or (self.own and not self.was_up)


def follow(args: argparse.Namespace, lines: list[Followed], opened: ExitStack) -> int:
    """Follow until the time is over; return the exit code."""
    from amphost.cli.link_own import OwnLine

    if args.trace is not None and len(lines) > 1:
        names = ", ".join(line.device for line in lines)
        raise UsageError(f"a trace is of one line: say which of {names} with --device")
    trace = None
    if args.trace is not None:
        trace = Trace(args.trace, {**lines[0].about, "began_wall_ns": time.time_ns()})
        opened.callback(trace.close)
    shown = [Shown(line, trace, own=isinstance(line, OwnLine)) for line in lines]
    screen = _Screen(args, opened)
    _until(args.duration, shown, screen)
    for one in shown:
        if isinstance(one.line, OwnLine):
            one.line.end()
    _turn(shown, screen)
    return REFUSED if any(one.failed() for one in shown) else 0


def _until(duration_s: float | None, shown: list[Shown], screen: _Screen) -> None:
    began_s = checked_s = time.monotonic()
    while duration_s is None or time.monotonic() - began_s < duration_s:
        _turn(shown, screen)
        if time.monotonic() - checked_s >= CHECK_S:
            checked_s = time.monotonic()
            for one in shown:
                one.line.check()
        time.sleep(LOOK_S)


def _turn(shown: list[Shown], screen: _Screen) -> None:
    news = False
    for one in shown:
        for view in one.look():
            one.say_changes(view)
            screen.second(view)
            news = True
    if news:
        screen.draw(shown)


class _Screen:
    """Where seconds are shown.

    Synchronization: one thread.
    """

    def __init__(self, args: argparse.Namespace, opened: ExitStack) -> None:
        self._json = args.json
        self._live = not args.json and sys.stdout.isatty()
        self._began_ns: int | None = None
        if self._live:
            opened.callback(print, ORDINARY, end="", flush=True)
            print(ALTERNATE, end="", flush=True)

    def second(self, view: dict[str, Any]) -> None:
        """Show a second, where each has a line of its own."""
        if self._live:
            return
        self._began_ns = view["t_ns"] if self._began_ns is None else self._began_ns
        since_s = (view["t_ns"] - self._began_ns) / NS_PER_S
        if self._json:
            print(json.dumps(_finite({"t_s": since_s, **view})), flush=True)
        else:
            print(line_text(view, since_s), flush=True)

    def draw(self, shown: list[Shown]) -> None:
        """Draw the screen, where there is one."""
        if not self._live:
            return
        blocks = [
            block_text(one.view.newest, one.line.about, one.units)
            for one in shown
            if one.view.newest is not None
        ]
        print(HOME_AND_CLEAR + "\n\n".join(blocks), flush=True)


def _finite(found: Any) -> Any:
    if isinstance(found, dict):
        return {name: _finite(value) for name, value in found.items()}
    return None if isinstance(found, float) and not math.isfinite(found) else found
