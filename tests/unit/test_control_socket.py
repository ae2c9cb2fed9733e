"""The control socket with friendly, clumsy and hostile clients, over real sockets."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from amphost.errors import AmphostError, NoPermissionError
from amphost.supervisor.control_socket import (
    CLIENTS_MAX,
    DESCRIPTORS,
    LINE_MAX,
    ControlSocket,
    Peer,
    Request,
    ask,
)
from tests.proc import descriptors, room_for
from tests.rights import without_rights
from tests.system.live import wait_for

POLL_S = 1.0
"""A supervisor that is away for 0.1 s has lost its roles; a poll that waits for a client never
comes back at all."""


class Bench:
    """A server whose verbs are noted, and its clients."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "control.sock"
        self.asked: list[str] = []
        self.peers: list[Peer] = []
        self.server = ControlSocket(self.path, self._answer)
        self._clients: list[socket.socket] = []

    def _answer(self, request: Request) -> dict[str, Any]:
        verb = request.verb
        self.asked.append(verb)
        self.peers.append(request.peer)
        if verb == "arm":
            raise AmphostError("not armed: control is dead")
        if verb == "nobody":
            raise NoPermissionError("refused")
        if verb == "long":
            return {"text": "x" * 60_000}
        if verb == "slow":
            self.until_s(time.monotonic() + 0.004)
            return {}
        if verb == "files":
            opened = [os.open("/dev/null", os.O_RDONLY) for _ in range(2)]
            return {"text": "x" * 30_000, DESCRIPTORS: opened}
        if verb == "echo":
            return request.fields
        return {"mode": "DISARMED"}

    @staticmethod
    def until_s(end_s: float) -> None:
        """Be busy."""
        while time.monotonic() < end_s:
            pass

    def poll(self) -> None:
        """One turn of the server; it must come back whatever its clients do."""
        began_s = time.monotonic()
        self.server.poll()
        assert time.monotonic() - began_s < POLL_S

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Turn until a condition holds."""

        def turn() -> bool:
            self.poll()
            return condition()

        wait_for(turn, what)

    def client(self) -> socket.socket:
        """Connect."""
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.settimeout(5)
        client.connect(str(self.path))
        self._clients.append(client)
        return client

    def reply(self, client: socket.socket) -> dict[str, Any]:
        """Return the next line that a client gets; empty once it is dropped."""
        client.setblocking(False)
        line = bytearray()
        gone: list[bool] = []

        def whole() -> bool:
            try:
                chunk = client.recv(1 << 20)
            except BlockingIOError:
                return False
            except ConnectionError:
                chunk = b""
            line.extend(chunk)
            gone.extend([True] * (not chunk))
            return bool(gone) or line.endswith(b"\n")

        self.until(whole, "a reply")
        replied: dict[str, Any] = json.loads(line) if line else {}
        return replied

    def close(self) -> None:
        """Close both ends."""
        for client in self._clients:
            client.close()
        self.server.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A server in a folder of its own."""
    made = Bench(tmp_path)
    yield made
    made.close()


def test_a_verb_gets_its_answer(bench: Bench) -> None:
    """One line in, one line out; a client may ask again."""
    client = bench.client()
    for _ in range(2):
        client.sendall(b'{"verb": "state"}\n')
        assert bench.reply(client) == {"ok": True, "mode": "DISARMED"}
    assert bench.asked == ["state", "state"]


def test_a_verb_gets_what_stands_beside_it_and_who_asked(bench: Bench) -> None:
    """A change has an author, and Linux names it."""
    client = bench.client()
    client.sendall(b'{"uid": 0, "verb": "echo", "values": {"a": 1}}\n')
    assert bench.reply(client) == {"ok": True, "uid": 0, "values": {"a": 1}}
    assert bench.peers == [Peer(uid=os.geteuid(), pid=os.getpid())]


def test_a_refusal_comes_back_in_words(bench: Bench) -> None:
    """Whoever arms must read why it was refused."""
    client = bench.client()
    client.sendall(b'{"verb": "arm"}\n')
    refusal = {"ok": False, "error": "not armed: control is dead", "exit": 1}
    assert bench.reply(client) == refusal


