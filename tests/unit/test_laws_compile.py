from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from amphost.laws.blocks import BLOCKS, BlockSpec
from amphost.laws.compile import compile_law
from amphost.laws.pack import UNLIMITED, state_count
from amphost.laws.parse import parse_block
from amphost.plan.model import ProgramPlan
from tests.unit.law_random import random_block


def law(blocks: Mapping[str, Mapping[str, object]]) -> list[BlockSpec]:
    """Parse blocks that are right one by one."""
    parsed = [parse_block(name, mapping) for name, mapping in blocks.items()]
    return [block for block in parsed if isinstance(block, BlockSpec)]


def test_the_example_compiles_to_two_instructions() -> None:
    """One line per block, every number where program.h says."""
    blocks = law(
        {
            "error": {"subtract": ["target", "position"]},
            "voltage": {
                "pid": "error",
                "kp": 9.0,
                "ki": 25.0,
                "kd": 0.08,
                "derivative_cutoff_hz": 120,
                "tunable": True,
            },
        }
    )
    plan = compile_law(blocks, ("position", "target"), (("voltage", -12.0, 12.0),), dt_s=0.001)
    assert plan == ProgramPlan(
        instructions=((2, 2, 0, 2, 0, 0), (6, 3, 2, 1, 0, 0)),
        sources=(1, 0, 2),
        outputs=(3,),
        parameters=(9.0, 25.0, 0.08, 1.0 / (2.0 * math.pi * 120.0), -12.0, 12.0),
        state_count=4,
        registers=("position", "target", "error", "voltage"),
        tunable=("voltage",),
    )


def test_the_files_order_stands_where_sources_allow_it() -> None:
    """A person who prints the plan finds the blocks where they wrote them."""
    blocks = law(
        {
            "late": {"gain": "early", "by": 1},
            "a": {"constant": 1},
            "early": {"gain": "x", "by": 1},
            "b": {"constant": 2},
        }
    )
    plan = compile_law(
        blocks, ("x",), (("late", 0.0, 1.0), ("b", 0.0, 1.0), ("a", 0.0, 1.0)), dt_s=0.001
    )
    assert plan.registers == ("x", "a", "early", "late", "b")
    assert plan.outputs == (3, 4, 1)


def test_states_and_parameters_of_two_blocks_do_not_overlap() -> None:
    """Two filters that shared a state would each spoil the other."""
    blocks = law(
        {
            "one": {"lowpass": "x", "cutoff_hz": 1},
            "sum": {"add": ["one", "x"]},
            "two": {"lowpass": "sum", "cutoff_hz": 2},
        }
    )
    plan = compile_law(blocks, ("x",), (("two", 0.0, 1.0),), dt_s=0.001)
    assert [line[4:] for line in plan.instructions] == [(0, 0), (1, 2), (1, 2)]
    assert plan.parameters == (1 / (2 * math.pi), 1 / (4 * math.pi))
    assert plan.state_count == 4


def test_a_pids_limit_is_its_own_else_its_outputs_else_none() -> None:
    """Anti-windup works against the limit that is really there."""
    blocks = law(
        {
            "own": {"pid": "x", "kp": 1, "limit": [-3, 4]},
            "driving": {"pid": "x", "kp": 1, "ki": 1},
            "inner": {"pid": "x", "kp": 1},
            "sum": {"add": ["own", "driving", "inner"]},
        }
    )
    outputs = (("own", -9.0, 9.0), ("driving", -5.0, 6.0), ("sum", -1.0, 1.0))
    plan = compile_law(blocks, ("x",), outputs, dt_s=0.001)
    limits = [plan.parameters[index + 4 : index + 6] for index in (0, 6, 12)]
    assert limits == [(-3.0, 4.0), (-5.0, 6.0), (-UNLIMITED, UNLIMITED)]


def test_the_plan_survives_json_to_the_bit() -> None:
    """A role reads its law from JSON: what it runs is what was compiled."""
    blocks = law({"u": {"pid": "x", "kp": 0.1, "kd": 1 / 3, "derivative_cutoff_hz": 7.7}})
    plan = compile_law(blocks, ("x",), (("other", 0.0, 1.0),) * 0, dt_s=0.001)
    assert tuple(json.loads(json.dumps(plan.parameters, allow_nan=False))) == plan.parameters


@st.composite
def random_laws(draw: st.DrawFn) -> list[BlockSpec]:
    """Draw a law without rings, its blocks in any order."""
    source = random.Random(draw(st.integers(0, 2**32)))
    blocks: list[BlockSpec] = []
    for index in range(draw(st.integers(1, 12))):
        op = draw(st.sampled_from(sorted(BLOCKS)))
        known = ["x", "y", *(f"b{number}" for number in range(index))]
        blocks.append(random_block(source, op, f"b{index}", known))
    return draw(st.permutations(blocks))


@given(random_laws())
def test_every_instruction_reads_what_stands(blocks: list[BlockSpec]) -> None:
    """These are the rules by which amp_program_check() accepts a program."""
    outputs = [block.name for block in blocks]
    plan = compile_law(blocks, ("x", "y"), [(name, 0.0, 1.0) for name in outputs], dt_s=0.001)
    state = 0
    for index, (op, target, source, source_count, parameter, first_state) in enumerate(
        plan.instructions
    ):
        block = next(one for one in blocks if one.name == plan.registers[target])
        assert op == BLOCKS[block.op].op
        assert target == index + 2
        registers = plan.sources[source : source + source_count]
        assert tuple(plan.registers[register] for register in registers) == block.sources
        assert all(register < target for register in registers)
        assert first_state == state
        state += state_count(block)
        assert parameter <= len(plan.parameters)
    assert state == plan.state_count
    assert [plan.registers[register] for register in plan.outputs] == outputs
