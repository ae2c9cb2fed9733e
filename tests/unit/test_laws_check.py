from __future__ import annotations

from collections.abc import Mapping

import pytest

from amphost.laws.blocks import BlockSpec, LawProblem
from amphost.laws.check import check
from amphost.laws.parse import parse_block

Law = Mapping[str, Mapping[str, object]]

INPUTS = {"target": "rad", "position": "rad", "current": "A", "raw": ""}
MOTOR: Law = {
    "error": {"subtract": ["target", "position"]},
    "voltage": {"pid": "error", "kp": 9.0, "ki": 25.0},
}


def law(blocks: Law) -> list[BlockSpec]:
    """Parse blocks that are right one by one."""
    parsed = [parse_block(name, mapping) for name, mapping in blocks.items()]
    assert all(isinstance(block, BlockSpec) for block in parsed), parsed
    return [block for block in parsed if isinstance(block, BlockSpec)]


def found(
    blocks: Law, outputs: dict[str, str] | None = None
) -> list[tuple[str, tuple[str | int, ...], str, str]]:
    """Check a law and return the problems as rows."""
    problems = check(
        law(blocks), INPUTS, {"voltage": "V"} if outputs is None else outputs, dt_s=0.001
    )
    return [(one.block, one.key, one.rule, one.remedy) for one in problems]


def test_the_example_is_found_good() -> None:
    """The face of the project passes its own check."""
    assert found(MOTOR) == []


def test_an_unknown_signal_is_named_with_a_guess() -> None:
    """The commonest mistake; the guess never is the block itself."""
    assert found({**MOTOR, "error": {"subtract": ["target", "postion"]}}) == [
        (
            "error",
            ("subtract", 1),
            "postion is neither an input nor a block",
            "did you mean position? known are target, position, current, raw, error, voltage",
        )
    ]
    (row,) = found({**MOTOR, "voltage": {"pid": "voltag", "kp": 1.0}, "x": {"constant": 1}})[:1]
    assert row[1] == ("pid",)
    assert "did you mean voltage" not in row[3]


def test_a_ring_is_named_block_by_block() -> None:
    """Without the names of the ring nobody finds it in a file of 50 blocks."""
    blocks: Law = {
        "before": {"gain": "voltage", "by": 1},
        "voltage": {"gain": "a", "by": 1},
        "a": {"lowpass": "b", "cutoff_hz": 1},
        "b": {"add": ["target", "voltage"]},
        "self": {"gain": "self", "by": 1},
    }
    rules = [(block, rule) for block, _, rule, _ in found(blocks)]
    assert rules == [
        ("voltage", "reads itself: voltage reads a reads b reads voltage"),
        ("self", "reads itself: self reads self"),
    ]


def test_a_block_may_not_take_an_inputs_name() -> None:
    """One name, two signals: the reader of the file could not tell which is meant."""
    rows = found({**MOTOR, "position": {"constant": 1.0}}, {"voltage": "V", "position": "rad"})
    assert rows == [("position", (), "is the name of an input too", "give the block another name")]


@pytest.mark.parametrize("name", ["c", "python", "blocks"])
def test_reserved_names_are_refused(name: str) -> None:
    """`law: {c: laws/motor.c}` is another kind of law."""
    (row,) = found({name: {"constant": 1.0}}, {name: "V"})
    assert row[0] == name
    assert row[2] == "is a reserved name (blocks, c, python)"


@pytest.mark.parametrize("name", ["", "U", "1a", "a.b", "a b", "é", "a" * 65])
def test_a_name_is_one_that_a_signal_can_have(name: str) -> None:
    """Names become fields of recorded messages."""
    (row,) = found({name: {"constant": 1.0}}, {name: "V"})
    assert row[2] == "is not a name a signal can have"


def test_an_output_that_no_block_writes_is_named() -> None:
    """The role would publish nothing for it."""
    rows = found(MOTOR, {"voltage": "V", "voltag": "V", "position": "rad"})
    assert rows == [
        (
            "",
            (),
            "no block is named voltag, which the role writes",
            "did you mean voltage? add one",
        ),
        (
            "",
            (),
            "no block is named position, which the role writes",
            "an output needs a name of its own",
        ),
    ]


def test_a_block_that_no_output_needs_is_refused() -> None:
    """A dead block is a mistyped name somewhere else; dead chains are reported whole."""
    dead: Law = {
        "first": {"gain": "current", "by": 2},
        "second": {"gain": "first", "by": 2},
    }
    assert [(row[0], row[2]) for row in found({**MOTOR, **dead})] == [
        ("first", "no output depends on it"),
        ("second", "no output depends on it"),
    ]