def test_a_request_in_pieces_is_answered_once_it_is_whole(bench: Bench) -> None:
    """A slow terminal types one letter at a time."""
    client = bench.client()
    for byte in b'{"verb": "disarm"}':
        client.sendall(bytes([byte]))
        bench.poll()
    assert bench.asked == []
    client.sendall(b"\n")
    assert bench.reply(client)["ok"]


def test_the_socket_is_for_its_user_and_group(bench: Bench) -> None:
    """The mode is the first wall, the credentials are the second."""
    assert stat.S_IMODE(bench.path.stat().st_mode) == 0o660


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"garbage",
        b"\xff\xfe\x00",
        b"[]",
        b"3",
        b'"state"',
        b"null",
        b"{}",
        b'{"verb": }',
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b"9" * 60_000,
        b'{"verb": "\\ud800"}',
    ],
)
def test_what_is_no_request_is_refused_and_counted(bench: Bench, line: bytes) -> None:
    """Nothing that a client can write may reach further than its own reply."""
    client = bench.client()
    client.sendall(line + b"\n")
    reply = bench.reply(client)
    if bench.asked:
        assert reply["ok"]  # a strange name of a verb is still a verb
    else:
        assert reply["error"] == 'no request: send {"verb": "state"}'
        assert reply["ok"] is False
        assert bench.server.refused == 1
    other = bench.client()
    other.sendall(b'{"verb": "state"}\n')
    assert bench.reply(other)["ok"]


def test_a_verb_that_is_not_text_is_no_request(bench: Bench) -> None:
    """A list of a million entries must not come back as the name of a verb."""
    client = bench.client()
    client.sendall(b'{"verb": ["state"]}\n')
    assert not bench.reply(client)["ok"]
    assert bench.asked == []
    assert bench.server.refused == 1


def test_a_line_may_have_64_kib_and_no_more(bench: Bench) -> None:
    """The supervisor's memory is not a client's to fill."""
    fits = bench.client()
    head = b'{"verb": "state", "x": "'
    fits.sendall(head + b"y" * (LINE_MAX - len(head) - 3) + b'"}\n')
    assert bench.reply(fits)["ok"]
    over = bench.client()
    sender = threading.Thread(target=send_all, args=(over, b"x" * (LINE_MAX + 4096)))
    sender.start()
    assert bench.reply(over) == {}
    sender.join()
    assert bench.server.refused == 1


def send_all(client: socket.socket, text: bytes) -> None:
    """Send as much as the other side takes."""
    try:
        client.sendall(text)
    except OSError:
        return


def test_answers_that_take_long_do_not_fill_the_turn_and_come_all_the_same(bench: Bench) -> None:
    """The supervisor beats once a turn: no client may hold it, and none waits for ever."""
    clients = [bench.client() for _ in range(CLIENTS_MAX)]
    for client in clients:
        client.sendall(b'{"verb": "slow"}\n' * 20)
    longest_s, turns = 0.0, 0
    while len(bench.asked) < 20 * CLIENTS_MAX:
        began_s, before = time.monotonic(), len(bench.asked)
        bench.server.poll()
        assert 0 < len(bench.asked) - before <= CLIENTS_MAX + 1
        longest_s = max(longest_s, time.monotonic() - began_s)
        turns += 1
    assert turns >= 20
    for client in clients:
        lines = client.makefile("rb")
        assert [json.loads(lines.readline()) for _ in range(20)] == [{"ok": True}] * 20


def test_a_burst_of_requests_is_answered_to_the_last(bench: Bench) -> None:
    """What a turn has no time for waits for the next one; nothing is swallowed."""
    client = bench.client()
    client.sendall(b'{"verb": "state"}\n' * 50)
    bench.until(lambda: len(bench.asked) == 50, "all of them")
    assert client.recv(1 << 20).count(b"\n") == 50


