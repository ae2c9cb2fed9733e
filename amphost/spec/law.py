"""A control role's law from its mapping: blocks, or what is wrong with them, at their places.

Rules. What a block is belongs to `laws`; here its paths become those of the file, and its texts
one line each. A law in C is one key, `c`, and the name of a file. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from amphost.laws.blocks import BlockSpec, LawProblem
from amphost.laws.check import RESERVED, check
from amphost.laws.parse import parse_block
from amphost.spec.expected import NAME_RULE
from amphost.spec.positions import KeyPath, Problem, show
from amphost.spec.value_types import NAME_PATTERN

__all__ = ["c_file", "check_law", "read_law"]

_NAME = re.compile(NAME_PATTERN)
_TEXT_MAX = 400
_FIRST_BLOCK = "write `signal: {block: source}`, such as `voltage: {pid: error, kp: 9.0}`"


def c_file(law: Mapping[str, object]) -> str | None:
    """Return the C file that a law is; None where it is made of blocks, or wrong."""
    file = law.get("c")
    return file if len(law) == 1 and isinstance(file, str) else None


def read_law(role: str, law: Mapping[str, object]) -> tuple[tuple[BlockSpec, ...], list[Problem]]:
    """Read the blocks of `roles.<role>.law`; with problems, those that could be read."""
    path = ("roles", role, "law")
    if c_file(law) is not None:
        return (), []
    if not law:
        return (), [Problem(path=path, rule="has no blocks", remedy=_FIRST_BLOCK)]
    blocks: list[BlockSpec] = []
    problems: list[Problem] = []
    for name, mapping in law.items():
        problem = _refused(path, name, mapping)
        if problem is not None:
            problems.append(problem)
        elif isinstance(mapping, dict):
            read = parse_block(name, mapping)
            if isinstance(read, BlockSpec):
                blocks.append(read)
            else:
                problems += [_at(path, one) for one in read]
    return tuple(blocks), problems


def check_law(
    role: str,
    blocks: tuple[BlockSpec, ...],
    inputs: Mapping[str, str],
    outputs: Mapping[str, str],
    *,
    dt_s: float,
) -> list[Problem]:
    """Check a law as a whole; `inputs` and `outputs` map names to units, "" where not known."""
    path = ("roles", role, "law")
    return [_at(path, one) for one in check(blocks, inputs, outputs, dt_s=dt_s)]


def _refused(path: KeyPath, name: str, mapping: object) -> Problem | None:
    at = (*path, name)
    if name == "c" and not isinstance(mapping, dict):
        if isinstance(mapping, str):
            rule, remedy = "a law by `c:` has no blocks", "remove the blocks, or `c:`"
        else:
            rule, remedy = f"{show(mapping)} is no C file", "write `c: laws/motor.c`"
        return Problem(path=at, rule=rule, remedy=remedy, key=True)
    if name in RESERVED and not isinstance(mapping, dict):
        rule = f"a law by `{name}:` is not in this version"
        return Problem(path=at, rule=rule, remedy=_FIRST_BLOCK, key=True)
    if name in RESERVED:
        rule = f"{name} may not be the name of a signal"
        return Problem(path=at, rule=rule, remedy="give the signal another name", key=True)
    if not _NAME.fullmatch(name):
        return Problem(path=at, rule="is not a name", remedy=f"use {NAME_RULE}", key=True)
    if not isinstance(mapping, dict):
        rule = (
            f"is {show(mapping)}" if isinstance(mapping, list) else f"{show(mapping)} is no block"
        )
        return Problem(path=at, rule=rule, remedy=_FIRST_BLOCK)
    return None


def _at(path: KeyPath, problem: LawProblem) -> Problem:
    """Return a law's problem at its place; its texts may quote the file, so they are made short."""
    at: KeyPath = (*path, problem.block, *problem.key) if problem.block else path
    return Problem(path=at, rule=_one_line(problem.rule), remedy=_one_line(problem.remedy))


def _one_line(text: str) -> str:
    text = "".join(one if one.isprintable() else " " for one in text)
    return text if len(text) <= _TEXT_MAX else f"{text[: _TEXT_MAX - 3]}..."
