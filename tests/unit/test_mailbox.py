"""Segments, channels and cursors as Python has them, on real sealed memory."""

from __future__ import annotations

import fcntl
import json
import math
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from typing import Any

import pytest

from amphost.errors import MailboxError
from amphost.mailbox import FLAG_AT_SAFE, Segment
from amphost.plan import layout
from amphost.plan.model import SegmentPlan, SignalPlan
from tests.proc import descriptors, memfds

NONCE = 0x1234_5678_9ABC
PAGE = os.sysconf("SC_PAGESIZE")
SIGNALS = ("position:f64", "count:i64", "stamp:u64", "ready:bool")
VALUES = (1.5, -3, 7, True)

Making = Callable[..., Segment]


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


@pytest.fixture
def making() -> Iterator[Making]:
    """Return a function that makes a segment and maps it; all is closed at the end."""
    made: list[Segment] = []
    opened: list[int] = []

    def make(segment: SegmentPlan, *, writable: bool = True, epoch: int = 1) -> Segment:
        descriptor = Segment.create(segment, NONCE)
        opened.append(descriptor)
        made.append(Segment.attach(descriptor, segment, nonce=NONCE, writable=writable))
        if writable and segment.channel is not None:
            made[-1].attach_writer(epoch)
        return made[-1]

    yield make
    for one in made:
        one.close()
    for descriptor in opened:
        os.close(descriptor)


def test_what_was_published_is_read_back(making: Making) -> None:
    """The mailbox is the only way from role to role: value, type, time, epoch and flags."""
    segment = making(plan(*SIGNALS), epoch=3)
    assert segment.latest() is None
    segment.publish(99, FLAG_AT_SAFE, VALUES)
    latest = segment.latest()
    assert latest == (1, 99, 3 | FLAG_AT_SAFE << 32, VALUES)
    assert [type(value) for value in latest[3]] == [float, int, int, bool]
    assert segment.count() == 1


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("f64", math.nan),
        ("f64", -math.inf),
        ("f64", -0.0),
        ("f64", 5e-324),
        ("f64", sys.float_info.max),
        ("i64", -(1 << 63)),
        ("i64", (1 << 63) - 1),
        ("u64", (1 << 64) - 1),
        ("bool", False),
    ],
)
def test_extreme_values_keep_every_bit(making: Making, kind: str, value: float) -> None:
    """A recording is compared bit for bit; NaN and the ends of each type must pass."""
    segment = making(plan(f"x:{kind}"))
    segment.publish(0, 0, [value])
    latest = segment.latest()
    assert latest is not None
    got = latest[3][0]
    code = {"f64": "=d", "i64": "=q", "u64": "=Q", "bool": "=?"}[kind]
    assert type(got) is type(value)
    assert struct.pack(code, got) == struct.pack(code, value)


@pytest.mark.parametrize(
    "values",
    [(1.5, -3, 7), (*VALUES, 1), (1.5, 1 << 63, 7, True), (1.5, 0, -1, True), ("x", 0, 0, 0)],
)
def test_values_that_do_not_fit_are_refused_and_not_published(
    making: Making, values: tuple[Any, ...]
) -> None:
    """A role that publishes nonsense is told so, with the layout; readers keep the last value."""
    segment = making(plan(*SIGNALS))
    segment.publish(1, 0, VALUES)
    with pytest.raises(MailboxError, match=r"control: .*position:f64, count:i64, stamp:u64"):
        segment.publish(2, 0, values)
    assert segment.count() == 1
    latest = segment.latest()
    assert latest is not None
    assert latest[3] == VALUES


def test_only_a_writer_publishes(making: Making) -> None:
    """One writer per word: a process that mapped it for reading cannot be one by mistake."""
    segment = making(plan(*SIGNALS), writable=False)
    for attempt in (lambda: segment.publish(0, 0, VALUES), lambda: segment.attach_writer(1)):
        with pytest.raises(MailboxError, match="only read"):
            attempt()
    with pytest.raises(MailboxError, match="only read"):
        segment.owner.beat(1)
    with pytest.raises(MailboxError, match="only read"):
        segment.owner.set_gauge("ready", 1)