def test_the_ninth_client_is_served_and_the_longest_silent_one_dropped(bench: Bench) -> None:
    """Forgotten terminals must not keep a person from stopping the machine."""
    clients = []
    for _ in range(CLIENTS_MAX):
        clients.append(bench.client())
        bench.poll()
    clients[0].sendall(b'{"verb": "state"}\n')
    assert bench.reply(clients[0])["ok"]
    ninth = bench.client()
    ninth.sendall(b'{"verb": "stop"}\n')
    assert bench.reply(ninth)["ok"]
    assert bench.reply(clients[1]) == {}
    clients[0].sendall(b'{"verb": "state"}\n')
    assert bench.reply(clients[0])["ok"]
    assert bench.server.refused == 1


def test_a_client_that_does_not_read_is_dropped(bench: Bench) -> None:
    """Its replies would pile up here, and half a reply would pass for a whole one."""
    client = bench.client()
    client.sendall(b'{"verb": "long"}\n' * 64)
    for _ in range(64):
        bench.poll()
    assert bench.server.refused == 1
    other = bench.client()
    other.sendall(b'{"verb": "state"}\n')
    assert bench.reply(other)["ok"]


def test_a_client_that_leaves_at_once_is_no_trouble(bench: Bench) -> None:
    """Connections that are gone before they are looked at."""
    before = descriptors()
    for text in (b"", b'{"verb": "state"}\n', b"half a li"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.connect(str(bench.path))
            client.sendall(text)
        for _ in range(3):
            bench.poll()
    assert descriptors() == before


def test_a_full_table_of_descriptors_does_not_end_the_supervisor(bench: Bench) -> None:
    """A client that cannot be accepted waits; the machine goes on."""
    client = bench.client()
    client.sendall(b'{"verb": "state"}\n')
    with room_for(0):
        bench.server.poll()
    assert bench.reply(client)["ok"]


def test_another_user_is_refused_by_its_credentials(bench: Bench) -> None:
    """The file's mode may be changed by hand; what Linux says of the peer may not."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    bench.path.parent.chmod(0o755)
    bench.path.chmod(0o666)
    code = (
        "import socket, sys; client = socket.socket(socket.AF_UNIX)\n"
        'client.connect(sys.argv[1]); client.sendall(b\'{"verb": "arm"}\\n\')\n'
        "print(client.makefile().readline())"
    )
    command = [*without_rights(), sys.executable, "-c", code, str(bench.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        bench.until(lambda: other.poll() is not None, "the other user's end")
        assert other.stdout is not None
        reply = json.loads(other.stdout.read())
    assert reply["ok"] is False
    assert "another user" in reply["error"]
    assert bench.asked == []
    assert bench.server.refused == 1


def test_a_socket_that_a_killed_run_left_is_replaced(tmp_path: Path) -> None:
    """The lock has proven that nobody listens there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as killed:
        killed.bind(str(tmp_path / "control.sock"))
    again = Bench(tmp_path)
    client = again.client()
    client.sendall(b'{"verb": "state"}\n')
    assert again.reply(client)["ok"]
    again.close()


def test_closing_takes_everything_away(tmp_path: Path) -> None:
    """No descriptor and no name of a socket outlives the run."""
    before = descriptors()
    bench = Bench(tmp_path)
    client = bench.client()
    bench.poll()
    bench.close()
    assert descriptors() == before
    assert not bench.path.exists()
    assert client.fileno() == -1


def test_another_users_refusal_is_told_from_any_other(bench: Bench) -> None:
    """Exit 77 means: ask somebody who may; exit 1: look at the machine."""
    client = bench.client()
    client.sendall(b'{"verb": "nobody"}\n')
    assert bench.reply(client)["exit"] == 77


def test_a_path_that_is_too_long_is_an_error_in_words(tmp_path: Path) -> None:
    """Linux takes 107 bytes: whoever chose the folder is told what to do."""
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    before = descriptors()
    with pytest.raises(AmphostError, match="shorter --runtime-dir"):
        ControlSocket(folder / "control.sock", lambda _: {})
    with pytest.raises(AmphostError, match="nothing runs at"):
        ask(folder / "control.sock", "state")
    assert descriptors() == before


# The asking side


def answered(path: Path, serve: Callable[[socket.socket], None]) -> threading.Thread:
    """Serve one connection at `path` in a thread."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(path))
    server.listen(1)

    def run() -> None:
        client, _ = server.accept()
        with client, server:
            client.recv(4096)
            serve(client)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_asking_returns_the_reply(tmp_path: Path) -> None:
    """What `amphost arm` prints."""
    path = tmp_path / "s"
    thread = answered(path, lambda client: client.sendall(b'{"ok": true, "mode": "ARMED"}\n'))
    assert ask(path, "arm") == {"mode": "ARMED"}
    thread.join()


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (b'{"ok": false, "error": "not now"}\n', "not now"),
        (b"", "hung up"),
        (b'{"ok": tr', "hung up"),
        (b"[]\n", "hung up"),
        (b'{"ok": false, "error": "refused", "exit": 77}\n', "refused"),
    ],
)
def test_asking_says_why_not(tmp_path: Path, reply: bytes, words: str) -> None:
    """A system that ends while it is asked is no internal error."""
    path = tmp_path / "s"
    thread = answered(path, lambda client: client.sendall(reply))
    with pytest.raises(AmphostError, match=words) as refused:
        ask(path, "arm")
    assert refused.value.exit_code == (77 if b"77" in reply else 1)
    thread.join()


def test_asking_where_nothing_runs_says_so(tmp_path: Path) -> None:
    """No directory, no socket, a socket that nobody holds, a file."""
    left = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    left.bind(str(tmp_path / "left"))
    left.close()
    (tmp_path / "file").write_text("")
    for path in ("gone/control.sock", "gone", "left", "file", "file/control.sock"):
        with pytest.raises(AmphostError, match="nothing runs at"):
            ask(tmp_path / path, "state")


def test_asking_a_crowded_system_is_no_internal_error(tmp_path: Path) -> None:
    """A backlog that is full is a matter of moments, not of a traceback."""
    path = tmp_path / "s"
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(path))
    server.listen(0)
    waiting = []
    for _ in range(3):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.setblocking(False)
        waiting.append(client)
        try:
            client.connect(str(path))
        except BlockingIOError:
            break
    with pytest.raises(AmphostError, match="busy"):
        ask(path, "state", within_s=0.2)
    for client in waiting:
        client.close()
    server.close()


def test_asking_a_system_that_hangs_gives_up(tmp_path: Path) -> None:
    """A stopped supervisor must not keep a terminal for ever."""
    path = tmp_path / "s"
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(path))
    server.listen(1)
    with pytest.raises(AmphostError, match=r"no answer within 0\.2 s"):
        ask(path, "state", within_s=0.2)
    server.close()


def test_asking_without_the_right_is_77(tmp_path: Path) -> None:
    """Another user's system: no permission, and the words for it."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    bench = Bench(tmp_path)
    code = (
        "import sys; from pathlib import Path\n"
        "from amphost.supervisor.control_socket import ask\n"
        "from amphost.errors import NoPermissionError\n"
        "try: ask(Path(sys.argv[1]), 'state')\n"
        "except NoPermissionError as error: print(error.exit_code, error)"
    )
    command = [*without_rights(), sys.executable, "-c", code, str(bench.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("77 ")
    assert "may not operate" in done.stdout
    assert NoPermissionError.exit_code == 77
    bench.close()


def test_descriptors_come_with_a_reply_and_the_server_keeps_none(bench: Bench) -> None:
    """A reader of memory gets it this way; a server that leaked them would end one day."""
    before = len(descriptors())
    got: list[int] = []
    replies: list[dict[str, Any]] = []

    def asking() -> None:
        replies.append(ask(bench.path, "files", descriptors=got))

    thread = threading.Thread(target=asking)
    thread.start()
    bench.until(lambda: not thread.is_alive(), "an answer")
    thread.join()
    assert replies[0]["text"] == "x" * 30_000
    assert DESCRIPTORS not in replies[0]
    assert [descriptors()[one] for one in got] == ["/dev/null"] * 2
    for one in got:
        os.close(one)
    bench.until(lambda: len(descriptors()) == before, "nothing is kept")


def test_a_client_that_takes_no_descriptors_leaks_none_at_the_server(bench: Bench) -> None:
    """Linux closes what nobody has taken."""
    client = bench.client()
    bench.poll()
    before = len(descriptors())
    client.sendall(b'{"verb": "files"}\n')
    assert bench.reply(client)["ok"]
    assert len(descriptors()) == before
