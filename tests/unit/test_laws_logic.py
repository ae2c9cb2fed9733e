"""Logic, arithmetic and examples, run by the native program."""

from __future__ import annotations

import math

import pytest
import yaml

from amphost.laws.blocks import BLOCKS, BlockSpec
from amphost.laws.declare import TRUTH
from amphost.laws.parse import parse_block
from tests.unit.law_runner import run_block, run_law

NAN = math.nan


def truths(mapping: dict[str, object], *rows: str) -> str:
    """Run a block of truths; rows of 0 and 1 are the sources, period by period."""
    inputs = {f"x{index}": TRUTH for index in range(len(rows))}
    periods = [[float(row[k]) for row in rows] for k in range(len(rows[0]))]
    found = run_law({"y": mapping}, "y", periods, inputs=inputs)
    assert set(found) <= {0.0, 1.0}
    return "".join(f"{one:.0f}" for one in found)


def test_tables_of_truth() -> None:
    """Every row of the table."""
    assert truths({"and": ["x0", "x1"]}, "0011", "0101") == "0001"
    assert truths({"or": ["x0", "x1"]}, "0011", "0101") == "0111"
    assert truths({"not": "x0"}, "01") == "10"
    assert truths({"and": ["x0", "x1", "x2"]}, "1101", "1011", "1111") == "1001"


def test_latch_remembers_and_reset_wins() -> None:
    """A trip that a stuck button clears each period is no trip."""
    assert truths({"latch": ["x0", "x1"]}, "01001100", "00010110") == "01101000"


def test_edges() -> None:
    """One period each; the first sample is no change."""
    assert truths({"edge": "x0"}, "1100110") == "0000100"
    assert truths({"edge": "x0", "change": "falling"}, "1100110") == "0010001"
    assert truths({"edge": "x0", "change": "both"}, "1100110") == "0010101"


def test_debounce_waits_for_its_time_without_a_break() -> None:
    """3 ms at 1 kHz are three samples in a row."""
    assert truths({"debounce": "x0", "for_s": 0.003}, "0110111110010001") == "0000001111111100"
    assert truths({"debounce": "x0", "for_s": 0.0}, "1010") == "1010"


def test_timer_counts_while_true() -> None:
    """0 in the first period, 0 again once it is false."""
    found = run_law(
        {"y": {"timer": "x"}},
        "y",
        [[1.0], [1.0], [1.0], [0.0], [1.0], [1.0]],
        inputs={"x": TRUTH},
        dt_s=0.25,
    )
    assert found == [0.0, 0.25, 0.5, 0.0, 0.0, 0.25]


def test_hysteresis_keeps_its_mind_inside_the_range() -> None:
    """Noise around one threshold must not make a relay chatter."""
    values = [1.5, 2.1, 1.5, 1.0, 0.9, 1.5, 2.0]
    found = run_block({"hysteresis": "x", "range": [1.0, 2.0]}, values)
    assert found == [0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0]


def test_a_division_is_never_infinite() -> None:
    """Neither by 0 nor by overflow."""
    law: dict[str, dict[str, object]] = {
        "y": {"divide": ["a", "b"], "otherwise": -7.0, "smallest": 0.01}
    }
    rows = [[1.0, 4.0], [1.0, 0.0], [1.0, -0.009], [1.0, -0.01], [1e307, 0.01], [NAN, 0.0]]
    found = run_law(law, "y", rows, inputs={"a": "", "b": ""})
    assert found[:5] == [0.25, -7.0, -7.0, -100.0, -7.0]
    assert math.isnan(found[5])


def test_a_truth_gates_a_number() -> None:
    """Select, multiply and gain take a truth on purpose; the rest would count it by mistake."""
    law: dict[str, dict[str, object]] = {
        "high": {"greater": ["x", "level"]},
        "level": {"constant": 2.0},
        "chosen": {"select": ["high", "x", "level"]},
        "gated": {"multiply": ["high", "x"]},
        "number": {"gain": "high", "by": 10.0},
        "y": {"add": ["chosen", "gated", "number"]},
    }
    assert run_law(law, "y", [[1.0], [3.0]], inputs={"x": "V"}) == [2.0, 16.0]


@pytest.mark.parametrize("name", BLOCKS)
def test_the_pages_example_of_each_block_runs(name: str) -> None:
    """People copy these lines: each is checked, compiled, and gives numbers for 3 s."""
    ((block_name, mapping),) = yaml.safe_load(BLOCKS[name].example).items()
    block = parse_block(block_name, mapping)
    assert isinstance(block, BlockSpec)
    inputs = {
        source: TRUTH if index < BLOCKS[name].truths else ""
        for index, source in enumerate(block.sources)
    }
    sizes = [1.0 if unit == TRUTH else 80.0 for unit in inputs.values()]
    rows = [[size * ((k // 50 >> at) % 2) for at, size in enumerate(sizes)] for k in range(3000)]
    found = run_law({block_name: mapping}, block_name, rows, inputs=inputs)
    assert all(map(math.isfinite, found))
    assert any(one != 0.0 for one in found)


@pytest.mark.parametrize("name", [name for name in BLOCKS if BLOCKS[name].source_max])
def test_a_nan_passes_and_leaves_no_trace(name: str) -> None:
    """The loop refuses the output of that period, and the next is as though it had not been."""
    ((block_name, mapping),) = yaml.safe_load(BLOCKS[name].example).items()
    block = parse_block(block_name, mapping)
    assert isinstance(block, BlockSpec)
    inputs = dict.fromkeys(block.sources, "")
    clean = [[math.sin(0.3 * k)] * len(inputs) for k in range(40)]
    hostile = [*clean[:20], [NAN] * len(inputs), *clean[20:]]
    expected = run_law({block_name: mapping}, block_name, clean, inputs=inputs)
    found = run_law({block_name: mapping}, block_name, hostile, inputs=inputs)
    assert math.isnan(found.pop(20))
    assert found == expected
