"""The layout of a role's segment: header page, owner block, system block, then the channel.

Rules. Pure. native/include/amp/segment.h and channel.h are the contracts and the numbers here are
theirs; tests compare them with the headers and with the built library. The directory is the
layout in plain text, and the layout hash covers exactly that text: two sides with the same hash
read the same words. Every size is bytes, every offset is counted from the segment's start.

    offset 0        header, then the directory
    page 1          owner block
    then            system block, in the supervisor's segment only
    then            the channel, on a cache line: its line, then its slots
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from amphost.plan.model import ChannelPlan, SegmentPlan, SignalPlan

CACHE_LINE = 64  # AMP_CACHE_LINE
OWNER_SIZE = 65536  # AMP_OWNER_SIZE
SYSTEM_SIZE = 4096  # AMP_SYSTEM_SIZE
DIRECTORY_MAX = 3968  # AMP_DIRECTORY_MAX
WORDS_MAX = 1024  # AMP_CHANNEL_WORDS_MAX
DEPTH_MIN = 4  # AMP_CHANNEL_DEPTH_MIN
DEPTH_MAX = 1048576  # AMP_CHANNEL_DEPTH_MAX
ROLES_MAX = 32  # AMP_ROLES_MAX, the supervisor included
SLOT_HEADER_WORDS = 3  # sequence, time, mark
FOLLOWER_PERIODS = 8
WORD_SIZE = 8

SUPERVISOR = "supervisor"
EVENTS = "events"
SUPERVISOR_ID = 0


def slot_stride(words: int) -> int:
    """Return the bytes from slot to slot: whole cache lines."""
    return _up((SLOT_HEADER_WORDS + words) * WORD_SIZE, CACHE_LINE)


def channel_size(words: int, depth: int) -> int:
    """Return the bytes of a channel: the writer's line, then its slots."""
    return CACHE_LINE + depth * slot_stride(words)


def channel_depth(writer_period_ns: int, follower_periods_ns: Iterable[int]) -> int:
    """Return the power of two that holds the slowest follower's period eight times over."""
    slowest_ns = max(follower_periods_ns, default=0)
    slots = -(-FOLLOWER_PERIODS * slowest_ns // writer_period_ns)
    return min(max(DEPTH_MIN, 1 << max(slots - 1, 0).bit_length()), DEPTH_MAX)


def channel_offset(role_id: int, page_size: int) -> int:
    """Return where the channel of a role starts in its segment."""
    system = SYSTEM_SIZE if role_id == SUPERVISOR_ID else 0
    return _up(page_size + OWNER_SIZE + system, CACHE_LINE)


def directory_text(role: str, channel: ChannelPlan | None) -> str:
    """Write a layout as text: one line for the channel, one for each signal."""
    if channel is None:
        return f"channel {role} none\n"
    head = f"channel {role} offset={channel.offset} words={channel.words} depth={channel.depth}\n"
    named = "".join(f"{one.name}:{one.type}:{one.unit}\n" for one in channel.signals)
    block = channel.words - len(channel.signals)
    return head + named + (f"block:u64[{block}]:1\n" if block else "")


def layout_hash(directory: str) -> int:
    """Return the first eight bytes, little-endian, of the directory's blake2b."""
    return int.from_bytes(hashlib.blake2b(directory.encode()).digest()[:8], "little")


def segment_problem(role: str, signals: Sequence[SignalPlan]) -> tuple[str, str] | None:
    """Return (rule, remedy) when the signals of a role do not fit a segment at all."""
    if len(signals) > WORDS_MAX:
        rule = f"{len(signals)} signals are more than the {WORDS_MAX} words of a channel"
        return rule, "split the role"
    longest = ChannelPlan(
        offset=1 << 24, words=len(signals), depth=DEPTH_MAX, signals=tuple(signals)
    )
    size = len(directory_text(role, longest).encode())
    if size > DIRECTORY_MAX:
        rule = f"the directory of its {len(signals)} signals takes up to {size} bytes,"
        return f"{rule} more than {DIRECTORY_MAX}", "use shorter names, or split the role"
    return None


def segment(
    *,
    role: str,
    role_id: int,
    page_size: int,
    signals: Sequence[SignalPlan],
    writer_period_ns: int,
    follower_periods_ns: Iterable[int],
    depth: int = 0,
    block_words: int = 0,
) -> SegmentPlan:
    """Lay out the segment of a role whose channel, if it has signals, carries them in order.

    Its depth follows from the periods, unless `depth` gives it. Behind its signals a channel may
    carry a block of words that mean nothing to anybody but its two ends.
    """
    offset = channel_offset(role_id, page_size)
    channel = None
    size = offset
    if signals:
        depth = depth or channel_depth(writer_period_ns, follower_periods_ns)
        channel = ChannelPlan(
            offset=offset,
            words=len(signals) + block_words,
            depth=depth,
            signals=tuple(signals),
        )
        size += channel_size(channel.words, depth)
    directory = directory_text(role, channel)
    return SegmentPlan(
        role=role,
        role_id=role_id,
        size=_up(size, page_size),
        page_size=page_size,
        layout_hash=layout_hash(directory),
        directory=directory,
        channel=channel,
    )


def _up(size: int, step: int) -> int:
    return -(-size // step) * step