def test_publishing_needs_an_epoch(making: Making) -> None:
    """A value without its writer's epoch would look like the predecessor's."""
    segment = making(plan(*SIGNALS), writable=False)
    descriptor = Segment.create(segment.plan, NONCE)
    with Segment.attach(descriptor, segment.plan, nonce=NONCE, writable=True) as own:
        with pytest.raises(MailboxError, match="attach_writer"):
            own.publish(0, 0, VALUES)
        with pytest.raises(MailboxError, match="epoch"):
            own.attach_writer(0)
    os.close(descriptor)


def test_a_second_writer_needs_a_newer_epoch() -> None:
    """The supervisor counts epochs up: who comes with an old one was started beside the writer."""
    first = plan(*SIGNALS)
    descriptor = Segment.create(first, NONCE)
    with Segment.attach(descriptor, first, nonce=NONCE, writable=True) as segment:
        assert segment.attach_writer(2) == 0
        segment.publish(0, 0, VALUES)
        with Segment.attach(descriptor, first, nonce=NONCE, writable=True) as second:
            for old in (1, 2):
                with pytest.raises(MailboxError, match="epoch 2 has written"):
                    second.attach_writer(old)
            assert second.attach_writer(3) == 1
            second.publish(0, 0, VALUES)
            assert segment.count() == 2
    os.close(descriptor)


def test_a_segment_without_a_channel_says_so(making: Making) -> None:
    """Asking for what the plan does not have is an error, not a crash of the interpreter."""
    segment = making(plan())
    assert segment.latest() is None
    attempts: list[Callable[[], object]] = [
        lambda: segment.attach_writer(1),
        lambda: segment.publish(0, 0, []),
        segment.count,
        lambda: segment.follow(4, oldest=True),
        lambda: segment.native_channel,
    ]
    for attempt in attempts:
        with pytest.raises(MailboxError, match="no channel"):
            attempt()


def test_a_follower_delivers_in_order_and_counts_its_exact_loss(making: Making) -> None:
    """Published is delivered plus lost, whatever the reader's pace: nothing vanishes uncounted."""
    segment = making(plan("x:i64", depth=8))
    assert segment.plan.channel is not None
    record = struct.Struct("=QqQq")
    follower = segment.follow(3, oldest=True)
    delivered: list[int] = []
    published = 0
    for burst in (1, 7, 8, 9, 30, 1):
        for _ in range(burst):
            published += 1
            segment.publish(published, 0, [published * 10])
        while records := bytes(follower.drain()):
            assert len(records) <= 3 * record.size
            for count, t_ns, mark, value in record.iter_unpack(records):
                assert (t_ns, mark, value) == (count, 1, count * 10)
                delivered.append(count)
        assert follower.position == published
        assert len(delivered) + follower.lost == published
    assert delivered == sorted(set(delivered))
    assert follower.lost > 0
    assert follower.torn == 0


def test_a_follower_begins_where_it_was_asked_to(making: Making) -> None:
    """A late joiner must not count as lost what was there before it came."""
    segment = making(plan("x:i64", depth=8))
    for value in range(20):
        segment.publish(0, 0, [value])
    newest = segment.follow(16, oldest=False)
    oldest = segment.follow(16, oldest=True)
    segment.publish(0, 0, [99])
    assert len(newest.drain()) // 8 == 4
    assert len(oldest.drain()) // 8 >= 6 * 4
    assert (newest.lost, oldest.lost) == (0, 0)


@pytest.mark.parametrize("batch", [0, -1])
def test_a_follower_that_could_read_nothing_is_refused(making: Making, batch: int) -> None:
    """A drain of no records looks like an empty channel for ever."""
    segment = making(plan("x:i64"))
    with pytest.raises(MailboxError, match="batch"):
        segment.follow(batch, oldest=True)


