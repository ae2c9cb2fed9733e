"""Read and write a microcontroller's memory as a debugger does, through QEMU's gdb stub.

Rules. The processor stands still from the connection to `close`, and so does its clock: it cannot
tell that somebody looked. GDB's remote protocol, the four packets that this takes.
"""

from __future__ import annotations

import socket
from pathlib import Path
from types import TracebackType
from typing import Self


class Debugger:
    """One look at a processor; it runs on when this is closed.

    Synchronization: one thread.
    """

    def __init__(self, path: Path, within_s: float = 10.0) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(within_s)
        self._socket.connect(str(path))
        self._lines = self._socket.makefile("rb")
        self._ask("?")

    def read(self, address: int, size: int) -> bytes:
        """Return memory."""
        return bytes.fromhex(self._ask(f"m{address:x},{size:x}"))

    def write(self, address: int, content: bytes) -> None:
        """Change memory."""
        answer = self._ask(f"M{address:x},{len(content):x}:{content.hex()}")
        assert answer == "OK", answer

    def close(self) -> None:
        """Let the processor run on."""
        self._ask("D")
        self._lines.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _ask(self, packet: str) -> str:
        check = sum(packet.encode()) & 0xFF
        self._socket.sendall(f"+${packet}#{check:02x}".encode())
        answer = self._answer(packet)
        while packet != "?" and answer.startswith("T"):  # that it has stopped: no answer to this
            answer = self._answer(packet)
        return answer

    def _answer(self, packet: str) -> str:
        answer = b""
        while not answer.startswith(b"$"):
            answer = self._lines.read(1)
            assert answer, f"the stub hung up at {packet}"
        while not answer.endswith(b"#"):
            answer += self._lines.read(1)
        self._lines.read(2)
        self._socket.sendall(b"+")
        return answer[1:-1].decode()
