"""One block from its YAML mapping: the operation, its sources, its parameters.

Rules. Pure; the mapping holds plain values (str, int, float, bool, list, dict). Everything wrong
with a block is reported at once. Whether a source exists is not asked here: `laws.compile.check`
knows the other blocks.

Synchronization: none required; functions of values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from amphost.laws.blocks import (
    BLOCKS,
    TUNABLE,
    Block,
    BlockSpec,
    LawProblem,
    Parameter,
    SourceForm,
)
from amphost.laws.tables import read_tables, rule_problems

__all__ = ["did_you_mean", "parse_block"]


def parse_block(name: str, mapping: Mapping[str, object]) -> BlockSpec | list[LawProblem]:
    """Read the block `name`; return it, or all its problems."""
    problems: list[LawProblem] = []
    op = _operation(name, mapping, problems)
    if op is None:
        return problems
    block = BLOCKS[op]
    _unknown_keys(name, op, mapping, problems)
    sources = _sources(name, op, mapping[op], problems)
    numbers: list[tuple[str, float]] = []
    for parameter in block.parameters:
        numbers.extend(_numbers(name, parameter, mapping, problems))
    for parameter in block.parameters:
        _needed(name, parameter, mapping, dict(numbers), problems)
    tables = read_tables(name, op, mapping, problems)
    tunable = mapping.get(TUNABLE, False)
    if not isinstance(tunable, bool):
        problems.append(_problem(name, (TUNABLE,), "is not true or false", "write true or false"))
    elif tunable and not block.can_be_tuned:
        rule = f"{op} has no parameter that could be tuned"
        problems.append(_problem(name, (TUNABLE,), rule, f"remove {TUNABLE}"))
    if problems:
        return problems
    spec = BlockSpec(
        name=name,
        op=op,
        sources=sources,
        parameters=tuple(numbers),
        tunable=bool(tunable),
        tables=tables,
    )
    return rule_problems(spec) or spec


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the known word that is close to `word`, as a remedy's beginning, or nothing."""
    import difflib  # only on the way out

    close = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean {close[0]}? " if close else ""


def _problem(name: str, key: tuple[str | int, ...], rule: str, remedy: str) -> LawProblem:
    return LawProblem(block=name, key=key, rule=rule, remedy=remedy)


def _operation(name: str, mapping: Mapping[str, object], problems: list[LawProblem]) -> str | None:
    """Return the key that names the block: `limit` beside `pid` is a parameter of `pid`."""
    found = [key for key in mapping if key in BLOCKS]
    heads = [
        key
        for key in found
        if not any(BLOCKS[other].parameter(key) for other in found if other != key)
    ]
    if len(heads) == 1:
        return heads[0]
    known = ", ".join(sorted(BLOCKS))
    if heads:
        rule = f"names {len(heads)} operations ({', '.join(heads)}); a block has one"
        problems.append(_problem(name, (), rule, "make a block of each"))
        return None
    guesses = "".join(dict.fromkeys(did_you_mean(key, BLOCKS) for key in mapping))
    problems.append(_problem(name, (), "names no operation", f"{guesses}give one of {known}"))
    return None


def _unknown_keys(
    name: str, op: str, mapping: Mapping[str, object], problems: list[LawProblem]
) -> None:
    allowed = [op, *BLOCKS[op].keys, TUNABLE]
    for key in mapping:
        if key not in allowed:
            remedy = did_you_mean(key, allowed) or f"{op} takes {', '.join(allowed[1:])}"
            problems.append(_problem(name, (key,), f"is not a key of {op}", remedy.strip()))


def _sources(name: str, op: str, value: object, problems: list[LawProblem]) -> tuple[str, ...]:
    block = BLOCKS[op]
    if block.sources is SourceForm.NONE:
        return ()
    if block.sources is SourceForm.ONE:
        if isinstance(value, str):
            return (value,)
        problems.append(_problem(name, (op,), "is not one signal", f"write {block.example}"))
        return ()
    if not isinstance(value, (list, tuple)):
        problems.append(_problem(name, (op,), "is not a list", f"write {block.example}"))
        return ()
    return _source_list(name, op, block, list(value), problems)