READER = """
import json, sys
from types import SimpleNamespace
from amphost.errors import MailboxError
from amphost.mailbox import Segment
plan = json.loads(sys.argv[2], object_hook=lambda fields: SimpleNamespace(**fields))
with Segment.attach(int(sys.argv[1]), plan, nonce=int(sys.argv[3]), writable=False) as segment:
    print(json.dumps(segment.latest()))
    try:
        segment.publish(0, 0, [0.0, 0, 0, False])
    except MailboxError as error:
        print(error)
"""


def test_another_process_reads_what_was_published_and_cannot_write() -> None:
    """Roles are processes: the memory must really be shared, and theirs to read only."""
    segment = plan(*SIGNALS)
    descriptor = Segment.create(segment, NONCE)
    with Segment.attach(descriptor, segment, nonce=NONCE, writable=True) as own:
        own.attach_writer(1)
        own.publish(5, 0, VALUES)
        words = [str(descriptor), json.dumps(asdict(segment)), str(NONCE)]
        done = subprocess.run(
            [sys.executable, "-I", "-c", READER, *words],
            pass_fds=[descriptor],
            capture_output=True,
            text=True,
            check=True,
        )
        read, refused = done.stdout.splitlines()
        assert json.loads(read) == [1, 5, 1, list(VALUES)]
        assert "may only read" in refused
        assert own.count() == 1
    os.close(descriptor)


def test_the_memory_is_sealed_and_closed_to_children() -> None:
    """A segment that shrank would end every reader; one that leaks outlives the run."""
    segment = plan(*SIGNALS)
    descriptor = Segment.create(segment, NONCE)
    assert not os.get_inheritable(descriptor)
    seals = fcntl.fcntl(descriptor, fcntl.F_GET_SEALS)
    assert seals & fcntl.F_SEAL_SHRINK
    assert seals & fcntl.F_SEAL_GROW
    assert seals & fcntl.F_SEAL_SEAL
    with pytest.raises(PermissionError):
        os.ftruncate(descriptor, 2 * segment.size)
    os.close(descriptor)


def refusal(descriptor: int, segment: SegmentPlan, nonce: int = NONCE) -> str:
    """Attach where it must be refused; return the text."""
    with pytest.raises(MailboxError) as caught:
        Segment.attach(descriptor, segment, nonce=nonce, writable=False)
    return str(caught.value)


def test_another_layout_is_refused_with_the_difference() -> None:
    """Two builds that disagree must name the line, not misread each other's words."""
    theirs = plan("position:f64", "speed:f64", "ready:bool")
    descriptor = Segment.create(theirs, NONCE)
    text = refusal(descriptor, plan("position:f64", "current:f64", "ready:bool"))
    assert text.startswith("segment of control: its layout differs from the plan's")
    assert "-current:f64:V" in text
    assert "+speed:f64:V" in text
    assert "position" not in text
    os.close(descriptor)


def test_every_other_mismatch_is_refused_by_name() -> None:
    """Each refusal says which of its facts differs, so that nobody has to guess."""
    segment = plan(*SIGNALS)
    descriptor = Segment.create(segment, NONCE)
    assert "another session" in refusal(descriptor, segment, nonce=NONCE + 1)
    assert "role" in refusal(descriptor, replace(segment, role_id=3))
    assert "size" in refusal(descriptor, replace(segment, size=segment.size + PAGE))
    os.close(descriptor)


def test_what_is_no_segment_is_refused() -> None:
    """A wrong descriptor must not be believed, mapped or crash the role."""
    segment = plan(*SIGNALS)
    unsealed = os.memfd_create("unsealed")
    os.ftruncate(unsealed, segment.size)
    assert "seals" in refusal(unsealed, segment)
    os.close(unsealed)
    assert "Bad file descriptor" in refusal(unsealed, segment)
    unformatted = os.memfd_create("raw", os.MFD_ALLOW_SEALING)
    os.ftruncate(unformatted, segment.size)
    sealed = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
    fcntl.fcntl(unformatted, fcntl.F_ADD_SEALS, sealed)
    assert "never formatted" in refusal(unformatted, segment)
    os.close(unformatted)


