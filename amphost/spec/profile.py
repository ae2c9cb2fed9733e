"""A profile: how an operator value moves by itself, from a CSV file.

Rules. One header line; the column `t_s` is seconds from the start, strictly increasing from 0, and
the column named like the operator value is its value there; other columns are for others. Between
two points the value moves on a straight line, and after the last it starts again. Plain decimal
numbers, every one inside the value's range. Every problem of a file is reported at once, at the
line and column of the CSV. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from amphost.spec.positions import KeyPath, Problem, show

__all__ = ["POINTS_MAX", "Points", "read_profile"]

POINTS_MAX = 100_000
TIME = "t_s"
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,3})?")
_NUMBER_LENGTH_MAX = 40
Points = tuple[tuple[float, float], ...]


def read_profile(
    text: str, column: str, limits: tuple[float, float], path: KeyPath
) -> tuple[Points, list[Problem]]:
    """Read the points of the value `column`; `path` is where the spec names the file."""
    lines = text.rstrip("\n").split("\n")
    header = [cell.strip() for cell in lines[0].split(",")]
    problems = [
        Problem(
            path=path,
            rule=f"the header has {'no' if name not in header else 'more than one'} column {name}",
            remedy=f"begin the file with the line {TIME},{column}",
            place=(1, 1),
        )
        for name in (TIME, column)
        if header.count(name) != 1
    ]
    if problems:
        return (), problems
    if not 2 <= len(lines) - 1 <= POINTS_MAX:
        rule = f"the number of points is {len(lines) - 1}"
        remedy = f"give 2 to {POINTS_MAX}"
        return (), [Problem(path=path, rule=rule, remedy=remedy, place=(1, 1))]
    rows = _Rows(len(header), header.index(TIME), header.index(column), limits, path)
    points = [rows.point(number, line) for number, line in enumerate(lines[1:], start=2)]
    return tuple(point for point in points if point is not None), rows.problems


class _Rows:
    """Reads one row after the other, collecting problems. Synchronization: one thread."""

    def __init__(
        self, cells: int, time: int, value: int, limits: tuple[float, float], path: KeyPath
    ) -> None:
        self._cells, self._time, self._value = cells, time, value
        self._low, self._high = limits
        self._path = path
        self._last_s: float | None = None
        self.problems: list[Problem] = []

    def point(self, number: int, line: str) -> tuple[float, float] | None:
        """Read line `number`; None with a problem added."""
        cells = line.split(",")
        if len(cells) != self._cells:
            rule = f"has {len(cells)} columns, the header {self._cells}"
            self._add(number, 1, rule, "give every line as many")
            return None
        found = len(self.problems)
        time_s = self._number(number, cells, self._time)
        value = self._number(number, cells, self._value)
        if time_s is not None:
            for rule, remedy in self._time_problems(time_s):
                self._add(number, _column(cells, self._time), rule, remedy)
            self._last_s = time_s
        if value is not None and not self._low <= value <= self._high:
            rule = f"{show(value)} is outside [{self._low:g}, {self._high:g}]"
            remedy = "keep the profile inside the value's range"
            self._add(number, _column(cells, self._value), rule, remedy)
        if time_s is None or value is None or len(self.problems) > found:
            return None
        return (time_s, value)

    def _time_problems(self, time_s: float) -> Iterator[tuple[str, str]]:
        if self._last_s is None and time_s != 0.0:
            yield f"the first time is {show(time_s)} s", "begin at 0"
        elif self._last_s is not None and time_s <= self._last_s:
            rule = f"{show(time_s)} s does not come after {show(self._last_s)} s"
            yield rule, "let the times increase from line to line"

    def _number(self, number: int, cells: list[str], index: int) -> float | None:
        text = cells[index].strip()
        if len(text) <= _NUMBER_LENGTH_MAX and _NUMBER.fullmatch(text):
            return float(text)
        rule = f"{show(text)} is not a number"
        self._add(number, _column(cells, index), rule, "write a decimal number")
        return None

    def _add(self, line: int, column: int, rule: str, remedy: str) -> None:
        place = (line, column)
        self.problems.append(Problem(path=self._path, rule=rule, remedy=remedy, place=place))


def _column(cells: list[str], index: int) -> int:
    """Return the column of a line at which cell `index` begins."""
    return sum(len(cell) + 1 for cell in cells[:index]) + 1
