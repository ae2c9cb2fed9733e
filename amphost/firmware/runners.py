"""What has to be built, once on each machine, before an emulator can run: by `amphost build`.

Rules. Looks for files, builds nothing. QEMU is a program of Debian's and needs none. simavr is a
library (GPL-3): our program around it is compiled on the user's machine. rp2040js comes from npm,
its version and integrity in package-lock.json. Each stands in the cache folder under a name made
of a hash of its source, so that another version of ours is another one.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from amphost.built_code import folder
from amphost.firmware.library import library_folder

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["runner_mark", "runner_path", "runner_source"]

_SOURCES = {"atmega328p": "emulator/run.c", "rp2040": "emulator/package-lock.json"}
_MARKS = {"atmega328p": "", "rp2040": "/node_modules/rp2040js/package.json"}


def runner_source(machine: str) -> Path | None:
    """Return the file of ours that decides what is built; None where nothing is."""
    source = _SOURCES.get(machine)
    return None if source is None else library_folder() / "ports" / machine / source


def runner_path(machine: str, read: Callable[[Path], bytes]) -> str:
    """Return where the runner of a machine stands; empty where it needs none."""
    source = runner_source(machine)
    if source is None:
        return ""
    return f"{folder()}/{machine}-{sha256(read(source)).hexdigest()[:32]}"


def runner_mark(machine: str, path: str) -> Path:
    """Return the file that is there when the runner at `path` is whole."""
    return Path(path + _MARKS[machine])
