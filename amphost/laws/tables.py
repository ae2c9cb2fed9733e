"""A block's tables of numbers from their YAML lists, and the rules between a block's numbers.

Rules. Pure. Everything wrong is reported at once. The rules here are those of one block by itself;
a frequency against the role's rate is a matter of `laws.check`.

Synchronization: none required; functions of values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from amphost.laws.blocks import BLOCKS, BlockSpec, LawProblem
from amphost.laws.declare import LARGEST, Table
from amphost.laws.pack import normalised

__all__ = ["read_tables", "rule_problems"]

Rows = tuple[tuple[float, ...], ...]
_COLUMNS_MAX = 16
_STABLE = 1e-9  # a pole on the circle integrates; rounding may put it this far outside


def read_tables(
    name: str, op: str, mapping: Mapping[str, object], problems: list[LawProblem]
) -> tuple[tuple[str, Rows], ...]:
    """Return the tables of a block that could be read; a flat list is one row."""
    found: list[tuple[str, Rows]] = []
    for table in BLOCKS[op].tables:
        if table.key not in mapping:
            remedy = f"add {table.key}: {table.form}"
            problems.append(_problem(name, (), f"{table.key} is missing", remedy))
            continue
        wrong = list(_problems(name, table, mapping[table.key]))
        problems += wrong
        if not wrong:
            value = mapping[table.key]
            assert isinstance(value, (list, tuple))
            rows = [value] if table.columns == 0 else value
            found.append((table.key, tuple(tuple(float(one) for one in row) for row in rows)))
    return tuple(found)


def rule_problems(block: BlockSpec) -> list[LawProblem]:
    """Return what is wrong between the numbers of a block, each of them right by itself."""
    rule = _RULES.get(block.op)
    return [] if rule is None else list(rule(block))


def _problem(name: str, key: tuple[str | int, ...], rule: str, remedy: str) -> LawProblem:
    return LawProblem(block=name, key=key, rule=rule, remedy=remedy)


def _problems(name: str, table: Table, value: object) -> Iterator[LawProblem]:
    least, most = table.rows
    write = f"write {table.key}: {table.form}"
    if not isinstance(value, (list, tuple)):
        yield _problem(name, (table.key,), "is not a list", write)
        return
    if not least <= len(value) <= most:
        rule, remedy = f"has {len(value)} entries", f"give {least} to {most} {table.numbers}"
        yield _problem(name, (table.key,), rule, remedy)
        return
    if table.columns == 0:
        yield from _row_problems(name, (table.key,), list(value))
        return
    for index, row in enumerate(value):
        at: tuple[str | int, ...] = (table.key, index)
        if not isinstance(row, (list, tuple)):
            yield _problem(name, at, "is not a row of numbers", write)
        elif table.columns > 0 and len(row) != table.columns:
            yield _problem(name, at, f"has {len(row)} numbers", write)
        elif len(row) > _COLUMNS_MAX:
            rule = f"has {len(row)} numbers"
            yield _problem(name, at, rule, f"give {_COLUMNS_MAX} at most")
        else:
            yield from _row_problems(name, at, list(row))


def _row_problems(name: str, at: tuple[str | int, ...], row: list[object]) -> Iterator[LawProblem]:
    for index, number in enumerate(row):
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            yield _problem(name, (*at, index), f"{number!r} is not a number", "write a number")
        elif not -LARGEST <= number <= LARGEST:
            remedy = f"give a number from {-LARGEST:g} to {LARGEST:g}"
            yield _problem(name, (*at, index), "is out of range", remedy)


def _lookup(block: BlockSpec) -> Iterator[LawProblem]:
    points = block.table("points")
    for index in range(1, len(points)):
        before, here = points[index - 1][0], points[index][0]
        if not before < here:
            rule = f"x = {here:g} does not rise above the {before:g} before it"
            remedy = "sort the points by x, each x once"
            yield _problem(block.name, ("points", index), rule, remedy)


def _biquad(block: BlockSpec) -> Iterator[LawProblem]:
    for index, row in enumerate(block.table("sections")):
        at: tuple[str | int, ...] = ("sections", index)
        if row[3] == 0.0:
            remedy = "write [b0, b1, b2, a0, a1, a2], with a0 = 1 as a rule"
            yield _problem(block.name, (*at, 3), "a0 is 0", remedy)
            continue
        _, _, _, a1, a2 = normalised(row)
        if abs(a2) > 1.0 + _STABLE or abs(a1) > 1.0 + a2 + _STABLE:
            rule = f"is unstable: a1 = {a1:g} and a2 = {a2:g} put a pole outside the unit circle"
            remedy = "design it for the role's rate; the order is b0, b1, b2, a0, a1, a2"
            yield _problem(block.name, at, rule, remedy)


def _statespace(block: BlockSpec) -> Iterator[LawProblem]:
    order, inputs = len(block.table("a")), len(block.sources)
    wanted = (
        ("a", order, order, "A is square"),
        ("b", order, inputs, "B has a row for each state and a column for each source"),
        ("c", 1, order, "C has a number for each state"),
        ("d", 1, inputs, "D has a number for each source"),
    )
    for key, rows, columns, text in wanted:
        table = block.table(key)
        widths = sorted({len(row) for row in table})
        if len(table) == rows and widths == [columns]:
            continue
        shape = f"{len(table)} x {' or '.join(map(str, widths))}"
        rule = f"is {shape}, not {rows} x {columns}"
        remedy = f"the order is {order}, the sources are {inputs}: {text}"
        yield _problem(block.name, (key,), rule, remedy)


def _integrator(block: BlockSpec) -> Iterator[LawProblem]:
    low, high = block.value("limit_low"), block.value("limit_high")
    initial = block.number("initial")
    if low is not None and high is not None and not low <= initial <= high:
        rule = f"initial = {initial:g} is outside the limit [{low:g}, {high:g}]"
        yield _problem(block.name, (), rule, "choose a value inside it")


def _ramp(block: BlockSpec) -> Iterator[LawProblem]:
    low, high, begin = block.number("limit_low"), block.number("limit_high"), block.number("from")
    if not low <= begin <= high:
        rule = f"from = {begin:g} is outside the limit [{low:g}, {high:g}]"
        yield _problem(block.name, (), rule, "choose a value inside it")


def _rate_limit(block: BlockSpec) -> Iterator[LawProblem]:
    low, high = block.number("per_s_low"), block.number("per_s_high")
    if not low <= 0.0 <= high:
        rule = f"[{low:g}, {high:g}] does not let the value stand still"
        remedy = "write per_s: [fastest fall, fastest rise], such as [-2.0, 2.0]"
        yield _problem(block.name, ("per_s",), rule, remedy)


_RULES: Mapping[str, Callable[[BlockSpec], Iterator[LawProblem]]] = MappingProxyType(
    {
        "biquad": _biquad,
        "integrator": _integrator,
        "lookup": _lookup,
        "ramp": _ramp,
        "rate_limit": _rate_limit,
        "statespace": _statespace,
    }
)
