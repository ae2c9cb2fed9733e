"""Queues from Python: refused instead of overwritten, each message once, a successor goes on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from amphost.errors import MailboxError
from amphost.mailbox import Segment
from tests.mailbox_bench import attached, created, plan

DEPTH = 8


@pytest.fixture
def sender() -> Iterator[Segment]:
    """Return the segment of who sends."""
    segment = plan("command:u64", "value:f64", role="operator", role_id=4, depth=DEPTH)
    with created(segment) as descriptor, attached(descriptor, segment, writable=True) as mapped:
        yield mapped


@pytest.fixture
def consumer() -> Iterator[Segment]:
    """Return the segment of who consumes."""
    segment = plan("x:u64", role="io", role_id=3)
    with created(segment) as descriptor, attached(descriptor, segment, writable=True) as mapped:
        yield mapped


def test_a_full_queue_refuses_and_counts(sender: Segment, consumer: Segment) -> None:
    """The sender has to know: a command that was dropped in silence is a lie."""
    queue, reader = sender.queue_writer(consumer, epoch=1), sender.queue_reader(consumer)
    assert all(queue.push(k, 0, k, k / 2) for k in range(DEPTH))
    assert not queue.push(9, 0, 9, 0.0)
    assert not queue.put(9, 0, bytes(16))
    assert (queue.full, queue.corrupt, queue.count) == (2, 0, DEPTH)
    got = [reader.next() for _ in range(DEPTH + 1)]
    assert got == [*((k + 1, k, 1, k, k / 2) for k in range(DEPTH)), None]


def test_room_comes_when_a_message_is_done(sender: Segment, consumer: Segment) -> None:
    """Read is not used: a consumer that dies in between must find it again."""
    queue, reader = sender.queue_writer(consumer, epoch=1), sender.queue_reader(consumer)
    for k in range(DEPTH):
        queue.push(0, 0, k, 0.0)
    assert reader.take() is not None
    assert not queue.push(0, 0, 8, 0.0)
    reader.done()
    assert queue.push(0, 0, 8, 0.0)
    assert not queue.push(0, 0, 9, 0.0)


def test_a_successor_goes_on_where_its_predecessor_was_done(
    sender: Segment, consumer: Segment
) -> None:
    """At most the one message that was in hand comes again."""
    queue, first = sender.queue_writer(consumer, epoch=1), sender.queue_reader(consumer)
    for k in range(4):
        queue.push(0, 0, k, 0.0)
    first.next()
    first.done()
    first.next()
    second = sender.queue_reader(consumer)
    assert second.position == 1
    again = second.next()
    assert again is not None
    assert again[0] == 2
    successor = sender.queue_writer(consumer, epoch=2)
    assert successor.push(0, 0, 4, 0.0)
    assert successor.count == 5


def test_cursors_of_one_consumer_do_not_touch(sender: Segment, consumer: Segment) -> None:
    """A role may consume eight queues; each has its own word."""
    queue = sender.queue_writer(consumer, epoch=1, index=7)
    readers = [sender.queue_reader(consumer, index=index) for index in range(8)]
    queue.push(0, 0, 1, 0.0)
    readers[7].next()
    readers[7].done()
    assert [sender.queue_reader(consumer, index=i).position for i in range(8)] == [0] * 7 + [1]
    for make in (
        lambda: sender.queue_reader(consumer, index=8),
        lambda: sender.queue_writer(consumer, epoch=2, index=8),
    ):
        with pytest.raises(MailboxError, match="no queue 8"):
            make()


def test_an_old_epoch_may_not_write_a_queue(sender: Segment, consumer: Segment) -> None:
    """Two writers of one word would give one number two contents."""
    sender.queue_writer(consumer, epoch=2).push(0, 0, 1, 0.0)
    with pytest.raises(MailboxError, match="epoch 2 has written"):
        sender.queue_writer(consumer, epoch=2)
