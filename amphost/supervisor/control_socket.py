"""The control socket: how a person arms, disarms, acknowledges or stops a running system.

Rules. A Unix socket in the runtime directory, 0660; the peer's credentials decide (this user or
root), not what it says. One line of JSON in, one line out: `{"verb": "arm"}` ->
`{"ok": true, "mode": "ARMED"}` or `{"ok": false, "error": "..."}`. At most 64 KiB a line and 8
clients; one that misbehaves is dropped and counted. Never blocks the supervisor.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from typing import TYPE_CHECKING, Any

from amphost.errors import AmphostError, NoPermissionError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LINE_MAX = 65536
CLIENTS_MAX = 8
SOCKET_MODE = 0o660
ASK_S = 5.0


class ControlSocket:
    """The supervisor's end. `poll` once a turn; `answer` maps a verb to a reply.

    Synchronization: one thread.
    """

    def __init__(self, path: Path, answer: Callable[[str], dict[str, Any]]) -> None:
        self._path = path
        self._answer = answer
        self.refused = 0
        self._clients: dict[socket.socket, bytes] = {}
        path.unlink(missing_ok=True)
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.setblocking(False)
        self._server.bind(str(path))
        path.chmod(SOCKET_MODE)
        self._server.listen(CLIENTS_MAX)

    def poll(self) -> None:
        """Take what has come and answer it."""
        self._accept()
        for client in list(self._clients):
            self._read(client)

    def _accept(self) -> None:
        try:
            client, _ = self._server.accept()
        except BlockingIOError:
            return
        client.setblocking(False)
        if len(self._clients) >= CLIENTS_MAX or not _may_operate(client):
            self.refused += 1
            _send(client, {"ok": False, "error": "refused: another user, or too many clients"})
            client.close()
            return
        self._clients[client] = b""

    def _read(self, client: socket.socket) -> None:
        try:
            chunk = client.recv(LINE_MAX)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        unread = self._clients[client] + chunk
        if not chunk or len(unread) > LINE_MAX:
            self.refused += len(unread) > LINE_MAX
            self._drop(client)
            return
        *lines, self._clients[client] = unread.split(b"\n")
        for line in lines[:CLIENTS_MAX]:
            _send(client, self._reply(line))

    def _reply(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            verb = request["verb"]
        except (ValueError, KeyError, TypeError, RecursionError):
            self.refused += 1
            return {"ok": False, "error": 'no request: send {"verb": "state"}'}
        try:
            return {"ok": True, **self._answer(str(verb))}
        except AmphostError as error:
            return {"ok": False, "error": str(error)}

    def _drop(self, client: socket.socket) -> None:
        del self._clients[client]
        client.close()

    def close(self) -> None:
        """Close every client and take the socket away."""
        for client in list(self._clients):
            self._drop(client)
        self._server.close()
        self._path.unlink(missing_ok=True)


def ask(path: Path, verb: str) -> dict[str, Any]:
    """Ask a running system; return its reply. AmphostError when there is none or it says no."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(ASK_S)
        try:
            client.connect(str(path))
            client.sendall(json.dumps({"verb": verb}).encode() + b"\n")
            line = client.makefile("rb").readline(LINE_MAX)
        except PermissionError as error:
            raise NoPermissionError(f"{path}: this user may not operate that system") from error
        except (FileNotFoundError, ConnectionError) as error:
            raise AmphostError(f"nothing runs at {path}; start it with `amphost run`") from error
        except TimeoutError as error:
            raise AmphostError(f"{path}: no answer within {ASK_S:g} s") from error
    reply: dict[str, Any] = json.loads(line or b'{"ok": false, "error": "the system hung up"}')
    if not reply.pop("ok"):
        raise AmphostError(str(reply["error"]))
    return reply


def _may_operate(client: socket.socket) -> bool:
    size = struct.calcsize("3i")
    credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    _, uid, _ = struct.unpack("3i", credentials)
    return uid in (0, os.geteuid())


def _send(client: socket.socket, reply: dict[str, Any]) -> None:
    try:
        client.send(json.dumps(reply).encode() + b"\n")
    except OSError:
        return
