"""Find the serial ports of this machine, and what a person has to know before choosing one.

Rules. pyserial finds the ports; names, holders and rights are read below `root` and nothing is
opened: opening a port resets some boards. What may not be looked at is said, never guessed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

BOARDS: tuple[tuple[int, int | None, str], ...] = (
    (0x2E8A, None, "Raspberry Pi Pico (RP2040 or RP2350)"),
    (0x2341, None, "Arduino"),
    (0x2A03, None, "Arduino"),
    (0x0483, 0x374B, "STM32 Nucleo or Discovery, by its ST-LINK"),
    (0x303A, None, "Espressif ESP32 with USB of its own"),
    (0x0403, None, "a board behind an FTDI adapter"),
    (0x10C4, 0xEA60, "a board behind a CP210x adapter (many ESP32)"),
    (0x1A86, 0x7523, "a board behind a CH340 adapter (many Arduino clones)"),
)
"""Vendor, product (None: any), what is likely at the end of the cable."""


class Found(Protocol):
    """A port as pyserial's list has it."""

    @property
    def device(self) -> str:
        """Its name below /dev."""
        ...

    @property
    def description(self) -> str | None:
        """What it says that it is."""
        ...

    @property
    def manufacturer(self) -> str | None:
        """Who says that."""
        ...

    @property
    def serial_number(self) -> str | None:
        """Of this very device."""
        ...

    @property
    def vid(self) -> int | None:
        """USB vendor."""
        ...

    @property
    def pid(self) -> int | None:
        """USB product."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A process that has a port open.

    Synchronization: none required; immutable.
    """

    pid: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """One serial port. `hint` is what stands in the way of using it; empty: nothing that is seen.

    Synchronization: none required; immutable.
    """

    port: str
    stable: str  # its name below /dev/serial/by-id; empty: it has none
    description: str
    serial_number: str
    vid: int | None
    pid: int | None
    board: str  # likely; empty: unknown
    holders: tuple[Holder, ...]
    holders_complete: bool  # every process could be looked at
    permitted: bool
    hint: str


def list_ports(root: Path, find: Callable[[], Iterable[Found]]) -> list[Port]:
    """Return every serial port that `find` finds, by name."""
    stable = _stable_names(root)
    holders, complete = _holders(root)
    return [
        _port(root, one, stable, holders, complete=complete)
        for one in sorted(find(), key=lambda one: one.device)
    ]


def likely_board(vid: int | None, pid: int | None) -> str:
    """Return what is likely behind a USB device; empty where the table has no line."""
    for vendor, product, text in BOARDS:
        if vid == vendor and product in (None, pid):
            return text
    return ""


def _port(
    root: Path,
    found: Found,
    stable: dict[str, str],
    holders: dict[str, list[Holder]],
    *,
    complete: bool,
) -> Port:
    here = _below(root, found.device)
    permitted = os.access(here, os.R_OK | os.W_OK)
    held = tuple(holders.get(found.device, ()))
    texts = dict.fromkeys(text for text in (found.manufacturer, found.description) if text)
    return Port(
        port=found.device,
        stable=stable.get(found.device, ""),
        description=" ".join(text for text in texts if text != "n/a"),
        serial_number=found.serial_number or "",
        vid=found.vid,
        pid=found.pid,
        board=likely_board(found.vid, found.pid),
        holders=held,
        holders_complete=complete,
        permitted=permitted,
        hint="" if permitted else _no_right(here),
    )


def _below(root: Path, name: str) -> Path:
    return root / name.lstrip("/")


def _stable_names(root: Path) -> dict[str, str]:
    """Return port -> its name by identity."""
    folder = root / "dev/serial/by-id"
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
        names.setdefault("/" + os.path.relpath(target, root), f"/dev/serial/by-id/{link.name}")
    return names


def _holders(root: Path) -> tuple[dict[str, list[Holder]], bool]:
    """Return port -> who has it open, and whether every process could be looked at."""
    holders: dict[str, list[Holder]] = {}
    complete = True
    for process in sorted((root / "proc").glob("[0-9]*"), key=lambda path: int(path.name)):
        try:
            opened = {_target(link) for link in (process / "fd").iterdir()}
        except FileNotFoundError:
            continue  # it has just ended
        except OSError:
            complete = False
            continue
        for target in sorted(opened):
            if target.startswith("/dev/tty"):
                holder = Holder(pid=int(process.name), name=_name(process))
                holders.setdefault(target, []).append(holder)
    return holders, complete


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "?"


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
