"""Who has a serial port open, as far as this user may see.

Rules. Read from /proc below `root`. A process that has just ended is no news; one that may not be
looked at makes the answer incomplete, and that is said.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

COMMAND_MAX = 200
_PORTS = ("/dev/tty", "/dev/pts/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A process that has a port open.

    Synchronization: none required; immutable.
    """

    pid: int
    name: str
    command: str  # its words, shortened; empty: not to be seen


def find_holders(root: Path) -> tuple[dict[str, list[Holder]], bool]:
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
        for target in sorted(one for one in opened if one.startswith(_PORTS)):
            holder = Holder(
                pid=int(process.name),
                name=_text(process / "comm") or "?",
                command=_text(process / "cmdline").replace("\0", " ").strip()[:COMMAND_MAX],
            )
            holders.setdefault(target, []).append(holder)
    return holders, complete


def holders_of(port: str) -> list[Holder]:
    """Return who has a port of this machine open, but for this process."""
    found = find_holders(Path("/"))[0].get(str(Path(port).resolve()), [])
    return [one for one in found if one.pid != os.getpid()]


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
