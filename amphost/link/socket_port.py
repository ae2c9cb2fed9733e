"""Open a socket of this machine as a device's port: TCP to a loopback address, or a unix socket.

Rules. Somebody listens there: an emulator, a proxy, an ssh tunnel. Frames leave at once (no
Nagle), and little of them waits in Linux, so that a device which has stopped reading does not find
seconds of old actuations when it goes on. Every refusal names the address and what to do.
"""

from __future__ import annotations

import errno
import socket

from amphost.errors import AmphostError, HardwareMissingError, LocalLinkError, NoPermissionError
from amphost.port_address import fault_of, host_and_port, is_unix, unix_path

CONNECT_S = 1.0
SEND_BYTES = 4096  # what a tty of Linux holds

_MISSING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ECONNREFUSED, errno.ECONNRESET})


class SocketPort(socket.socket):
    """A connected socket; nothing of it is granted, so there is nothing to tell but where it leads.

    Synchronization: one thread.
    """

    facts: dict[str, object]


def open_socket(address: str) -> SocketPort:
    """Connect to `address`; the caller closes it."""
    fault = fault_of(address)
    if fault is not None:
        raise LocalLinkError("; ".join(fault))
    try:
        return _connected(address)
    except OSError as error:
        raise _refused(address, error) from error


def _connected(address: str) -> SocketPort:
    family, target = _target(address)
    line = SocketPort(family, socket.SOCK_STREAM)
    line.facts = {"port": address}
    try:
        line.settimeout(CONNECT_S)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)
        if family != socket.AF_UNIX:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.connect(target)
        line.setblocking(False)
    except BaseException:
        line.close()
        raise
    return line


def _target(address: str) -> tuple[int, str | tuple[str, int]]:
    if is_unix(address):
        return socket.AF_UNIX, unix_path(address)
    host, port = host_and_port(address)
    return (socket.AF_INET6 if ":" in host else socket.AF_INET), (host, port)


def _refused(address: str, error: OSError) -> AmphostError:
    if error.errno in _MISSING:
        return HardwareMissingError(
            [f"{address}: nobody listens there; start what serves it (an emulator, a proxy)"]
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return NoPermissionError(
            f"{address}: this user may not connect; who serves it gives the right"
        )
    if isinstance(error, TimeoutError) or error.errno == errno.EAGAIN:
        return LocalLinkError(f"{address}: its server takes no connection; another one may hold it")
    return LocalLinkError(f"{address}: it cannot be used as a port ({error})")
