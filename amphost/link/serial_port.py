"""Open a device's port, whatever its address is: a tty, or a socket of this machine.

Rules. Bytes are the pump's business, not ours: what comes back is kept open and its descriptor,
which does not block, handed on. Who has a socket never imports pyserial, nor the other way round.
"""

from __future__ import annotations

from amphost.port_address import is_tty

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Protocol, Self

    class OpenPort(Protocol):
        """A port that is open; closing it gives it back.

        Synchronization: one thread.
        """

        @property
        def facts(self) -> dict[str, object]:
            """What the driver granted."""
            ...

        def fileno(self) -> int:
            """Return its descriptor, which does not block."""
            ...

        def close(self) -> None:
            """Give it back."""
            ...

        def __enter__(self) -> Self: ...

        def __exit__(
            self,
            kind: type[BaseException] | None,
            error: BaseException | None,
            trace: TracebackType | None,
        ) -> None: ...


def open_port(address: str, baud: int) -> OpenPort:
    """Open a port; a tty at `baud`, 8N1. The caller closes it.

    Raises HardwareMissingError where there is no such port, NoPermissionError where it may not be
    opened, LocalLinkError where another process holds it or it is none.
    """
    if is_tty(address):
        from amphost.link.tty_port import open_tty

        return open_tty(address, baud)
    from amphost.link.socket_port import open_socket

    return open_socket(address)
