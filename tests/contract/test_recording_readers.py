"""Recordings are read back, bit for bit, by programs that others wrote: mcap-ros2 and rosbags."""

from __future__ import annotations

import json
import math
import random
import signal
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from rosbags.highlevel import AnyReader

from amphost.plan.model import SignalPlan
from amphost.telemetry.recorder import Recorder
from amphost.telemetry.recording import Attachment, RecordedChannel, Recording, WallOffset
from amphost.telemetry.recover import Outcome, finalise

ROOT = Path(__file__).parents[2]
WALL_NS = 1_800_000_000_000_000_000
FORMATS = {"f64": "<d", "i64": "<q", "u64": "<Q", "bool": "<?"}
TYPES = tuple(FORMATS)
EXTREMES = (
    *(struct.unpack("<Q", struct.pack("<d", value))[0] for value in (0.0, -0.0, 5e-324, 1.5)),
    *(struct.unpack("<Q", struct.pack("<d", value))[0] for value in (math.inf, -math.inf)),
    0x7FF8_0000_0000_0001,  # a NaN with a payload
    0xFFF8_DEAD_BEEF_0000,
    1 << 63,
    (1 << 63) - 1,
    (1 << 64) - 1,
)

Words = tuple[int, ...]  # count, t_ns, mark, then the signals: the bits of a record


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One message as a reader gave it: its channel and the bits of its fields, by name."""

    topic: str
    log_ns: int
    bits: dict[str, bytes]


def signals(*types: str) -> tuple[SignalPlan, ...]:
    """Return a signal of each type, named by its place."""
    return tuple(
        SignalPlan(name=f"s{place}", type=kind, unit="V", low=-1.0, high=1.0)
        for place, kind in enumerate(types)
    )


def recording(directory: Path, *channels: tuple[SignalPlan, ...]) -> Recording:
    """Return a recording of roles `r0`, `r1`, ... without a size limit."""
    return Recording(
        directory=directory,
        system="motor",
        session="00c0ffee",
        version="0",
        channels=tuple(
            RecordedChannel(role=f"r{place}", signals=of) for place, of in enumerate(channels)
        ),
        attachments=(
            Attachment(name="spec.yaml", media_type="application/yaml", content=b"name: motor\n"),
        ),
        wall=WallOffset(offset_ns=WALL_NS, error_ns=100),
        flush_period_ns=500_000_000,
        max_bytes=0,
    )


def packed(records: list[Words]) -> bytes:
    """Return records as the mailbox hands them over."""
    return b"".join(struct.pack(f"={len(words)}Q", *words) for words in records)


def write(directory: Path, channel: tuple[SignalPlan, ...], records: list[Words]) -> Path:
    """Record one channel and return the file."""
    recorder = Recorder(recording(directory, channel))
    recorder.tick(0)
    recorder.write(0, packed(records), 0)
    recorder.finish(0)
    assert (recorder.samples, recorder.lost, recorder.complete) == (len(records), 0, True)
    assert recorder.path is not None
    return recorder.path


def bits(types: dict[str, str], message: object) -> dict[str, bytes]:
    """Return the bits of a decoded message's fields; `types` has the signal type of each."""
    return {field: struct.pack(FORMATS[kind], got(message, field)) for field, kind in types.items()}


def got(message: object, field: str) -> object:
    """Return a field; rosbags gives those named like a word of Python an underscore."""
    return getattr(message, field if hasattr(message, field) else f"{field}_")


def by_mcap_ros2(path: Path, types: dict[str, str]) -> list[Read]:
    """Read a recording with the reader of the mcap project, in the file's order."""
    with path.open("rb") as stream:
        reader = make_reader(stream, validate_crcs=True, decoder_factories=[DecoderFactory()])
        return [
            Read(topic=one.channel.topic, log_ns=one.message.log_time, bits=bits(types, decoded))
            for one, decoded in (
                (one, one.decoded_message)
                for one in reader.iter_decoded_messages(log_time_order=False)
            )
        ]


