"""Where each value of a file stands, and the one line that a problem is.

Rules. Lines and columns count from 1. A path that the file does not hold is reported at its
nearest ancestor that it does hold. Pure: knows no file but its name as the user typed it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Path", "Place", "Positions"]

Path = tuple[str | int, ...]
Place = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Positions:
    """Line and column of every key and value of one file.

    Synchronization: none required; immutable.
    """

    file: str
    values: Mapping[Path, Place]
    keys: Mapping[Path, Place]

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Find where `path` stands; its key with `key`, else its value."""
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

    def problem(self, path: Path, rule: str, remedy: str, *, key: bool = False) -> str:
        """Format one problem: `file:line:col: path: rule; remedy`."""
        line, column = self.place(path, key=key)
        return f"{self.file}:{line}:{column}: {dotted(path)}: {rule}; {remedy}"


def dotted(path: Path) -> str:
    """Write a path as its user would: `roles.io.core`, `range[0]`; the file itself is `(file)`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "(file)"
