"""The bytes of a file that a user names.

Rules. Reads regular files alone, never more than one byte over the limit, and never waits for the
writer of a pipe. What cannot be read is a SpecError at the path of the spec that names it. Whoever
wants to know whether the files are still what they were asks for a note of all that was seen.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from amphost.errors import SpecError
from amphost.spec.positions import KeyPath, Positions

__all__ = ["Sight", "is_file", "is_there", "listing", "noting", "read_bytes", "still"]

A = TypeVar("A")
Sight = tuple[str, str, object]
"""Which question, about which path, and what the answer was."""
_notes: list[list[Sight]] = []


@contextmanager
def noting() -> Iterator[list[Sight]]:
    """Note in the list that is returned what is seen of any file meanwhile."""
    seen: list[Sight] = []
    _notes.append(seen)
    try:
        yield seen
    finally:
        _notes.remove(seen)


def still(sight: Sight) -> bool:
    """Look again; return whether the answer is the same."""
    question, path, answer = sight
    if question == "bytes" and isinstance(answer, str):
        content = answer.encode()
        try:
            return read_bytes(Path(path), len(content)) == content
        except SpecError:
            return False
    again = {"is_file": is_file, "is_there": is_there, "listing": listing}.get(question)
    return again is not None and again(Path(path)) == answer


def listing(folder: Path) -> list[str]:
    """Return the names of the YAML files in a folder, in order."""
    return _noted("listing", folder, sorted(one.name for one in folder.glob("*.yaml")))


def _noted(question: str, path: Path, answer: A) -> A:
    for seen in _notes:
        seen.append((question, str(path), answer))
    return answer


def is_there(path: Path) -> bool:
    """Say whether anything is there; an impossible path is nothing."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return _noted("is_there", path, False)
    except OSError:
        return _noted("is_there", path, True)
    return _noted("is_there", path, True)


def is_file(path: Path) -> bool:
    """Say whether a file is there; an impossible or forbidden path is no file."""
    try:
        return _noted("is_file", path, path.is_file())
    except (OSError, ValueError):
        return _noted("is_file", path, False)


def read_bytes(path: Path, most: int, at: KeyPath = ()) -> bytes:
    """Read a regular file, at most one byte more than `most`."""
    where = Positions(file=str(path), values={}, keys={})
    try:
        with open(path, "rb", opener=_open) as file:  # Path.open has no opener
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                rule, remedy = "is not a regular file", "give the path of a file"
                raise SpecError([where.problem(at, rule, remedy)])
            return _noted("bytes", path, file.read(most + 1))
    except OSError as error:
        rule = f"cannot be read ({error.strerror or type(error).__name__})"
        raise SpecError([where.problem(at, rule, "correct the path or its rights")]) from error
    except ValueError as error:
        rule, remedy = "is not the name of a file", "correct the path"
        raise SpecError([where.problem(at, rule, remedy)]) from error


def _open(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_NONBLOCK)