def by_rosbags(path: Path, types: dict[str, str]) -> list[Read]:
    """Read a recording with rosbags, which sorts by log time."""
    with AnyReader([path]) as reader:
        return [
            Read(
                topic=connection.topic,
                log_ns=log_ns,
                bits=bits(types, reader.deserialize(raw, connection.msgtype)),
            )
            for connection, log_ns, raw in reader.messages()
        ]


def expected(channel: tuple[SignalPlan, ...], records: list[Words]) -> list[Read]:
    """Return what a reader must give for records of the one channel `/motor/r0`."""
    reads = []
    for words in records:
        fields = {
            "count": struct.pack("<Q", words[0]),
            "t_ns": struct.pack("<Q", words[1]),
            "mark": struct.pack("<Q", words[2]),
        }
        for one, word in zip(channel, words[3:], strict=True):
            fields[one.name] = struct.pack("<?" if one.type == "bool" else "<Q", word)
        (t_ns,) = struct.unpack("<q", fields["t_ns"])
        log_ns = min(max(t_ns + WALL_NS, 0), (1 << 63) - 2)
        reads.append(Read(topic="/motor/r0", log_ns=log_ns, bits=fields))
    return reads


def field_types(channel: tuple[SignalPlan, ...]) -> dict[str, str]:
    """Return the type of every field of a channel's message."""
    head = {"count": "u64", "t_ns": "i64", "mark": "u64"}
    return head | {one.name: one.type for one in channel}


def in_time(reads: list[Read]) -> list[Read]:
    """Sort as a reader does that goes by log time; equal times stay as they are."""
    return sorted(reads, key=lambda one: one.log_ns)


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_comes_back_bit_for_bit(tmp_path: Path, kind: str) -> None:
    """A NaN's payload, -0.0 and the ends of the integers are what a recording is read for."""
    channel = signals(kind)
    records: list[Words] = [
        (place + 1, 1000 + place, 7 | 1 << 32, word) for place, word in enumerate(EXTREMES)
    ]
    path = write(tmp_path, channel, records)
    wanted = expected(channel, records)
    assert by_mcap_ros2(path, field_types(channel)) == wanted
    assert by_rosbags(path, field_types(channel)) == wanted


def test_bools_between_words_come_back(tmp_path: Path) -> None:
    """Bools are moved to the end of the message: every other field must stay where it is."""
    channel = signals("bool", "f64", "bool", "i64", "bool")
    records: list[Words] = [
        (n, n, n, n & 1, EXTREMES[n], n >> 1 & 1, EXTREMES[-n], n >> 2 & 1) for n in range(1, 9)
    ]
    path = write(tmp_path, channel, records)
    assert by_mcap_ros2(path, field_types(channel)) == expected(channel, records)
    assert by_rosbags(path, field_types(channel)) == expected(channel, records)


def test_a_role_without_signals_is_read(tmp_path: Path) -> None:
    """An empty channel still says when it was published."""
    records: list[Words] = [(1, 5, 0), (2, 6, 0)]
    path = write(tmp_path, (), records)
    assert by_mcap_ros2(path, field_types(())) == expected((), records)
    assert by_rosbags(path, field_types(())) == expected((), records)


def test_times_beyond_any_calendar_are_kept(tmp_path: Path) -> None:
    """A role that runs wild may stamp anything; the file must stay readable for the others."""
    records: list[Words] = [(1, 1 << 63, 0, 1), (2, (1 << 63) - 1, 0, 2), (3, 0, 0, 3)]
    channel = signals("u64")
    path = write(tmp_path, channel, records)
    assert by_mcap_ros2(path, field_types(channel)) == expected(channel, records)
    assert by_rosbags(path, field_types(channel)) == in_time(expected(channel, records))


word = st.integers(min_value=0, max_value=(1 << 64) - 1) | st.sampled_from(EXTREMES)
name = st.from_regex(r"\A[a-z][a-z0-9_]{0,31}\Z")


