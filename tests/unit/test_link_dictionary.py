"""What a refused link says: every signal and field that differs, in words, whatever comes."""

from __future__ import annotations

import random
import string

import pytest

from amphost.link.dictionary import DIFFERENCES_MAX, differences

OURS = (
    "send position f32 1 rad -100 100\n"
    "send current f32 1 A -20 20\n"
    "accept voltage f32 1 V -12 12 0 2000\n"
)
PLACES = {"send position": "bench.yaml:12", "accept voltage": "bench.yaml:15"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "position f32 1",
            "position i16 0.001",
            (
                "position: the firmware says i16, scale 0.001, the board file says f32, scale 1"
                " (bench.yaml:12)"
            ),
        ),
        (
            "current f32 1 A",
            "current f32 1 mA",
            "current: the firmware says unit mA, the board file says unit A",
        ),
        (
            "-12 12 0 2000",
            "-24 24 1 2000",
            (
                "voltage: the firmware says low -24, high 24, safe 1, the board file says low -12,"
                " high 12, safe 0 (bench.yaml:15)"
            ),
        ),
        (
            "send current f32 1 A -20 20\n",
            "",
            "current: the firmware has no such signal",
        ),
        (
            "accept voltage",
            "send speed f32 1 rad/s -1 1\naccept voltage",
            "speed: the board file has no such signal, the firmware sends it",
        ),
    ],
)
def test_a_difference_is_named_by_signal_and_field(old: str, new: str, said: str) -> None:
    """Who reads it must know which line to change without looking into either file."""
    assert differences(OURS, OURS.replace(old, new), PLACES) == [said]


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        ("0 50 9", "0 20 9", "kp: the firmware says high 20, the board file says high 50"),
        ("0 50 9", None, "kp: the firmware has no such parameter"),
        (None, "0 50 9", "kp: the board file has no such parameter, the firmware has it"),
    ],
)
def test_a_parameter_that_differs_is_named_too(
    ours: str | None, theirs: str | None, said: str
) -> None:
    """A gain that the firmware bounds otherwise would be refused long after it was armed."""
    mine, firmware = (
        OURS + (f"parameter kp V/rad {one}\n" if one else "") for one in (ours, theirs)
    )
    assert differences(mine, firmware, PLACES) == [said]


def test_the_same_signals_in_another_order_are_told_as_such() -> None:
    """Their hash differs, and nothing else of them does."""
    lines = OURS.splitlines(keepends=True)
    (said,) = differences(OURS, lines[1] + lines[0] + lines[2], {})
    assert said == "the order of the signals: the firmware says current, position, voltage"


def test_so_many_differences_are_counted() -> None:
    """A wholly different board would fill the screen."""
    theirs = "".join(f"send s{n} f32 1 V 0 1\n" for n in range(40))
    found = differences(OURS, theirs, {})
    assert len(found) == DIFFERENCES_MAX + 1
    assert found[-1] == f"and {43 - DIFFERENCES_MAX} more"


def test_whatever_a_device_says_is_shown_short_and_plain() -> None:
    """A hostile dictionary must not paint on a terminal."""
    chance = random.Random(7)
    letters = string.printable + "\x1b\x00\x7f\u202e"
    for _ in range(2000):
        theirs = "".join(chance.choice(letters) for _ in range(chance.randrange(400)))
        for line in differences(OURS, theirs, {}):
            assert line.isprintable()
            assert line.isascii()
            assert len(line) < 2000


def test_equal_dictionaries_differ_in_nothing() -> None:
    """Another hash under the same text has another reason."""
    assert differences(OURS, OURS, PLACES) == []
