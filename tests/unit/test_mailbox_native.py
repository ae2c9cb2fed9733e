"""Readers and writers of single messages: no argument and no order of calls ends the process."""

from __future__ import annotations

import copy
import math
import struct
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amphost._native import amp
from amphost.errors import MailboxError
from amphost.mailbox import FLAG_AT_SAFE, Segment
from tests.mailbox_bench import attached, created, plan

SIGNALS = ("position:f64", "count:i64", "stamp:u64", "ready:bool")
VALUES = (1.5, -3, 7, True)
REFUSALS = (TypeError, ValueError, OverflowError, BufferError, MailboxError)
TYPES = ("ChannelReader", "ChannelWriter", "QueueReader", "QueueWriter")


@pytest.fixture
def own() -> Iterator[Segment]:
    """Return a segment of this process, mapped writable."""
    segment = plan(*SIGNALS, depth=16)
    with created(segment) as descriptor, attached(descriptor, segment, writable=True) as mapped:
        yield mapped


def test_values_come_back_with_their_types(own: Segment) -> None:
    """A law that gets an int where it gave a float computes something else."""
    writer, reader = own.writer(3), own.reader()
    writer.publish(99, FLAG_AT_SAFE, *VALUES)
    for record in (reader.latest(), reader.next()):
        assert record == (1, 99, 3 | FLAG_AT_SAFE << 32, *VALUES)
        assert [type(value) for value in record[3:]] == [float, int, int, bool]
    assert reader.next() is None
    assert (reader.position, reader.lost, reader.torn, writer.count) == (1, 0, 0, 1)


def test_bytes_go_through_as_they_are(own: Segment) -> None:
    """Who has packed his words already needs no second conversion."""
    writer, reader = own.writer(1), own.reader()
    payload = struct.pack("=dqQQ", math.nan, -1, 1 << 63, 1)
    for kind in (bytes, bytearray, memoryview):
        writer.put(1, 0, kind(payload))
        assert reader.take() == payload
    assert reader.take() is None
    writer.put_many(5, 0, payload * 4)
    assert [reader.take() for _ in range(5)] == [payload] * 4 + [None]
    writer.put_many(5, 0, b"")
    assert writer.count == 7


@pytest.mark.parametrize("size", [0, 8, 31, 33, 64])
def test_a_payload_of_another_size_is_refused(own: Segment, size: int) -> None:
    """Half a message is none."""
    writer = own.writer(1)
    with pytest.raises(ValueError, match="32"):
        writer.put(0, 0, bytes(size))
    if size % 32:
        with pytest.raises(ValueError, match="32"):
            writer.put_many(0, 0, bytes(size))
    assert writer.count == 0 or size % 32 == 0


@pytest.mark.parametrize(
    ("values", "error"),
    [
        (VALUES[:3], TypeError),
        ((*VALUES, 1), TypeError),
        ((1.5, 1 << 63, 7, True), OverflowError),
        ((1.5, 0, -1, True), OverflowError),
        ((1.5, 0.5, 7, True), TypeError),
        (("x", 0, 7, True), TypeError),
        ((1.5, 0, 7, 2), ValueError),
        ((1.5, 0, 7, "yes"), TypeError),
    ],
)
def test_a_value_that_does_not_fit_is_refused(
    own: Segment, values: tuple[Any, ...], error: type[Exception]
) -> None:
    """Nothing is rounded, cut or published in part."""
    writer = own.writer(1)
    with pytest.raises(error):
        writer.publish(0, 0, *values)
    for head in ((1 << 63, 0), (0, 1 << 32), (0, -1), (0.5, 0), (0, None)):
        with pytest.raises((TypeError, OverflowError)):
            writer.publish(*head, *VALUES)
    assert writer.count == 0


