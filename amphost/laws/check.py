"""What a law as a whole must be: every signal known, no ring, no dead block, units that agree.

Rules. Pure. Everything wrong is reported at once, each problem once, in the file's order. A unit
that is empty, or that no block can tell, agrees with every other.

Synchronization: none required; functions of values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from amphost.laws.blocks import BLOCKS, BlockSpec, LawProblem
from amphost.laws.pack import parameter_count, state_count
from amphost.laws.parse import did_you_mean
from amphost.laws.units import source_key, unit_problems

__all__ = ["BLOCKS_MAX", "RESERVED", "check"]

BLOCKS_MAX = 256  # AMP_PROGRAM_INSTRUCTIONS_MAX
INPUTS_MAX = 64  # AMP_PROGRAM_REGISTERS_MAX less the blocks
NUMBERS_MAX = 1024  # AMP_PROGRAM_SOURCES_MAX, _PARAMETERS_MAX and _STATES_MAX
RESERVED = ("blocks", "c", "python")  # `law: {c: ...}` names another kind of law
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


def check(
    blocks: Sequence[BlockSpec],
    inputs: Mapping[str, str],
    outputs: Mapping[str, str],
    *,
    dt_s: float,
) -> list[LawProblem]:
    """Return what is wrong with a law that runs every `dt_s`; signals are names with units."""
    problems = _size(blocks, inputs)
    if problems:
        return problems  # looking into a law without bounds would take time without bounds
    problems = _names(blocks, inputs)
    unknown = _unknown_signals(blocks, inputs)
    problems += unknown
    problems += _missing_outputs(blocks, inputs, outputs)
    rings = _rings(blocks)
    problems += rings
    problems += _frequencies(blocks, dt_s)
    if not unknown and not rings:
        problems += _unused(blocks, outputs)
        problems += _limits(blocks, outputs)
        problems += unit_problems(blocks, inputs, outputs)
    return problems


def _names(blocks: Sequence[BlockSpec], inputs: Mapping[str, str]) -> list[LawProblem]:
    problems: list[LawProblem] = []
    for block in blocks:
        if block.name in inputs:
            remedy = "give the block another name"
            problems.append(_problem(block.name, (), "is the name of an input too", remedy))
        elif block.name in RESERVED:
            rule = f"is a reserved name ({', '.join(RESERVED)})"
            problems.append(_problem(block.name, (), rule, "give the block another name"))
        elif not _NAME.fullmatch(block.name):
            rule = "is not a name a signal can have"
            remedy = "begin with a letter; use a to z, 0 to 9 and _, at most 64 characters"
            problems.append(_problem(block.name, (), rule, remedy))
    return problems


def _size(blocks: Sequence[BlockSpec], inputs: Mapping[str, str]) -> list[LawProblem]:
    """Return a problem for each table of the program that the law would not fit."""
    rows = (
        ("blocks", len(blocks), BLOCKS_MAX),
        ("inputs", len(inputs), INPUTS_MAX),
        ("sources", sum(len(block.sources) for block in blocks), NUMBERS_MAX),
        ("parameters", sum(map(parameter_count, blocks)), NUMBERS_MAX),
        ("states", sum(map(state_count, blocks)), NUMBERS_MAX),
    )
    return [
        _problem("", (), f"has {count} {noun}", f"a law has at most {most}")
        for noun, count, most in rows
        if count > most
    ]


def _unknown_signals(blocks: Sequence[BlockSpec], inputs: Mapping[str, str]) -> list[LawProblem]:
    known = [*inputs, *(block.name for block in blocks)]
    problems: list[LawProblem] = []
    for block in blocks:
        for index, source in enumerate(block.sources):
            if source not in known:
                guess = did_you_mean(source, (name for name in known if name != block.name))
                rule = f"{source} is neither an input nor a block"
                remedy = f"{guess}known are {', '.join(known)}"
                problems.append(_problem(block.name, source_key(block, index), rule, remedy))
    return problems


def _missing_outputs(
    blocks: Sequence[BlockSpec], inputs: Mapping[str, str], outputs: Mapping[str, str]
) -> list[LawProblem]:
    names = {block.name for block in blocks}
    problems: list[LawProblem] = []
    for output in outputs:
        if output in names:
            continue
        guess = did_you_mean(output, names)
        add = "an output needs a name of its own" if output in inputs else "add one"
        rule = f"no block is named {output}, which the role writes"
        problems.append(_problem("", (), rule, f"{guess}{add}"))
    return problems


def _rings(blocks: Sequence[BlockSpec]) -> list[LawProblem]:
    waiting = {block.name: block for block in blocks}
    problems: list[LawProblem] = []
    while waiting:
        ready = [
            name
            for name, block in waiting.items()
            if not any(source in waiting for source in block.sources)
        ]
        if not ready:
            ready = _ring(waiting)
            rule = f"reads itself: {' reads '.join((*ready, ready[0]))}"
            remedy = "let one of them read an input, or a block that does not need this one"
            problems.append(_problem(ready[0], (), rule, remedy))
        for name in ready:
            del waiting[name]
    return problems


def _ring(waiting: Mapping[str, BlockSpec]) -> list[str]:
    """Return one ring; each block of `waiting` reads another one of it."""
    trail = [next(iter(waiting))]
    while True:
        following = next(name for name in waiting[trail[-1]].sources if name in waiting)
        if following in trail:
            return trail[trail.index(following) :]
        trail.append(following)


def _unused(blocks: Sequence[BlockSpec], outputs: Mapping[str, str]) -> list[LawProblem]:
    by_name = {block.name: block for block in blocks}
    needed: set[str] = set()
    waiting = [name for name in outputs if name in by_name]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting.extend(source for source in by_name[name].sources if source in by_name)
    return [
        _problem(block.name, (), "no output depends on it", "remove it, or write it")
        for block in blocks
        if block.name not in needed
    ]


def _limits(blocks: Sequence[BlockSpec], outputs: Mapping[str, str]) -> list[LawProblem]:
    """Return a problem for each integral that nothing would hold."""
    problems: list[LawProblem] = []
    for block in blocks:
        for parameter in BLOCKS[block.op].parameters:
            absent = all(block.value(name) is None for name in parameter.names)
            needed = block.value(parameter.needed_with) not in (None, 0.0)
            if parameter.from_output and absent and needed and block.name not in outputs:
                rule = f"{parameter.key} is missing, and {parameter.needed_with} is not 0"
                remedy = f"add {parameter.key}: [low, high], or make it an output"
                problems.append(_problem(block.name, (), rule, remedy))
    return problems


def _frequencies(blocks: Sequence[BlockSpec], dt_s: float) -> list[LawProblem]:
    """Return the frequencies that a role of this rate cannot show."""
    return [
        _problem(
            block.name,
            (parameter.key,),
            f"{value:g} Hz is not below half of the role's rate, {0.5 / dt_s:g} Hz",
            "choose a lower frequency or a higher rate_hz",
        )
        for block in blocks
        for parameter in BLOCKS[block.op].parameters
        if parameter.below_half_rate and (value := block.number(parameter.key)) >= 0.5 / dt_s
    ]


def _problem(block: str, key: tuple[str | int, ...], rule: str, remedy: str) -> LawProblem:
    return LawProblem(block=block, key=key, rule=rule, remedy=remedy)
