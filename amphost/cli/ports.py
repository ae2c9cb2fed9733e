"""`amphost ports`: which serial ports are there, what is behind them, and who has them.

Rules. Opens no port: that resets some boards. A machine without ports is no failure: exit 0 and an
empty list. With `--json` one object with the key `ports`, each as `link.ports` has it.
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


def run(args: argparse.Namespace) -> int:
    """Print the ports, return the exit code."""
    from serial.tools.list_ports import comports

    from amphost.link.ports import list_ports

    found = list_ports(Path("/"), comports)
    if args.json:
        print(json.dumps({"ports": [asdict(port) for port in found]}))
    else:
        print("\n\n".join(map(render, found)) or NONE)
    return 0


def render(port: Port) -> str:
    """Return one port as text: its name in a board file first."""
    lines = [port.stable or port.port]
    if port.stable:
        lines.append(f"now         {port.port}")
    usb = "" if port.vid is None else f" ({port.vid:04x}:{port.pid or 0:04x})"
    if port.description or usb:
        lines.append(f"device      {port.description or 'unknown'}{usb}")
    if port.serial_number:
        lines.append(f"serial      {port.serial_number}")
    if port.board:
        lines.append(f"likely      {port.board}")
    lines.append(f"state       {_state(port)}")
    if port.hint:
        lines.append(f"permission  {port.hint}")
    if not port.stable:
        lines.append("name        it may change: this port has no name below /dev/serial/by-id")
    return "\n  ".join(lines)


def _state(port: Port) -> str:
    if port.holders:
        who = ", ".join(f"{one.name} (pid {one.pid})" for one in port.holders)
        return f"busy: {who} has it open"
    if port.holders_complete:
        return "free"
    return "free, as far as this user may see: processes of other users could not be looked at"
