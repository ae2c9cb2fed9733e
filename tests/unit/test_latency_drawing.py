"""The histogram in a terminal: nothing lost, nothing wider than the terminal."""

from __future__ import annotations

import re

import pytest

from amphost.latency.drawing import EDGES_NS, Paper, draw, duration, is_utf8
from amphost.latency.tally import Tally, from_values

ONE = from_values([(7, 1), (15_000, 90_000), (18_000, 10_000), (1_200_000, 1)])
OTHER = from_values([(14_000, 5), (3_000_000_000, 2)])


@pytest.mark.parametrize("width", [60, 80, 100, 160])
@pytest.mark.parametrize("utf8", [False, True])
def test_no_line_is_wider_than_the_paper(width: int, utf8: bool) -> None:
    """A line that wraps makes a picture unreadable."""
    for tallies in ({"hybrid": ONE}, {"hybrid": ONE, "sleep": OTHER, "cyclictest": ONE}):
        lines = draw(tallies, Paper(width=width, utf8=utf8))
        assert max(map(len, lines)) < width
        assert utf8 or all(line.isascii() for line in lines)


def test_every_value_is_counted_in_a_row() -> None:
    """The rows add up to n."""
    lines = draw({"hybrid": ONE}, Paper())
    found = [int(match[1].replace(",", "")) for line in lines[1:] if (match := _count(line))]
    assert sum(found) == ONE.n == 100_002


def _count(line: str) -> re.Match[str] | None:
    return re.search(r"(?:ns|us|ms|s|more)\s+([\d,]+) ", line)


def test_one_late_period_in_a_hundred_thousand_has_a_mark() -> None:
    """It is the one that matters."""
    for utf8, mark in ((False, "#"), (True, "▏▎▍▌▋▊▉█")):
        lines = draw({"hybrid": ONE}, Paper(utf8=utf8))
        (late,) = [line for line in lines if "1 ms to 2 ms" in line]
        assert late.rstrip()[-1] in mark
        (longest,) = [line for line in lines if "100,000" in line]
        assert len(longest) > 2 * len(late)


def test_rows_are_those_of_all_columns() -> None:
    """Side by side is the point: the same row for the same latency."""
    lines = draw({"hybrid": ONE, "other": OTHER}, Paper())
    assert lines[0].split() == ["hybrid", "other"]
    assert lines[1].split()[:3] == ["under", "10", "ns"]
    assert lines[-1].split()[:5] == ["2", "s", "to", "5", "s"]


def test_what_was_not_measured_has_no_column() -> None:
    """An interrupted run may not have come to the other contestant."""
    assert draw({"hybrid": Tally()}, Paper()) == []
    assert draw({"hybrid": ONE, "cyclictest": Tally()}, Paper())[0].split() == ["hybrid"]


def test_edges_grow_and_read_as_people_say_them() -> None:
    """1, 2, 5 in each power of ten, from 10 ns to beyond every wait."""
    assert list(EDGES_NS) == sorted(set(EDGES_NS))
    assert [duration(edge) for edge in EDGES_NS[1:9]] == [
        *("10 ns", "20 ns", "50 ns", "100 ns"),
        *("200 ns", "500 ns", "1 us", "2 us"),
    ]
    assert duration(0) == "0 ns"
    far = draw({"x": from_values([(200_000_000_000, 1)])}, Paper())
    assert far[1].startswith("50 s and more")


@pytest.mark.parametrize(
    ("environ", "encoding", "shows"),
    [
        ({"LANG": "en_GB.UTF-8"}, "utf-8", True),
        ({"LANG": "C", "LC_ALL": "de_DE.utf8"}, "utf-8", True),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "C"}, "utf-8", False),
        ({"LANG": "en_GB.UTF-8"}, "ascii", False),
        ({"LANG": "de_DE.ISO-8859-1"}, "iso8859-1", False),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, "utf-8", False),
        ({"LANG": "C.UTF-8", "LC_CTYPE": "C.UTF-8"}, "utf-8", True),
        ({}, "utf-8", False),
        ({"LANG": "en_GB.UTF-8"}, None, False),
    ],
)
def test_blocks_are_drawn_where_the_terminal_shows_them(
    environ: dict[str, str], encoding: str | None, shows: bool
) -> None:
    """A serial console full of question marks tells nothing."""
    assert is_utf8(environ, encoding) is shows
