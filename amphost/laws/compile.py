"""From blocks to a program: put them in order, number their registers, list their parameters.

Rules. Pure. `compile_law` is only given blocks that `laws.check.check` found nothing wrong with.
The order is that of the file wherever the sources allow it, so that a person finds the program's
lines where the blocks stand. Registers are the inputs, then the blocks in that order; the numbers
are those of native/include/amp/program.h.

Synchronization: none required; functions of values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate

from amphost.laws.blocks import BLOCKS, BlockSpec, Parameter
from amphost.laws.check import check
from amphost.laws.order import ordered
from amphost.plan.model import ProgramPlan

__all__ = ["UNLIMITED", "check", "compile_law"]

UNLIMITED = 1.7976931348623157e308  # the largest finite double: a limit that JSON can carry


def compile_law(
    blocks: Sequence[BlockSpec],
    inputs: Sequence[str],
    outputs: Sequence[tuple[str, float, float]],
) -> ProgramPlan:
    """Compile checked blocks; `outputs` are (name, low, high) in the plan's order."""
    lines = ordered(blocks)
    names = (*inputs, *(block.name for block in lines))
    register = {name: index for index, name in enumerate(names)}
    ranges = {name: (low, high) for name, low, high in outputs}
    sources = [tuple(register[name] for name in block.sources) for block in lines]
    numbers = [_numbers(block, ranges) for block in lines]
    states = [BLOCKS[block.op].state_count for block in lines]
    first_source = _starts([len(one) for one in sources])
    first_number = _starts([len(one) for one in numbers])
    first_state = _starts(states)
    return ProgramPlan(
        instructions=tuple(
            (
                BLOCKS[block.op].op,
                register[block.name],
                first_source[index],
                len(sources[index]),
                first_number[index],
                first_state[index],
            )
            for index, block in enumerate(lines)
        ),
        sources=tuple(source for one in sources for source in one),
        outputs=tuple(register[name] for name, _, _ in outputs),
        parameters=tuple(number for one in numbers for number in one),
        state_count=sum(states),
        registers=names,
        tunable=tuple(block.name for block in lines if block.tunable),
    )


def _starts(lengths: Sequence[int]) -> list[int]:
    return list(accumulate(lengths, initial=0))


def _numbers(block: BlockSpec, ranges: dict[str, tuple[float, float]]) -> tuple[float, ...]:
    """Return p0, p1, ... of one instruction."""
    numbers: list[float] = []
    for parameter in BLOCKS[block.op].parameters:
        numbers.extend(_program_numbers(block, parameter, ranges))
    return tuple(numbers)


def _program_numbers(
    block: BlockSpec, parameter: Parameter, ranges: dict[str, tuple[float, float]]
) -> tuple[float, ...]:
    values = [block.value(name) for name in parameter.names]
    given = tuple(value for value in values if value is not None)
    if parameter.time_constant:
        return tuple(1.0 / (2.0 * math.pi * value) for value in given) or (0.0,)
    if given:
        return given
    return ranges.get(block.name, (-UNLIMITED, UNLIMITED))
