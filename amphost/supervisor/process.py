"""A child process as the supervisor holds it: started, heard, ended, reaped.

Rules. Every child is exec'd in a session of its own (Ctrl-C reaches the supervisor alone), gets its
handover through a pipe and answers with lines of JSON on another. What it prints goes to its log.
A pidfd reports its end; it is reaped in the same step, so nothing is ever left behind. No call
here waits for the child but `reap`, and the start, until it has exec'd: so it has the supervisor's
own priority until then.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from amphost.errors import AmphostError
from amphost.supervisor.status import status_of

if TYPE_CHECKING:
    from collections.abc import Sequence

STATUS_BYTES_MAX = 65536
PIPE_BYTES = 65536
"""What a pipe takes without being enlarged; Linux enlarges it to 1 MiB for anybody."""
NOT_OPEN = -1
EXIT_UNKNOWN = 256
"""More than any exit status: that of a process which is no child of ours."""
BEGIN = (
    "import os, sys; "
    "os.sched_getscheduler(0) and os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0)); "
    "from {module} import main; sys.exit(main(sys.argv[1:]))"
)
"""What `-m` does, without the 4 ms that it takes to find out what to run. First it gives back the
supervisor's priority: with it it came to its exec, for which the supervisor had to wait."""


class Child:
    """One process. `handover` is sent later, so that its interpreter starts in the meantime.

    Synchronization: one thread.
    """

    def __init__(self, module: str, name: str, descriptors: Sequence[int], log: int) -> None:
        self._plan_write = self.status_fd = self.pidfd = NOT_OPEN
        self.hung_up = False
        self._unread = b""
        command = [sys.executable, "-I", "-c", BEGIN.format(module=module)]
        command += [name] if name else []
        theirs: list[int] = []
        try:
            plan_read, self._plan_write = os.pipe()
            theirs.append(plan_read)
            self.status_fd, self.child_status_fd = os.pipe()
            theirs.append(self.child_status_fd)
            os.set_blocking(self.status_fd, False)
            self._process = subprocess.Popen(
                [*command, "--plan-fd", str(plan_read)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[*descriptors, *theirs],
                start_new_session=True,
            )
            self.pid = self._process.pid
            self._open_pidfd()
        except BaseException:
            self._close()
            raise
        finally:
            for descriptor in theirs:
                os.close(descriptor)

    def _open_pidfd(self) -> None:
        try:
            self.pidfd = os.pidfd_open(self.pid)
        except OSError:
            self._process.kill()
            self._process.wait()
            raise

    def hand_over(self, document: str) -> None:
        """Send the handover; a child that is gone already is reported by its pidfd, not here."""
        text = document.encode()
        try:
            if len(text) > PIPE_BYTES:
                fcntl.fcntl(self._plan_write, fcntl.F_SETPIPE_SZ, len(text))
            os.set_blocking(self._plan_write, False)
            with suppress(BrokenPipeError):
                if os.write(self._plan_write, text) < len(text):
                    raise AmphostError(f"a handover of {len(text)} bytes does not fit a pipe")
        finally:
            os.close(self._plan_write)
            self._plan_write = NOT_OPEN

    def statuses(self) -> list[dict[str, Any]]:
        """Return the status lines that have come since the last call; the last sets `hung_up`."""
        try:
            chunk = os.read(self.status_fd, STATUS_BYTES_MAX)
        except BlockingIOError:
            return []
        self.hung_up = not chunk
        *lines, unread = (self._unread + chunk).split(b"\n")
        self._unread = unread[-STATUS_BYTES_MAX:]
        return [status for line in lines if (status := status_of(line)) is not None]

    def abort(self) -> None:
        """Have it print where it stands and end: what SIGABRT means to a role of a user's code."""
        signal.pidfd_send_signal(self.pidfd, signal.SIGABRT)

    def terminate(self) -> None:
        """Ask it to end, as every program understands it."""
        signal.pidfd_send_signal(self.pidfd, signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    def reap(self) -> int:
        """Collect it once its pidfd is readable; return its status, negative for a signal."""
        code = self._process.wait()
        self._close()
        return code

    def _close(self) -> None:
        for descriptor in (self._plan_write, self.status_fd, self.pidfd):
            if descriptor != NOT_OPEN:
                os.close(descriptor)
        self._plan_write = self.status_fd = self.pidfd = NOT_OPEN


def describe_exit(code: int) -> str:
    """Say in words how a process ended."""
    if code == EXIT_UNKNOWN:
        return "gone; how it ended only its parent knows"
    if code >= 0:
        return f"exit status {code}"
    names = {int(number): number.name for number in signal.Signals}
    why = " (a system call that a loop may not make)" if -code == signal.SIGSYS else ""
    return f"killed by {names.get(-code, f'signal {-code}')}{why}"
