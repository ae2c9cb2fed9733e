"""From plain values to a model, with every problem at once, and on past the broken parts.

Rules. What is broken is cut out (a bad key alone; a mapping that lacks one) and the rest is read
again, so that the rules between values can be checked in the same run; `Holes` tells them where to
keep silent. A value that the YAML reader refused gets no second complaint. Pure.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from amphost.spec.building import built
from amphost.spec.expected import Node, expected_at
from amphost.spec.positions import PROBLEMS_MAX, KeyPath, Problem
from amphost.spec.value_types import NAME_PATTERN, Model
from amphost.spec.wording import path_of, problem_of
from amphost.spec.yaml_strict import Document

__all__ = ["Decoded", "Holes", "decode_model"]

M = TypeVar("M", bound=Model)
StandIn = Callable[[KeyPath], object]
_ROUNDS_MAX = 20
_NAME = re.compile(NAME_PATTERN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holes:
    """The paths that were cut out, or stand-ins for what was missing.

    Synchronization: none required; immutable.
    """

    paths: frozenset[KeyPath]

    def at(self, *path: str | int) -> bool:
        """Say whether `path` itself, or something that holds it, is missing."""
        return any(path[:length] in self.paths for length in range(len(path) + 1))

    def within(self, *path: str | int) -> bool:
        """Say whether anything at, above or below `path` is missing."""
        return self.at(*path) or any(hole[: len(path)] == path for hole in self.paths)

    def misnamed(self, *path: str | int) -> bool:
        """Say whether an entry of the mapping at `path` has a name that cannot be meant."""
        return any(
            hole[:-1] == path and _NAME.fullmatch(str(hole[-1])) is None
            for hole in self.paths
            if hole
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded(Generic[M]):
    """A model, as far as the file allows, and what is wrong with the rest.

    Synchronization: none required; immutable.
    """

    model: M | None
    problems: tuple[Problem, ...]
    holes: Holes


def decode_model(
    model: type[M],
    document: Document,
    *,
    schema: Callable[[], Node],
    stand_in: StandIn,
) -> Decoded[M]:
    """Validate a document; `stand_in` gives a value for a missing path to go on with, or None."""
    problems = list(document.problems)
    if not isinstance(document.root, dict):
        if not problems:
            rule, remedy = "is not a mapping", "begin with `name: ...`"
            problems.append(Problem(path=(), rule=rule, remedy=remedy))
        return Decoded(model=None, problems=tuple(problems), holes=_holes(set()))
    root: dict[str, Any] = copy.deepcopy(document.root)
    empty = [path for path in _empty_paths(root) if path not in document.refused]
    for path in empty[: PROBLEMS_MAX + 1]:
        expected = expected_at(schema(), document.root, path)
        problems.append(Problem(path=path, rule="has no value", remedy=f"give {expected}"))
    silent = document.refused | set(empty)
    valid, errors = _validate(model, root)
    errors = [error for error in errors if not _covered(path_of(error, root), silent)]
    problems += [problem_of(error, schema(), document.root) for error in errors[:PROBLEMS_MAX]]
    if valid is not None:
        return Decoded(model=valid, problems=tuple(problems), holes=_holes(silent))
    holes = set(silent)
    return Decoded(
        model=_cut(model, root, stand_in, holes), problems=tuple(problems), holes=_holes(holes)
    )


def _holes(paths: set[KeyPath] | frozenset[KeyPath]) -> Holes:
    return Holes(paths=frozenset(paths))


def _covered(path: KeyPath, silent: set[KeyPath] | frozenset[KeyPath]) -> bool:
    return any(path[:length] in silent for length in range(len(path) + 1))


def _validate(model: type[M], root: dict[str, Any]) -> tuple[M | None, list[ErrorDetails]]:
    try:
        return built(model).model_validate(root), []
    except ValidationError as error:
        return None, error.errors(include_url=False)


def _empty_paths(root: dict[str, Any]) -> list[KeyPath]:
    """Find every value that is empty; nothing in a spec or board may be."""
    found: list[KeyPath] = []
    waiting: list[tuple[KeyPath, Any]] = [((), root)]
    while waiting:
        path, value = waiting.pop()
        if value is None:
            found.append(path)
        elif isinstance(value, dict):
            waiting.extend(((*path, key), below) for key, below in value.items())
        elif isinstance(value, list):
            waiting.extend(((*path, index), below) for index, below in enumerate(value))
    return sorted(found, key=str)


def _cut(model: type[M], root: dict[str, Any], stand_in: StandIn, holes: set[KeyPath]) -> M | None:
    """Cut out what is wrong until the rest is valid; None where nothing is left to check."""
    for _ in range(_ROUNDS_MAX):
        valid, errors = _validate(model, root)
        if valid is not None:
            return valid
        for error in errors:
            path = path_of(error, root)
            missing = error["type"] in ("missing", "union_tag_not_found", "union_tag_invalid")
            instead = stand_in(path) if missing else None
            if instead is None and missing:
                path = path[:-1]
            if not path:
                return None
            holes.add(path)
            _put(root, path, instead)
    return None


def _put(root: dict[str, Any], path: KeyPath, instead: object) -> None:
    """Put `instead` at `path`; with None remove what stands there, and of a list all of it."""
    above: Any = root
    for part in path[:-1]:
        below = above.get(part) if isinstance(above, dict) else None
        if not isinstance(below, dict):
            if isinstance(above, dict):
                above.pop(part, None)
            return
        above = below
    if instead is None:
        above.pop(path[-1], None)
    else:
        above[path[-1]] = copy.deepcopy(instead)
