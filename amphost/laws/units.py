"""Which unit every signal of a law has, and where units or truths do not agree.

Rules. Pure. A unit that is empty, or that no block can tell, agrees with every other. A truth has
the unit `bool`; a number where a truth is read, or the other way round, is a mistake.

Synchronization: none required; functions of values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from amphost.laws.blocks import BLOCKS, Block, BlockSpec, LawProblem, SourceForm, UnitRule
from amphost.laws.declare import TRUTH
from amphost.laws.order import ordered

__all__ = ["source_key", "unit_problems"]


def unit_problems(
    blocks: Sequence[BlockSpec], inputs: Mapping[str, str], outputs: Mapping[str, str]
) -> list[LawProblem]:
    """Return the sources and outputs of a law without rings whose units do not agree."""
    units = dict(inputs)
    problems: list[LawProblem] = []
    for block in ordered(blocks):
        problems += _source_units(block, units)
        units[block.name] = _unit(block, units)
    for name, unit in outputs.items():
        if unit and units.get(name, "") not in ("", unit):
            rule = f"is in {units[name]}, but the role writes it in {unit}"
            problems.append(_problem(name, (), rule, "make the units agree; a gain converts"))
    return problems


def _unit(block: BlockSpec, units: Mapping[str, str]) -> str:
    """Return the unit of a block's value, "" where no one can tell."""
    kind = BLOCKS[block.op]
    match kind.unit:
        case UnitRule.ANY:
            return ""
        case UnitRule.TRUTH:
            return TRUTH
        case UnitRule.SECONDS:
            return "s"
    return next((units[name] for name in block.sources[kind.truths :] if units[name]), "")


def _source_units(block: BlockSpec, units: Mapping[str, str]) -> list[LawProblem]:
    """Return the sources of a block that are not what it reads, or not what the others are."""
    kind = BLOCKS[block.op]
    others = block.sources[kind.truths :]
    first = next((name for name in others if units[name]), None)
    problems: list[LawProblem] = []
    for index, source in enumerate(block.sources):
        wrong = _type_problem(block.op, kind, index, source, units[source])
        if wrong is None and _must_agree(kind) and index >= kind.truths and first is not None:
            wrong = _disagreement(block.op, source, units[source], first, units[first])
        if wrong is not None:
            problems.append(_problem(block.name, source_key(block, index), *wrong))
    return problems


def _must_agree(kind: Block) -> bool:
    return kind.agree or kind.unit is UnitRule.SAME


def _type_problem(
    op: str, kind: Block, index: int, source: str, unit: str
) -> tuple[str, str] | None:
    """Return a number where a truth is read, or a truth where a number is."""
    if index < kind.truths and unit not in ("", TRUTH):
        remedy = "compare it first: {greater: [a, b]} or {hysteresis: a, range: [low, high]}"
        return f"{source} is in {unit}, and {op} reads a truth here", remedy
    if index >= kind.truths and unit == TRUTH and not kind.mixed:
        return f"{source} is a truth, and {op} reads numbers", "a gain makes it a number"
    return None


def _disagreement(
    op: str, source: str, unit: str, first: str, first_unit: str
) -> tuple[str, str] | None:
    if unit in ("", first_unit):
        return None
    rule = f"{source} is in {unit}, {first} in {first_unit}"
    return rule, f"{op} signals of one unit; a gain converts"


def source_key(block: BlockSpec, index: int) -> tuple[str | int, ...]:
    """Return the path of a block's source below its mapping."""
    listed = BLOCKS[block.op].sources is SourceForm.LIST
    return (block.op, index) if listed else (block.op,)


def _problem(block: str, key: tuple[str | int, ...], rule: str, remedy: str) -> LawProblem:
    return LawProblem(block=block, key=key, rule=rule, remedy=remedy)
