"""The class that a role runs: found and read, never executed.

Rules. `file.py:Class` stands beside the spec; `package.module:Class` is looked for there first and
then where Python looks. Packages are located, not imported, and the source is parsed, not run: what
a file does when it is imported happens in the role's own process alone.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from amphost.errors import SpecError
from amphost.spec.class_source import class_problems
from amphost.spec.files import is_file, read_bytes
from amphost.spec.positions import KeyPath, Positions, Problem, show
from amphost.spec.text import decode

__all__ = ["SOURCE_BYTES_MAX", "ClassPlace", "find_class"]

SOURCE_BYTES_MAX = 1024 * 1024
_FORM = "write file.py:Class or package.module:Class"
_SUFFIX = ".py"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassPlace:
    """Where a class is: `file` relative to where amphost runs; `module` empty for a plain file.

    Synchronization: none required; immutable.
    """

    file: str
    class_name: str
    module: str
    root: str  # the folder that its imports start from


def find_class(
    text: str, folder: Path, at: KeyPath, method: str = "step"
) -> tuple[ClassPlace | None, list[Problem], list[str]]:
    """Find the class `text` of a spec in `folder`, which must have `method`.

    Return it, the problems of the spec at the path `at`, and finished lines about other files.
    """
    where, _, name = text.rpartition(":")
    if not where or not name.isidentifier():
        return None, [Problem(path=at, rule=f"{show(text)} names no class", remedy=_FORM)], []
    found = _file(where, folder, at) if where.endswith(_SUFFIX) else _module(where, folder, at)
    if isinstance(found, Problem):
        return None, [found], []
    file, module, root = found
    try:
        source = decode(
            read_bytes(Path(file), SOURCE_BYTES_MAX, at), file, most=SOURCE_BYTES_MAX, path=at
        )
    except SpecError as error:
        return None, [], error.problems
    positions = Positions(file=file, values={}, keys={})
    problems = list(class_problems(source, name, method, at))
    if problems:
        beside = [positions.line(one) for one in problems if one.place is not None]
        return None, [one for one in problems if one.place is None], beside
    return ClassPlace(file=file, class_name=name, module=module, root=root), [], []


def _file(where: str, folder: Path, at: KeyPath) -> tuple[str, str, str] | Problem:
    file = folder / where
    if not is_file(file):
        rule = f"there is no file {show(str(file))}"
        return Problem(path=at, rule=rule, remedy="correct the path")
    return str(file), "", str(file.parent)


def _module(where: str, folder: Path, at: KeyPath) -> tuple[str, str, str] | Problem:
    parts = where.split(".")
    if not all(part.isidentifier() for part in parts):
        return Problem(path=at, rule=f"{show(where)} is no file and no module", remedy=_FORM)
    from importlib.machinery import PathFinder  # only for a class in a package
    from importlib.util import find_spec

    here = str(Path.cwd())
    places = [str(folder), *(one for one in sys.path if one not in ("", here))]
    found = PathFinder.find_spec(parts[0], places) or find_spec(parts[0])
    full = parts[0]
    for part in parts[1:]:
        inside = None if found is None else found.submodule_search_locations
        full = f"{full}.{part}"
        found = PathFinder.find_spec(full, list(inside)) if inside else None
    origin = None if found is None else found.origin
    if origin is None:
        rule = f"there is no module {show(where)}"
        remedy = "install it, or put it beside this file"
        return Problem(path=at, rule=rule, remedy=remedy)
    if not origin.endswith(_SUFFIX):
        rule = f"the module {show(where)} has no Python source"
        return Problem(path=at, rule=rule, remedy="name a class that is written in Python")
    above = len(parts) + (Path(origin).name == "__init__.py")
    return origin, where, str(Path(origin).parents[above - 1])