def test_memory_for_a_drain_is_checked(own: Segment) -> None:
    """It is written to: it has to be writable, aligned and is never overrun."""
    writer, reader = own.writer(1), own.reader()
    writer.put_many(0, 0, bytes(32 * 5))
    with pytest.raises(BufferError):
        reader.drain_into(memoryview(bytes(56)))
    room = bytearray(56 * 3)
    with pytest.raises(ValueError, match="aligned"):
        reader.drain_into(memoryview(room)[1:])
    assert reader.drain_into(memoryview(room)[:55]) == 0
    room[56 * 2 :] = b"\x5a" * 56
    assert reader.drain_into(memoryview(room)[: 56 * 2 + 55]) == 2
    assert room[56 * 2 :] == b"\x5a" * 56
    assert reader.drain_into(room) == 3


def test_a_description_of_records_needs_no_numpy(own: Segment) -> None:
    """Plain lists: a record's size is that of its fields."""
    follower = own.follow(1, oldest=True)
    header, fields = follower.dtype()[:3], follower.dtype()[3]
    assert [name for name, _ in header] == ["count", "t_ns", "mark"]
    assert fields[0] == "signals"
    assert fields[1] == [("position", "=f8"), ("count", "=i8"), ("stamp", "=u8"), ("ready", "=u8")]


@pytest.mark.parametrize("name", TYPES)
def test_only_a_region_makes_them(own: Segment, name: str) -> None:
    """Without a region there is no memory to read: no way round it may exist."""
    kind = getattr(amp, name)
    with pytest.raises(TypeError):
        kind()
    with pytest.raises(TypeError):
        object.__new__(kind)
    with pytest.raises(TypeError):
        type("Mine", (kind,), {})
    with pytest.raises(TypeError):
        kind.next = None
    for one in (own.reader(), own.writer(1)):
        with pytest.raises(TypeError):
            copy.copy(one)


@pytest.mark.parametrize("kinds", [b"dqQ", b"dqQ?d", b"dq\0?", b"dqQx", b""])
def test_kinds_that_are_not_the_channels_are_refused(own: Segment, kinds: bytes) -> None:
    """A word without a meaning has no object to stand for it."""
    channel = own.plan.channel
    assert channel is not None
    region, place = own.mapping.region, (channel.offset, channel.words, channel.depth)
    with pytest.raises(MailboxError, match="kind"):
        region.reader(*place, kinds, False)


class Closing:
    """A number that closes a segment while it is converted.

    Synchronization: none required; one test only.
    """

    def __init__(self, segment: Segment) -> None:
        self.segment = segment

    def __float__(self) -> float:
        self.segment.close()
        return 1.0

    def __index__(self) -> int:
        self.segment.close()
        return 1


@pytest.mark.parametrize("position", range(6))
def test_a_value_that_closes_the_segment_is_not_published(own: Segment, position: int) -> None:
    """Python runs while arguments are converted: the memory may be gone behind them."""
    writer = own.writer(1)
    arguments: list[Any] = [0, 0, *VALUES]
    arguments[position] = Closing(own)
    with pytest.raises(MailboxError, match="closed"):
        writer.publish(*arguments)


def test_a_closed_segment_is_an_error_for_everything_opened_in_it(own: Segment) -> None:
    """A use after the close is a mistake: it must raise, not end the interpreter."""
    cursor = plan("x:u64", role="io", role_id=3)
    with created(cursor) as descriptor:
        consumer = attached(descriptor, cursor, writable=True)
        reader, writer = own.reader(), own.writer(1)
        into, out = own.queue_writer(consumer, epoch=1), own.queue_reader(consumer)
        uses: list[Callable[[], object]] = [
            lambda: into.push(0, 0, *VALUES),
            lambda: into.put(0, 0, bytes(32)),
            out.next,
            out.take,
            out.done,
        ]
        consumer.close()
        for use in uses:
            with pytest.raises(MailboxError, match="segment of io: it is closed"):
                use()
        own.close()
        uses += [
            reader.next,
            reader.latest,
            reader.take,
            lambda: reader.drain_into(bytearray(56)),
            lambda: writer.publish(0, 0, *VALUES),
            lambda: writer.put(0, 0, bytes(32)),
            lambda: writer.put_many(0, 0, bytes(32)),
            lambda: writer.count,
            own.reader,
            lambda: own.writer(2),
        ]
        for use in uses:
            with pytest.raises(MailboxError, match="closed"):
                use()
        assert (reader.position, reader.lost, out.position, into.full) == (0, 0, 0, 0)


