"""The bytes of a file that a user names.

Rules. Reads regular files alone, never more than one byte over the limit, and never waits for the
writer of a pipe. What cannot be read is a SpecError at the path of the spec that names it.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from amphost.errors import SpecError
from amphost.spec.positions import KeyPath, Positions

__all__ = ["is_file", "is_there", "read_bytes"]


def is_there(path: Path) -> bool:
    """Say whether anything is there; an impossible path is nothing."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    except OSError:
        return True
    return True


def is_file(path: Path) -> bool:
    """Say whether a file is there; an impossible or forbidden path is no file."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def read_bytes(path: Path, most: int, at: KeyPath = ()) -> bytes:
    """Read a regular file, at most one byte more than `most`."""
    where = Positions(file=str(path), values={}, keys={})
    try:
        with open(path, "rb", opener=_open) as file:  # Path.open has no opener
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                rule, remedy = "is not a regular file", "give the path of a file"
                raise SpecError([where.problem(at, rule, remedy)])
            return file.read(most + 1)
    except OSError as error:
        rule = f"cannot be read ({error.strerror or type(error).__name__})"
        raise SpecError([where.problem(at, rule, "correct the path or its rights")]) from error
    except ValueError as error:
        rule, remedy = "is not the name of a file", "correct the path"
        raise SpecError([where.problem(at, rule, remedy)]) from error


def _open(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_NONBLOCK)
