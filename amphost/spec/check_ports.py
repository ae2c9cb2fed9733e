"""Rules of the ports of a board: addresses that can be opened, each by one device.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from amphost.port_address import fault_of, is_tty, shown
from amphost.spec.decode import Holes
from amphost.spec.model import Board
from amphost.spec.positions import KeyPath, Problem

__all__ = ["port_problems"]

RPMSG = "/dev/ttyRPMSG"


def port_problems(board: Board, holes: Holes) -> Iterator[Problem]:
    """Check the port of every device, and the second core behind it."""
    owners: dict[str, str] = {}
    yield from _second_core_problems(board, holes)
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


def _second_core_problems(board: Board, holes: Holes) -> Iterator[Problem]:
    """Check that a second core has a port, one device, and that every other device has a speed."""
    owners: dict[str, str] = {}
    for name, device in board.devices.items():
        path: KeyPath = ("devices", name)
        core, port = device.remoteproc, device.address
        rpmsg = core is not None or (port or "").startswith(RPMSG)
        unknown = any(holes.within(*path, key) for key in ("baud", "port", "remoteproc"))
        if not (rpmsg or unknown or "baud" in device.model_fields_set):
            remedy = "add baud: a whole number from 1200 to 4e+06"
            yield Problem(path=(*path, "baud"), rule="is missing", remedy=remedy)
        if core is None:
            continue
        path = (*path, "remoteproc")
        if not holes.within(*path[:-1], "port") and (port is None or not is_tty(port)):
            rule = "a second core has a serial port, and this device has none"
            yield Problem(path=path, rule=rule, remedy=f"add port: {RPMSG}0", key=True)
        if core.name in owners:
            rule = f"{core.name} is started for {owners[core.name]} already"
            yield Problem(path=(*path, "name"), rule=rule, remedy="give each core one device")
        owners.setdefault(core.name, name)


def _no_line(path: KeyPath) -> Problem:
    rule = f"only a serial port has {str(path[-1]).upper()}"
    return Problem(path=path, rule=rule, remedy="leave it out", key=True)
