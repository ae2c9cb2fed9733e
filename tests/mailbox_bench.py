"""Segments for tests: laid out from `name:type` words, made, mapped, and given back."""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator

from amphost.mailbox import Segment
from amphost.plan import layout
from amphost.plan.model import SegmentPlan, SignalPlan

NONCE = 0x1234_5678_9ABC
PAGE = os.sysconf("SC_PAGESIZE")


def plan(*signals: str, role: str = "control", role_id: int = 2, depth: int = 4) -> SegmentPlan:
    """Return the segment of a role whose signals are given as `name:type`."""
    return layout.segment(
        role=role,
        role_id=role_id,
        page_size=PAGE,
        signals=[
            SignalPlan(name=name, type=kind, unit="V", low=None, high=None)
            for name, kind in (signal.split(":") for signal in signals)
        ],
        writer_period_ns=1,
        follower_periods_ns=[depth // layout.FOLLOWER_PERIODS],
    )


@contextlib.contextmanager
def created(segment: SegmentPlan) -> Iterator[int]:
    """Make a segment; give its descriptor back at the end."""
    descriptor = Segment.create(segment, NONCE)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def attached(descriptor: int, segment: SegmentPlan, *, writable: bool = False) -> Segment:
    """Map a segment."""
    return Segment.attach(descriptor, segment, nonce=NONCE, writable=writable)


def preset(segment: Segment, descriptor: int, count: int, epoch: int) -> None:
    """Leave a channel as if `count` publications of zeros had been made, the last by `epoch`."""
    channel = segment.plan.channel
    assert channel is not None
    stride = layout.slot_stride(channel.words)
    slots = channel.offset + layout.CACHE_LINE
    for number in range(max(1, count - channel.depth + 1), count + 1):
        words = struct.pack("=QqQ", 2 * number, 0, epoch)
        os.pwrite(descriptor, words, slots + number % channel.depth * stride)
    os.pwrite(descriptor, struct.pack("=Q", count), channel.offset)
