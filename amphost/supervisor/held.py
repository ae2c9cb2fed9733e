"""A role that a person starts by hand, under a debugger: `--hold`.

Rules. The supervisor makes everything that a child would get and keeps it: the handover in a memfd,
the status pipe, the segments. The process that is started by hand opens them through
`/proc/SUPERVISOR/fd`, which Linux allows this user alone, and reports its number; it is taken when
it belongs to this user and to this epoch. Until then the role has no process, and ending it is at
once. It is nobody's child of ours: its exit status is not known, only what it has said itself. The
place stays the same through all epochs, so that a debugger's `run` works again.
"""

from __future__ import annotations

import os
import select
import shlex
import sys
from typing import TYPE_CHECKING, Any

from amphost.supervisor.process import EXIT_UNKNOWN, NOT_OPEN, Child

if TYPE_CHECKING:
    from collections.abc import Callable

GONE_MS = 1000
"""From SIGKILL until the pidfd says so; a debugger may hold it a little longer."""


class Place:
    """Where a role that is held finds its handover, and answers.

    Synchronization: one thread.
    """

    def __init__(self, role: str) -> None:
        self.role = role
        self.handover = self.status_read = self.status_write = NOT_OPEN
        try:
            self.handover = os.memfd_create(f"amphost-{role}-handover", os.MFD_CLOEXEC)
            self.status_read, self.status_write = os.pipe()
            os.set_blocking(self.status_read, False)
        except BaseException:
            self.close()
            raise

    @property
    def commands(self) -> tuple[str, str]:
        """The commands that start the role: under gdb, and under pdb."""
        python = [sys.executable, "-I"]
        role = ["-m", "amphost.roles", self.role, "--held", f"{os.getpid()}:{self.handover}"]
        gdb = shlex.join(["gdb", "--args", *python, *role])
        return gdb, shlex.join([*python, "-m", "pdb", *role])

    def write(self, document: bytes) -> None:
        """Replace the handover; an empty one means that the role is not to be started yet."""
        os.ftruncate(self.handover, 0)
        os.pwrite(self.handover, document, 0)

    def close(self) -> None:
        """Close all of it."""
        for descriptor in (self.handover, self.status_read, self.status_write):
            if descriptor != NOT_OPEN:
                os.close(descriptor)
        self.handover = self.status_read = self.status_write = NOT_OPEN


class HeldChild(Child):
    """One process of a held role, from before somebody starts it. `pid` is 0 until then.

    Synchronization: one thread.
    """

    def __init__(self, place: Place, epoch: int, say: Callable[[str], None]) -> None:
        self._place = place
        self._epoch = epoch
        self._say = say
        self._plan_write = NOT_OPEN
        self.hung_up = False
        self._unread = b""
        self._code = 0  # nothing has happened
        self.pid = 0
        self.child_status_fd = place.status_write
        self.status_fd = os.dup(place.status_read)
        self.pidfd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)  # until there is a process

    def hand_over(self, document: str) -> None:
        """Lay the handover out for whoever starts the role."""
        self._place.write(document.encode())

    def statuses(self) -> list[dict[str, Any]]:
        """Return what the process says; nothing of one that is not taken."""
        heard = []
        for status in super().statuses():
            if status.get("event") == "held":
                self._take(status)
            elif self.pid:
                heard.append(status)
                self._remember(status)
        return heard

    def _take(self, status: dict[str, Any]) -> None:
        """Take the process that says that it is the role, if it may be."""
        pid = int(status["pid"])
        if self.pid or status["epoch"] != self._epoch:
            return
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:
            return  # it is gone already
        try:
            mine = os.stat(f"/proc/{pid}").st_uid == os.geteuid()  # noqa: PTH116
        except OSError:
            mine = False
        if not mine:
            os.close(pidfd)
            self._say(f"{self._place.role}: process {pid} is another user's: it is not taken")
            return
        os.close(self.pidfd)
        self.pid, self.pidfd, self._code = pid, pidfd, EXIT_UNKNOWN

    def _remember(self, status: dict[str, Any]) -> None:
        if status.get("event") == "ended":
            self._code = int(status["end"] != "ended")
        elif status.get("event") == "failed":
            self._code = int(status["exit"])

    def abort(self) -> None:
        """Have it print where it stands and end."""
        super().abort() if self.pid else self._never()

    def terminate(self) -> None:
        """Ask it to end."""
        super().terminate() if self.pid else self._never()

    def kill(self) -> None:
        """End it at once."""
        super().kill() if self.pid else self._never()

    def _never(self) -> None:
        os.eventfd_write(self.pidfd, 1)

    def reap(self) -> int:
        """Let go of it; return what is known of its exit."""
        gone = select.poll()
        gone.register(self.pidfd, select.POLLIN)
        gone.poll(GONE_MS)
        self._place.write(b"")
        self._close()
        return self._code
