"""The mailbox against a list: published is delivered, lost or in flight, whatever happens.

The list is the model; hypothesis finds the order of calls. Deaths are made by storing what a
writer stores, up to some store and no further.
"""

from __future__ import annotations

import os
import re
import struct
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from amphost.mailbox import Segment
from amphost.plan import layout
from tests.mailbox_bench import NONCE, attached, plan, preset

DEPTHS = st.sampled_from([4, 8, 32])
STARTS = st.sampled_from([0, 1, (1 << 31) - 5, (1 << 32) - 5, (1 << 53) - 5])
WORDS = 2
STORES = WORDS + 5  # of one publication
DOCUMENT = Path(__file__).parents[2] / "docs" / "mailbox.md"
[QUEUE_CURSORS] = map(
    int, re.findall(r"^\| (\d+) \| queue_cursors ", DOCUMENT.read_text(), re.MULTILINE)
)
"""Where the cursors stand in the owner block."""
Record = tuple[Any, ...]


class Reading:
    """A reader, and what it must have been given.

    Synchronization: none required; one test only.
    """

    def __init__(self, segment: Segment, *, oldest: bool) -> None:
        self.reader = segment.reader(oldest=oldest)
        self.started = self.reader.position
        self.newest = self.started
        self.delivered = 0


class Box(RuleBasedStateMachine):
    """What the channel machine and the queue machine share: segment, writer's deaths, the list.

    Synchronization: none required; one test only.
    """

    def __init__(self) -> None:
        super().__init__()
        self.open: list[Segment] = []
        self.descriptors: list[int] = []
        self.epoch = 1
        self.published: dict[int, Record] = {}
        self.count = 0

    def make(self, depth: int, role: str, role_id: int) -> tuple[int, Segment]:
        """Make a segment and map it writable."""
        segment = plan("a:u64", "b:i64", role=role, role_id=role_id, depth=depth)
        self.descriptors.append(Segment.create(segment, NONCE))
        self.open.append(attached(self.descriptors[-1], segment, writable=True))
        return self.descriptors[-1], self.open[-1]

    def note(self, t_ns: int, flags: int, a: int, b: int) -> None:
        """Add a publication to the list."""
        self.count += 1
        self.published[self.count] = (self.count, t_ns, self.epoch | flags << 32, a, b)

    def die_at(self, descriptor: int, segment: Segment, stores: int, a: int) -> None:
        """Make the first stores of the next publication, then no more."""
        channel = segment.plan.channel
        assert channel is not None
        number = self.count + 1
        slot = channel.offset + layout.CACHE_LINE
        slot += number % channel.depth * layout.slot_stride(WORDS)
        order = [
            (slot, 2 * number - 1),
            (slot + 8, 7),
            (slot + 16, self.epoch),
            (slot + 24, a),
            (slot + 32, a),
            (slot, 2 * number),
            (channel.offset, number),
        ]
        for at, word in order[:stores]:
            os.pwrite(descriptor, struct.pack("=Q", word), at)
        if stores >= STORES - 1:
            self.note(7, 0, a, a)

    def teardown(self) -> None:
        """Give the memory back."""
        for one in self.open:
            one.close()
        for descriptor in self.descriptors:
            os.close(descriptor)


