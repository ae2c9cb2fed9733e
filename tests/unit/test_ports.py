"""Serial ports as a person has to know them: names, boards, holders, rights; from a fake root."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from amphost.cli import ports as cli
from amphost.link.holders import Holder
from amphost.link.known_boards import BOARDS, likely_board
from amphost.link.ports import Port, list_ports
from tests.fake_ttys import FakeTtys
from tests.rights import without_rights

ACM0 = "/dev/ttyACM0"
BY_ID = "usb-Raspberry_Pi_Pico_E6614C-if00"


@pytest.fixture
def ttys(tmp_path: Path) -> FakeTtys:
    """A machine with one Pico, and one process that has nothing open."""
    made = FakeTtys(tmp_path)
    made.plug_in("ttyACM0")
    made.link("by-id", BY_ID, "ttyACM0")
    process(tmp_path, 100, "bash")
    return made


def process(root: Path, pid: int, command: str, *opened: str) -> None:
    """Add a process."""
    (root / f"proc/{pid}/fd").mkdir(parents=True)
    (root / f"proc/{pid}/comm").write_text(f"{command.split(maxsplit=1)[0]}\n")
    (root / f"proc/{pid}/cmdline").write_text(command.replace(" ", "\0") + "\0")
    for number, target in enumerate(opened):
        (root / f"proc/{pid}/fd/{number}").symlink_to(target)


def the_port(ttys: FakeTtys) -> Port:
    """List the one port."""
    (port,) = list_ports(ttys.root)
    return port


def test_a_port_has_its_names_its_identity_and_its_likely_board(ttys: FakeTtys) -> None:
    """What a board file needs is what survives a replug."""
    assert the_port(ttys) == Port(
        port=ACM0,
        stable=f"/dev/serial/by-id/{BY_ID}",
        by_path="",
        description="Raspberry Pi Pico",
        serial_number="E6614C",
        vid=0x2E8A,
        pid=0x000A,
        interface=0,
        driver="cdc_acm",
        board="Raspberry Pi Pico (RP2040 or RP2350)",
        board_line='port: {usb: "2e8a:000a", serial: "E6614C"}',
        holders=(),
        holders_complete=True,
        console=False,
        permitted=True,
        hint="",
    )


def lines(ttys: FakeTtys) -> dict[str, object]:
    """Return port -> what its line in a board file is read as."""
    return {port.port: yaml.safe_load(port.board_line)["port"] for port in list_ports(ttys.root)}


def test_the_line_for_the_board_file_means_that_port_alone(ttys: FakeTtys) -> None:
    """Copied as it stands it works, and another board of the same kind changes nothing."""
    ttys.plug_in("ttyACM1", serial="0123", socket="1-2")
    ttys.plug_in("ttyACM2", serial="0123", socket="1-2", interface=2)
    ttys.plug_in("ttyUSB0", usb="1a86:7523", serial="", socket="1-3", driver="ch341")
    assert lines(ttys) == {
        "/dev/ttyACM0": {"usb": "2e8a:000a", "serial": "E6614C"},
        "/dev/ttyACM1": {"usb": "2e8a:000a", "serial": "0123", "interface": 0},
        "/dev/ttyACM2": {"usb": "2e8a:000a", "serial": "0123", "interface": 2},
        "/dev/ttyUSB0": {"usb": "1a86:7523"},
    }


def test_two_of_a_kind_without_serial_numbers_are_told_apart_by_their_sockets(
    ttys: FakeTtys,
) -> None:
    """One name below by-id for two adapters leads to the one that came last."""
    for number in range(2):
        ttys.plug_in(f"ttyUSB{number}", usb="1a86:7523", serial="", socket=f"1-{number + 2}")
    ttys.link("by-id", "usb-1a86_USB_Serial-if00-port0", "ttyUSB1")
    ttys.link("by-path", "platform-usb-0:1.2:1.0-port0", "ttyUSB0")
    found = lines(ttys)
    assert found["/dev/ttyUSB0"] == "/dev/serial/by-path/platform-usb-0:1.2:1.0-port0"
    assert found["/dev/ttyUSB1"] == "/dev/ttyUSB1"
    _, first, second = list_ports(ttys.root)
    assert "that of its socket" in cli.render(first)
    assert "it may change" in cli.render(second)


def test_a_port_without_usb_has_its_own_name(ttys: FakeTtys) -> None:
    """The header's UART has no vendor; nothing is invented for it."""
    ttys.solder_in("ttyAMA0", "uart-pl011", uart="32")
    _, port = list_ports(ttys.root)
    assert (port.stable, port.board, port.serial_number) == ("", "", "")
    assert (port.vid, port.interface, port.driver) == (None, None, "uart-pl011")
    assert cli.render(port).splitlines() == [
        "port: /dev/ttyAMA0",
        "  now         /dev/ttyAMA0",
        "  driver      uart-pl011",
        "  state       free",
    ]


