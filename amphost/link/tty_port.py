"""Open a tty: exclusively, raw, non-blocking, with low latency where the driver has it.

Rules. The only user of pyserial, and only until the port is open: what is kept is one descriptor,
and what the driver granted. A speed that the driver does not have is refused, not rounded. Closing
leaves DTR and RTS as they are (HUPCL is off), so that the next opening is no edge on them: an edge
of DTR resets an Arduino. Every refusal names the port, the reason and what to do.
"""

from __future__ import annotations

import array
import contextlib
import errno
import fcntl
import os
import termios
import time

import serial

from amphost.errors import HardwareMissingError, LocalLinkError, NoPermissionError, PlanError
from amphost.port_address import is_usb, settings_of, shown
from amphost.tty_identity import describe, find_usb

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from typing import Self

BAUD_TOLERANCE = 0.02  # an asynchronous line bears about twice as much, and the device has its own
PULSE_S = 0.05

_MISSING = frozenset({errno.ENOENT, errno.ENODEV, errno.ENXIO})
_NO_SUCH_LINE = frozenset({errno.ENOTTY, errno.EINVAL})
_TCGETS2 = 0x802C542A  # of struct termios2: eleven words, the last two are the speeds
_TIOCGSERIAL = 0x541E
_FLAGS_WORD = 4
_LOW_LATENCY = 0x2000
_PTY_MAJORS = range(136, 144)


class TtyPort:
    """An open tty. `facts` is what the driver granted, for the report.

    Synchronization: one thread.
    """

    def __init__(self, descriptor: int, facts: dict[str, object]) -> None:
        self.facts = facts
        self._descriptor = descriptor

    def fileno(self) -> int:
        """Return its descriptor, which does not block."""
        return self._descriptor

    def close(self) -> None:
        """Give it back; once is enough."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        self.close()


def open_tty(address: str, baud: int, root: str = "") -> TtyPort:
    """Open a tty at `baud`, 8N1, by its name or by whom it belongs to; the caller closes it.

    Raises HardwareMissingError where there is no such port, PlanError where several may be meant,
    NoPermissionError where it may not be opened, LocalLinkError where another process holds it or
    it is no serial port. `root` is where /sys and /dev begin, for an identity.
    """
    bare, dtr, rts = settings_of(address)
    if not is_usb(bare):
        return _opened(bare, baud, dtr, rts)
    name = _named(bare, root)
    line = _opened(root + name, baud, dtr, rts)
    try:
        if _named(bare, root) == name:
            return line
    except BaseException:
        line.close()
        raise
    line.close()  # unplugged between the two, and another device has the name
    raise HardwareMissingError([f"{shown(bare)}: it has just changed its name"])


def _named(address: str, root: str) -> str:
    """Return the name that a device's tty has now."""
    found = find_usb(address, root)
    if not found:
        raise HardwareMissingError(
            [f"{shown(address)}: no such device is plugged in; see `amphost ports`"]
        )
    if len(found) > 1:
        names = " and ".join(map(describe, found))
        remedy = "give its serial number or interface in the board file"
        raise PlanError([f"{shown(address)}: {names} are both meant; {remedy}"])
    return found[0].name


def _opened(port: str, baud: int, dtr: str, rts: str) -> TtyPort:
    try:
        line = serial.Serial(None, baud, timeout=0, write_timeout=0, exclusive=True)
        line.port = port
        line.dtr, line.rts = dtr != "release", rts != "release"  # as pyserial leaves them
        line.open()
    except (OSError, termios.error, ValueError, OverflowError) as error:
        raise _refused(port, baud, error) from error
    with line:
        facts = _settle(line, port, baud, dtr)
        return TtyPort(os.dup(line.fileno()), facts)


def _settle(line: serial.Serial, port: str, baud: int, dtr: str) -> dict[str, object]:
    """Set what pyserial does not, and return what the driver granted."""
    descriptor = line.fileno()
    try:
        exclusive = _take_alone(descriptor)
        _keep_lines_at_the_end(descriptor)
        has_lines = _has_modem_lines(descriptor)
        if dtr == "pulse" and has_lines:
            line.dtr = False
            time.sleep(PULSE_S)
            line.dtr = True
    except (OSError, termios.error) as error:
        raise _refused(port, baud, error) from error
    with contextlib.suppress(OSError, ValueError, AttributeError):
        line.set_low_latency_mode(True)
    return {
        "port": os.path.realpath(port),
        "baud": _granted_baud(descriptor, port, baud),
        "exclusive": exclusive,
        "low_latency": _low_latency(descriptor),
        "modem_lines": has_lines,
    }


def _take_alone(descriptor: int) -> bool:
    """Refuse every later opening, root's excepted; a pty would stay so after our end."""
    if os.major(os.fstat(descriptor).st_rdev) in _PTY_MAJORS:
        return False
    fcntl.ioctl(descriptor, termios.TIOCEXCL)
    return True


def _keep_lines_at_the_end(descriptor: int) -> None:
    settings = termios.tcgetattr(descriptor)
    if settings[2] & termios.HUPCL:
        settings[2] &= ~termios.HUPCL
        termios.tcsetattr(descriptor, termios.TCSANOW, settings)


def _has_modem_lines(descriptor: int) -> bool:
    try:
        fcntl.ioctl(descriptor, termios.TIOCMGET, bytes(4))
    except OSError as error:
        if error.errno in _NO_SUCH_LINE:
            return False  # a pty, a second core
        raise
    return True


def _granted_baud(descriptor: int, port: str, baud: int) -> int:
    """Return the speed that the driver says it has taken; LocalLinkError where it is another."""
    words = array.array("I", [0] * 16)
    try:
        fcntl.ioctl(descriptor, _TCGETS2, words)
    except OSError:
        return baud  # this Linux does not tell
    granted = words[10]
    if abs(granted - baud) > BAUD_TOLERANCE * baud:
        raise LocalLinkError(
            f"{port}: its driver gives {granted} baud, not {baud}; choose a speed that it has, "
            "here and in the firmware"
        )
    return granted


def _low_latency(descriptor: int) -> bool:
    words = array.array("i", [0] * 32)
    try:
        fcntl.ioctl(descriptor, _TIOCGSERIAL, words)
    except OSError:
        return False
    return bool(words[_FLAGS_WORD] & _LOW_LATENCY)


def _refused(port: str, baud: int, error: Exception) -> Exception:
    number = error.args[0] if isinstance(error, termios.error) else getattr(error, "errno", None)
    if number in _MISSING:
        return HardwareMissingError(
            [f"{port}: there is no such port; plug the device in, see `amphost ports`"]
        )
    if number in (errno.EACCES, errno.EPERM):
        return NoPermissionError(
            f"{port}: this user may not open it; join its group (`ls -l {port}`, often dialout) "
            "and log in again"
        )
    if number in (errno.EBUSY, errno.EAGAIN) or "lock" in str(error):
        return LocalLinkError(f"{port}: another process holds it; {_remedy_for_held(port)}")
    return LocalLinkError(
        f"{port}: it cannot be used at {baud} baud ({error}); check that it is a serial port"
    )


def _remedy_for_held(port: str) -> str:
    from amphost.link.holders import holders_of  # only on the way out

    who = ", ".join(f"{one.command or one.name} (pid {one.pid})" for one in holders_of(port))
    return f"end {who}" if who else f"end that process (`sudo fuser {port}` names it)"
