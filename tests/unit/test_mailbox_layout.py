"""docs/mailbox.md is enough to read a segment: a reader made of its tables agrees with ours.

One side writes through `amphost.mailbox`; the other (`mailbox_reader`) has only the document.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from amphost._native.amp import ffi, lib

from amphost import mailbox
from amphost.lifecycle import Fault, Mode, RoleState
from amphost.mailbox import Segment
from amphost.plan import layout
from amphost.plan.model import SegmentPlan, SignalPlan
from tests.unit.mailbox_reader import Document, Reader

NONCE = 0x00C0FFEE12345678
SIGNALS = (
    SignalPlan(name="position", type="f64", unit="rad", low=-1.0, high=1.0),
    SignalPlan(name="steps", type="i64", unit="1", low=None, high=None),
    SignalPlan(name="tick", type="u64", unit="1", low=None, high=None),
    SignalPlan(name="homed", type="bool", unit="1", low=None, high=None),
)


def numbers_of(enum: str, prefix: str) -> dict[str, int]:
    """Return the members of a native enum but its count, by their short names."""
    members = ffi.typeof(enum).relements
    names = {name.removeprefix(prefix).lower(): number for name, number in members.items()}
    return {name: number for name, number in names.items() if name != "count"}


COUNTERS = numbers_of("enum amp_counter", "AMP_COUNT_")
GAUGES = numbers_of("enum amp_gauge", "AMP_GAUGE_")
HISTOGRAMS = numbers_of("enum amp_histogram", "AMP_HISTOGRAM_")


@pytest.fixture(scope="module")
def document(root: Path) -> Document:
    """Return the tables of the document."""
    return Document((root / "docs" / "mailbox.md").read_text(encoding="utf-8"))


def plan_of(role: str, role_id: int, signals: tuple[SignalPlan, ...] = SIGNALS) -> SegmentPlan:
    """Lay out a segment as the plan does."""
    return layout.segment(
        role=role,
        role_id=role_id,
        page_size=os.sysconf("SC_PAGESIZE"),
        signals=signals,
        writer_period_ns=1_000_000,
        follower_periods_ns=(1_000_000,),
    )


@pytest.fixture(params=[0, 3], ids=["supervisor", "role"])
def pair(request: pytest.FixtureRequest, document: Document) -> Iterator[tuple[Segment, Reader]]:
    """Return a segment that this process writes, and the document's reader of it."""
    plan = plan_of("one", request.param)
    descriptor = Segment.create(plan, NONCE)
    segment = Segment.attach(descriptor, plan, nonce=NONCE, writable=True)
    reader = Reader(document, descriptor)
    yield segment, reader
    reader.close()
    segment.close()
    os.close(descriptor)


def test_header_and_directory_are_as_documented(pair: tuple[Segment, Reader]) -> None:
    """Whoever attaches from outside decides by these words whether to go on."""
    segment, reader = pair
    plan = segment.plan
    assert reader.magic() == b"AMPH"
    expected = {
        "abi_major": 1,
        "abi_minor": 0,
        "byte_order": 0x01020304,
        "word_size": struct.calcsize("P"),
        "size": reader.size,
        "layout_hash": plan.layout_hash,
        "nonce": NONCE,
        "role": plan.role_id,
        "page_size": os.sysconf("SC_PAGESIZE"),
        "reserved": 0,
        "ready": 1,
    }
    assert {name: reader.field("Header", name, 0) for name in expected} == expected
    assert reader.field("Header", "created_ns", 0) > 0
    assert reader.directory == plan.directory
    digest = hashlib.blake2b(reader.directory.encode()).digest()
    assert int.from_bytes(digest[:8], "little") == plan.layout_hash


def test_values_agree_lap_after_lap(pair: tuple[Segment, Reader]) -> None:
    """Count, time, epoch, flags and every type, across several laps of the slots."""
    segment, reader = pair
    assert reader.latest() is None
    segment.attach_writer(7)
    for k in range(1, 30):
        values = (k / 3, -k, 2**63 + k, k % 2 == 1)
        segment.publish(1000 + k, mailbox.FLAG_ARMED if k % 3 else mailbox.FLAG_STALE, values)
        found = reader.latest()
        assert found is not None
        count, t_ns, mark, read = found
        assert (count, t_ns, mark & 0xFFFFFFFF, read) == (k, 1000 + k, 7, values)
        assert segment.latest() == found


