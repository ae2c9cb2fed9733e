"""What an io role tells of its lines: the words are the header's, and every device has both."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from amphost._native.amp import ffi, lib

from amphost.plan import link_segments
from amphost.plan.model import Plan

HEADER = (Path(__file__).parents[2] / "native/include/amp/tally.h").read_text()


def test_words_are_those_of_the_header() -> None:
    """A word read under another's name would be a lie in every report."""
    listed = dict(re.findall(r"^    AMP_TALLY_(\w+) = (\d+),", HEADER, re.MULTILINE))
    first = int(listed.pop("TIMES"))
    names = [name for name, _, _ in link_segments.TALLY_WORDS]
    assert names[:first] == [name.lower() for name in listed]
    assert [int(number) for number in listed.values()] == list(range(first))
    assert len(names) == lib.AMP_TALLY_WORDS


def test_times_are_those_of_the_header_in_its_order() -> None:
    """Four words each: count, least, sum, most."""
    members = ffi.typeof("enum amp_tally_time").relements
    members.pop("AMP_TIME_COUNT")
    ordered = sorted(members, key=members.__getitem__)
    assert [name.removeprefix("AMP_TIME_").lower() for name in ordered] == list(link_segments.TIMES)


def test_every_count_is_a_count_for_c_too() -> None:
    """Counts go on over a restart of the role, all else does not."""
    first = len(link_segments.STATES)
    assert first == lib.AMP_TALLY_FRAMES_IN
    assert first + len(link_segments.COUNTS) == lib.AMP_TALLY_TIMES


def test_tap_has_the_headers_words() -> None:
    """The pump refuses nothing here: a shorter slot would be overrun."""
    assert link_segments.TAP_WORDS == lib.AMP_TAP_WORDS


def test_what_a_firmware_says_has_the_headers_words() -> None:
    """The io role writes them by their number."""
    names = [
        name.removeprefix("AMP_SAID_").lower()
        for _, name in sorted(ffi.typeof("enum amp_said_word").elements.items())
        if name not in ("AMP_SAID_WORD_COUNT", "AMP_SAID_TEXT")
    ]
    words = [name for name, _, _ in link_segments.SAID_WORDS]
    assert len(words) == lib.AMP_SAID_WORD_COUNT
    assert words[: lib.AMP_SAID_TEXT] == names


@pytest.mark.parametrize(
    ("baud", "depth"), [(9600, 256), (115_200, 512), (1_000_000, 4096), (12_000_000, 8192)]
)
def test_tap_holds_a_moment_of_a_full_line(baud: int, depth: int) -> None:
    """A reader may be away for a quarter of a second; memory has an end all the same."""
    assert link_segments.tap_depth(baud) == depth


def test_the_role_writes_them_and_telemetry_reads_the_tally(plan_of: Callable[..., Plan]) -> None:
    """One writer a word, and no recording of every byte."""
    plan = plan_of()
    roles = {role.name: role for role in plan.roles}
    assert [one.role for one in roles["io"].writes] == ["mcu.link", "mcu.tap", "mcu.said"]
    assert {one.role_id for one in roles["io"].writes} == {roles["io"].role_id}
    reads = [one.role for one in roles["telemetry"].reads]
    assert "mcu.link" in reads
    assert "mcu.said" in reads
    assert "mcu.tap" not in reads
