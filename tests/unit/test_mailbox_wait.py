"""Waiting for a channel: news, time and signals end it; no wake-up is lost between processes."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict

import pytest

from amphost.errors import MailboxError
from amphost.mailbox import Segment
from tests.mailbox_bench import NONCE, attached, created, plan

LONG_S = 30.0
ROUNDS = 1500


@pytest.fixture
def own() -> Iterator[Segment]:
    """Return a segment of this process, with a channel."""
    segment = plan("x:u64")
    with created(segment) as descriptor, attached(descriptor, segment, writable=True) as mapped:
        yield mapped


def test_news_end_a_wait_and_time_does(own: Segment) -> None:
    """Who waits for what is there already must not sleep."""
    waiter, writer = own.waiter(), own.writer(1)
    began = time.monotonic()
    assert not waiter.wait(0, 0.01)
    assert time.monotonic() - began >= 0.01
    assert not waiter.wait(0, -1.0)
    writer.publish(0, 0, 1)
    assert waiter.wait(0, LONG_S)
    assert waiter.wait(0)
    assert not waiter.wait(1, 0.0)


def test_nobody_is_woken_while_nobody_waits(own: Segment) -> None:
    """The writer's price for readers that are awake is a look at their words."""
    assert not own.waker([own]).wake()
    assert not own.waker([]).wake()


def test_a_reader_that_nobody_wakes_looks_by_itself(own: Segment) -> None:
    """A real-time writer makes no system call: its readers come to see."""
    waiter, writer = own.waiter(), own.writer(1)
    thread = threading.Timer(0.02, writer.publish, (0, 0, 1))
    thread.start()
    assert waiter.wait(0, LONG_S)
    thread.join()


def test_a_signal_is_handled_in_the_middle_of_a_wait(own: Segment) -> None:
    """Ctrl-C must not have to wait for a publication."""

    def interrupted(_number: int, _frame: object) -> None:
        raise InterruptedError

    before = signal.signal(signal.SIGALRM, interrupted)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        with pytest.raises(InterruptedError):
            own.waiter(own).wait(0, LONG_S)
    finally:
        signal.signal(signal.SIGALRM, before)
    own.close()


def test_a_segment_stays_open_while_somebody_waits_in_it(own: Segment) -> None:
    """Without the interpreter lock the memory could go away under a sleeper."""
    waiter, writer = own.waiter(), own.writer(1)
    ended: list[bool] = []
    thread = threading.Thread(target=lambda: ended.append(waiter.wait(0, LONG_S)))
    thread.start()
    deadline = time.monotonic() + LONG_S
    while own._mapping._pins == 0:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    with pytest.raises(MailboxError, match="a thread waits in it"):
        own.close()
    writer.publish(0, 0, 1)
    thread.join()
    assert ended == [True]
    own.close()
    for use in (lambda: waiter.wait(0, 0.0), own.waiter, lambda: own.waker([own])):
        with pytest.raises(MailboxError, match="closed"):
            use()


def test_who_may_only_read_cannot_say_that_it_waits() -> None:
    """The word is in the reader's own segment; storing into another's ends the process."""
    segment = plan("x:u64")
    with (
        created(segment) as descriptor,
        attached(descriptor, segment) as theirs,
        pytest.raises(MailboxError, match="may only read"),
    ):
        theirs.waiter(theirs)


ANSWER = """
import json, sys
from types import SimpleNamespace
from amphost.mailbox import Segment
plans = [json.loads(t, object_hook=lambda f: SimpleNamespace(**f)) for t in sys.argv[4:6]]
nonce = int(sys.argv[1])
asks = Segment.attach(int(sys.argv[2]), plans[0], nonce=nonce, writable=False)
own = Segment.attach(int(sys.argv[3]), plans[1], nonce=nonce, writable=True)
writer, waiter, waker = own.writer(1), asks.waiter(own), own.waker([asks])
waiter._native.sleep_ns = 60 * 10**9
waiter._native.spin_ns = 0
for k in range(int(sys.argv[6])):
    if not waiter.wait(k, 30.0):
        sys.exit(f"wake-up {k} was lost")
    writer.publish(0, 0, k)
    waker.wake()
"""


def test_no_wake_up_is_lost_between_processes() -> None:
    """Each maps the other read-only and sleeps without a look: one lost wake-up is a hang."""
    asking = plan("x:u64", role="control", role_id=2)
    answering = plan("x:u64", role="io", role_id=3)
    with (
        created(asking) as first,
        created(answering) as second,
        attached(first, asking, writable=True) as own,
        attached(second, answering) as theirs,
        contextlib.ExitStack() as cleanup,
    ):
        words = [str(NONCE), str(first), str(second)]
        plans = [json.dumps(asdict(one)) for one in (asking, answering)]
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", ANSWER, *words, *plans, str(ROUNDS)],
            pass_fds=[first, second],
        )
        cleanup.callback(process.wait, LONG_S)
        cleanup.callback(process.kill)
        writer, waiter, waker = own.writer(1), theirs.waiter(own), own.waker([theirs])
        waiter._native.sleep_ns = 60 * 10**9
        slept = 0
        for k in range(ROUNDS):
            waiter._native.spin_ns = (k % 4) * 5000
            writer.publish(0, 0, k)
            slept += waker.wake()
            assert waiter.wait(k, LONG_S), f"wake-up {k} was lost"
        assert process.wait(LONG_S) == 0
        assert slept > 0
