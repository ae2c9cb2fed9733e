"""What the verbs that read a recording share: which file, which part of it, and progress."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from amphost.cli.run import duration_s
from amphost.errors import AmphostError

if TYPE_CHECKING:
    from amphost.telemetry.reading import Loaded
    from amphost.telemetry.selection import Part

PROGRESS_S = 0.2


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the shared arguments."""
    parser.add_argument(
        "recording",
        type=Path,
        metavar="RECORDING",
        help="an .mcap file of a run, or a folder: its newest recording",
    )
    parser.add_argument(
        "--signals",
        metavar="NAMES",
        type=_names,
        default=[],
        help="roles or signals, as in io,control.voltage (default: all)",
    )
    parser.add_argument(
        "--from",
        dest="from_s",
        type=duration_s,
        metavar="TIME",
        help="leave out what is earlier, counted from the first sample: 1500ms, 2.5s, 1m",
    )
    parser.add_argument(
        "--until", dest="to_s", type=duration_s, metavar="TIME", help="leave out what is later"
    )


def load(args: argparse.Namespace) -> tuple[Loaded, tuple[Part, ...]]:
    """Read the recording and select from it; say on stderr what is missing in it."""
    from amphost.telemetry import reading, selection  # with mcap: not for --help

    path = _file(args.recording)
    try:
        loaded = reading.load(path, _Bar(f"reading {path.name}"))
    except OSError as error:
        raise AmphostError(f"{path}: {error.strerror or error}") from None
    if not loaded.is_complete:
        _say(f"{path} was cut off: what it holds to its last whole chunk is taken")
    if loaded.damaged_bytes:
        _say(f"{path}: {loaded.damaged_bytes} bytes are damaged and left out")
    parts = selection.select(loaded, args.signals, from_s=args.from_s, to_s=args.to_s)
    if not any(part.rows for part in parts):
        raise AmphostError(f"{path} holds no sample of what is asked for")
    return loaded, parts


def _file(path: Path) -> Path:
    if not path.is_dir():
        return path
    found = sorted(path.glob("*.mcap"), key=lambda one: (one.stat().st_mtime_ns, one.name))
    if not found:
        raise AmphostError(f"{path}: there is no .mcap file in this folder")
    return found[-1]


def _names(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _say(line: str) -> None:
    print(f"amphost: {line}", file=sys.stderr)


class _Bar:
    """Progress on a terminal, in one line that goes away again.

    Synchronization: main thread.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._is_live = sys.stderr.isatty()
        self._next_s = time.monotonic() + PROGRESS_S

    def __call__(self, done: int, size: int) -> None:
        if self._is_live and (time.monotonic() >= self._next_s or done >= size):
            self._next_s = time.monotonic() + PROGRESS_S
            text = "" if done >= size else f"{self._what}: {100 * done // max(size, 1)} %"
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
