from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from amphost.laws.blocks import BLOCKS, TUNABLE, BlockSpec, SourceForm

ROOT = Path(__file__).resolve().parents[2]


DESIGNED = {"lowpass2": "biquad", "notch": "biquad"}  # other ways to write a biquad


def c_operations() -> dict[str, int]:
    """Read `enum amp_op` where it is declared."""
    text = (ROOT / "native/include/amp/program.h").read_text(encoding="utf-8")
    return {
        name.lower(): int(number)
        for name, number in re.findall(r"AMP_OP_([A-Z_]+) = (\d+)", text)
        if name != "COUNT"
    }


def c_shapes() -> dict[str, tuple[int, ...]]:
    """Read the native table: sources from, to, parameters, states of each operation."""
    text = (ROOT / "native/src/program_shapes.c").read_text(encoding="utf-8")
    rows = re.findall(r"\[AMP_OP_([A-Z_]+)\] = \{(\d+), (\d+), (\d+), (\d+), \w+\}", text)
    return {name.lower(): tuple(map(int, numbers)) for name, *numbers in rows}


def test_every_block_has_the_number_that_the_header_gives_it() -> None:
    """A program is executed by these numbers: one wrong, and another block runs."""
    operations = c_operations()
    assert {name: block.op for name, block in BLOCKS.items() if name not in DESIGNED} == operations
    for name, native in DESIGNED.items():
        assert BLOCKS[name].op == operations[native]


def test_every_block_has_the_shape_that_the_native_check_demands() -> None:
    """A block with another count of parameters would read its neighbour's."""
    shapes = {
        name: (
            block.source_min,
            block.source_max,
            1 if block.tables else sum(len(parameter.names) for parameter in block.parameters),
            block.state_count,
        )
        for name, block in BLOCKS.items()
        if name not in DESIGNED
    }
    assert shapes == c_shapes()


@pytest.mark.parametrize("name", BLOCKS)
def test_declarations_are_coherent(name: str) -> None:
    """The parser, the schema and the page rely on these rules without checking them."""
    block = BLOCKS[name]
    keys = [parameter.key for parameter in block.parameters]
    assert len(set(keys)) == len(keys)
    assert TUNABLE not in keys
    assert (block.sources is SourceForm.NONE) == (block.source_max == 0)
    assert (name in keys) == (block.sources is SourceForm.NONE)
    for parameter in block.parameters:
        assert math.isfinite(parameter.minimum)
        assert math.isfinite(parameter.maximum)
        assert not (parameter.required and parameter.default is not None)
        assert not parameter.needed_with or parameter.needed_with in keys
        assert parameter.key not in BLOCKS or parameter.key in (name, "limit")
        if parameter.time_constant:
            assert parameter.minimum > 0
        if parameter.choices:
            assert parameter.maximum == len(parameter.choices) - 1
    assert block.truths <= 16
    assert set(block.keys).isdisjoint(BLOCKS.keys() - {name, "limit"})


def test_a_parameter_that_was_left_out_has_no_value() -> None:
    """The compiler tells a limit of 0 from no limit by this."""
    block = BlockSpec(name="u", op="pid", sources=("e",), parameters=(("kp", 0.0),), tunable=False)
    assert block.value("kp") == 0.0
    assert block.value("limit_low") is None
