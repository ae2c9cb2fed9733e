"""Processes killed in the middle of the mailbox's work, again and again, under load.

Content follows from number and epoch alone, so every record that is read can be judged.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import pytest

from amphost.mailbox import Segment
from amphost.plan.model import SegmentPlan
from tests.mailbox_bench import NONCE, attached, created, plan, preset

LIVES = 25
DEADLINE_S = 30.0
MIX = 0x9E37_79B9_7F4A_7C15

ROLE = """
import json, os, sys
from types import SimpleNamespace
from amphost.mailbox import Segment
def role(text):
    return json.loads(text, object_hook=lambda fields: SimpleNamespace(**fields))
def attached(descriptor, text, writable=False):
    return Segment.attach(int(descriptor), role(text), nonce=int(sys.argv[1]), writable=writable)
"""

WRITER = (
    ROLE
    + """
own = attached(sys.argv[2], sys.argv[3], writable=True)
epoch = int(sys.argv[4])
writer = own.writer(epoch)
count = writer.count
os.write(1, b"up")
while True:
    count += 1
    word = (count * 0x9E37_79B9_7F4A_7C15 ^ epoch) & (1 << 64) - 1
    writer.publish(count, 0, count, word, word, word, word)
"""
)

READER = (
    ROLE
    + """
theirs = attached(sys.argv[2], sys.argv[3])
reader = theirs.reader(oldest=True)
os.write(1, b"up")
while True:
    reader.next()
    reader.latest()
"""
)

CONSUMER = (
    ROLE
    + """
queue = attached(sys.argv[2], sys.argv[3])
own = attached(sys.argv[4], sys.argv[5], writable=True)
reader = queue.queue_reader(own)
os.write(1, b"up")
while True:
    message = reader.next()
    if message is not None:
        os.write(1, message[3].to_bytes(8, "little"))
        reader.done()
"""
)


def word_of(count: int, epoch: int) -> int:
    """Return what publication `count` of `epoch` carries."""
    return (count * MIX ^ epoch) & ((1 << 64) - 1)


@contextmanager
def running(program: str, descriptors: list[int], *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process and wait until it is at work; end it as a crash does."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", program, str(NONCE), *words],
        pass_fds=descriptors,
        stdout=subprocess.PIPE,
        bufsize=0,
    )
    assert process.stdout is not None
    try:
        assert select.select([process.stdout], [], [], DEADLINE_S)[0]
        assert process.stdout.read(2) == b"up"
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(DEADLINE_S)
        process.stdout.close()


def text(segment: SegmentPlan) -> str:
    """Return a plan as a child reads it."""
    return json.dumps(asdict(segment))


class Judge:
    """Hold what two ways of reading give against what the writers must have published.

    Synchronization: none required; one test only.
    """

    def __init__(self, segment: Segment) -> None:
        self.follower = segment.follow(512, oldest=False)
        self.reader = segment.reader()
        self.started = self.newest = self.follower.position
        self.delivered = 0
        self.epoch = 0
        self.found: dict[int, tuple[int, ...]] = {}

    def look(self) -> None:
        """Read what there is."""
        for record in struct.iter_unpack("=QqQ5Q", self.follower.drain()):
            self.judge(record)
            assert record[0] > self.newest
            assert record[2] >= self.epoch
            self.newest, self.epoch = record[0], record[2]
            self.delivered += 1
        latest = self.reader.latest()
        if latest is not None:
            self.judge(latest)
        position = self.follower.position
        assert position - self.started == self.delivered + self.follower.lost

    def judge(self, record: tuple[int, ...]) -> None:
        """Require a whole publication, and the only one of its number."""
        count, t_ns, epoch, first, *words = record
        if epoch == 1:  # of the history before the test: zeros
            return
        assert (t_ns, first) == (count, count)
        assert words == [word_of(count, epoch)] * 4
        assert self.found.setdefault(count, record) == record
        if len(self.found) > 100_000:
            self.found.clear()


@pytest.mark.parametrize("start", [0, (1 << 31) - 9, (1 << 32) - 9, (1 << 53) - 9])
def test_writers_are_killed_and_succeeded_under_load(start: int) -> None:
    """Nothing is torn, stuck or told twice, whatever instruction was the last."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    segment = plan("n:u64", "a:u64", "b:u64", "c:u64", "d:u64", depth=64)
    lives = LIVES if start == 0 else LIVES // 5
    with created(segment) as descriptor, attached(descriptor, segment) as theirs:
        preset(theirs, descriptor, start, 1)
        judge = Judge(theirs)
        published = start
        for epoch in range(2, 2 + lives):
            words = str(descriptor), text(segment), str(epoch)
            with running(WRITER, [descriptor], *words):
                until = time.monotonic() + chance.uniform(0.0, 0.03)
                while time.monotonic() < until or theirs.count() == published:
                    judge.look()
            judge.look()
            now = theirs.count()
            assert now > published
            published = now
            latest = judge.reader.latest()
            assert latest is not None
            assert latest[0] == published
        while judge.follower.position < published:
            judge.look()
        assert judge.delivered + judge.follower.lost == published - start
        assert judge.delivered > lives


def test_killed_readers_are_no_business_of_the_writer() -> None:
    """A reader holds nothing: its death frees nothing and stops nobody."""
    segment = plan("n:u64", "a:u64", "b:u64", "c:u64", "d:u64", depth=64)
    with created(segment) as descriptor, attached(descriptor, segment, writable=True) as own:
        before = os.pread(descriptor, segment.size, 0)
        writer = own.writer(2)
        judge = Judge(own)
        for _ in range(LIVES // 3):
            with running(READER, [descriptor], str(descriptor), text(segment)):
                for _ in range(3000):
                    count = writer.count + 1
                    writer.publish(count, 0, count, *[word_of(count, 2)] * 4)
                judge.look()
        assert writer.count == 3000 * (LIVES // 3)
        while judge.follower.position < writer.count:
            judge.look()
        assert judge.delivered + judge.follower.lost == writer.count
        channel = segment.channel
        assert channel is not None
        assert os.pread(descriptor, channel.offset, 0) == before[: channel.offset]


def test_killed_consumers_are_given_at_most_one_message_again() -> None:
    """A command is executed once; once more only if its consumer died with it in hand."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    segment = plan("n:u64", role="operator", role_id=4, depth=16)
    cursor = plan("x:u64", role="io", role_id=3)
    with (
        created(segment) as descriptor,
        created(cursor) as second,
        attached(descriptor, segment, writable=True) as own,
        attached(second, cursor) as consumer,
    ):
        queue = own.queue_writer(consumer, epoch=1)
        words = str(descriptor), text(segment), str(second), text(cursor)
        lives: list[list[int]] = []
        sent = 0
        for _ in range(LIVES):
            with running(CONSUMER, [descriptor, second], *words) as process:
                until = time.monotonic() + chance.uniform(0.0, 0.02)
                while time.monotonic() < until or not sent:
                    sent += queue.push(0, 0, sent + 1)
                process.send_signal(signal.SIGKILL)
                process.wait(DEADLINE_S)
                assert process.stdout is not None
                told = process.stdout.read()
                lives.append([number for (number,) in struct.iter_unpack("=Q", told)])
        used = 0
        again = 0
        for life in lives:
            if life and life[0] == used:
                again += 1
                life.pop(0)
            assert life == list(range(used + 1, used + 1 + len(life)))
            used += len(life)
        assert used <= sent <= used + 16
        assert queue.count == sent
        assert (queue.corrupt, again <= LIVES) == (0, True)
        assert used > LIVES
