"""Offsets and sizes: equal to the headers, equal to the library, and never two signals at once."""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

import pytest

from amphost.plan import layout
from amphost.plan.model import SignalPlan

HEADERS = Path(__file__).parents[2] / "native/include/amp"
MS = 1_000_000


def macro(header: str, name: str) -> int:
    """Return the number of a macro of a header."""
    found = re.search(rf"^#define {name} (\d+)$", (HEADERS / header).read_text(), re.MULTILINE)
    assert found is not None, name
    return int(found[1])


def signals(count: int, name: str = "s{}") -> tuple[SignalPlan, ...]:
    """Return that many signals."""
    return tuple(
        SignalPlan(name=name.format(index), type="f64", unit="V", low=None, high=None)
        for index in range(count)
    )


@pytest.mark.parametrize(
    ("header", "name", "ours"),
    [
        ("base.h", "AMP_CACHE_LINE", layout.CACHE_LINE),
        ("segment.h", "AMP_OWNER_SIZE", layout.OWNER_SIZE),
        ("segment.h", "AMP_SYSTEM_SIZE", layout.SYSTEM_SIZE),
        ("segment.h", "AMP_DIRECTORY_MAX", layout.DIRECTORY_MAX),
        ("segment.h", "AMP_ROLES_MAX", layout.ROLES_MAX),
        ("channel.h", "AMP_CHANNEL_WORDS_MAX", layout.WORDS_MAX),
        ("channel.h", "AMP_CHANNEL_DEPTH_MIN", layout.DEPTH_MIN),
        ("channel.h", "AMP_CHANNEL_DEPTH_MAX", layout.DEPTH_MAX),
    ],
)
def test_numbers_are_those_of_the_headers(header: str, name: str, ours: int) -> None:
    """The plan sizes what C lays out."""
    assert macro(header, name) == ours


def test_channel_size_is_the_librarys() -> None:
    """The C function is the truth; a difference would be an overrun."""
    from amphost._native import amp as native

    for words in (1, 4, 5, 6, 13, 14, 64, 1023, 1024):
        for depth in (4, 8, 1024, 1048576):
            size = native.lib.amp_channel_size(words, depth)
            wanted = layout.channel_size(words, depth)
            assert size == (wanted if wanted <= 2 * sys.maxsize + 1 else 0)  # 32 bits: no room


@pytest.mark.parametrize(
    ("words", "stride"), [(1, 64), (5, 64), (6, 128), (13, 128), (14, 192), (1024, 8256)]
)
def test_slots_are_whole_cache_lines(words: int, stride: int) -> None:
    """Five words share the line of their header; the sixth needs another line."""
    assert layout.slot_stride(words) == stride
    assert layout.channel_size(words, 4) == 64 + 4 * stride


@pytest.mark.parametrize(
    ("writer_ns", "followers_ns", "depth"),
    [
        (MS, [], 4),
        (MS, [MS], 8),
        (MS, [100 * MS], 1024),
        (MS, [MS, 100 * MS, 5 * MS], 1024),
        (100 * MS, [MS], 4),
        (5 * MS, [100 * MS], 256),
        (3 * MS, [MS], 4),
        (MS, [64 * MS], 512),
        (MS, [64 * MS + 1], 1024),
        (1, [1000 * MS], 1048576),
    ],
)
def test_depth_holds_eight_periods_of_the_slowest_follower(
    writer_ns: int, followers_ns: list[int], depth: int
) -> None:
    """A follower that is late by less than seven of its periods loses nothing."""
    assert layout.channel_depth(writer_ns, followers_ns) == depth


@pytest.mark.parametrize("page_size", [4096, 16384, 65536])
@pytest.mark.parametrize("role_id", [0, 1])
def test_channel_stands_behind_all_blocks_on_a_cache_line(page_size: int, role_id: int) -> None:
    """Page 0 is the header's, page 1 begins the owner block, the supervisor has one block more."""
    offset = layout.channel_offset(role_id, page_size)
    blocks = layout.OWNER_SIZE + (layout.SYSTEM_SIZE if role_id == 0 else 0)
    assert offset == page_size + blocks
    assert offset % layout.CACHE_LINE == 0


@pytest.mark.parametrize("page_size", [4096, 16384])
def test_segment_is_whole_pages_and_holds_its_channel(page_size: int) -> None:
    """A Pi 5's stock pages are 16 KiB; mmap takes whole ones."""
    plan = layout.segment(
        role="io",
        role_id=1,
        page_size=page_size,
        signals=signals(4),
        writer_period_ns=MS,
        follower_periods_ns=[100 * MS],
    )
    assert plan.channel is not None
    end = plan.channel.offset + layout.channel_size(4, plan.channel.depth)
    assert plan.size % page_size == 0
    assert end <= plan.size < end + page_size


def test_directory_is_canonical_and_hashed_as_documented() -> None:
    """Both sides compute the hash from this very text."""
    plan = layout.segment(
        role="control",
        role_id=2,
        page_size=4096,
        signals=(
            SignalPlan(name="voltage", type="f64", unit="V", low=-12.0, high=12.0),
            SignalPlan(name="tick", type="u64", unit="1", low=None, high=None),
        ),
        writer_period_ns=MS,
        follower_periods_ns=[MS],
    )
    assert plan.directory == (
        "channel control offset=69632 words=2 depth=8\nvoltage:f64:V\ntick:u64:1\n"
    )
    first = hashlib.blake2b(plan.directory.encode()).digest()[:8]
    assert plan.layout_hash == int.from_bytes(first, "little")


def test_any_difference_of_layout_is_another_hash() -> None:
    """A process of an older build must be refused."""
    hashes = {
        layout.segment(
            role=role,
            role_id=1,
            page_size=page_size,
            signals=signals(count),
            writer_period_ns=MS,
            follower_periods_ns=[follower_ns],
        ).layout_hash
        for role in ("a", "b")
        for page_size in (4096, 16384)
        for count in (1, 2)
        for follower_ns in (MS, 2 * MS)
    }
    assert len(hashes) == 16


def test_a_role_without_signals_has_no_channel() -> None:
    """A system without operator values: the supervisor publishes nothing."""
    plan = layout.segment(
        role="supervisor",
        role_id=0,
        page_size=4096,
        signals=(),
        writer_period_ns=MS,
        follower_periods_ns=[MS],
    )
    assert plan.channel is None
    assert plan.directory == "channel supervisor none\n"
    assert plan.size == 4096 + 65536 + 4096


def test_directory_that_does_not_fit_is_a_problem_with_a_remedy() -> None:
    """The header page holds 3968 bytes; the native side would refuse it without a word."""
    assert layout.segment_problem("io", signals(34)) is None
    problem = layout.segment_problem("io", signals(400, "long_name_of_a_signal_{}"))
    assert problem is not None
    assert "more than 3968" in problem[0]
    assert problem[1] == "use shorter names, or split the role"


def test_more_signals_than_words_is_a_problem() -> None:
    """A channel carries at most 1024 words."""
    problem = layout.segment_problem("io", signals(1025, "s{}"))
    assert problem is not None
    assert problem[0] == "1025 signals are more than the 1024 words of a channel"
    within = layout.segment_problem("io", signals(1024, "s{}"))
    assert within is not None
    assert within[0].startswith("the directory of its 1024 signals")
