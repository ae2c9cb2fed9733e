"""The two ends of a fault proxy: the device's own port, and the pty that the host opens instead.

Rules. Nothing here waits. A read or write that fails because the other end is gone closes an inner
port; it is opened again as often as it takes, as `link.reopening` does. An outer one is closed by
its owner alone, and comes back under another name.
"""

from __future__ import annotations

import os
import struct
import tty
from fcntl import ioctl

from amphost.errors import AmphostError
from amphost.link.serial_port import open_port

TYPE_CHECKING = False  # typing's own costs a process 6 ms and 0.6 MB
if TYPE_CHECKING:
    from amphost.link.serial_port import OpenPort

READ_MAX = 4096
NOT_OPEN = -1
FIRST_WAIT_NS = 20_000_000
LONGEST_WAIT_NS = 500_000_000
FIRST_OPEN_NS = 2_000_000_000
"""A device that was not there for so long at the start is missing."""
TCGETS2 = 0x802C542A
"""Of x86, Arm and RISC-V: asm-generic/ioctls.h; struct termios2 is in asm-generic/termbits.h."""
TERMIOS2_SIZE = 44
OSPEED_AT = 40


class Inner:
    """The device's own port.

    Synchronization: one thread.
    """

    def __init__(self, port: str, baud: int) -> None:
        self.descriptor = NOT_OPEN
        self.next_ns = 0
        self._port = port
        self._baud = baud
        self._line: OpenPort | None = None
        self._wait_ns = FIRST_WAIT_NS
        self._first_ns = 0
        self._was_open = False

    def is_open(self) -> bool:
        """Return whether the device can be reached."""
        return self.descriptor != NOT_OPEN

    def open(self, now_ns: int) -> bool:
        """Try again if it is time; raise what stands in the way where it was never there."""
        if now_ns < self.next_ns:
            return False
        self._first_ns = self._first_ns or now_ns
        try:
            self._line = open_port(self._port, self._baud)
        except (AmphostError, OSError):
            if not self._was_open and now_ns - self._first_ns > FIRST_OPEN_NS:
                raise
        else:
            self.descriptor = self._line.fileno()
            self._was_open = True
            self._wait_ns = FIRST_WAIT_NS
            return True
        self.next_ns = now_ns + self._wait_ns
        self._wait_ns = min(2 * self._wait_ns, LONGEST_WAIT_NS)
        return False

    def read(self) -> bytes:
        """Return what has come; a device that is gone sends nothing."""
        try:
            chunk = os.read(self.descriptor, READ_MAX)
        except BlockingIOError:
            return b""
        except OSError:
            chunk = b""
        if not chunk:
            self._lose()
        return chunk

    def write(self, chunk: bytes) -> int:
        """Return how much of it was taken."""
        try:
            return os.write(self.descriptor, chunk)
        except BlockingIOError:
            return 0
        except OSError:
            self._lose()
            return len(chunk)

    def _lose(self) -> None:
        self.descriptor = NOT_OPEN
        line, self._line = self._line, None
        if line is not None:
            try:
                line.close()
            except OSError:
                return  # it is gone, which is what we want


class Outer:
    """The pty that stands in for the device's port.

    Its slave stays open here, so that the master sees no hang-up between two hosts.

    Synchronization: one thread.
    """

    def __init__(self) -> None:
        self.master = self._slave = NOT_OPEN
        self._name = ""

    def is_in(self) -> bool:
        """Return whether the cable is plugged in."""
        return self.master != NOT_OPEN

    def put_in(self) -> str:
        """Plug it in; return the name of the port, which is not the one it had before."""
        master, slave = os.openpty()
        if os.ttyname(slave) == self._name:
            kept = master, slave
            master, slave = os.openpty()
            for descriptor in kept:
                os.close(descriptor)
        tty.setraw(slave)
        os.set_blocking(master, False)
        self.master, self._slave, self._name = master, slave, os.ttyname(slave)
        return self._name

    def take_out(self) -> None:
        """Unplug it: the host's reads and writes fail from now on."""
        os.close(self._slave)
        os.close(self.master)
        self.master = self._slave = NOT_OPEN

    def host_baud(self) -> int:
        """Return the speed that the host has set; 0 where this system does not say."""
        answer = bytearray(TERMIOS2_SIZE)
        try:
            ioctl(self.master, TCGETS2, answer)
        except OSError:
            return 0
        return int(struct.unpack_from("I", answer, OSPEED_AT)[0])

    def read(self) -> bytes:
        """Return what the host has written."""
        try:
            return os.read(self.master, READ_MAX)
        except OSError:
            return b""

    def write(self, chunk: bytes) -> int:
        """Return how much of it was taken."""
        try:
            return os.write(self.master, chunk)
        except OSError:
            return 0