class ChannelMachine(Box):
    """One writer with successors, any number of readers that come and go."""

    @initialize(depth=DEPTHS, start=STARTS)
    def begin(self, depth: int, start: int) -> None:
        """Make the channel, as old as it may be."""
        self.descriptor, self.own = self.make(depth, "control", 2)
        self.depth = depth
        preset(self.own, self.descriptor, start, self.epoch)
        for number in range(max(1, start - depth + 1), start + 1):
            self.published[number] = (number, 0, self.epoch, 0, 0)
        self.count = start
        self.readings: list[Reading] = []
        self.succeed()

    @rule()
    def succeed(self) -> None:
        """Start a successor of the writer."""
        self.epoch += 1
        self.writer = self.own.writer(self.epoch)
        assert self.writer.count == self.count

    @rule(stores=st.integers(1, STORES), a=st.integers(0, 1 << 62))
    def die_and_succeed(self, stores: int, a: int) -> None:
        """Let the writer die within a publication; every committed value stays."""
        self.die_at(self.descriptor, self.own, stores, a)
        self.read_all()
        self.succeed()

    @rule(times=st.integers(1, 70), flags=st.integers(0, 7), b=st.integers(-(1 << 63), -1))
    def publish(self, times: int, flags: int, b: int) -> None:
        """Publish one by one."""
        for k in range(times):
            self.writer.publish(k, flags, self.count, b)
            self.note(k, flags, self.count, b)

    @rule(times=st.integers(0, 70))
    def publish_many(self, times: int) -> None:
        """Publish in one call."""
        payloads = b"".join(struct.pack("=Qq", self.count + k, -k) for k in range(times))
        self.writer.put_many(5, 1, payloads)
        for k in range(times):
            self.note(5, 1, self.count, -k)

    @precondition(lambda self: len(self.readings) < 6)
    @rule(oldest=st.booleans())
    def join(self, oldest: bool) -> None:
        """Open one more reader."""
        segment = attached(self.descriptor, self.own.plan)
        self.open.append(segment)
        self.readings.append(Reading(segment, oldest=oldest))

    @precondition(lambda self: self.readings)
    @rule(pick=st.integers(0, 5))
    def leave(self, pick: int) -> None:
        """End a reader as a death does: nothing of it is left, and nobody notices."""
        self.readings.pop(pick % len(self.readings))

    @precondition(lambda self: self.readings)
    @rule(pick=st.integers(0, 5), most=st.integers(1, 70))
    def read(self, pick: int, most: int) -> None:
        """Read one by one."""
        reading = self.readings[pick % len(self.readings)]
        for _ in range(most):
            record = reading.reader.next()
            if record is None:
                break
            self.judge(reading, record)

    @precondition(lambda self: self.readings)
    @rule(pick=st.integers(0, 5), most=st.integers(1, 70))
    def drain(self, pick: int, most: int) -> None:
        """Read in one call."""
        reading = self.readings[pick % len(self.readings)]
        room = bytearray(most * (3 + WORDS) * 8)
        got = reading.reader.drain_into(room)
        for record in list(struct.iter_unpack("=QqQQq", room))[:got]:
            self.judge(reading, record)

    def judge(self, reading: Reading, record: Record) -> None:
        """Hold a record against the list; what was passed over has been counted."""
        assert record == self.published[record[0]]
        assert record[0] > reading.newest
        reading.newest = record[0]
        reading.delivered += 1

    def read_all(self) -> None:
        """Let every reader read what it can."""
        for pick in range(len(self.readings)):
            self.read(pick, 2 * self.depth)

    @invariant()
    def nothing_vanishes(self) -> None:
        """Published = delivered + lost + in flight, for each reader; the newest is readable."""
        if self.count == 0:
            return
        for reading in self.readings:
            position, lost = reading.reader.position, reading.reader.lost
            assert position - reading.started == reading.delivered + lost
            assert reading.delivered == 0 or position == reading.newest
            assert self.count - position >= 0
            assert reading.reader.torn == 0
        latest = self.own.reader().latest()
        assert latest == self.published[self.count]


class QueueMachine(Box):
    """A queue: nothing is lost, in order, and after a consumer's death at most one again.

    Synchronization: none required; one test only.
    """

    @initialize(depth=DEPTHS, start=STARTS)
    def begin(self, depth: int, start: int) -> None:
        """Make the queue, as old as it may be."""
        self.descriptor, self.own = self.make(depth, "operator", 4)
        theirs, self.consumer = self.make(4, "io", 3)
        self.depth = depth
        preset(self.own, self.descriptor, start, self.epoch)
        cursor = self.consumer.plan.page_size + QUEUE_CURSORS
        os.pwrite(theirs, struct.pack("=Q", start), cursor)
        self.count = self.read = self.done = start
        self.again = 0
        self.reader = self.own.queue_reader(self.consumer)
        self.succeed()

    @rule()
    def succeed(self) -> None:
        """Start a successor of the writer."""
        self.epoch += 1
        self.writer = self.own.queue_writer(self.consumer, epoch=self.epoch)
        self.refused = 0
        assert self.writer.count == self.count

    @precondition(lambda self: self.count - self.done < self.depth)
    @rule(stores=st.integers(1, STORES), a=st.integers(0, 1 << 62))
    def die_and_succeed(self, stores: int, a: int) -> None:
        """Let the writer die within a message."""
        self.die_at(self.descriptor, self.own, stores, a)
        self.succeed()

    @rule(times=st.integers(1, 40), b=st.integers(-(1 << 63), (1 << 63) - 1))
    def push(self, times: int, b: int) -> None:
        """Push; refused exactly when as many wait as there are slots."""
        for k in range(times):
            room = self.count - self.done < self.depth
            assert self.writer.push(k, 2, self.count, b) == room
            if room:
                self.note(k, 2, self.count, b)
            else:
                self.refused += 1

    @rule(most=st.integers(1, 40), batch=st.integers(1, 3))
    def consume(self, most: int, batch: int) -> None:
        """Read, and say done after every few."""
        for k in range(most):
            record = self.reader.next()
            if record is None:
                assert self.read == self.count
                break
            self.read += 1
            assert record == self.published[self.read]
            if k % batch == 0:
                self.reader.done()
                self.done = self.read

    @rule()
    def consumer_dies(self) -> None:
        """Open the consumer again: what was not done comes again, from the first of it."""
        self.reader = self.own.queue_reader(self.consumer)
        assert self.reader.position == self.done
        self.again += self.read - self.done
        self.read = self.done

    @invariant()
    def nothing_vanishes(self) -> None:
        """Nothing is lost; what was refused was counted."""
        assert self.reader.lost == 0
        assert (self.writer.full, self.writer.corrupt) == (self.refused, 0)
        assert self.done <= self.read <= self.count <= self.done + self.depth


TestChannel = ChannelMachine.TestCase
TestQueue = QueueMachine.TestCase
TestChannel.settings = settings(deadline=None, max_examples=60, stateful_step_count=40)
TestQueue.settings = TestChannel.settings
