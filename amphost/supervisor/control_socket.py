"""The control socket: how a person arms, disarms, acknowledges or stops a running system.

Rules. A Unix socket in the runtime directory, 0660; the peer's credentials decide (this user or
root), not what it says. One line of JSON in, one line out: `{"verb": "arm"}` ->
`{"ok": true, "mode": "ARMED"}` or `{"ok": false, "error": "...", "exit": 1}`. What else stands in a
request is for the verb to judge; here it is any JSON. At most 64 KiB a line
and 8 clients: one more takes the place of the one that was silent longest. A client that misbehaves
or does not read is dropped; whoever is refused is counted. Never blocks the supervisor: a turn
reads and answers so much, and for so long, and no more; who was answered last comes last.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from amphost.errors import AmphostError, NoPermissionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

LINE_MAX = 65536
CLIENTS_MAX = 8
ANSWERS_A_TURN = 8
TURN_S = 0.005
"""For all clients together; an answer that was begun is given."""
SOCKET_MODE = 0o660
ASK_S = 5.0
RETRY_S = 0.02
HUNG_UP = "the system hung up"
DESCRIPTORS = "descriptors"
"""The key of a reply under which an answer has descriptors to hand over; they are closed here."""
DESCRIPTORS_MAX = 8


class NotRunningError(AmphostError):
    """The system that was asked does not run, or does no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Who asks, by the word of Linux.

    Synchronization: none required; immutable.
    """

    uid: int
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One line of a client: the verb, and whatever stands beside it.

    Synchronization: none required; `fields` belong to who gets it.
    """

    verb: str
    fields: dict[str, Any]
    peer: Peer


@dataclass(slots=True, eq=False)
class _Client:
    """One connection and what it has sent so far."""

    connection: socket.socket
    peer: Peer
    unread: bytes = b""
    answered: int = 0  # which of all answers was its last
    ended: bool = False  # nothing more will come


class ControlSocket:
    """The supervisor's end. `poll` once a turn; `answer` maps a request to a reply.

    Synchronization: one thread.
    """

    def __init__(self, path: Path, answer: Callable[[Request], dict[str, Any]]) -> None:
        self._path = path
        self._answer = answer
        self.refused = 0
        self._clients: list[_Client] = []  # the longest silent first
        self._answers = 0
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            path.unlink(missing_ok=True)  # of a run that was killed: the lock is ours
            self._server.setblocking(False)
            self._server.bind(str(path))
            path.chmod(SOCKET_MODE)
            self._server.listen(CLIENTS_MAX)
        except OSError as error:
            self._server.close()
            raise AmphostError(
                f"{path}: no control socket ({error}); give a shorter --runtime-dir, or make room"
            ) from error

    def poll(self) -> None:
        """Take what has come and answer it."""
        for _ in range(CLIENTS_MAX):
            if not self._accept():
                break
        end_s = time.monotonic() + TURN_S
        for client in sorted(self._clients, key=lambda one: one.answered):
            self._serve(client, end_s)
            if time.monotonic() > end_s:
                break  # the others come first in the next turn

    def _accept(self) -> bool:
        """Take one connection; return whether there was one."""
        try:
            connection, _ = self._server.accept()
        except OSError:
            return False  # nobody, or no descriptor left for them
        connection.setblocking(False)
        peer = _peer(connection)
        if peer.uid not in (0, os.geteuid()):
            self.refused += 1
            refusal = NoPermissionError("refused: the system is another user's")
            _send(connection, _no(refusal))
            connection.close()
            return True
        if len(self._clients) >= CLIENTS_MAX:
            self._refuse(self._clients[0])
        self._clients.append(_Client(connection, peer))
        return True

    def _serve(self, client: _Client, end_s: float) -> None:
        if b"\n" not in client.unread:
            self._read(client)
        for _ in range(ANSWERS_A_TURN):
            line, newline, rest = client.unread.partition(b"\n")
            if not newline:
                break
            client.unread = rest
            self._answers += 1
            client.answered = self._answers
            reply = self._reply(line, client.peer)
            if not _send(client.connection, reply, reply.pop(DESCRIPTORS, [])):
                self._refuse(client)
                return
            if time.monotonic() > end_s:
                return
        if b"\n" in client.unread:
            return
        if client.ended:
            self._drop(client)
        elif len(client.unread) >= LINE_MAX:
            self._refuse(client)

    def _read(self, client: _Client) -> None:
        try:
            chunk = client.connection.recv(LINE_MAX - len(client.unread))
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        client.ended = not chunk
        client.unread += chunk
        self._clients.remove(client)
        self._clients.append(client)

    def _reply(self, line: bytes, peer: Peer) -> dict[str, Any]:
        fields = _decoded(line)
        verb = fields.pop("verb", None)
        if not isinstance(verb, str):
            self.refused += 1
            return _no(AmphostError('no request: send {"verb": "state"}'))
        try:
            return {"ok": True, **self._answer(Request(verb=verb, fields=fields, peer=peer))}
        except AmphostError as error:
            return _no(error)

    def _refuse(self, client: _Client) -> None:
        self.refused += 1
        self._drop(client)

    def _drop(self, client: _Client) -> None:
        self._clients.remove(client)
        client.connection.close()

    def close(self) -> None:
        """Close every client and take the socket away."""
        for client in list(self._clients):
            self._drop(client)
        self._server.close()
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