def test_flags_have_the_documented_bits(pair: tuple[Segment, Reader], document: Document) -> None:
    """A recording or a monitor tells armed from disarmed by one bit."""
    segment, reader = pair
    segment.attach_writer(1)
    bits = document.flags()
    names = {"ARMED", "AT_SAFE", "STALE"}
    assert set(bits) == names
    for name in names:
        segment.publish(1, getattr(mailbox, f"FLAG_{name}"), (0.0, 0, 0, False))
        found = reader.latest()
        assert found is not None
        assert found[2] >> 32 << 32 == 1 << bits[name]


def test_a_slot_being_written_gives_no_value(document: Document) -> None:
    """The one mistake that a reader must not make: to take what is half written."""
    plan = plan_of("one", 3)
    assert plan.channel is not None
    descriptor = Segment.create(plan, NONCE)
    with Segment.attach(descriptor, plan, nonce=NONCE, writable=True) as segment:
        segment.attach_writer(1)
        for k in range(1, 6):
            segment.publish(k, 0, (k, k, k, True))
        reader = Reader(document, descriptor)
        with mmap.mmap(descriptor, plan.size) as spoiled:
            stride = layout.slot_stride(plan.channel.words)
            at = plan.channel.offset + layout.CACHE_LINE + 5 % plan.channel.depth * stride
            struct.pack_into("=Q", spoiled, at, 2 * 5 - 1)
            assert reader.latest() is None
            assert segment.latest() is None
            struct.pack_into("=Q", spoiled, at, 2 * (5 + plan.channel.depth))
            assert reader.latest() is None
            struct.pack_into("=Q", spoiled, at, 2 * 5)
            assert reader.latest() == segment.latest() is not None
        reader.close()
    os.close(descriptor)


def test_owner_block_agrees(pair: tuple[Segment, Reader]) -> None:
    """Heartbeat, faults, every counter and every gauge stand where the document says."""
    segment, reader = pair
    owner = segment.owner
    owner.beat(5_000)
    owner.beat(6_000)
    assert (reader.owner("heartbeat"), reader.owner("heartbeat_t_ns")) == (2, 6_000)
    assert reader.owner("checkpoint") == lib.AMP_AT_WAIT == 1
    lib.amp_owner_fault(owner.native, lib.AMP_FAULT_BLACKOUT, -12, 7_000)
    lib.amp_owner_fault(owner.native, lib.AMP_FAULT_PORT, 3, 8_000)
    faults = [reader.owner(f"fault_{name}") for name in ("mask", "first", "argument", "t_ns")]
    assert faults == [1 << 5 | 1 << 10, 5, -12, 7_000]
    assert tuple(faults) == owner.faults()
    assert reader.owner("fault_events") == 2
    for number, name in enumerate(COUNTERS):
        lib.amp_owner_add(owner.native, COUNTERS[name], 100 + number)
        assert reader.entry("counters", "Counters", name) == owner.counter(name) == 100 + number
    for number, name in enumerate(GAUGES):
        owner.set_gauge(name, 200 + number)
        assert reader.entry("gauges", "Gauges", name) == owner.gauge(name) == 200 + number


@pytest.mark.parametrize("index", [0, lib.AMP_QUEUES_MAX - 1])
def test_queue_cursors_stand_after_the_histograms(pair: tuple[Segment, Reader], index: int) -> None:
    """A consumer's cursor decides what a writer may overwrite."""
    segment, reader = pair
    segment.attach_writer(1)
    ours = ffi.new("struct amp_queue_reader *")
    channel, owner = segment.native_channel, segment.owner.native
    record = ffi.new("uint64_t[]", 3 + len(SIGNALS))
    assert lib.amp_queue_reader_open(ours, channel, owner, index) == 0
    segment.publish(1, 0, (1.0, 1, 1, True))
    sample = ffi.cast("struct amp_sample *", record)
    assert lib.amp_queue_next(ours, sample) == lib.AMP_READ_VALUE
    cursors = [reader.word("queue_cursors", number) for number in range(lib.AMP_QUEUES_MAX)]
    assert cursors == [0] * lib.AMP_QUEUES_MAX
    lib.amp_queue_done(ours)
    cursors[index] = 1
    assert cursors == [reader.word("queue_cursors", n) for n in range(lib.AMP_QUEUES_MAX)]


