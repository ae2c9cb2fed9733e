"""Sockets as ports: real ones, with a server at the other end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from amphost.errors import AmphostError, HardwareMissingError, LocalLinkError, NoPermissionError
from amphost.link.serial_port import open_port
from tests.proc import descriptors
from tests.rights import without_rights

BAUD = 1_000_000


def listening(family: int, target: str | tuple[str, int]) -> socket.socket:
    """Listen at `target`, for one client at a time."""
    server = socket.socket(family, socket.SOCK_STREAM)
    server.bind(target)
    server.listen(1)
    return server


@pytest.fixture(params=["unix", "tcp", "tcp6"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """An address of each kind, and the server behind it."""
    if request.param == "unix":
        path = str(tmp_path / "mcu.sock")
        server, address = listening(socket.AF_UNIX, path), f"unix://{path}"
    elif request.param == "tcp":
        server = listening(socket.AF_INET, ("127.0.0.1", 0))
        address = f"socket://127.0.0.1:{server.getsockname()[1]}"
    else:
        try:
            server = listening(socket.AF_INET6, ("::1", 0))
        except OSError:
            pytest.skip("no IPv6 here")
        address = f"socket://[::1]:{server.getsockname()[1]}"
    with server:
        yield address, server


def test_bytes_pass_as_they_are_and_nothing_waits(served: tuple[str, socket.socket]) -> None:
    """The pump gets a descriptor like any other."""
    address, server = served
    before = descriptors()
    with open_port(address, BAUD) as line:
        other, _ = server.accept()
        with other:
            assert not os.get_blocking(line.fileno())
            with pytest.raises(BlockingIOError):
                os.read(line.fileno(), 1)
            os.write(line.fileno(), bytes(range(256)))
            assert other.recv(512) == bytes(range(256))
            other.sendall(bytes(range(256)))
            other.shutdown(socket.SHUT_WR)
            assert os.read(line.fileno(), 512) == bytes(range(256))
    assert descriptors() == before


def test_a_device_that_stops_reading_finds_little_when_it_goes_on(
    served: tuple[str, socket.socket],
) -> None:
    """Newer actuations replace older ones while these still wait here, not in Linux."""
    address, server = served
    with open_port(address, BAUD) as line, server.accept()[0]:
        option = socket.socket(fileno=os.dup(line.fileno()))
        with option:
            assert option.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 16384


def refusal(address: str) -> AmphostError:
    """Open where it must be refused; nothing may stay open."""
    before = descriptors()
    with pytest.raises(AmphostError) as caught:
        open_port(address, BAUD)
    assert descriptors() == before
    assert address in str(caught.value)
    return caught.value


def test_an_address_where_nobody_listens_is_missing_hardware(tmp_path: Path) -> None:
    """Exit 69: the emulator has not been started, or has ended and left its socket behind."""
    path = tmp_path / "mcu.sock"
    assert isinstance(refusal(f"unix://{path}"), HardwareMissingError)
    listening(socket.AF_UNIX, str(path)).close()
    assert path.exists()
    assert isinstance(refusal(f"unix://{path}"), HardwareMissingError)
    with listening(socket.AF_INET, ("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    error = refusal(f"socket://127.0.0.1:{port}")
    assert isinstance(error, HardwareMissingError)
    assert "start what serves it" in str(error)


def test_a_server_that_takes_no_more_is_held(tmp_path: Path) -> None:
    """An emulator serves one client; the next one must not wait for ever."""
    path = str(tmp_path / "mcu.sock")
    with listening(socket.AF_UNIX, path) as server:
        server.listen(0)
        waiting = []
        for _ in range(8):  # as many as Linux lets wait, and one more
            line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            line.setblocking(False)
            waiting.append(line)
            if line.connect_ex(path) != 0:
                break
        error = refusal(f"unix://{path}")
        for line in waiting:
            line.close()
    assert isinstance(error, LocalLinkError)
    assert "takes no connection" in str(error)


def test_what_is_no_socket_is_refused_in_words(tmp_path: Path) -> None:
    """A file where the emulator's socket should be: said, and the file stays as it is."""
    (tmp_path / "file").write_text("no socket")
    assert isinstance(refusal(f"unix://{tmp_path}/file"), AmphostError)
    assert (tmp_path / "file").read_text() == "no socket"


def test_an_address_outside_is_refused_by_the_opening_too() -> None:
    """Whoever calls it without a board file gets the same rule."""
    assert "ssh -L" in str(refusal("socket://10.0.0.1:5333"))


def test_a_socket_that_may_not_be_used_is_a_matter_of_rights(tmp_path: Path) -> None:
    """Exit 77."""
    if os.geteuid() != 0:
        pytest.skip("the other user is made by root")
    path = tmp_path / "mcu.sock"
    code = (
        "import sys; from amphost.errors import AmphostError\n"
        "from amphost.link.serial_port import open_port\n"
        "try: open_port(sys.argv[1], 1000000)\n"
        "except AmphostError as error: print(type(error).__name__, error.exit_code)"
    )
    with listening(socket.AF_UNIX, str(path)):
        path.chmod(0o600)
        command = [*without_rights(), sys.executable, "-c", code, f"unix://{path}"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["NoPermissionError", str(NoPermissionError.exit_code)]
