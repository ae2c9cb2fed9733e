"""Find the serial ports of this machine, and what a person has to know before choosing one.

Rules. Everything is read below `root` and nothing is opened: opening a port resets some boards.
What may not be looked at is said, never guessed. `board_line` is what stands in a board file: the
identity of a USB device where that means this port alone, else a name that stays, else its name.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from amphost.link.holders import Holder, find_holders
from amphost.link.known_boards import likely_board
from amphost.tty_identity import read_ttys

if TYPE_CHECKING:
    from amphost.tty_identity import Tty


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """One serial port. `hint` is what stands in the way of using it; empty: nothing that is seen.

    Synchronization: none required; immutable.
    """

    port: str
    stable: str  # its name below /dev/serial/by-id; empty: it has none
    by_path: str  # its name by the socket it is plugged into; empty: it has none
    description: str
    serial_number: str
    vid: int | None
    pid: int | None
    interface: int | None
    driver: str
    board: str  # likely; empty: unknown
    board_line: str  # the line of a board file
    holders: tuple[Holder, ...]
    holders_complete: bool  # every process could be looked at
    console: bool  # Linux talks on it
    permitted: bool
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    root: Path
    ttys: list[Tty]
    by_id: dict[str, str]
    by_path: dict[str, str]
    holders: dict[str, list[Holder]]
    complete: bool
    consoles: list[str]


def list_ports(root: Path) -> list[Port]:
    """Return every serial port, by name."""
    ttys = [tty for tty in read_ttys(str(root).rstrip("/")) if _below(root, tty.name).exists()]
    holders, complete = find_holders(root)
    seen = _Seen(
        root=root,
        ttys=ttys,
        by_id=_links(root, "by-id"),
        by_path=_links(root, "by-path"),
        holders=holders,
        complete=complete,
        consoles=_consoles(root),
    )
    return [_port(tty, seen) for tty in ttys]


def _port(tty: Tty, seen: _Seen) -> Port:
    here = _below(seen.root, tty.name)
    permitted = os.access(here, os.R_OK | os.W_OK)
    console = tty.name.removeprefix("/dev/") in seen.consoles
    vid, pid = _numbers(tty)
    return Port(
        port=tty.name,
        stable=seen.by_id.get(tty.name, ""),
        by_path=seen.by_path.get(tty.name, ""),
        description=_description(tty),
        serial_number=tty.serial,
        vid=vid,
        pid=pid,
        interface=tty.interface if tty.interface >= 0 else None,
        driver=tty.driver,
        board=likely_board(vid, pid),
        board_line=_board_line(tty, seen),
        holders=tuple(seen.holders.get(tty.name, ())),
        holders_complete=seen.complete,
        console=console,
        permitted=permitted,
        hint=_hint(here, permitted=permitted, console=console),
    )


def _below(root: Path, name: str) -> Path:
    return root / name.lstrip("/")


def _numbers(tty: Tty) -> tuple[int | None, int | None]:
    vendor, _, product = tty.usb.partition(":")
    try:
        return int(vendor, 16), int(product, 16)
    except ValueError:
        return None, None


def _description(tty: Tty) -> str:
    return " ".join(dict.fromkeys(text for text in (tty.manufacturer, tty.product) if text))


def _board_line(tty: Tty, seen: _Seen) -> str:
    """Return how a board file names this port so that no other one can be meant."""
    same = [one for one in seen.ttys if (one.usb, one.serial) == (tty.usb, tty.serial)]
    alone = [one.interface for one in same].count(tty.interface) == 1
    if tty.usb and alone:
        parts = [f"usb: {json.dumps(tty.usb)}"]
        parts += [f"serial: {json.dumps(tty.serial)}"] if tty.serial else []
        parts += [f"interface: {tty.interface}"] if len(same) > 1 else []
        return f"port: {{{', '.join(parts)}}}"
    by_id = "" if tty.usb else seen.by_id.get(tty.name)  # of two alike, one has the name
    return f"port: {by_id or seen.by_path.get(tty.name) or tty.name}"


def _links(root: Path, kind: str) -> dict[str, str]:
    """Return port -> its name below /dev/serial/`kind`."""
    folder = root / "dev/serial" / kind
    names: dict[str, str] = {}
    try:
        links = sorted(folder.iterdir())
    except OSError:
        return names
    for link in links:
        try:
            target = os.path.normpath(folder / link.readlink())
        except OSError:
            continue
        names.setdefault("/" + os.path.relpath(target, root), f"/dev/serial/{kind}/{link.name}")
    return names


def _consoles(root: Path) -> list[str]:
    try:
        text = (root / "sys/class/tty/console/active").read_text(encoding="ascii", errors="replace")
    except OSError:
        return []
    return text.split()


def _hint(here: Path, *, permitted: bool, console: bool) -> str:
    if console:
        return (
            "Linux's console is on it: take `console=` of it off the command line (cmdline.txt, "
            "raspi-config) and reboot"
        )
    return "" if permitted else _no_right(here)


def _no_right(here: Path) -> str:
    try:
        number = here.stat().st_gid
    except OSError:
        return "it has just gone"
    import grp

    try:
        group = grp.getgrgid(number).gr_name
    except KeyError:
        group = str(number)
    if group == "root":
        return "this user may not open it: run as root, or give it a group by a udev rule"
    return f"this user may not open it: `sudo usermod -aG {group} $USER`, then log in again"
