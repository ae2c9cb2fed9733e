"""Ttys by what they belong to, from a fake /sys: found, told apart, and found again."""

from __future__ import annotations

from pathlib import Path

import pytest

from amphost.machine import read_machine
from amphost.port_address import shown, usb_address, usb_parts
from amphost.tty_identity import describe, find_usb, read_ttys
from tests.fake_ttys import FakeTtys


@pytest.fixture
def ttys(tmp_path: Path) -> FakeTtys:
    """A machine without ttys."""
    return FakeTtys(tmp_path)


def names(ttys: FakeTtys, *identity: object) -> list[str]:
    """Return the names that an identity leads to."""
    address = usb_address(*identity)  # type: ignore[arg-type] # as the test has them
    return [tty.name for tty in find_usb(address, str(ttys.root))]


def test_an_identity_is_one_text_and_back() -> None:
    """It travels through the plan as every other address does."""
    address = usb_address("2E8A:000A", "a:b/c d", 2)
    assert usb_parts(address) == ("2e8a:000a", 2, "a:b/c d")
    assert usb_parts(usb_address("2e8a:000a")) == ("2e8a:000a", -1, "")
    assert shown(address) == "USB 2e8a:000a, serial a:b/c d, interface 2"
    assert shown("/dev/ttyACM0") == "/dev/ttyACM0"


def test_a_device_is_found_under_whatever_name_it_has(ttys: FakeTtys) -> None:
    """Plugged in again it is ttyACM1, because something still held ttyACM0."""
    ttys.plug_in("ttyACM0")
    assert names(ttys, "2e8a:000a", "E6614C") == ["/dev/ttyACM0"]
    ttys.pull_out("ttyACM0")
    assert names(ttys, "2e8a:000a", "E6614C") == []
    ttys.plug_in("ttyACM1")
    assert names(ttys, "2e8a:000a", "E6614C") == ["/dev/ttyACM1"]


def test_what_is_given_must_fit_and_what_is_left_out_may_be_anything(ttys: FakeTtys) -> None:
    """Two of the same board differ in the serial number, two ports of one in the interface."""
    ttys.plug_in("ttyACM0")
    ttys.plug_in("ttyACM1", serial="OTHER", socket="1-2")
    ttys.plug_in("ttyACM10", socket="1-1", interface=2)
    assert names(ttys, "2e8a:000a") == ["/dev/ttyACM0", "/dev/ttyACM1", "/dev/ttyACM10"]
    assert names(ttys, "2e8a:000a", "E6614C") == ["/dev/ttyACM0", "/dev/ttyACM10"]
    assert names(ttys, "2e8a:000a", "E6614C", 2) == ["/dev/ttyACM10"]
    assert names(ttys, "2e8a:000b", "E6614C") == []
    assert names(ttys, "2e8a:000a", "e6614c") == []


def test_a_tty_behind_an_adapter_has_the_identity_of_the_adapter(ttys: FakeTtys) -> None:
    """Its place in /sys is one folder deeper than that of a ttyACM."""
    ttys.plug_in("ttyUSB0", usb="0403:6001", serial="A9", driver="ftdi_sio", interface=1)
    (tty,) = read_ttys(str(ttys.root))
    assert (tty.usb, tty.serial, tty.interface, tty.driver) == ("0403:6001", "A9", 1, "ftdi_sio")


def test_ports_without_usb_are_listed_without_identity(ttys: FakeTtys) -> None:
    """The header's UART and a second core's tty; the places of a PC that are empty are not."""
    ttys.solder_in("ttyAMA0", "uart-pl011", uart="32")
    ttys.solder_in("ttyS0", "serial8250", uart="4")
    ttys.solder_in("ttyS1", "serial8250", uart="0")
    ttys.solder_in("ttyRPMSG0", "rpmsg_tty", device=False)
    (ttys.root / "sys/class/tty/tty1").mkdir()
    found = {tty.name: tty.usb for tty in read_ttys(str(ttys.root))}
    assert found == {"/dev/ttyAMA0": "", "/dev/ttyRPMSG0": "", "/dev/ttyS0": ""}


def test_a_tty_is_told_from_another_by_what_is_known(ttys: FakeTtys) -> None:
    """For the message when two devices may be meant."""
    ttys.plug_in("ttyUSB0", usb="1a86:7523", serial="", driver="ch341")
    (tty,) = read_ttys(str(ttys.root))
    assert describe(tty) == "/dev/ttyUSB0 (no serial number, interface 0)"


def test_a_broken_tree_is_no_failure(ttys: FakeTtys) -> None:
    """A device that goes while it is looked at leaves files that cannot be read."""
    ttys.plug_in("ttyACM0")
    (ttys.root / "sys/devices/pci0000:00/usb1/1-1/1-1:1.0/bInterfaceNumber").write_text("zz")
    (ttys.root / "sys/devices/pci0000:00/usb1/1-1/serial").unlink()
    (tty,) = read_ttys(str(ttys.root))
    assert (tty.interface, tty.serial) == (-1, "")
    assert read_ttys(str(ttys.root / "nowhere")) == []


def test_the_machine_knows_a_port_that_is_asked_for_by_identity(ttys: FakeTtys) -> None:
    """The plan says that it is missing before anything starts."""
    ttys.plug_in("ttyACM0")
    there, missing = usb_address("2e8a:000a", "E6614C"), usb_address("2e8a:000a", "X")
    machine = read_machine(ttys.root, ports=(there, missing))
    assert machine.serial_ports == ("/dev/ttyACM0", there)
