"""Open a tty: exclusively, raw, non-blocking, with low latency where the driver has it.

Rules. The only user of pyserial. Every refusal names the port, the reason and what to do.
"""

from __future__ import annotations

import contextlib
import errno
import termios

import serial

from amphost.errors import HardwareMissingError, LocalLinkError, NoPermissionError

_MISSING = frozenset({errno.ENOENT, errno.ENODEV, errno.ENXIO})


def open_tty(port: str, baud: int) -> serial.Serial:
    """Open `port` at `baud`, 8N1; the caller closes it.

    Raises HardwareMissingError where there is no such port, NoPermissionError where it may not be
    opened, LocalLinkError where another process holds it or it is no serial port.
    """
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