def test_who_may_only_read_makes_no_writer() -> None:
    """A store into a read-only mapping ends the process: it must not get that far."""
    segment, other = plan(*SIGNALS), plan("x:u64", role="io", role_id=3)
    with created(segment) as descriptor, created(other) as second:
        theirs, consumer = attached(descriptor, segment), attached(second, other)
        for use in (
            lambda: theirs.writer(1),
            lambda: theirs.queue_writer(consumer, epoch=1),
            lambda: theirs.queue_reader(consumer),
        ):
            with pytest.raises(MailboxError, match="may only read"):
                use()
        theirs.close()
        consumer.close()


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([-1, 0, 1, 4, 64, 4096, 1 << 31, 1 << 32, 1 << 63, 1 << 64, sys.maxsize]),
    st.floats(),
    st.text(max_size=8),
    st.binary(max_size=64),
    st.builds(object),
    st.builds(bytearray, st.binary(max_size=64)),
    st.sampled_from([b"d", b"dqQ?", b"dddd\0"]),
)


@settings(deadline=None, max_examples=400)
@given(arguments=st.lists(ODD, max_size=9), pick=st.integers(0, 11))
def test_no_argument_ends_the_process(arguments: list[Any], pick: int) -> None:
    """Whatever a caller gets wrong is an exception of his, and memory is left alone."""
    segment = plan(*SIGNALS)
    with created(segment) as descriptor, attached(descriptor, segment, writable=True) as own:
        region = own._mapping.region
        reader, writer, queue = own.reader(), own.writer(1), own.queue_writer(own, epoch=1)
        methods: list[Callable[..., object]] = [
            region.reader,
            region.writer,
            region.queue_writer,
            region.queue_reader,
            amp.Region,
            reader.drain_into,
            writer.publish,
            writer.put,
            writer.put_many,
            queue.push,
            queue.put,
            reader.next,
        ]
        try:
            methods[pick](*arguments)
        except REFUSALS:
            pass
        with pytest.raises(REFUSALS):
            region.reader(*(arguments[:4] or [None]), object())


@settings(deadline=None, max_examples=200)
@given(
    offset=st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(0, 1 << 18),
    words=st.integers(0, (1 << 32) - 1) | st.integers(0, 1024),
    depth=st.integers(0, (1 << 32) - 1) | st.sampled_from([4, 8, 1 << 20]),
    page=st.integers(-(1 << 63), (1 << 63) - 1) | st.sampled_from([0, 64, 4096, 1 << 16]),
    index=st.integers(0, 20),
)
def test_no_place_outside_the_segment_is_opened(
    offset: int, words: int, depth: int, page: int, index: int
) -> None:
    """Every offset is held against the region's own size, and what opens stays inside."""
    segment = plan(*SIGNALS)
    with created(segment) as descriptor, attached(descriptor, segment, writable=True) as own:
        region = own._mapping.region
        kinds = b"Q" * min(words, 2048)
        makes: tuple[Callable[[], Any], ...] = (
            lambda: region.reader(offset, words, depth, kinds, True),
            lambda: region.queue_reader(offset, words, depth, kinds, region, page, index),
        )
        for make in makes:
            try:
                reader = make()
            except (MailboxError, OverflowError):  # the latter where a size has 32 bits
                continue
            assert 0 <= offset < segment.size
            for _ in range(3):
                reader.next()