def _source_list(
    name: str, op: str, block: Block, values: list[object], problems: list[LawProblem]
) -> tuple[str, ...]:
    if not block.source_min <= len(values) <= block.source_max:
        rule = f"has {len(values)} signals"
        least, most = block.source_min, block.source_max
        remedy = f"give {least} to {most}" if least < most else f"write {block.example}"
        problems.append(_problem(name, (op,), rule, remedy))
    for index, value in enumerate(values):
        if not isinstance(value, str):
            rule = f"{value!r} is not a signal"
            remedy = "give a name; a number is a block of its own: {constant: 1.0}"
            problems.append(_problem(name, (op, index), rule, remedy))
    return tuple(value for value in values if isinstance(value, str))


def _numbers(
    name: str, parameter: Parameter, mapping: Mapping[str, object], problems: list[LawProblem]
) -> list[tuple[str, float]]:
    """Return the parameter's numbers, its default, or nothing."""
    key = parameter.key
    if key not in mapping:
        if parameter.required:
            remedy = f"add {key}: [low, high]" if parameter.pair else f"add {key}"
            problems.append(_problem(name, (), f"{key} is missing", remedy))
        return [] if parameter.default is None else [(key, parameter.default)]
    value = mapping[key]
    if parameter.choices:
        return _choice(name, parameter, value, problems)
    if not parameter.pair:
        number = _number(name, parameter, (key,), value, problems)
        return [] if number is None else [(key, number)]
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        problems.append(_problem(name, (key,), "is not a pair", f"write {key}: [low, high]"))
        return []
    low = _number(name, parameter, (key, 0), value[0], problems)
    high = _number(name, parameter, (key, 1), value[1], problems)
    if low is None or high is None:
        return []
    if not low < high:
        rule = f"the low end {low:g} is not below the high end {high:g}"
        problems.append(_problem(name, (key,), rule, f"write {key}: [low, high]"))
    return list(zip(parameter.names, (low, high), strict=True))


def _choice(
    name: str, parameter: Parameter, value: object, problems: list[LawProblem]
) -> list[tuple[str, float]]:
    key, words = parameter.key, parameter.choices
    if isinstance(value, str) and value in words:
        return [(key, float(words.index(value)))]
    remedy = f"write {', '.join(words[:-1])} or {words[-1]}"
    problems.append(_problem(name, (key,), f"{value!r} is none of its words", remedy))
    return []


def _number(
    name: str,
    parameter: Parameter,
    key: tuple[str | int, ...],
    value: object,
    problems: list[LawProblem],
) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        problems.append(_problem(name, key, f"{value!r} is not a number", "write a number"))
        return None
    if not parameter.minimum <= value <= parameter.maximum:
        rule = f"{value:g} is out of range" if isinstance(value, float) else "is out of range"
        remedy = f"give a number from {parameter.minimum:g} to {parameter.maximum:g}"
        problems.append(_problem(name, key, rule, remedy))
        return None
    if parameter.whole and value != int(value):
        remedy = f"give a whole number from {parameter.minimum:g} to {parameter.maximum:g}"
        problems.append(_problem(name, key, f"{value:g} is not a whole number", remedy))
        return None
    return float(value)


def _needed(
    name: str,
    parameter: Parameter,
    mapping: Mapping[str, object],
    numbers: Mapping[str, float],
    problems: list[LawProblem],
) -> None:
    """Ask for a parameter that another one makes necessary, unless an output can give it."""
    if parameter.key in mapping or parameter.from_output:
        return
    if parameter.needed_with and numbers.get(parameter.needed_with, 0.0) != 0.0:
        rule = f"{parameter.key} is missing, and {parameter.needed_with} is not 0"
        problems.append(_problem(name, (), rule, f"add {parameter.key}"))
