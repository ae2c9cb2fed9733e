"""Opening a device's port: real pseudo-terminals, files and locks."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from amphost.errors import (
    AmphostError,
    HardwareMissingError,
    LocalLinkError,
    NoPermissionError,
    PlanError,
)
from amphost.link.serial_port import open_port
from amphost.link.tty_port import open_tty
from amphost.port_address import usb_address, with_settings
from tests.fake_ttys import FakeTtys
from tests.proc import descriptors
from tests.rights import without_rights

BAUD = 1_000_000


@pytest.fixture
def pty() -> Iterator[tuple[int, str]]:
    """A pseudo-terminal: the device's end, and the name of the host's."""
    master, slave = os.openpty()
    yield master, os.ttyname(slave)
    os.close(slave)
    os.close(master)


def refusal(port: str, baud: int = BAUD) -> AmphostError:
    """Open where it must be refused; nothing may stay open."""
    before = descriptors()
    with pytest.raises(AmphostError) as caught:
        open_port(port, baud)
    assert descriptors() == before
    assert port in str(caught.value)
    return caught.value


def test_an_open_port_is_raw_exclusive_and_does_not_wait(pty: tuple[int, str]) -> None:
    """Bytes pass as they are: no echo, no line editing, no flow control, no waiting."""
    master, port = pty
    with open_port(port, BAUD) as line:
        os.write(master, bytes(range(256)))
        assert os.read(line.fileno(), 512) == bytes(range(256))
        os.write(line.fileno(), b"\x03\x11\x13\n\r\x00")
        assert os.read(master, 512) == b"\x03\x11\x13\n\r\x00"
        assert not os.get_blocking(line.fileno())
        assert termios.tcgetattr(line.fileno())[4] == termios.B1000000
        assert refusal(port).exit_code == 1
    with open_port(port, BAUD):
        pass


def test_a_port_that_goes_while_it_is_opened_is_refused_like_any_other(
    pty: tuple[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pyserial lets an error of termios through; who opens ports anew must live to try again."""

    def gone(*_: int) -> None:
        raise termios.error(5, "Input/output error")

    monkeypatch.setattr(termios, "tcflush", gone)
    assert isinstance(refusal(pty[1]), LocalLinkError)


def test_closing_gives_the_port_back(pty: tuple[int, str]) -> None:
    """A restarted io role must find it free."""
    before = descriptors()
    with open_port(pty[1], BAUD):
        assert len(descriptors()) > len(before)
    assert descriptors() == before


def test_a_port_that_is_not_there_is_missing_hardware(tmp_path: Path) -> None:
    """Exit 69, and where to look."""
    for port in (tmp_path / "ttyACM0", tmp_path / "gone" / "ttyACM0"):
        error = refusal(str(port))
        assert isinstance(error, HardwareMissingError)
        assert error.exit_code == 69
        assert "plug the device in" in str(error)


def test_a_name_that_points_to_nothing_is_missing_hardware(tmp_path: Path) -> None:
    """A link by id stays when udev was slow, or the device has just gone."""
    (tmp_path / "by-id").symlink_to(tmp_path / "ttyACM0")
    assert isinstance(refusal(str(tmp_path / "by-id")), HardwareMissingError)


def test_a_device_is_opened_by_identity_under_whatever_name_it_has(tmp_path: Path) -> None:
    """It comes back as ttyACM1 while something still holds ttyACM0."""
    ttys = FakeTtys(tmp_path)
    address = usb_address("2e8a:000a", "E6614C")
    for name in ("ttyACM0", "ttyACM1"):
        master, slave = os.openpty()
        ttys.plug_in(name, leads_to=os.ttyname(slave))
        with open_tty(address, BAUD, str(tmp_path)) as line:
            os.write(master, b"hello")
            assert os.read(line.fileno(), 16) == b"hello"
        ttys.pull_out(name)
        os.close(slave)
        os.close(master)
    before = descriptors()
    with pytest.raises(HardwareMissingError, match="USB 2e8a:000a, serial E6614C: no such device"):
        open_tty(address, BAUD, str(tmp_path))
    assert descriptors() == before


