"""The file that `amphost link` is given: a system, or a board by itself.

Rules. Reads files, looks at no machine and opens no port. What is meant by a name is `run`'s rule:
a path, else a shipped example. A board is a file that names devices and no roles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from amphost.errors import UsageError
from amphost.plan.line import schema_text
from amphost.spec import shipped
from amphost.spec.files import read_bytes
from amphost.spec.load import load, load_board
from amphost.spec.text import BYTES_MAX, decode
from amphost.spec.yaml_strict import read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amphost.spec.model import DeviceSpec
    from amphost.spec.positions import Positions


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a file says of devices. `system` is empty for a board file.

    Synchronization: none required; immutable.
    """

    system: str
    board: str
    devices: Mapping[str, DeviceSpec]
    where: Positions  # of the board file


def read_named(name: str) -> Named:
    """Read a system or a board file; SpecError has every problem of it."""
    path = shipped.find_spec(name)
    document = read(decode(read_bytes(path, BYTES_MAX), str(path)), str(path))
    tree = document.root
    if isinstance(tree, dict) and "devices" in tree and "roles" not in tree:
        board = load_board(path)
        return Named(system="", board=board.name, devices=board.devices, where=document.where)
    loaded = load(path, boards=shipped.board_folders(), compiled=False)
    return Named(
        system=loaded.spec.name,
        board=loaded.board.name,
        devices=loaded.board.devices,
        where=loaded.board_where,
    )


def device_of(named: Named, device: str | None, file: str) -> str:
    """Return the one device that is meant."""
    known = ", ".join(named.devices)
    if device is None:
        if len(named.devices) == 1:
            return next(iter(named.devices))
        raise UsageError(f"{file} has {known or 'no device'}: say which with --device")
    if device not in named.devices:
        raise UsageError(f"{file} has no device {device}; it has {known or 'none'}")
    return device


def schema_of(file: str, device: str | None) -> str:
    """Return the canonical schema text of a device of a file."""
    named = read_named(file)
    if device is not None and device not in named.devices and len(named.devices) == 1:
        device = None  # the trace's own name for it may be another
    return schema_text(named.devices[device_of(named, device, file)])
