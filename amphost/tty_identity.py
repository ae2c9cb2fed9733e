"""The ttys of this machine by what they belong to: read from /sys, under a root a test can replace.

Rules. Nothing is opened: opening a port resets some boards. A file that is missing or cannot be
read makes its fact empty, and nothing here raises for it. A tty is listed when a device stands
behind it; the places of a PC's UARTs that hold none are left out. Imports os alone: a role reads it
too.

Pure but for reading, as `machine` is.
"""

from __future__ import annotations

import os

from amphost.port_address import usb_parts

_BYTES_MAX = 4096
_NO_UART = "0"  # as Linux writes the type of a place without one
_WITHOUT_DEVICE = ("ttyGS", "ttyRPMSG", "rfcomm")  # listed although /sys links them to nothing


class Tty:
    """A tty and what it belongs to; empty texts for what is not known or not USB.

    Synchronization: none required; nobody changes it.
    """

    __slots__ = ("driver", "interface", "manufacturer", "name", "product", "serial", "usb")

    def __init__(self, root: str, name: str) -> None:
        device = os.path.realpath(f"{root}/sys/class/tty/{name}/device")
        self.name = f"/dev/{name.replace('!', '/')}"  # as Linux writes a folder of /dev
        self.driver = _link(f"{device}/driver")
        self.interface = -1
        self.usb = self.serial = self.manufacturer = self.product = ""
        top = os.path.realpath(f"{root}/sys")
        while len(device) > len(top) and not self.usb:
            number = _text(f"{device}/bInterfaceNumber")
            if self.interface < 0 and number:
                self.interface = _hexadecimal(number)
            if os.path.exists(f"{device}/idVendor"):  # noqa: PTH110 - a role imports no pathlib
                self._take_usb(device)
            device = os.path.dirname(device)  # noqa: PTH120 - likewise

    def _take_usb(self, device: str) -> None:
        self.usb = f"{_text(f'{device}/idVendor')}:{_text(f'{device}/idProduct')}".lower()
        self.serial = _text(f"{device}/serial")
        self.manufacturer = _text(f"{device}/manufacturer")
        self.product = _text(f"{device}/product")


def read_ttys(root: str = "") -> list[Tty]:
    """Return every tty with a device behind it, by name."""
    folder = f"{root}/sys/class/tty"
    try:
        names = sorted(os.listdir(folder), key=_in_order)  # noqa: PTH208 - a role imports no pathlib
    except OSError:
        return []
    return [Tty(root, name) for name in names if _is_there(folder, name)]


def find_usb(address: str, root: str = "") -> list[Tty]:
    """Return the ttys that an address by USB identity may mean: one, if it is good."""
    usb, interface, serial = usb_parts(address)
    return [
        tty
        for tty in read_ttys(root)
        if tty.usb == usb and interface in (-1, tty.interface) and serial in ("", tty.serial)
    ]


def describe(tty: Tty) -> str:
    """Return what tells one tty from another, in words."""
    parts = [f"serial {tty.serial}" if tty.serial else "no serial number"]
    parts += [f"interface {tty.interface}"] if tty.interface >= 0 else []
    return f"{tty.name} ({', '.join(parts)})"


def _is_there(folder: str, name: str) -> bool:
    if name.startswith(_WITHOUT_DEVICE):
        return True
    there = os.path.exists(f"{folder}/{name}/device")  # noqa: PTH110 - a role imports no pathlib
    return there and _text(f"{folder}/{name}/type") != _NO_UART


def _in_order(name: str) -> tuple[str, int, str]:
    stem = name.rstrip("0123456789")
    return stem, int(name[len(stem) :] or -1), name


def _text(path: str) -> str:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a role imports no pathlib
            return file.read(_BYTES_MAX).decode("utf-8", "replace").strip()
    except OSError:
        return ""


def _link(path: str) -> str:
    try:
        return os.readlink(path).rpartition("/")[2]  # noqa: PTH115 - a role imports no pathlib
    except OSError:
        return ""


def _hexadecimal(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        return -1
