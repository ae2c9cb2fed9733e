"""Rules of the ports of a board: addresses that can be opened, each by one device.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from amphost.port_address import fault_of, is_tty, shown
from amphost.spec.model import Board
from amphost.spec.positions import KeyPath, Problem

__all__ = ["port_problems"]


def port_problems(board: Board) -> Iterator[Problem]:
    """Check the port of every device."""
    owners: dict[str, str] = {}
    for name, device in board.devices.items():
        port = device.address
        path: KeyPath = ("devices", name, "port")
        for key in ("dtr", "rts"):
            if key in device.model_fields_set and (port is None or not is_tty(port)):
                yield _no_line((*path[:-1], key))
        if port is None:
            continue
        fault = fault_of(port)
        if fault is not None:
            yield Problem(path=path, rule=fault[0], remedy=fault[1])
        if port in owners:
            rule = f"{shown(port)} is the port of {owners[port]} too"
            yield Problem(path=path, rule=rule, remedy="give each device its own port")
        owners.setdefault(port, name)


def _no_line(path: KeyPath) -> Problem:
    rule = f"only a serial port has {str(path[-1]).upper()}"
    return Problem(path=path, rule=rule, remedy="leave it out", key=True)
