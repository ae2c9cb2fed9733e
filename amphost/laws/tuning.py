"""The numbers of a law that may change while it runs: their names, their ranges, their new values.

Rules. Pure. People set the numbers of the YAML file, in its units; what the program gets is made by
the function that compiles a law, so a law that was tuned is the law that its YAML would have been.
A block's numbers are judged together, since they hold together. All of it stands in the plan, so
whoever has the plan needs no YAML.

Synchronization: none required; functions of values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from amphost.laws.blocks import BLOCKS, BlockSpec, Parameter, UnitRule
from amphost.laws.order import ordered
from amphost.laws.pack import UNLIMITED, numbers
from amphost.laws.tables import rule_problems
from amphost.plan.model import NumberPlan, ProgramPlan, TunableBlock

__all__ = ["numbers_problem", "program_numbers", "tunable_blocks"]

Range = tuple[float, float]


def tunable_blocks(
    blocks: Sequence[BlockSpec],
    program: ProgramPlan,
    outputs: Mapping[str, Range],
    units: Mapping[str, str],
) -> tuple[TunableBlock, ...]:
    """Describe the tunable blocks of a compiled law, in the program's order.

    `units` are those of the inputs and outputs, by name.
    """
    by_name = {block.name: block for block in blocks}
    known = _units(blocks, units)
    inputs = len(program.registers) - len(program.instructions)
    ends = [line[4] for line in program.instructions[1:]] + [len(program.parameters)]
    described = []
    for index, line in enumerate(program.instructions):
        block = by_name[program.registers[inputs + index]]
        if block.tunable:
            described.append(
                TunableBlock(
                    name=block.name,
                    op=block.op,
                    instruction=index,
                    first=line[4],
                    numbers=_numbers(block, outputs.get(block.name), known),
                    ranges=_ranges(block.op, ends[index] - line[4]),
                )
            )
    return tuple(described)


def program_numbers(block: TunableBlock, values: Mapping[str, float | None]) -> tuple[float, ...]:
    """Compile a block's numbers, which `numbers_problem` found nothing wrong with."""
    return numbers(
        _spec(block, values), None, 1.0
    )  # no block that can be tuned has its period in it


def numbers_problem(block: TunableBlock, values: Mapping[str, float | None]) -> str:
    """Say what is wrong with a block's numbers as they would be; empty when nothing is."""
    for parameter in BLOCKS[block.op].parameters:
        entries = [values.get(name) for name in parameter.names]
        problem = _problem(parameter, entries, values)
        if problem:
            return problem
    return next((one.rule for one in rule_problems(_spec(block, values))), "")


def _spec(block: TunableBlock, values: Mapping[str, float | None]) -> BlockSpec:
    given = tuple((name, value) for name, value in values.items() if value is not None)
    return BlockSpec(name=block.name, op=block.op, sources=(), parameters=given, tunable=True)


def _problem(
    parameter: Parameter, numbers: Sequence[float | None], values: Mapping[str, float | None]
) -> str:
    given = [number for number in numbers if number is not None]
    if not given:
        needed = bool(parameter.needed_with and values.get(parameter.needed_with))
        if parameter.required or needed:
            reason = "" if parameter.required else f", since {parameter.needed_with} is not 0"
            return f"{' and '.join(parameter.names)} must be set too{reason}"
        return ""
    if len(given) < len(numbers):
        return f"{' and '.join(parameter.names)} must be set together"
    for name, number in zip(parameter.names, given, strict=True):
        if not parameter.minimum <= number <= parameter.maximum:
            ends = f"{parameter.minimum:g} to {parameter.maximum:g}"
            return f"{name}: {number:g} is not within {ends}"
    if parameter.pair and not given[0] < given[1]:
        low, high = parameter.names
        return f"{low} {given[0]:g} is not below {high} {given[1]:g}"
    return ""


def _units(blocks: Sequence[BlockSpec], units: Mapping[str, str]) -> dict[str, str]:
    """Return the unit of every signal of a law, as far as it can be told."""
    known = dict(units)
    for block in ordered(blocks):
        if block.name not in known and BLOCKS[block.op].unit is not UnitRule.ANY:
            known[block.name] = next((known[one] for one in block.sources if known.get(one)), "")
    return known


def _unit(parameter: Parameter, block: BlockSpec, known: Mapping[str, str]) -> str:
    """Say a parameter's unit in the units of this very block."""
    source = next((known[one] for one in block.sources if known.get(one)), "source")
    value = known.get(block.name) or "value"
    text = parameter.unit.replace("unit of the value", value)
    return text.replace("unit of the source", source)


def _numbers(
    block: BlockSpec, output: Range | None, known: Mapping[str, str]
) -> tuple[NumberPlan, ...]:
    return tuple(
        NumberPlan(
            name=name,
            unit=_unit(parameter, block, known),
            low=parameter.minimum,
            high=parameter.maximum,
            value=_value(block, parameter, place, output),
        )
        for parameter in BLOCKS[block.op].parameters
        for place, name in enumerate(parameter.names)
    )


def _value(
    block: BlockSpec, parameter: Parameter, place: int, output: Range | None
) -> float | None:
    given = block.value(parameter.names[place])
    if given is None and parameter.from_output and output is not None:
        return output[place]
    return given


def _ranges(op: str, count: int) -> tuple[Range, ...]:
    """Return between what each of a block's `count` program parameters may lie."""
    ranges: list[Range] = []
    for parameter in BLOCKS[op].parameters:
        ends = (parameter.minimum, parameter.maximum)
        if parameter.time_constant:
            ends = (_time_constant(ends[1]), _time_constant(ends[0]))
        ranges += [ends] * len(parameter.names)
    if len(ranges) != count:  # made from several numbers: only the block itself can judge them
        return ((-UNLIMITED, UNLIMITED),) * count
    return tuple(ranges)


def _time_constant(frequency_hz: float) -> float:
    return 1.0 / (2.0 * math.pi * frequency_hz)
