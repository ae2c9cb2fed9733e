"""`amphost ports`: which serial ports are there, what is behind them, and who has them.

Rules. Opens no port: that resets some boards. A machine without ports is no failure: exit 0 and an
empty list. The first line of each is what a board file says. With `--json` one object with the key
`ports`, each as `link.ports` has it.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amphost.link.ports import Port

NONE = "no serial port: plug a board in, or use the board `loopback`, which needs none"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("--json", action="store_true", help="print the ports as JSON")
    parser.add_argument("--root", type=Path, default=Path("/"), help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Print the ports, return the exit code."""
    from amphost.link.ports import list_ports

    found = list_ports(args.root)
    if args.json:
        print(json.dumps({"ports": [asdict(port) for port in found]}))
    else:
        print("\n\n".join(map(render, found)) or NONE)
    return 0


def render(port: Port) -> str:
    """Return one port as text: the line of a board file first."""
    usb = "" if port.vid is None else f" ({port.vid:04x}:{port.pid or 0:04x})"
    rows = [
        ("now", port.port),
        ("stable", port.stable),
        ("device", f"{port.description or 'unknown'}{usb}" if port.description or usb else ""),
        ("serial", port.serial_number),
        ("interface", "" if port.interface is None else str(port.interface)),
        ("driver", port.driver),
        ("likely", port.board),
        ("state", _state(port)),
        ("permission" if not port.console else "console", port.hint),
        ("name", _name(port)),
    ]
    lines = [port.board_line, *(f"{name:<10}  {text}" for name, text in rows if text)]
    return "\n  ".join(lines)


def _name(port: Port) -> str:
    if port.vid is None or not port.board_line.startswith("port: /"):
        return ""
    if port.by_path:
        return "that of its socket: nothing else tells it from another device that is plugged in"
    return "it may change: nothing tells this device from another one that is plugged in"


def _state(port: Port) -> str:
    if port.holders:
        who = ", ".join(f"{one.command or one.name} (pid {one.pid})" for one in port.holders)
        return f"busy: {who} has it open"
    if port.holders_complete:
        return "free"
    return "free, as far as this user may see: processes of other users could not be looked at"
