"""What a running command says: lines and, on a terminal, one status line; all on stderr.

Rules. Never blocks and never raises: a terminal that is stopped (Ctrl-S), a stalled connection or a
reader that has gone must not stop the supervisor's turns. What the other side does not take waits,
up to a bound; then the oldest lines are dropped, and their number is said when it takes some again.
"""

from __future__ import annotations

import os
import select
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

STATUS_S = 0.2
LINES_MAX = 200
CHUNK = 512
"""Bytes a write: what poll calls writable takes at least so many (PIPE_BUF on a pipe)."""
WIDTH = 80


class Screen:
    """The stderr of one command. `status` returns the text of the status line.

    Synchronization: main thread.
    """

    def __init__(self, status: Callable[[], str], descriptor: int = 2) -> None:
        self._status = status
        self._descriptor = descriptor
        self._live = os.isatty(descriptor) and os.environ.get("TERM", "dumb") != "dumb"
        self._lines: deque[bytes] = deque()
        self._partial = b""
        self._dropped = 0
        self._dead = False
        self._drawn = False
        self._next_s = 0.0

    def say(self, line: str) -> None:
        """Say what has happened, in a line of its own."""
        if len(self._lines) >= LINES_MAX:
            self._lines.popleft()
            self._dropped += 1
        self._lines.append(f"amphost: {line}\n".encode(errors="replace"))
        self._write()

    def refresh(self) -> None:
        """Write what waits; on a terminal, renew the status line five times a second."""
        self._write()
        now_s = time.monotonic()
        if not self._live or self._dead or now_s < self._next_s or self._lines or self._partial:
            return
        self._next_s = now_s + STATUS_S
        text = self._status()[: self._width() - 1]
        if self._put(f"\r\x1b[K{text}".encode(errors="replace")) is not None:
            self._drawn = True

    def clear(self) -> None:
        """Take the status line away."""
        if self._drawn and self._put(b"\r\x1b[K") is not None:
            self._drawn = False

    def _write(self) -> None:
        while (self._lines or self._partial) and not self._dead:
            self.clear()
            if not self._partial and self._dropped:
                self._partial = f"amphost: {self._dropped} lines were dropped\n".encode()
                self._dropped = 0
            elif not self._partial:
                self._partial = self._lines.popleft()
            written = self._put(self._partial[:CHUNK])
            if written is None:
                return
            self._partial = self._partial[written:]

    def _put(self, chunk: bytes) -> int | None:
        """Write what can be written at once; None where nothing can."""
        if self._dead:
            return None
        try:
            if not select.select([], [self._descriptor], [], 0)[1]:
                return None
            return os.write(self._descriptor, chunk)
        except OSError:
            self._dead = True
            return None

    def _width(self) -> int:
        try:
            return os.get_terminal_size(self._descriptor).columns or WIDTH
        except OSError:
            return WIDTH
