"""Open a tty: exclusively, raw, non-blocking, with low latency where the driver has it.

Rules. The only user of pyserial. Every refusal names the port, the reason and what to do.
"""

from __future__ import annotations

import contextlib
import errno
import termios

import serial

from amphost.errors import HardwareMissingError, LocalLinkError, NoPermissionError, PlanError
from amphost.port_address import is_usb, shown
from amphost.tty_identity import describe, find_usb

_MISSING = frozenset({errno.ENOENT, errno.ENODEV, errno.ENXIO})


def open_tty(address: str, baud: int, root: str = "") -> serial.Serial:
    """Open a tty at `baud`, 8N1, by its name or by whom it belongs to; the caller closes it.

    Raises HardwareMissingError where there is no such port, PlanError where several may be meant,
    NoPermissionError where it may not be opened, LocalLinkError where another process holds it or
    it is no serial port. `root` is where /sys and /dev begin, for an identity.
    """
    if not is_usb(address):
        return _opened(address, baud)
    name = _named(address, root)
    line = _opened(root + name, baud)
    try:
        if _named(address, root) == name:
            return line
    except BaseException:
        line.close()
        raise
    line.close()  # unplugged between the two, and another device has the name
    raise HardwareMissingError([f"{shown(address)}: it has just changed its name"])


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


def _opened(port: str, baud: int) -> serial.Serial:
    try:
        line = serial.Serial(port, baud, timeout=0, write_timeout=0, exclusive=True)
    except (OSError, termios.error, ValueError, OverflowError) as error:
        raise _refused(port, baud, error) from error
    with contextlib.suppress(OSError, ValueError, AttributeError):
        line.set_low_latency_mode(True)  # a pty has no such thing
    return line


def _refused(port: str, baud: int, error: Exception) -> Exception:
    number = error.args[0] if isinstance(error, termios.error) else getattr(error, "errno", None)
    if number in _MISSING:
        return HardwareMissingError(
            [f"{port}: there is no such port; plug the device in, see `ls -l /dev/serial/by-id`"]
        )
    if number in (errno.EACCES, errno.EPERM):
        return NoPermissionError(
            f"{port}: this user may not open it; join its group (`ls -l {port}`, often dialout) "
            "and log in again"
        )
    if number in (errno.EBUSY, errno.EAGAIN) or "lock" in str(error):
        return LocalLinkError(
            f"{port}: another process holds it; end that process (`fuser {port}` names it)"
        )
    return LocalLinkError(
        f"{port}: it cannot be used at {baud} baud ({error}); check that it is a serial port"
    )