def test_an_integral_needs_a_limit_unless_an_output_gives_one() -> None:
    """An integral that nothing holds winds up without end."""
    blocks: Law = {
        "error": MOTOR["error"],
        "inner": {"pid": "error", "kp": 1.0, "ki": 2.0},
        "voltage": {"gain": "inner", "by": 1.0},
    }
    assert [(row[0], row[2]) for row in found(blocks)] == [
        ("inner", "limit is missing, and ki is not 0")
    ]
    assert found({**blocks, "inner": {"pid": "error", "kp": 1.0}}) == []
    limited = {"pid": "error", "kp": 1.0, "ki": 2.0, "limit": [-1, 1]}
    assert found({**blocks, "inner": limited}) == []


def test_operands_of_different_units_are_refused() -> None:
    """Radians less amperes is nothing."""
    assert found({**MOTOR, "error": {"subtract": ["target", "current"]}}) == [
        (
            "error",
            ("subtract", 1),
            "current is in A, target in rad",
            "subtract signals of one unit; a gain converts",
        )
    ]


def test_units_pass_through_filters_limits_and_sums() -> None:
    """The mistake is found where it is made, however far from the input."""
    blocks: Law = {
        "sum": {"add": ["position", "smooth"]},
        "smooth": {"lowpass": "held", "cutoff_hz": 5},
        "held": {"limit": "current", "range": [-1, 1]},
        "voltage": {"gain": "sum", "by": 1.0},
    }
    rows = found(blocks)
    assert [(row[0], row[1], row[2]) for row in rows] == [
        ("sum", ("add", 1), "smooth is in A, position in rad")
    ]


def test_unknown_units_agree_with_all() -> None:
    """A gain converts, a constant is what it is added to, an input without unit is free."""
    blocks: Law = {
        "bias": {"constant": 1.0},
        "volts": {"gain": "current", "by": 3.0},
        "voltage": {"add": ["bias", "volts", "raw"]},
    }
    assert found(blocks) == []
    assert found({"voltage": {"add": ["raw", "current", "target"]}})[0][2] == (
        "target is in rad, current in A"
    )


def test_an_output_in_another_unit_is_refused() -> None:
    """The output's declaration is what its readers rely on."""
    rows = found({"voltage": {"lowpass": "current", "cutoff_hz": 5}})
    assert rows == [
        (
            "voltage",
            (),
            "is in A, but the role writes it in V",
            "make the units agree; a gain converts",
        )
    ]


def test_a_law_too_large_for_a_program_is_refused() -> None:
    """The native tables are of fixed size; each has its own limit."""
    blocks = {f"b{index}": {"constant": 1.0} for index in range(257)}
    rules = [one.rule for one in check(law(blocks), {}, dict.fromkeys(blocks, "V"), dt_s=0.001)]
    assert rules == ["has 257 blocks"]
    inputs = {f"i{index}": "V" for index in range(65)}
    rules = [one.rule for one in check(law({"u": {"constant": 1}}), inputs, {"u": "V"}, dt_s=0.001)]
    assert rules == ["has 65 inputs"]
    wide = {f"b{index}": {"add": ["i0"] * 16} for index in range(65)}
    rules = [
        one.rule for one in check(law(wide), {"i0": "V"}, dict.fromkeys(wide, "V"), dt_s=0.001)
    ]
    assert rules == ["has 1040 sources"]
    pids = {f"b{i}": {"pid": "i0", "kp": 1} for i in range(171)}
    rules = [
        one.rule for one in check(law(pids), {"i0": "V"}, dict.fromkeys(pids, "V"), dt_s=0.001)
    ]
    assert rules == ["has 1026 parameters"]


def test_everything_wrong_is_reported_at_once() -> None:
    """One run of `check`, the whole list."""
    blocks: Law = {
        "python": {"gain": "nothing", "by": 1},
        "ring": {"gain": "ring", "by": 1},
    }
    problems = check(law(blocks), INPUTS, {"voltage": "V"}, dt_s=0.001)
    assert all(isinstance(problem, LawProblem) for problem in problems)
    assert [problem.block for problem in problems] == ["python", "python", "", "ring"]


def test_a_hostile_law_is_refused_at_once() -> None:
    """A file of 256 KiB holds some thousand blocks; finding guesses for all would take minutes."""
    blocks = {f"b{index}": {"add": [f"c{index}", f"b{index + 1}"]} for index in range(5000)}
    problems = check(law(blocks), INPUTS, {"voltage": "V"}, dt_s=0.001)
    assert [problem.rule for problem in problems] == ["has 5000 blocks", "has 10000 sources"]
