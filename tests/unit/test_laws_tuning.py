"""What may change in a running law: named, ranged and compiled as in its YAML."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from amphost.laws.blocks import BLOCKS, LARGEST, BlockSpec, SourceForm
from amphost.laws.compile import compile_law
from amphost.laws.pack import UNLIMITED
from amphost.laws.parse import parse_block
from amphost.laws.tuning import numbers_problem, program_numbers, tunable_blocks
from amphost.plan.model import TunableBlock

PID = {"pid": "x", "kp": 9.0, "ki": 25.0, "kd": 0.08, "derivative_cutoff_hz": 120, "tunable": True}
OUTPUTS = {"voltage": (-12.0, 12.0)}


def described(
    *blocks: tuple[str, Mapping[str, object]], outputs: Mapping[str, tuple[float, float]] = OUTPUTS
) -> tuple[TunableBlock, ...]:
    """Compile blocks and describe those that may change."""
    read = [parse_block(name, mapping) for name, mapping in blocks]
    specs = [one for one in read if isinstance(one, BlockSpec)]
    assert len(specs) == len(read), read
    ends = [(name, low, high) for name, (low, high) in outputs.items()]
    units = {"x": "rad", "voltage": "V"}
    program = compile_law(specs, ("x",), ends, dt_s=0.001)
    return tunable_blocks(specs, program, outputs, units)


def values(block: TunableBlock, **changes: float) -> dict[str, float | None]:
    """Return a block's numbers, some of them changed."""
    return {one.name: one.value for one in block.numbers} | changes


def test_a_tunable_block_is_described_in_the_files_own_words() -> None:
    """Whoever tunes has the YAML before them, not the program."""
    (block,) = described(("voltage", PID))
    assert (block.name, block.op, block.instruction, block.first) == ("voltage", "pid", 0, 0)
    assert {one.name: one.value for one in block.numbers} == {
        "kp": 9.0,
        "ki": 25.0,
        "kd": 0.08,
        "derivative_cutoff_hz": 120.0,
        "limit_low": -12.0,  # from the output that it drives
        "limit_high": 12.0,
    }
    cutoff = next(one for one in block.numbers if one.name == "derivative_cutoff_hz")
    assert (cutoff.unit, cutoff.low, cutoff.high) == ("Hz", 1e-6, 1e6)
    units = [one.unit for one in block.numbers]
    assert units == ["V per rad", "V per rad and s", "V per rad, times s", "Hz", "V", "V"]


def test_only_blocks_that_say_so_may_change_and_each_knows_its_place() -> None:
    """The loop is told places: a wrong one would tune another block."""
    outputs = {"y": (-1.0, 1.0), "voltage": (-12.0, 12.0)}
    blocks = described(
        ("fixed", {"gain": "x", "by": 2.0}),
        ("smooth", {"lowpass": "fixed", "cutoff_hz": 50, "tunable": True}),
        ("y", {"limit": "smooth", "range": [-1.0, 1.0]}),
        ("voltage", PID),
        outputs=outputs,
    )
    places = [(block.name, block.instruction, block.first, len(block.ranges)) for block in blocks]
    assert places == [("smooth", 1, 1, 1), ("voltage", 3, 4, 6)]


def test_numbers_compile_as_the_file_with_these_numbers_would() -> None:
    """A law that was tuned is the law that its YAML would have been."""
    (block,) = described(("voltage", PID))
    tuned = program_numbers(block, values(block, kp=4.5, derivative_cutoff_hz=60.0))
    (there,) = described(("voltage", PID | {"kp": 4.5, "derivative_cutoff_hz": 60}))
    assert tuned == program_numbers(there, values(there))
    assert tuned == (4.5, 25.0, 0.08, 1.0 / (2.0 * math.pi * 60.0), -12.0, 12.0)


@pytest.mark.parametrize("op", [op for op, block in BLOCKS.items() if block.can_be_tuned])
def test_the_numbers_of_every_kind_of_block_lie_within_their_ranges(op: str) -> None:
    """The loop refuses what is outside: it must not refuse what the file may say."""
    mapping = _example(op) | {"tunable": True}
    read = parse_block("y", mapping)
    assert isinstance(read, BlockSpec), read
    program = compile_law([read], read.sources, [("y", -1.0, 1.0)], dt_s=0.001)
    (block,) = tunable_blocks([read], program, {"y": (-1.0, 1.0)}, {})
    numbers = program_numbers(block, values(block))
    assert numbers == program.parameters
    assert numbers_problem(block, values(block)) == ""
    assert len(block.ranges) == len(numbers)
    for number, (low, high) in zip(numbers, block.ranges, strict=True):
        assert low <= number <= high


def _example(op: str) -> dict[str, object]:
    """Return the mapping of a block's own example."""
    document: dict[str, dict[str, object]] = yaml.safe_load(BLOCKS[op].example)
    ((_, mapping),) = document.items()
    assert BLOCKS[op].sources is SourceForm.NONE or op in mapping
    return mapping


@given(st.floats(min_value=1e-6, max_value=1e6))
def test_every_frequency_of_the_files_range_is_one_that_the_loop_takes(frequency_hz: float) -> None:
    """It is compiled to its time constant, and the ends of the range with it."""
    (block,) = described(
        ("voltage", {"lowpass": "x", "cutoff_hz": 50, "tunable": True}),
    )
    assert numbers_problem(block, {"cutoff_hz": frequency_hz}) == ""
    (number,) = program_numbers(block, {"cutoff_hz": frequency_hz})
    ((low, high),) = block.ranges
    assert low <= number <= high


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"kp": 1e13}, "kp: 1e+13 is not within -1e+12 to 1e+12"),
        ({"kp": math.nan}, "kp: nan is not within"),
        ({"kp": -math.inf}, "kp: -inf is not within"),
        ({"derivative_cutoff_hz": 0.0}, "derivative_cutoff_hz: 0 is not within 1e-06 to 1e+06"),
        ({"limit_low": 12.0}, "limit_low 12 is not below limit_high 12"),
        ({"limit_low": 20.0, "limit_high": 19.0}, "limit_low 20 is not below limit_high 19"),
    ],
)
def test_numbers_that_the_file_could_not_have_are_refused(
    changes: dict[str, float], problem: str
) -> None:
    """The same rules at three in the morning as at the desk."""
    (block,) = described(("voltage", PID))
    assert numbers_problem(block, values(block, **changes)).startswith(problem)


def test_a_number_that_another_needs_is_asked_for() -> None:
    """A derivative without its low-pass would answer to noise alone."""
    blocks = described(
        ("inner", {"pid": "x", "kp": 1.0, "tunable": True}), ("voltage", {"gain": "inner", "by": 1})
    )
    block = blocks[0]
    assert numbers_problem(block, values(block)) == ""
    assert numbers_problem(block, values(block, kd=1.0)) == (
        "derivative_cutoff_hz must be set too, since kd is not 0"
    )
    assert numbers_problem(block, values(block, kd=1.0, derivative_cutoff_hz=100.0)) == ""
    assert numbers_problem(block, values(block, ki=1.0)) == (
        "limit_low and limit_high must be set too, since ki is not 0"
    )
    assert numbers_problem(block, values(block, limit_low=-1.0)) == (
        "limit_low and limit_high must be set together"
    )
    assert program_numbers(block, values(block))[-2:] == (-UNLIMITED, UNLIMITED)
    assert block.ranges[-1] == (-LARGEST, LARGEST)
