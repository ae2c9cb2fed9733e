"""A cable that a test can hold in its hands: between the io role's socket and the device's.

Rules. The host's end is there while the device's is, as a USB adapter is. Every byte goes through
as it came, and is kept. The device is always read, for an emulator's UART waits where a real one
does not: what no host takes is lost. `silent` swallows bytes both ways, which no end is told of;
`cut` takes the host's end away, `mend` offers it again.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from pathlib import Path

CHUNK = 4096
LOOK_S = 0.02


class Splice:
    """One cable. `to_device` and `to_host` are all that went through it.

    Synchronization: a thread of its own forwards; its flags are events.
    """

    def __init__(self, host: Path, device: Path) -> None:
        self.to_device = bytearray()
        self.to_host = bytearray()
        self.silent = False
        self._path = host
        self._device_path = device
        self._out = threading.Event()
        self._ending = threading.Event()
        self._injected: list[tuple[bool, bytes]] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Pull the plug: the host sees a hang-up, the device nothing."""
        self._out.set()

    def mend(self) -> None:
        """Put it in again."""
        self._out.clear()

    def inject(self, content: bytes, *, to_device: bool) -> None:
        """Slip bytes in front of the next ones."""
        self._injected.append((to_device, content))

    def close(self) -> None:
        """End."""
        self._ending.set()
        self._thread.join()

    def _serve(self) -> None:
        while not self._ending.is_set():
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as device:
                device.connect(str(self._device_path))
                self._have(device)
            self._path.unlink(missing_ok=True)
            time.sleep(LOOK_S)

    def _have(self, device: socket.socket) -> None:
        """Have a device; let hosts come and go until it is gone."""
        while not self._ending.is_set():
            if self._out.is_set():
                self._forward(None, device)
                continue
            with self._offered() as listener:
                self._listen(listener, device)
            self._path.unlink(missing_ok=True)

    def _listen(self, listener: socket.socket, device: socket.socket) -> None:
        while self._in():
            if listener not in select.select([listener, device], [], [], LOOK_S)[0]:
                self._forward(None, device)
                continue
            host, _ = listener.accept()
            with host:
                host.setblocking(False)
                while self._in() and self._forward(host, device):
                    pass

    def _in(self) -> bool:
        return not self._out.is_set() and not self._ending.is_set()

    def _offered(self) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX)
        fresh = self._path.with_suffix(".new")
        listener.bind(str(fresh))
        listener.listen(1)
        fresh.rename(self._path)
        return listener

    def _forward(self, host: socket.socket | None, device: socket.socket) -> bool:
        """Move what is there, within a moment; return whether the host is still there."""
        self._inject(host, device)
        ends = [device] if host is None else [host, device]
        ready = select.select(ends, [], [], LOOK_S)[0]
        if device in ready:
            content = device.recv(CHUNK)
            if not content:
                raise ConnectionResetError
            self._to_host(host, content)
        if host is None or host not in ready:
            return True
        with contextlib.suppress(ConnectionError):
            content = host.recv(CHUNK)
            if content and not self.silent:
                self.to_device += content
                device.sendall(content)
            return bool(content)
        return False

    def _inject(self, host: socket.socket | None, device: socket.socket) -> None:
        while self._injected:
            forward, content = self._injected.pop(0)
            if forward:
                device.sendall(content)
            elif host is not None:
                host.send(content)

    def _to_host(self, host: socket.socket | None, content: bytes) -> None:
        if host is not None and not self.silent:
            self.to_host += content
            with contextlib.suppress(BlockingIOError, ConnectionError):
                host.send(content)