def test_a_refused_layout_leaves_no_descriptor() -> None:
    """A plan that cannot be laid out is an error at the start; it must not leak memory."""
    before = descriptors()
    segment = plan("x:f64")
    wrong = [
        replace(segment, directory="x" * (layout.DIRECTORY_MAX + 1)),
        replace(segment, role_id=layout.ROLES_MAX),
    ]
    for one in wrong:
        with pytest.raises(MailboxError, match="segment of control"):
            Segment.create(one, NONCE)
    assert segment.channel is not None
    outside = replace(segment, channel=replace(segment.channel, offset=segment.size + 64))
    descriptor = Segment.create(outside, NONCE)
    assert "channel" in refusal(descriptor, outside)
    os.close(descriptor)
    assert descriptors() == before


def test_leaving_the_context_unmaps_and_a_second_close_is_harmless() -> None:
    """The supervisor makes every segment of a run and must give all of them back."""
    segment = plan(*SIGNALS)
    descriptor = Segment.create(segment, NONCE)
    before = memfds()
    with Segment.attach(descriptor, segment, nonce=NONCE, writable=False) as mapped:
        assert len(memfds()) == len(before) + 1
    mapped.close()
    assert memfds() == before
    refusal(descriptor, segment, nonce=1)
    assert memfds() == before
    os.close(descriptor)


def test_nothing_taken_from_a_closed_segment_reaches_its_memory(making: Making) -> None:
    """A use after the close is a mistake of ours: it must raise, not end the interpreter."""
    segment = making(plan(*SIGNALS, role="supervisor", role_id=0))
    owner, system = segment.owner, segment.system()
    follower = segment.follow(4, oldest=True)
    segment.publish(0, 0, VALUES)
    segment.close()
    uses: list[Callable[[], object]] = [
        segment.latest,
        segment.count,
        segment.system,
        lambda: segment.publish(0, 0, VALUES),
        lambda: segment.attach_writer(2),
        lambda: segment.follow(4, oldest=False),
        lambda: segment.native_channel,
        lambda: owner.native,
        lambda: owner.beat(1),
        owner.heartbeat,
        owner.counters,
        lambda: owner.gauge("ready"),
        lambda: owner.set_gauge("ready", 1),
        owner.faults,
        lambda: owner.summary_us("wakeup"),
        system.mode,
        lambda: system.set_mode(1, 1),
        lambda: system.tripped(1),
        lambda: system.set_role(1, state=1, pid=1, epoch=1, end=False),
        lambda: system.wanted_end(1),
        follower.drain,
    ]
    for use in uses:
        with pytest.raises(MailboxError, match="closed"):
            use()
    assert (follower.position, follower.lost, follower.torn) == (0, 0, 0)


def test_owner_block_shows_what_its_role_wrote(making: Making) -> None:
    """Heartbeats and gauges are how a supervisor sees into a role."""
    segment = making(plan(*SIGNALS))
    assert segment.owner.heartbeat() == (0, "start", 0)
    segment.owner.beat(77)
    assert segment.owner.heartbeat() == (1, "wait", 77)
    segment.owner.set_gauge("ready", 1)
    assert segment.owner.gauge("ready") == 1
    assert segment.owner.counter("ticks") == 0
    assert set(segment.owner.counters()) >= {"ticks", "skipped", "frames_in", "link_losses"}
    assert segment.owner.faults() == (0, 0, 0, 0)
    assert segment.owner.summary_us("wakeup") is None


def test_the_system_block_is_the_supervisors(making: Making) -> None:
    """Mode and role table have one place; another segment's bytes must not pass for them."""
    segment = making(plan(*SIGNALS, role="supervisor", role_id=0))
    system = segment.system()
    system.set_mode(2, 7)
    assert system.mode() == (2, 7)
    assert system.tripped(7) is None
    system.set_role(3, state=2, pid=1, epoch=1, end=False)
    assert not system.wanted_end(3)
    system.set_role(3, state=3, pid=1, epoch=1, end=True)
    assert system.wanted_end(3)
    with pytest.raises(MailboxError, match="supervisor's segment alone"):
        making(plan(*SIGNALS)).system()
