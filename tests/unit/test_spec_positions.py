from __future__ import annotations

import pytest

from amphost.spec.positions import PROBLEMS_MAX, Positions, Problem, dotted, show

WHERE = Positions(
    file="a.yaml",
    values={("roles", "io", "core"): (14, 11), ("roles",): (9, 3)},
    keys={("roles", "io", "core"): (14, 5), ("roles", "io"): (12, 3)},
)


def test_problem_is_one_line_with_place_path_rule_and_remedy() -> None:
    """The format that every other part of amphost uses too."""
    assert (
        WHERE.problem(("roles", "io", "core"), "7 is out of range", "give a number from 0 to 3")
        == "a.yaml:14:11: roles.io.core: 7 is out of range; give a number from 0 to 3"
    )
    assert WHERE.problem(("roles", "io", "core"), "x", "y", key=True).startswith("a.yaml:14:5: ")


def test_problems_come_in_the_order_of_the_file_and_once() -> None:
    """People correct a file from the top."""
    late = Problem(path=("roles", "io", "core"), rule="late", remedy="x")
    early = Problem(path=("name",), rule="early", remedy="x", place=(2, 1))
    assert WHERE.lines([late, early, late]) == [
        "a.yaml:2:1: name: early; x",
        "a.yaml:14:11: roles.io.core: late; x",
    ]


def test_a_flood_of_problems_is_counted_not_listed() -> None:
    """A hostile file may not flood a terminal."""
    many = [Problem(path=(f"k{n}",), rule="wrong", remedy="x", place=(n, 1)) for n in range(1, 500)]
    lines = WHERE.lines(many)
    assert len(lines) == PROBLEMS_MAX + 1
    assert "has 499 problems in all" in lines[-1]


def test_paths_are_written_as_in_the_file() -> None:
    """The path in a message is what a person searches for."""
    assert dotted(("operator", "target", "range", 1)) == "operator.target.range[1]"
    assert dotted(()) == "(file)"
    assert dotted(("a b", "c\n")) == '"a b"."c\\n"'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "an empty value"),
        (True, "true"),
        (3, "3"),
        (0.1, "0.1"),
        ("mcu", "mcu"),
        ("two words", '"two words"'),
        ("\x1b[31m", '"\\u001b[31m"'),
        ([1], "a list"),
        ({}, "a mapping"),
    ],
)
def test_values_are_shown_short_and_printable(value: object, text: str) -> None:
    """What a user wrote may be quoted, not replayed to the terminal."""
    assert show(value) == text


def test_long_values_are_cut() -> None:
    """One line stays one line."""
    assert len(show("x" * 10_000)) <= 40
    assert len(show("\x00" * 10_000)) <= 40


def test_file_names_cannot_paint_on_the_terminal() -> None:
    """A file may be called anything."""
    where = Positions(file="a\x1b[2Jb\n.yaml", values={}, keys={})
    assert where.problem((), "x", "y").isprintable()
