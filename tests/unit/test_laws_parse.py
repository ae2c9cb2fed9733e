from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amphost.laws.blocks import BLOCKS, BlockSpec, LawProblem
from amphost.laws.parse import parse_block

Rows = list[tuple[tuple[str | int, ...], str, str]]


def good(mapping: Mapping[str, object]) -> BlockSpec:
    """Parse a block that is right."""
    block = parse_block("u", mapping)
    assert isinstance(block, BlockSpec), block
    return block


def bad(mapping: Mapping[str, object]) -> Rows:
    """Parse a block that is wrong and return the problems as rows."""
    problems = parse_block("u", mapping)
    assert not isinstance(problems, BlockSpec), problems
    assert problems
    assert {problem.block for problem in problems} == {"u"}
    return [(problem.key, problem.rule, problem.remedy) for problem in problems]


def test_every_form_of_the_reference_is_read() -> None:
    """These are the forms that the documentation shows."""
    assert good({"subtract": ["target", "position"]}).sources == ("target", "position")
    assert good({"add": ["a", "b", "c"]}).sources == ("a", "b", "c")
    assert good({"gain": "x", "by": 2}).parameters == (("by", 2.0),)
    assert good({"limit": "x", "range": [-1, 2.5]}).parameters == (
        ("range_low", -1.0),
        ("range_high", 2.5),
    )
    assert good({"lowpass": "x", "cutoff_hz": 50}).parameters == (("cutoff_hz", 50.0),)
    constant = good({"constant": 1.0})
    assert (constant.sources, constant.parameters) == ((), (("constant", 1.0),))


def test_pid_with_everything() -> None:
    """Order of parameters is the order of program.h, whatever the order in the file."""
    block = good(
        {
            "tunable": True,
            "limit": [-12, 12],
            "derivative_cutoff_hz": 120,
            "kd": 0.08,
            "ki": 25.0,
            "kp": 9.0,
            "pid": "error",
        }
    )
    assert block == BlockSpec(
        name="u",
        op="pid",
        sources=("error",),
        parameters=(
            ("kp", 9.0),
            ("ki", 25.0),
            ("kd", 0.08),
            ("derivative_cutoff_hz", 120.0),
            ("limit_low", -12.0),
            ("limit_high", 12.0),
        ),
        tunable=True,
    )


def test_pid_with_the_least() -> None:
    """Gains that were left out are 0; the limit is left to the output."""
    block = good({"pid": "error", "kp": 1})
    assert block.parameters == (("kp", 1.0), ("ki", 0.0), ("kd", 0.0))
    assert not block.tunable


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        (
            {"gian": "x", "by": 2.0},
            (
                (),
                "names no operation",
                f"did you mean gain? give one of {', '.join(sorted(BLOCKS))}",
            ),
        ),
        (
            {"gain": "x", "by": 1, "lowpass": "x", "cutoff_hz": 3},
            ((), "names 2 operations (gain, lowpass); a block has one", "make a block of each"),
        ),
        (
            {"gain": "x", "bye": 2.0, "by": 1.0},
            (("bye",), "is not a key of gain", "did you mean by?"),
        ),
        ({"gain": "x"}, ((), "by is missing", "add by")),
        ({"limit": "x"}, ((), "range is missing", "add range: [low, high]")),
        (
            {"gain": ["x"], "by": 1.0},
            (("gain",), "is not one signal", "write " + "doubled: {gain: x, by: 2.0}"),
        ),
        ({"add": "x"}, (("add",), "is not a list", "write sum: {add: [a, b]}")),
        ({"add": ["x"]}, (("add",), "has 1 signals", "give 2 to 16")),
        ({"add": ["x"] * 17}, (("add",), "has 17 signals", "give 2 to 16")),
        (
            {"add": ["x", 3]},
            (
                ("add", 1),
                "3 is not a signal",
                "give a name; a number is a block of its own: {constant: 1.0}",
            ),
        ),
        ({"constant": "one"}, (("constant",), "'one' is not a number", "write a number")),
        ({"constant": True}, (("constant",), "True is not a number", "write a number")),
        (
            {"constant": float("nan")},
            (("constant",), "nan is out of range", "give a number from -1e+12 to 1e+12"),
        ),
        (
            {"constant": float("inf")},
            (("constant",), "inf is out of range", "give a number from -1e+12 to 1e+12"),
        ),
        (
            {"constant": 10**400},
            (("constant",), "is out of range", "give a number from -1e+12 to 1e+12"),
        ),
        (
            {"lowpass": "x", "cutoff_hz": 0},
            (("cutoff_hz",), "is out of range", "give a number from 1e-06 to 1e+06"),
        ),
        (
            {"limit": "x", "range": [1]},
            (("range",), "is not a pair", "write range: [low, high]"),
        ),
        (
            {"limit": "x", "range": [1, "b"]},
            (("range", 1), "'b' is not a number", "write a number"),
        ),
        (
            {"limit": "x", "range": [2, 2]},
            (
                ("range",),
                "the low end 2 is not below the high end 2",
                "write range: [low, high]",
            ),
        ),
        (
            {"pid": "x", "kp": 1, "kd": 0.1},
            ((), "derivative_cutoff_hz is missing, and kd is not 0", "add derivative_cutoff_hz"),
        ),
        (
            {"pid": "x", "kp": 1, "tunable": "yes"},
            (("tunable",), "is not true or false", "write true or false"),
        ),
        (
            {"add": ["x", "y"], "tunable": True},
            (("tunable",), "add has no parameter that could be tuned", "remove tunable"),
        ),
    ],
)
def test_each_mistake_is_named_where_it_is(
    mapping: dict[str, object], expected: tuple[tuple[str | int, ...], str, str]
) -> None:
    """A user reads this line and nothing else."""
    assert bad(mapping) == [expected]


def test_all_mistakes_are_reported_at_once() -> None:
    """Nobody should have to run the check once per mistake."""
    rows = bad({"pid": 5, "ki": "fast", "kd": 1, "kj": 2, "limit": [3, 1]})
    assert [key for key, _, _ in rows] == [("kj",), ("pid",), (), ("ki",), ("limit",), ()]


def test_limit_beside_another_block_is_a_second_operation() -> None:
    """`limit` is a parameter of pid alone."""
    assert bad({"gain": "x", "by": 1, "limit": [0, 1]})[0][1].startswith("names 2 operations")


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
keys = st.sampled_from(
    [*BLOCKS, *(one.key for block in BLOCKS.values() for one in block.parameters), "tunable"]
)


@given(st.dictionaries(keys | st.text(max_size=6), plain, max_size=6))
def test_any_mapping_gives_a_block_or_problems(mapping: dict[str, object]) -> None:
    """A hostile file may not raise anything here."""
    result = parse_block("u", mapping)
    if isinstance(result, BlockSpec):
        block = BLOCKS[result.op]
        assert block.source_min <= len(result.sources) <= block.source_max
        assert all(isinstance(number, float) for _, number in result.parameters)
    else:
        assert result
        assert all(isinstance(problem, LawProblem) for problem in result)