def ask(
    path: Path,
    verb: str,
    fields: Mapping[str, object] | None = None,
    within_s: float = ASK_S,
    descriptors: list[int] | None = None,
) -> dict[str, Any]:
    """Ask a running system; return its reply. AmphostError when there is none or it says no.

    Descriptors that come with it are appended to `descriptors`, and are then the caller's.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(within_s)
        try:
            _connect(client, path, within_s)
            client.sendall(json.dumps({"verb": verb, **(fields or {})}).encode() + b"\n")
            line = _line(client, descriptors)
        except OSError as error:
            raise _unanswered(path, error, within_s) from error
    reply = _decoded(line)
    if "ok" not in reply:
        raise NotRunningError(f"{path}: {HUNG_UP}")
    if not reply.pop("ok"):
        kind = NoPermissionError if reply.get("exit") == NoPermissionError.exit_code else None
        raise (kind or AmphostError)(str(reply.get("error")))
    return reply


def _line(client: socket.socket, descriptors: list[int] | None) -> bytes:
    """Read one line, and take the descriptors that come with it, where somebody wants any."""
    line = b""
    while not line.endswith(b"\n") and len(line) < LINE_MAX:
        if descriptors is None:
            piece = client.recv(LINE_MAX)
        else:
            piece, come, _, _ = socket.recv_fds(client, LINE_MAX, DESCRIPTORS_MAX)
            for one in come:
                os.set_inheritable(one, False)
            descriptors += come
        if not piece:
            break
        line += piece
    return line


def _connect(client: socket.socket, path: Path, within_s: float) -> None:
    """Connect; a system with too many at its door is tried again until the time is over."""
    end_s = time.monotonic() + within_s
    while True:
        try:
            client.connect(str(path))
        except BlockingIOError:
            if time.monotonic() > end_s:
                raise
            time.sleep(RETRY_S)
        else:
            return


def _unanswered(path: Path, error: OSError, within_s: float) -> AmphostError:
    if isinstance(error, PermissionError):
        return NoPermissionError(f"{path}: this user may not operate that system")
    if isinstance(error, TimeoutError):
        return AmphostError(f"{path}: no answer within {within_s:g} s")
    if isinstance(error, BlockingIOError):
        return AmphostError(f"{path}: the system is busy with others; try again")
    if error.errno in (errno.ECONNRESET, errno.EPIPE):
        return NotRunningError(f"{path}: {HUNG_UP}")
    return NotRunningError(f"nothing runs at {path}; start it with `amphost run`")


def _decoded(line: bytes) -> dict[str, Any]:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _peer(connection: socket.socket) -> Peer:
    size = struct.calcsize("3i")
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    pid, uid, _ = struct.unpack("3i", credentials)
    return Peer(uid=uid, pid=pid)


def _no(error: AmphostError) -> dict[str, Any]:
    return {"ok": False, "error": str(error), "exit": error.exit_code}


def _send(
    connection: socket.socket, reply: dict[str, Any], descriptors: Sequence[int] = ()
) -> bool:
    """Send a reply at once, with these descriptors; return whether all of it went."""
    line = json.dumps(reply).encode() + b"\n"
    try:
        if descriptors:
            return socket.send_fds(connection, [line], descriptors) == len(line)
        return connection.send(line) == len(line)
    except OSError:
        return False
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