@st.composite
def channels(draw: st.DrawFn) -> tuple[tuple[SignalPlan, ...], list[Words]]:
    """Draw a channel with the names that a spec allows, and records of it."""
    names = draw(st.lists(name, max_size=8, unique=True))
    types = draw(st.lists(st.sampled_from(TYPES), min_size=len(names), max_size=len(names)))
    channel = tuple(
        SignalPlan(
            name=one,
            type=kind,
            unit=draw(st.sampled_from(["", "rad", "m/s^2", "%"])),
            low=None,
            high=None,
        )
        for one, kind in zip(names, types, strict=True)
    )
    record = st.tuples(*[word] * (3 + len(names)))
    return channel, draw(st.lists(record, max_size=6))


@given(channels())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_channel_is_read_by_both(drawn: tuple[tuple[SignalPlan, ...], list[Words]]) -> None:
    """Whatever a spec may name its signals, both readers take the schema and agree on the bits."""
    channel, records = drawn
    with tempfile.TemporaryDirectory() as directory:
        path = write(Path(directory), channel, records)
        fields = fields_in(path)
        assert len({"count", "t_ns", "mark", *fields}) == 3 + len(channel)
        renamed = tuple(
            SignalPlan(name=field, type=one.type, unit=one.unit, low=None, high=None)
            for field, one in zip(fields, channel, strict=True)
        )
        wanted = expected(renamed, records)
        assert by_mcap_ros2(path, field_types(renamed)) == wanted
        assert by_rosbags(path, field_types(renamed)) == in_time(wanted)


def fields_in(path: Path) -> list[str]:
    """Return the field of each signal, in the channel's order, as the file itself says it."""
    with path.open("rb") as stream:
        summary = make_reader(stream).get_summary()
    assert summary is not None
    (channel,) = summary.channels.values()
    return [signal["field"] for signal in json.loads(channel.metadata["signals"])]


def test_what_belongs_to_the_run_is_in_the_file(tmp_path: Path) -> None:
    """Years later nobody has the YAML and the offset of the clocks any more."""
    path = write(tmp_path, signals("f64"), [(1, 5, 0, 0)])
    with path.open("rb") as stream:
        reader = make_reader(stream)
        (attachment,) = reader.iter_attachments()
        (metadata,) = reader.iter_metadata()
        assert reader.get_header().profile == "ros2"
    assert (attachment.name, attachment.media_type) == ("spec.yaml", "application/yaml")
    assert attachment.data == b"name: motor\n"
    assert metadata.name == "amphost"
    assert metadata.metadata == {
        "system": "motor",
        "session": "00c0ffee",
        "wall_offset_ns": str(WALL_NS),
        "wall_offset_error_ns": "100",
        "amphost_version": "0",
    }


# Cut files

CUT_CHANNEL = signals("f64", "bool", "u64")


def chunked(directory: Path, chunks: int, per_chunk: int) -> tuple[bytes, list[Words]]:
    """Return the bytes of a recording of so many chunks, and its records."""
    recorder = Recorder(recording(directory, CUT_CHANNEL))
    recorder.tick(0)
    records: list[Words] = [
        (n, n * 1000, 1, EXTREMES[n % len(EXTREMES)], n & 1, n * n)
        for n in range(1, chunks * per_chunk + 1)
    ]
    for chunk in range(chunks):
        now_ns = (chunk + 1) * 500_000_000
        recorder.write(0, packed(records[chunk * per_chunk : (chunk + 1) * per_chunk]), now_ns)
        recorder.tick(now_ns)
    recorder.finish(0)
    assert recorder.path is not None
    whole = recorder.path.read_bytes()
    recorder.path.unlink()
    return whole, records


def boundaries(whole: bytes) -> Iterator[tuple[int, int]]:
    """Yield (opcode, end) of every record of the data section, found by hand."""
    at = 8
    while at < len(whole) - 8:
        opcode, length = struct.unpack_from("<BQ", whole, at)
        at += 9 + length
        yield opcode, at