def test_an_identity_that_fits_two_devices_is_refused_and_both_are_named(tmp_path: Path) -> None:
    """The wrong one of two motors must not be left to chance."""
    ttys = FakeTtys(tmp_path)
    ttys.plug_in("ttyACM0")
    ttys.plug_in("ttyACM1", serial="OTHER", socket="1-2")
    with pytest.raises(PlanError) as caught:
        open_tty(usb_address("2e8a:000a"), BAUD, str(tmp_path))
    assert caught.value.exit_code == 78
    assert str(caught.value) == (
        "USB 2e8a:000a: /dev/ttyACM0 (serial E6614C, interface 0) and /dev/ttyACM1 (serial OTHER,"
        " interface 0) are both meant; give its serial number or interface in the board file"
    )


def test_a_name_that_changes_hands_while_it_is_opened_is_not_taken(
    pty: tuple[int, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unplugged between looking and opening, and another device has it: nothing stays open."""
    ttys = FakeTtys(tmp_path)
    ttys.plug_in("ttyACM0", leads_to=pty[1])

    def change_hands(*_: int) -> None:
        ttys.pull_out("ttyACM0")
        ttys.plug_in("ttyACM0", serial="OTHER", leads_to=pty[1])

    monkeypatch.setattr(termios, "tcflush", change_hands)
    before = descriptors()
    with pytest.raises(HardwareMissingError, match="no such device"):
        open_tty(usb_address("2e8a:000a", "E6614C"), BAUD, str(tmp_path))
    assert descriptors() == before


def test_a_port_that_another_process_holds_is_named_as_held(pty: tuple[int, str]) -> None:
    """A terminal program that was forgotten: say so, and how to find it."""
    code = (
        "import fcntl, os, sys; fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)\n"
        "fcntl.flock(fd, fcntl.LOCK_EX); print('held', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, pty[1]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        error = refusal(pty[1])
        holder.communicate("\n")
    assert isinstance(error, LocalLinkError)
    assert f"(pid {holder.pid})" in str(error)
    assert "import fcntl" in str(error)


def test_a_port_in_exclusive_use_is_named_as_held(pty: tuple[int, str]) -> None:
    """TIOCEXCL, as minicom and ModemManager set it; root passes by it."""
    if os.geteuid() != 0:
        pytest.skip("the other user is made by root")
    holder = os.open(pty[1], os.O_RDWR | os.O_NOCTTY)
    fcntl.ioctl(holder, termios.TIOCEXCL)
    Path(pty[1]).chmod(0o666)
    held = refused_as_ordinary_user(pty[1])
    os.close(holder)
    assert held.startswith("LocalLinkError")
    assert "another process holds it" in held


def refused_as_ordinary_user(port: str) -> str:
    """Open a port without rights; return kind and text of the refusal."""
    code = (
        "import sys; from amphost.errors import AmphostError\n"
        "from amphost.link.serial_port import open_port\n"
        "try: open_port(sys.argv[1], 1000000)\n"
        "except AmphostError as error: print(type(error).__name__, error)"
    )
    command = [*without_rights(), sys.executable, "-c", code, port]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_port_that_may_not_be_opened_is_a_matter_of_rights(
    pty: tuple[int, str],
) -> None:
    """Exit 77, and which group to join."""
    if os.geteuid() != 0:
        pytest.skip("the other user is made by root")
    Path(pty[1]).chmod(0o600)
    text = refused_as_ordinary_user(pty[1])
    assert text.startswith("NoPermissionError")
    assert "dialout" in text
    assert NoPermissionError.exit_code == 77


def test_what_the_driver_granted_is_told(pty: tuple[int, str]) -> None:
    """For the report: a pty has no low latency, no modem lines, and is locked only."""
    with open_port(pty[1], BAUD) as line:
        assert line.facts == {
            "port": pty[1],
            "baud": BAUD,
            "exclusive": False,
            "low_latency": False,
            "modem_lines": False,
        }


def test_a_pty_can_be_opened_by_the_next_one_after_a_kill(pty: tuple[int, str]) -> None:
    """Exclusive use of a pty outlasts its user while the other end is held."""
    code = (
        "import os, signal, sys; from amphost.link.serial_port import open_port\n"
        "line = open_port(sys.argv[1], 1000000); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, pty[1]], check=False)
    Path(pty[1]).chmod(0o666)
    assert refused_as_ordinary_user(pty[1]) == ""


def test_closing_a_port_leaves_its_lines_alone(pty: tuple[int, str]) -> None:
    """HUPCL drops DTR, and the next opening would reset an Arduino."""
    settings = termios.tcgetattr(pty[0])
    settings[2] |= termios.HUPCL
    termios.tcsetattr(pty[0], termios.TCSANOW, settings)
    with open_port(pty[1], BAUD) as line:
        assert not termios.tcgetattr(line.fileno())[2] & termios.HUPCL


class FakeUart:
    """A driver with modem lines and a speed of its own, in front of a pty.

    Synchronization: one thread.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, baud: int = BAUD) -> None:
        self.edges: list[str] = []
        self._baud = baud
        self._real = fcntl.ioctl
        monkeypatch.setattr(fcntl, "ioctl", self.answer)

    def answer(self, descriptor: int, request: int, *words: Any) -> Any:
        """Answer what a pty would refuse; the rest is the pty's."""
        if request in (termios.TIOCMBIS, termios.TIOCMBIC):
            bits = int.from_bytes(words[0], sys.byteorder)
            name = "dtr" if bits == termios.TIOCM_DTR else "rts"
            self.edges.append(f"{name} {'up' if request == termios.TIOCMBIS else 'down'}")
            return words[0]
        if request == termios.TIOCMGET:
            return words[0]
        result = self._real(descriptor, request, *words)
        if request == 0x802C542A:
            words[0][10] = self._baud
        return result


@pytest.mark.parametrize(
    ("dtr", "rts", "edges"),
    [
        ("assert", "assert", ["dtr up", "rts up"]),
        ("release", "assert", ["dtr down", "rts up"]),
        ("assert", "release", ["dtr up", "rts down"]),
        ("pulse", "assert", ["dtr up", "rts up", "dtr down", "dtr up"]),
    ],
)
def test_the_lines_stand_as_the_address_says(
    pty: tuple[int, str], monkeypatch: pytest.MonkeyPatch, dtr: str, rts: str, edges: list[str]
) -> None:
    """An edge more than was asked for is a reset more."""
    uart = FakeUart(monkeypatch)
    with open_port(with_settings(pty[1], dtr, rts), BAUD) as line:
        assert uart.edges == edges
        assert line.facts["modem_lines"] is True


def test_a_speed_that_the_driver_does_not_have_is_refused(
    pty: tuple[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux rounds without a word; the line would work on a table and fail in the cold."""
    with monkeypatch.context() as patched:
        FakeUart(patched, baud=921_600)
        assert "its driver gives 921600 baud, not 1000000" in str(refusal(pty[1]))
        FakeUart(patched, baud=990_000)
        with open_port(pty[1], BAUD) as line:
            assert line.facts["baud"] == 990_000


def test_what_is_no_serial_port_is_refused_in_words(tmp_path: Path) -> None:
    """A typing error in a board file must not be found out by a traceback."""
    (tmp_path / "file").write_text("not a port")
    os.mkfifo(tmp_path / "fifo")
    for port in (str(tmp_path / "file"), str(tmp_path / "fifo"), str(tmp_path), os.devnull):
        error = refusal(port)
        assert isinstance(error, LocalLinkError)
        assert "check that it is a serial port" in str(error)
    assert (tmp_path / "file").read_text() == "not a port"


@pytest.mark.parametrize("baud", [-9600, 1 << 40])
def test_a_baud_that_cannot_be_is_refused_in_words(pty: tuple[int, str], baud: int) -> None:
    """The plan has checked it; who opens a port by hand may not have."""
    error = refusal(pty[1], baud)
    assert isinstance(error, LocalLinkError)
    assert str(baud) in str(error)
