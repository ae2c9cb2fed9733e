"""From blocks to a program: put them in order, number their registers, list their parameters.

Rules. Pure. `compile_law` is only given blocks that `laws.check.check` found nothing wrong with.
The order is that of the file wherever the sources allow it, so that a person finds the program's
lines where the blocks stand. Registers are the inputs, then the blocks in that order; the numbers
are those of native/include/amp/program.h.

Synchronization: none required; functions of values.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from amphost.laws.blocks import BLOCKS, BlockSpec
from amphost.laws.check import check
from amphost.laws.order import ordered
from amphost.laws.pack import numbers, state_count
from amphost.plan.model import ProgramPlan

__all__ = ["check", "compile_law"]


def compile_law(
    blocks: Sequence[BlockSpec],
    inputs: Sequence[str],
    outputs: Sequence[tuple[str, float, float]],
    *,
    dt_s: float,
) -> ProgramPlan:
    """Compile checked blocks; `outputs` are (name, low, high), `dt_s` is the role's period."""
    lines = ordered(blocks)
    names = (*inputs, *(block.name for block in lines))
    register = {name: index for index, name in enumerate(names)}
    ranges = {name: (low, high) for name, low, high in outputs}
    sources = [tuple(register[name] for name in block.sources) for block in lines]
    rows = [numbers(block, ranges.get(block.name), dt_s) for block in lines]
    states = [state_count(block) for block in lines]
    first_source = _starts([len(one) for one in sources])
    first_number = _starts([len(one) for one in rows])
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
        parameters=tuple(number for one in rows for number in one),
        state_count=sum(states),
        registers=names,
        tunable=tuple(block.name for block in lines if block.tunable),
    )


def _starts(lengths: Sequence[int]) -> list[int]:
    return list(accumulate(lengths, initial=0))
