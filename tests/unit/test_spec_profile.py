from __future__ import annotations

from amphost.spec.positions import Problem
from amphost.spec.profile import POINTS_MAX, read_profile

PATH = ("operator", "target", "profile")


def read(
    text: str, column: str = "target"
) -> tuple[tuple[tuple[float, float], ...], list[Problem]]:
    """Read a profile of a value in [-1, 1]."""
    return read_profile(text, column, (-1.0, 1.0), PATH)


def places(text: str) -> list[tuple[tuple[int, int] | None, str]]:
    """Return place and rule of every problem."""
    return [(one.place, one.rule) for one in read(text)[1]]


def test_points_are_read_in_order() -> None:
    """Numbers as people and spreadsheets write them."""
    points, problems = read("t_s,target\n0,0\n0.5, -1.0\n1e0,.25\n")
    assert (points, problems) == (((0.0, 0.0), (0.5, -1.0), (1.0, 0.25)), [])


def test_a_value_takes_its_own_column() -> None:
    """One file may move several values; the header says which is which."""
    points, problems = read("other,t_s,speed\n9,0,1\n9,1,0\n", "speed")
    assert (points, problems) == (((0.0, 1.0), (1.0, 0.0)), [])


def test_header_must_name_both_columns_once() -> None:
    """A guess at the meaning of a column would move a motor."""
    assert places("target,t_s,t_s\n0,0,0\n") == [
        ((1, 1), "the header has more than one column t_s")
    ]
    assert [rule for _, rule in places("0,0\n1,1\n")] == [
        "the header has no column t_s",
        "the header has no column target",
    ]


def test_every_problem_has_its_line_and_column() -> None:
    """A file of ten thousand lines is corrected by its places."""
    text = "t_s,target\n0.1,0\n1,x\n0.5,2\n2\n3,nan\n3,1_0\n4,1e999\n"
    assert places(text) == [
        ((2, 1), "the first time is 0.1 s"),
        ((3, 3), "x is not a number"),
        ((4, 1), "0.5 s does not come after 1 s"),
        ((4, 5), "2 is outside [-1, 1]"),
        ((5, 1), "has 1 columns, the header 2"),
        ((6, 3), "nan is not a number"),
        ((7, 3), "1_0 is not a number"),
        ((7, 1), "3 s does not come after 3 s"),
        ((8, 3), "inf is outside [-1, 1]"),
    ]


def test_number_of_points_is_bounded() -> None:
    """One point is no motion, and the whole profile lives in memory."""
    assert places("t_s,target\n0,0\n") == [((1, 1), "the number of points is 1")]
    many = "t_s,target\n" + "0,0\n" * (POINTS_MAX + 1)
    assert places(many) == [((1, 1), f"the number of points is {POINTS_MAX + 1}")]