def test_arrays_of_the_owner_block_have_the_documented_lengths(document: Document) -> None:
    """A reader that allocates by the document must not come up short."""
    lengths = {name: document.length("Owner block", name) for name in ("counters", "gauges")}
    assert lengths == {"counters": lib.AMP_COUNT_COUNT, "gauges": lib.AMP_GAUGE_COUNT}
    assert document.length("Owner block", "queue_cursors") == lib.AMP_QUEUES_MAX
    assert document.length("Histogram", "buckets") == lib.AMP_BUCKETS


def test_fields_of_a_block_do_not_overlap(document: Document) -> None:
    """What was added at the end must stand behind what was there."""
    names = ("counters", "gauges", "histograms", "queue_cursors", "waiting", "answers")
    fields = document.fields("Owner block")
    starts = [fields[name][0] for name in names]
    words = (
        lib.AMP_COUNT_COUNT,
        lib.AMP_GAUGE_COUNT,
        lib.AMP_HISTOGRAM_COUNT * (3 + lib.AMP_BUCKETS),
        lib.AMP_QUEUES_MAX,
        1,
        4 * lib.AMP_TUNING_DEPTH,
    )
    for start, size, following in zip(starts, words, [*starts[1:], layout.OWNER_SIZE], strict=True):
        assert start % layout.CACHE_LINE == 0
        assert start + 8 * size <= following


@pytest.mark.parametrize("value", [0, 63, 64, 65, 1000, 123_456_789, 2**40 - 1, 2**40, 2**50])
def test_histogram_agrees(pair: tuple[Segment, Reader], value: int) -> None:
    """Latencies are the product's figures: anybody may compute them again."""
    segment, reader = pair
    number = HISTOGRAMS["response"]
    lib.amp_owner_record(segment.owner.native, number, value)
    sums = [reader.histogram(number, name) for name in ("count", "sum", "max")]
    assert sums == [1, value, value]
    exponent = value.bit_length() - 1
    bucket = value
    if value >= 64:  # the formula of the document
        bucket = 64 + 32 * (exponent - 6) + (value >> (exponent - 5)) - 32
    if value >= 2**40:
        bucket = 1151
    assert reader.bucket(number, bucket) == 1


def test_system_block_agrees(document: Document) -> None:
    """Mode, e-stop word and role table: what every loop of a system obeys."""
    plan = plan_of("supervisor", 0, ())
    descriptor = Segment.create(plan, NONCE)
    with Segment.attach(descriptor, plan, nonce=NONCE, writable=True) as segment:
        reader = Reader(document, descriptor)
        system = segment.system()
        assert reader.directory == "channel supervisor none\n"
        for mode in Mode:
            system.set_mode(mode, 41)
            assert reader.mode() == (mode.name, 41)
        lib.amp_system_trip(system.native, 41, lib.AMP_FAULT_HEARTBEAT, 9)
        assert reader.trip() == (14, 9, 41)
        for state in RoleState:
            ending = state is RoleState.ENDING
            system.set_role(31, state=state, pid=4711, epoch=2, end=ending)
            assert reader.role(31) == (state.name, ending, 4711, 2)
        assert reader.role(30) == ("ABSENT", False, 0, 0)
        reader.close()
    os.close(descriptor)


def test_the_document_lists_every_number(document: Document) -> None:
    """A number that is missing or means something else is a reader that shows nonsense."""
    assert document.numbers("Counters") == COUNTERS
    assert document.numbers("Gauges") == GAUGES
    for heading in ("Counters", "Gauges", "Faults"):
        numbers = [row[0] for row in document.rows(heading)]
        assert len(numbers) == len(set(numbers)), f"{heading}: a number stands there twice"
    assert document.numbers("Faults") == {one.name: one.value for one in Fault if one.value}
