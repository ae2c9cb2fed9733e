"""A tap read in Python: every block as the pump had it, every loss told in its place."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

import pytest
from amphost._native.amp import lib
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amphost.link.tap import TapReader
from amphost.link.trace import Kind, Record
from amphost.mailbox import Segment
from amphost.plan.link_segments import tap_segment

DEPTH = 256
Block = tuple[Kind, bytes]


class Tap:
    """A tap of which a test is the pump."""

    def __init__(self) -> None:
        page_size = os.sysconf("SC_PAGESIZE")
        plan = tap_segment("mcu", 1, page_size, DEPTH)
        descriptor = Segment.create(plan, 7)
        self.segment = Segment.attach(descriptor, plan, nonce=7, writable=True)
        os.close(descriptor)
        self.segment.attach_writer(1)
        self.reader = self.read()
        self.t_ns = 0

    def read(self) -> TapReader:
        """Open another place in it."""
        return TapReader(self.segment.follow(64, oldest=False))

    def write(self, kind: Kind, block: bytes) -> None:
        """Publish a block as the pump does."""
        self.t_ns += 1
        lib.amp_tap_bytes(self.segment.native_channel, self.t_ns, int(kind), block, len(block))

    def mark(self, kind: Kind, argument: int) -> None:
        """Publish a mark."""
        self.t_ns += 1
        lib.amp_tap_mark(self.segment.native_channel, self.t_ns, int(kind), argument)


@pytest.fixture
def tap() -> Iterator[Tap]:
    """A tap."""
    made = Tap()
    yield made
    made.segment.close()


KINDS = st.sampled_from([Kind.FROM_DEVICE, Kind.TO_DEVICE])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(KINDS, st.binary(min_size=1, max_size=500)), max_size=20))
def test_blocks_come_back_as_they_were(tap: Tap, blocks: list[Block]) -> None:
    """Whatever their length and whichever way they went."""
    got: list[Record] = []
    began_ns = tap.t_ns
    for kind, block in blocks:
        tap.write(kind, block)
        got += tap.reader.drain()
    assert [(one.kind, one.content) for one in got] == [(kind, block) for kind, block in blocks]
    assert [one.t_ns for one in got] == list(range(began_ns + 1, began_ns + 1 + len(blocks)))


def test_marks_carry_their_argument(tap: Tap) -> None:
    """A lost port stands where it happened."""
    tap.write(Kind.FROM_DEVICE, b"before")
    tap.mark(Kind.PORT_LOST, -25)
    tap.mark(Kind.PORT_OPENED, 0)
    kinds = [(one.kind, one.content) for one in tap.reader.drain()]
    assert kinds == [
        (Kind.FROM_DEVICE, b"before"),
        (Kind.PORT_LOST, struct.pack("<q", -25)),
        (Kind.PORT_OPENED, b""),
    ]


def test_loss_is_told_where_it_was_and_counted_exactly(tap: Tap) -> None:
    """A gap that nobody sees would look like an error of the device."""
    tap.write(Kind.FROM_DEVICE, b"first")
    got = list(tap.reader.drain())
    for number in range(3 * DEPTH):
        tap.write(Kind.TO_DEVICE, number.to_bytes(2, "little"))
    got += tap.reader.drain()
    assert got[0].content == b"first"
    assert got[1].kind is Kind.MISSED
    (lost,) = struct.unpack("<Q", got[1].content)
    assert lost > 0
    assert lost + len(got) - 2 == 3 * DEPTH
    assert [int.from_bytes(one.content, "little") for one in got[2:]] == list(
        range(lost, 3 * DEPTH)
    )


def test_a_block_that_is_half_lost_keeps_its_other_half(tap: Tap) -> None:
    """Bytes that were seen are bytes of the line."""
    tap.write(Kind.FROM_DEVICE, b"a")
    list(tap.reader.drain())
    for _ in range(3):
        tap.write(Kind.FROM_DEVICE, bytes(100 * 104))
    got = list(tap.reader.drain())
    assert got[0].kind is Kind.MISSED
    (lost,) = struct.unpack("<Q", got[0].content)
    assert sum(len(one.content) for one in got[1:]) == (300 - lost) * 104
