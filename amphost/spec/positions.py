"""Where each value of a file stands, and the one line that a problem is.

Rules. Lines and columns count from 1. A path that the file does not hold is reported at its
nearest ancestor that it does hold. Whatever a user wrote is shown short, on one line and in
printable characters: a hostile file cannot paint on the terminal. Pure: knows no file but its
name as the user typed it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = ["PROBLEMS_MAX", "KeyPath", "Place", "Positions", "Problem", "dotted", "show"]

KeyPath = tuple[str | int, ...]
Place = tuple[int, int]

PROBLEMS_MAX = 100  # more are counted, not listed
_SHOWN_MAX = 40
_PLAIN = re.compile(r"[A-Za-z0-9_.+/%-]{1,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, at a path; `place` where the path alone does not say it."""

    path: KeyPath
    rule: str
    remedy: str
    key: bool = False  # the key is meant, not its value
    place: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Positions:
    """Line and column of every key and value of one file.

    Synchronization: none required; immutable.
    """

    file: str
    values: Mapping[KeyPath, Place]
    keys: Mapping[KeyPath, Place]

    def place(self, path: KeyPath, *, key: bool = False) -> Place:
        """Find where `path` stands: its key with `key`, else its value."""
        if key and path in self.keys:
            return self.keys[path]
        if path in self.values:
            return self.values[path]
        for length in range(len(path) - 1, -1, -1):
            above = path[:length]
            if above in self.keys:
                return self.keys[above]
            if above in self.values:
                return self.values[above]
        return (1, 1)

    def problem(self, path: KeyPath, rule: str, remedy: str, *, key: bool = False) -> str:
        """Format one problem: `file:line:col: path: rule; remedy`."""
        return self.line(Problem(path=path, rule=rule, remedy=remedy, key=key))

    def line(self, problem: Problem) -> str:
        """Format `problem` as its one line."""
        line, column = problem.place or self.place(problem.path, key=problem.key)
        where = f"{file_name(self.file)}:{line}:{column}"
        return f"{where}: {dotted(problem.path)}: {problem.rule}; {problem.remedy}"

    def lines(self, problems: Iterable[Problem]) -> list[str]:
        """Format problems in the order of the file, each once, at most PROBLEMS_MAX of them."""
        placed = [(one.place or self.place(one.path, key=one.key), one) for one in problems]
        placed.sort(key=lambda entry: entry[0])
        lines = list(dict.fromkeys(self.line(one) for _, one in placed[: 4 * PROBLEMS_MAX]))
        if len(placed) <= PROBLEMS_MAX:
            return lines
        more = Problem(
            path=(),
            rule=f"has {len(placed)} problems in all",
            remedy=f"correct the {PROBLEMS_MAX} above first",
            place=placed[-1][0],
        )
        return [*lines[:PROBLEMS_MAX], self.line(more)]


def dotted(path: KeyPath) -> str:
    """Write a path as its user would: `roles.io.core`, `range[0]`; the file itself is `(file)`."""
    text = ""
    for part in path:
        shown = f"[{part}]" if isinstance(part, int) else show(part)
        text += shown if isinstance(part, int) or not text else f".{shown}"
    return text or "(file)"


def show(value: object) -> str:
    """Write a value of the file for a message: short, on one line, printable ASCII."""
    if value is None:
        return "an empty value"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return _cut(f"{value:.12g}" if isinstance(value, float) else str(value))
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) else _cut(json.dumps(value[: 2 * _SHOWN_MAX]))
    return "a list" if isinstance(value, (list, tuple)) else "a mapping"


def file_name(name: str) -> str:
    """Write a file's name on one line, whatever it holds."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in name)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_MAX else f"{text[: _SHOWN_MAX - 3]}..."
