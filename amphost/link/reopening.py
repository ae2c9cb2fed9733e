"""Open a port that has gone away again, as often as it takes, beside the loop that does without it.

Rules. Opening, configuring and closing a port may block for as long as its driver likes, so they
happen in a thread of their own, which is not real-time and ends with the process. It waits 20 ms
after the first refusal and twice as long after each further one, up to half a second. A port that
is there and may not be opened is tried on as well: udev gives a new port its rights a moment later.
The real-time thread stays in C meanwhile, woken by a pipe: if it came back to look, it would wait
for the interpreter's lock, which a thread of no priority holds.
"""

from __future__ import annotations

import _thread
import os
import time

from amphost.errors import AmphostError
from amphost.link.serial_port import open_port

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from collections.abc import Callable

    from amphost.link.serial_port import OpenPort

FIRST_WAIT_S = 0.02
LONGEST_WAIT_S = 0.5


class Reopening:
    """One absence of a port. `line` is the open port once `wake` is readable; close it afterwards.

    `told` is called, in the other thread, with each new reason why it is not open yet.

    Synchronization: the thread that made it reads; one thread of its own writes, and wakes last.
    """

    def __init__(
        self, port: str, baud: int, lost: OpenPort | None, told: Callable[[str], None]
    ) -> None:
        self.line: OpenPort | None = None
        self.wake, self._wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._port = port
        self._baud = baud
        self._lost = lost
        self._told = told
        self._said = ""
        _thread.start_new_thread(self._work, ())

    def close(self) -> None:
        """Give the pipe back; not before its thread has done its work."""
        os.close(self.wake)
        os.close(self._wake_write)

    def _work(self) -> None:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))  # of this thread alone
        try:
            if self._lost is not None:
                self._lost.close()
        except OSError as error:
            self._tell(str(error))
        wait_s = FIRST_WAIT_S
        while self.line is None:
            try:
                self.line = open_port(self._port, self._baud)
            except (AmphostError, OSError) as error:
                self._tell(str(error))
                time.sleep(wait_s)
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
        self._tell("")
        os.write(self._wake_write, b"\0")

    def _tell(self, refused: str) -> None:
        if refused != self._said:
            self._said = refused
            self._told(refused)
