"""The program that a role runs: found, never started.

Rules. A name with a `/` stands in the folder of the spec, or is absolute; any other is looked for
in PATH, as a shell would. It is a regular file that this user may execute.
"""

from __future__ import annotations

import os
from pathlib import Path

from amphost.spec.files import is_file, is_there
from amphost.spec.positions import KeyPath, Problem, show

__all__ = ["find_executable"]


def find_executable(word: str, folder: Path, at: KeyPath) -> str | Problem:
    """Return the file of the program `word` of a spec in `folder`, or what is wrong with it."""
    if "\0" in word:
        return Problem(path=at, rule=f"{show(word)} is no file", remedy="correct the path")
    if "/" not in word:
        from shutil import which  # and with it bz2 and lzma

        found = which(word)
        if found is None:
            rule = f"there is no program {show(word)} in PATH"
            remedy = f"install it, or write ./{show(word)} for one beside this file"
            return Problem(path=at, rule=rule, remedy=remedy)
        return found
    file = folder / word
    if not is_file(file):
        what = "is not a file" if is_there(file) else "is not there"
        remedy = "build it, or correct the path"
        return Problem(path=at, rule=f"{show(str(file))} {what}", remedy=remedy)
    if not os.access(file, os.X_OK):
        remedy = f"run chmod +x {show(str(file))}"
        return Problem(path=at, rule=f"{show(str(file))} is not executable", remedy=remedy)
    return str(file)
