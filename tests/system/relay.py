"""A piece of cable between a device and the host that a test may speak into.

Rules. A pty of its own behind a stable name; a thread hands bytes on both ways. While it babbles it
writes as fast as the host's end takes it, and hands nothing on to the host.
"""

from __future__ import annotations

import os
import pty
import select
import threading
import tty
from pathlib import Path

BABBLE = bytes(range(1, 256)) * 16
CHUNK = 4096


class Relay:
    """A cable with a tap, from `inner`, a tty, to `name`, which the board file knows.

    Synchronization: `babbling` is one thread's to set and the other's to read.
    """

    def __init__(self, inner: Path, name: Path) -> None:
        self.babbling = False
        self.babbled = 0
        self._name = name
        self._inner = os.open(inner, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self._inner)
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._wake, self._over = os.pipe()
        name.symlink_to(os.ttyname(self._slave))
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        """Take the cable away."""
        self._name.unlink(missing_ok=True)
        os.write(self._over, b"x")
        self._thread.join()
        for descriptor in (self._inner, self._master, self._slave, self._wake, self._over):
            os.close(descriptor)

    def _run(self) -> None:
        while True:
            babbling = self.babbling
            writable = [self._master] if babbling else []
            sources = [self._inner, self._master, self._wake]
            ready, room, _ = select.select(sources, writable, [], 0.01)
            if self._wake in ready:
                return
            if self._inner in ready:
                self._hand_on(self._inner, None if babbling else self._master)
            if self._master in ready:
                self._hand_on(self._master, self._inner)
            if room:
                self.babbled += os.write(self._master, BABBLE)

    def _hand_on(self, source: int, sink: int | None) -> None:
        try:
            chunk = os.read(source, CHUNK)
            if sink is not None:
                os.write(sink, chunk)
        except BlockingIOError:
            pass  # a line that is full loses bytes