def test_a_file_cut_at_any_record_is_finalised(tmp_path: Path) -> None:
    """Killed one byte before, at, or after the end of any record: every whole chunk survives."""
    per_chunk = 5
    whole, records = chunked(tmp_path, 4, per_chunk)
    header_end = next(boundaries(whole))[1]
    path = tmp_path / "motor_20260101_000000.mcap"
    for _, boundary in boundaries(whole):
        for cut in (boundary - 1, boundary, boundary + 1):
            if not header_end <= cut < len(whole):
                continue
            chunks = sum(opcode == 0x06 and end <= cut for opcode, end in boundaries(whole))
            wanted = expected(CUT_CHANNEL, records[: chunks * per_chunk])
            path.write_bytes(whole[:cut])
            result = finalise(path)
            assert (result.outcome, result.messages) == (Outcome.FINALISED, len(wanted)), cut
            assert by_mcap_ros2(path, field_types(CUT_CHANNEL)) == wanted, cut
            assert by_rosbags(path, field_types(CUT_CHANNEL)) == wanted, cut


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_a_file_cut_anywhere_is_finalised(drawn: st.DataObject) -> None:
    """A power cut asks for no boundary, and may leave zeros where the file was to grow."""
    with tempfile.TemporaryDirectory() as directory:
        whole, records = chunked(Path(directory), 3, 7)
        header_end = next(boundaries(whole))[1]
        cut = drawn.draw(st.integers(min_value=header_end, max_value=len(whole) - 1))
        zeros = drawn.draw(st.integers(min_value=0, max_value=5000))
        chunks = sum(opcode == 0x06 and end <= cut for opcode, end in boundaries(whole))
        path = Path(directory) / "motor_20260101_000000.mcap"
        path.write_bytes(whole[:cut] + bytes(zeros))
        assert finalise(path).outcome is Outcome.FINALISED
        read = by_mcap_ros2(path, field_types(CUT_CHANNEL))
        assert read[: chunks * 7] == expected(CUT_CHANNEL, records)[: chunks * 7]
        assert len(read) in (chunks * 7, chunks * 7 + 7)  # zeros may complete a chunk ending so
        assert read == expected(CUT_CHANNEL, records)[: len(read)]
        assert by_rosbags(path, field_types(CUT_CHANNEL)) == read


WRITER = """
import struct, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from amphost.plan.model import SignalPlan
from amphost.telemetry.recorder import Recorder
from amphost.telemetry.recording import RecordedChannel, Recording, WallOffset

signals = tuple(
    SignalPlan(name=name, type=kind, unit="V", low=None, high=None)
    for name, kind in (("s0", "f64"), ("s1", "bool"), ("s2", "u64"))
)
recorder = Recorder(Recording(
    directory=Path(sys.argv[1]), system="motor", session="1", version="0", attachments=(),
    channels=(RecordedChannel(role="r0", signals=signals),),
    wall=WallOffset(offset_ns=1_800_000_000_000_000_000, error_ns=0),
    flush_period_ns=1, max_bytes=0,
))
recorder.tick(0)
print("open", flush=True)
count = 0
while True:
    batch = b""
    for _ in range(300):
        count += 1
        batch += struct.pack("=6Q", count, count * 1000, 1, count << 40, count & 1, count * count)
    recorder.write(0, batch, count)
    recorder.tick(count)
    print(count, flush=True)
"""


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_writer_loses_at_most_the_chunk_in_progress(tmp_path: Path, seed: int) -> None:
    """`kill -9` of a real process at a random moment: what was flushed is all there."""
    chance = random.Random(seed)
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path), str(ROOT)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "open\n"
        for _ in range(chance.randrange(1, 60)):
            flushed = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        flushed = max([flushed, *(int(line) for line in child.stdout if line.endswith("\n"))])
    (path,) = tmp_path.iterdir()
    result = finalise(path)
    assert result.outcome is Outcome.FINALISED
    assert result.messages in (flushed, flushed + 300)  # killed after the write, before the line
    records: list[Words] = [
        (n, n * 1000, 1, n << 40, n & 1, n * n) for n in range(1, result.messages + 1)
    ]
    wanted = expected(CUT_CHANNEL, records)
    assert by_mcap_ros2(path, field_types(CUT_CHANNEL)) == wanted
    assert by_rosbags(path, field_types(CUT_CHANNEL)) == wanted