def test_the_port_that_linux_talks_on_is_said(ttys: FakeTtys) -> None:
    """On a Raspberry Pi it is so by default, and its boot messages would reach the device."""
    ttys.solder_in("ttyAMA0", "uart-pl011", uart="32")
    (ttys.root / "sys/class/tty/console").mkdir()
    (ttys.root / "sys/class/tty/console/active").write_text("tty1 ttyAMA0\n")
    first, port = list_ports(ttys.root)
    assert (first.console, port.console) == (False, True)
    assert "console     Linux's console is on it: take `console=`" in cli.render(port)


def test_whoever_has_it_open_is_named(ttys: FakeTtys) -> None:
    """`busy` alone sends people to search."""
    process(ttys.root, 4711, "minicom -D /dev/ttyACM0", "/dev/null", ACM0, ACM0)
    process(ttys.root, 99, "python3", "socket:[123]", ACM0)
    assert the_port(ttys).holders == (
        Holder(pid=99, name="python3", command="python3"),
        Holder(pid=4711, name="minicom", command="minicom -D /dev/ttyACM0"),
    )


def test_ports_come_by_name_and_number(ttys: FakeTtys) -> None:
    """Twice the same machine, twice the same list, and ten after nine."""
    ttys.plug_in("ttyACM10", socket="1-2")
    ttys.plug_in("ttyACM9", socket="1-3")
    assert [port.port for port in list_ports(ttys.root)] == [ACM0, "/dev/ttyACM9", "/dev/ttyACM10"]


def test_a_port_without_a_node_is_not_there_yet(ttys: FakeTtys) -> None:
    """udev is about to make it; nobody can open it before."""
    (ttys.root / "dev/ttyACM0").unlink()
    assert list_ports(ttys.root) == []


@pytest.mark.parametrize(("vid", "pid", "board"), BOARDS)
def test_each_line_of_the_table_is_found(vid: int, pid: int | None, board: str) -> None:
    """A line that another one hides would never be read."""
    assert likely_board(vid, 0xFFFF if pid is None else pid) == board


def test_an_unknown_board_is_not_guessed() -> None:
    """Another product of ST is no Nucleo."""
    assert likely_board(0x0483, 0x5741) == ""
    assert likely_board(None, None) == ""


def test_the_text_says_everything(ttys: FakeTtys) -> None:
    """One block a port; its first line goes into the board file."""
    process(ttys.root, 4711, "minicom -o", ACM0)
    assert cli.render(the_port(ttys)).splitlines() == [
        'port: {usb: "2e8a:000a", serial: "E6614C"}',
        "  now         /dev/ttyACM0",
        f"  stable      /dev/serial/by-id/{BY_ID}",
        "  device      Raspberry Pi Pico (2e8a:000a)",
        "  serial      E6614C",
        "  interface   0",
        "  driver      cdc_acm",
        "  likely      Raspberry Pi Pico (RP2040 or RP2350)",
        "  state       busy: minicom -o (pid 4711) has it open",
    ]


def listed(root: Path, *words: str, prefix: tuple[str, ...] = ()) -> str:
    """List the ports of a fake machine through the command line; return what it prints."""
    command = [*prefix, sys.executable, "-m", "amphost", "ports", "--root", str(root), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_port_that_this_user_may_not_open_comes_with_the_remedy(ttys: FakeTtys) -> None:
    """Membership of dialout is what is missing nine times out of ten."""
    (ttys.root / "dev/ttyACM0").chmod(0)
    assert "this user may not open it" in listed(ttys.root, prefix=tuple(without_rights()))


def test_processes_that_could_not_be_looked_at_are_said(ttys: FakeTtys) -> None:
    """`free` must not be claimed where somebody else's process may hold the port."""
    (ttys.root / "proc/1").mkdir()
    (ttys.root / "proc/1/fd").touch()  # reading it fails, as that of another user's process does
    port = the_port(ttys)
    assert not port.holders_complete
    assert "free, as far as this user may see" in cli.render(port)


def test_json_has_every_field(ttys: FakeTtys) -> None:
    """For scripts: the same, in parts."""
    (port,) = json.loads(listed(ttys.root, "--json"))["ports"]
    assert port["board_line"] == 'port: {usb: "2e8a:000a", serial: "E6614C"}'
    assert (port["vid"], port["pid"], port["holders"]) == (0x2E8A, 0x000A, [])


def test_no_port_is_no_failure(tmp_path: Path) -> None:
    """A script that asks on a bare machine gets an empty list, and a person a sentence."""
    assert list_ports(tmp_path) == []
    assert json.loads(listed(tmp_path, "--json")) == {"ports": []}
    assert "plug a board in" in listed(tmp_path)
