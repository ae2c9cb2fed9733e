"""Serial ports as a person has to know them: names, boards, holders, rights; from a fake root."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from amphost.cli import ports as cli
from amphost.link.ports import BOARDS, Holder, Port, likely_board, list_ports
from tests.rights import without_rights

ACM0 = "/dev/ttyACM0"
BY_ID = "usb-Raspberry_Pi_Pico_E6614C-if00"


def found(device: str = ACM0, **changes: Any) -> Any:
    """Return a port as pyserial's list has it."""
    facts: dict[str, Any] = {
        "device": device,
        "description": "Pico",
        "manufacturer": "Raspberry Pi",
        "serial_number": "E6614C",
        "vid": 0x2E8A,
        "pid": 0x000A,
    }
    return SimpleNamespace(**facts | changes)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine with one Pico, and one process that has nothing open."""
    by_id = tmp_path / "dev/serial/by-id"
    by_id.mkdir(parents=True)
    (tmp_path / "dev/ttyACM0").touch()
    (by_id / BY_ID).symlink_to("../../ttyACM0")
    process(tmp_path, 100, "bash")
    return tmp_path


def process(root: Path, pid: int, name: str, *opened: str) -> None:
    """Add a process."""
    (root / f"proc/{pid}/fd").mkdir(parents=True)
    (root / f"proc/{pid}/comm").write_text(f"{name}\n")
    for number, target in enumerate(opened):
        (root / f"proc/{pid}/fd/{number}").symlink_to(target)


def the_port(root: Path, **changes: Any) -> Port:
    """List the one port."""
    (port,) = list_ports(root, lambda: [found(**changes)])
    return port


def test_a_port_has_its_stable_name_its_identity_and_its_likely_board(root: Path) -> None:
    """What a board file needs is the name that survives a replug."""
    assert the_port(root) == Port(
        port=ACM0,
        stable=f"/dev/serial/by-id/{BY_ID}",
        description="Raspberry Pi Pico",
        serial_number="E6614C",
        vid=0x2E8A,
        pid=0x000A,
        board="Raspberry Pi Pico (RP2040 or RP2350)",
        holders=(),
        holders_complete=True,
        permitted=True,
        hint="",
    )


def test_whoever_has_it_open_is_named(root: Path) -> None:
    """`busy` alone sends people to search."""
    process(root, 4711, "minicom", "/dev/null", ACM0, ACM0)
    process(root, 99, "python3", "socket:[123]", ACM0)
    assert the_port(root).holders == (
        Holder(pid=99, name="python3"),
        Holder(pid=4711, name="minicom"),
    )
    assert the_port(root, device="/dev/ttyACM1").holders == ()


def test_a_port_without_usb_has_a_name_that_may_change(root: Path) -> None:
    """The header's UART has no vendor; nothing is invented for it."""
    port = the_port(
        root,
        device="/dev/ttyAMA0",
        vid=None,
        pid=None,
        serial_number=None,
        description="ttyAMA0",
        manufacturer=None,
    )
    assert (port.stable, port.board, port.serial_number) == ("", "", "")
    assert "it may change" in cli.render(port)


def test_ports_come_by_name(root: Path) -> None:
    """Twice the same machine, twice the same list."""
    devices = [port.port for port in list_ports(root, lambda: [found("/dev/ttyB"), found(ACM0)])]
    assert devices == [ACM0, "/dev/ttyB"]


@pytest.mark.parametrize(("vid", "pid", "board"), BOARDS)
def test_each_line_of_the_table_is_found(vid: int, pid: int | None, board: str) -> None:
    """A line that another one hides would never be read."""
    assert likely_board(vid, 1 if pid is None else pid) == board


def test_an_unknown_board_is_not_guessed() -> None:
    """Another product of ST is no Nucleo."""
    assert likely_board(0x0483, 0x5740) == ""
    assert likely_board(None, None) == ""


def test_the_text_says_everything(root: Path) -> None:
    """One block a port; its first line goes into the board file."""
    process(root, 4711, "minicom", ACM0)
    assert cli.render(the_port(root)).splitlines() == [
        f"/dev/serial/by-id/{BY_ID}",
        "  now         /dev/ttyACM0",
        "  device      Raspberry Pi Pico (2e8a:000a)",
        "  serial      E6614C",
        "  likely      Raspberry Pi Pico (RP2040 or RP2350)",
        "  state       busy: minicom (pid 4711) has it open",
    ]


def listed(root: Path, *prefix: str) -> subprocess.CompletedProcess[str]:
    """List the ports of a fake machine with pyserial's list replaced by one port, in a process."""
    program = (
        "from pathlib import Path; from types import SimpleNamespace as N\n"
        "from amphost.link.ports import list_ports; from amphost.cli.ports import render\n"
        f"f = N(device={ACM0!r}, description='x', manufacturer=None, serial_number=None,"
        " vid=None, pid=None)\n"
        f"print(render(list_ports(Path({str(root)!r}), lambda: [f])[0]))\n"
    )
    command = [*prefix, sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True)


def test_a_port_that_this_user_may_not_open_comes_with_the_remedy(root: Path) -> None:
    """Membership of dialout is what is missing nine times out of ten."""
    (root / "dev/ttyACM0").chmod(0)
    assert "this user may not open it" in listed(root, *without_rights()).stdout


def test_processes_that_could_not_be_looked_at_are_said(root: Path) -> None:
    """`free` must not be claimed where somebody else's process may hold the port."""
    (root / "proc/1").mkdir()
    (root / "proc/1/fd").touch()  # reading it fails, as that of another user's process does
    port = the_port(root)
    assert not port.holders_complete
    assert "free, as far as this user may see" in cli.render(port)


def test_no_port_is_no_failure(tmp_path: Path) -> None:
    """A script that asks on a bare machine gets an empty list, and a person a sentence."""
    assert list_ports(tmp_path, list) == []
    done = subprocess.run(
        [sys.executable, "-m", "amphost", "ports", "--json"], capture_output=True, check=False
    )
    assert done.returncode == 0
    assert isinstance(json.loads(done.stdout)["ports"], list)
