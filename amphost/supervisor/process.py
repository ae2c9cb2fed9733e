"""A child process as the supervisor holds it: started, heard, ended, reaped.

Rules. Every child is exec'd in a session of its own (Ctrl-C reaches the supervisor alone), gets its
handover through a pipe and answers with lines of JSON on another. What it prints goes to its log.
A pidfd reports its end; it is reaped in the same step, so nothing is ever left behind.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

STATUS_BYTES_MAX = 65536


class Child:
    """One process. `handover` is sent later, so that its interpreter starts in the meantime.

    Synchronization: one thread.
    """

    def __init__(self, module: str, name: str, descriptors: Sequence[int], log: int) -> None:
        plan_read, self._plan_write = os.pipe()
        self.status_fd, status_write = os.pipe()
        os.set_blocking(self.status_fd, False)
        self.child_status_fd = status_write
        command = [sys.executable, "-I", "-m", module]
        command += [name] if name else []
        command += ["--plan-fd", str(plan_read)]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[*descriptors, plan_read, status_write],
                start_new_session=True,
            )
        finally:
            os.close(plan_read)
            os.close(status_write)
        self.pid = self._process.pid
        self.pidfd = os.pidfd_open(self.pid)
        self._unread = b""

    def hand_over(self, document: str) -> None:
        """Send the handover; a child that is gone already is reported by its pidfd, not here."""
        with os.fdopen(self._plan_write, "wb") as stream:
            try:
                stream.write(document.encode())
                stream.flush()
            except BrokenPipeError:
                return

    def statuses(self) -> list[dict[str, Any]]:
        """Return the status lines that have come since the last call."""
        try:
            while chunk := os.read(self.status_fd, STATUS_BYTES_MAX):
                self._unread = (self._unread + chunk)[-STATUS_BYTES_MAX:]
        except BlockingIOError:
            pass
        *lines, self._unread = self._unread.split(b"\n")
        return [status for line in lines if (status := _decoded(line)) is not None]

    def kill(self) -> None:
        """End it at once."""
        signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    def reap(self) -> int:
        """Collect it once its pidfd is readable; return its status, negative for a signal."""
        code = self._process.wait()
        os.close(self.pidfd)
        os.close(self.status_fd)
        return code


def describe_exit(code: int) -> str:
    """Say in words how a process ended."""
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit status {code}"


def _decoded(line: bytes) -> dict[str, Any] | None:
    try:
        status = json.loads(line)
    except ValueError:
        return None
    return status if isinstance(status, dict) else None
