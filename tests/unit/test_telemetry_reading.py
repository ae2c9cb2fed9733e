"""A recording read back: the same bits, whatever became of the file."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from mcap.writer import Writer

from amphost.errors import UsageError
from amphost.plan.model import SignalPlan
from amphost.telemetry.reading import ARMED, Loaded, NotARecordingError, load
from amphost.telemetry.recorder import Recorder
from amphost.telemetry.recording import (
    LIBRARY,
    METADATA_NAME,
    RecordedChannel,
    Recording,
    WallOffset,
)
from amphost.telemetry.selection import select

S = 1_000_000_000
MS = 1_000_000
KINDS = (("on", "bool"), ("x", "f64"), ("n", "i64"), ("u", "u64"))
ODD = (0.1, -0.0, math.nan, math.inf, 5e-324, 1.7976931348623157e308)


def signals() -> tuple[SignalPlan, ...]:
    """Return one signal of each type, a bool first: it is moved to the end of a message."""
    return tuple(
        SignalPlan(name=name, type=kind, unit="V", low=-1.0, high=None) for name, kind in KINDS
    )


def records(first: int, count: int) -> bytes:
    """Return records that are armed from the third one on."""
    return b"".join(
        struct.pack(
            "=QqQQdqQ",
            *(n, n * MS, 7 | (ARMED if n >= 3 else 0) << 32),
            *(n % 2, ODD[n % len(ODD)], -n, (1 << 64) - n),
        )
        for n in range(first, first + count)
    )


def written(folder: Path, *, finish: bool = True, rounds: int = 4) -> Path:
    """Write a recording of one role, a chunk every half second."""
    recording = Recording(
        directory=folder,
        system="motor",
        session="1",
        version="0",
        channels=(RecordedChannel(role="io", signals=signals()),),
        attachments=(),
        wall=WallOffset(offset_ns=1_700_000_000 * S, error_ns=0),
        flush_period_ns=S // 2,
        max_bytes=0,
    )
    recorder = Recorder(recording)
    for step in range(rounds):
        recorder.tick(step * S)
        recorder.write(0, records(1 + 10 * step, 10), step * S)
    if finish:
        recorder.finish(rounds * S)
    assert recorder.path is not None
    return recorder.path


def bits(values: Iterable[float]) -> list[bytes]:
    """Return what tells -0.0 from 0.0, and one NaN from another."""
    return [struct.pack("=d", value) for value in values]


def test_every_value_comes_back_as_the_same_bits(tmp_path: Path) -> None:
    """A table that rounds is no evidence."""
    loaded = load(written(tmp_path))
    [track] = loaded.tracks
    assert (loaded.system, loaded.is_complete, loaded.damaged_bytes) == ("motor", True, 0)
    assert track.role == "io"
    assert [(one.name, one.type, one.low, one.high) for one in track.signals] == [
        (name, kind, -1.0, None) for name, kind in KINDS
    ]
    numbers = range(1, 41)
    assert list(track.count) == list(numbers)
    assert list(track.t_ns) == [n * MS for n in numbers]
    assert bits(track.column("x")) == bits(ODD[n % len(ODD)] for n in numbers)
    assert list(track.column("n")) == [-n for n in numbers]
    assert list(track.column("u")) == [(1 << 64) - n for n in numbers]
    assert list(track.column("on")) == [n % 2 for n in numbers]
    assert [track.flags(row) for row in range(4)] == [0, 0, ARMED, ARMED]


def test_a_file_that_was_cut_off_is_read_to_its_last_whole_chunk(tmp_path: Path) -> None:
    """The run that ended badly is the one that somebody wants to see."""
    path = written(tmp_path, finish=False)
    loaded = load(path)
    assert not loaded.is_complete
    assert 10 <= len(loaded.tracks[0].count) < 40


def test_a_damaged_chunk_is_left_out_and_counted(tmp_path: Path) -> None:
    """What no checksum vouches for must not look like a measurement."""
    path = written(tmp_path)
    content = bytearray(path.read_bytes())
    place = content.index(struct.pack("=q", -15))  # within the second chunk
    content[place] ^= 1
    path.write_bytes(content)
    loaded = load(path)
    assert loaded.damaged_bytes > 0
    assert list(loaded.tracks[0].count) == [n for n in range(1, 41) if not 11 <= n <= 20]


def test_what_is_not_ours_is_refused(tmp_path: Path) -> None:
    """Somebody else's topics have another layout: guessing would show wrong numbers."""
    text = tmp_path / "notes.mcap"
    text.write_bytes(b"nothing of the kind")
    other = tmp_path / "other.mcap"
    with other.open("wb") as stream:
        writer = Writer(stream)
        writer.start(profile="ros2", library="somebody")
        writer.finish()  # type: ignore[no-untyped-call] # the package says nothing
    for path in (text, other):
        with pytest.raises(NotARecordingError, match="no recording of amphost"):
            load(path)


def forged(path: Path, metadata: dict[str, str], signals: str) -> Path:
    """Write a file that says it is ours, with one channel of which `signals` is told."""
    with path.open("wb") as stream:
        writer = Writer(stream)
        writer.start(profile="ros2", library=f"{LIBRARY} 0")
        writer.add_metadata(METADATA_NAME, metadata)
        schema = writer.register_schema(name="x", encoding="ros2msg", data=b"")
        told = {"role": "io", "signals": signals}
        channel = writer.register_channel("/io", "cdr", schema, metadata=told)
        writer.add_message(channel, log_time=1, publish_time=1, data=b"\0\1\0\0")
        writer.finish()  # type: ignore[no-untyped-call] # the package says nothing
    return path


@pytest.mark.parametrize(
    "signals",
    [
        "[" * 100_000,
        f'[{{"name": "x", "type": "f64", "unit": "V", "range": [1{"0" * 400}, null]}}]',
        '[{"name": "x", "type": [], "unit": "V", "range": [null, null]}]',
        "7",
    ],
    ids=["deep", "huge", "unhashable", "number"],
)
def test_a_channel_that_makes_no_sense_is_left_out(tmp_path: Path, signals: str) -> None:
    """A file may come from anybody; it must not end in a traceback."""
    loaded = load(forged(tmp_path / "x.mcap", {"wall_offset_ns": "1"}, signals))
    assert loaded.tracks == ()
    assert loaded.damaged_bytes > 0


def test_a_wall_clock_that_is_no_number_is_refused(tmp_path: Path) -> None:
    """Times that nobody wrote must not be guessed."""
    path = forged(tmp_path / "x.mcap", {"wall_offset_ns": "noon"}, "[]")
    with pytest.raises(NotARecordingError, match="its metadata"):
        load(path)


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    """Return a recording of 40 samples, a millisecond apart."""
    return load(written(tmp_path))


def test_a_span_of_time_counts_from_the_first_sample(loaded: Loaded) -> None:
    """Nobody knows when the machine was booted."""
    [part] = select(loaded, from_s=0.004, to_s=0.006)
    assert part.times_s() == pytest.approx([0.004, 0.005, 0.006])
    assert list(part.values(2)) == [-5, -6, -7]


def test_signals_are_picked_by_name_in_the_order_of_the_mailbox(loaded: Loaded) -> None:
    """A table has one order of columns, however they were asked for."""
    [part] = select(loaded, ["io.u", "io.x", "io.u"])
    assert [signal.name for signal in part.signals] == ["x", "u"]


def test_a_wrong_name_is_answered_with_the_right_ones(loaded: Loaded) -> None:
    """An empty picture would be the worse answer."""
    with pytest.raises(UsageError, match=r"did you mean io\.x\? it has io, io\.n, io\.on"):
        select(loaded, ["io.xx"])


def test_operator_values_have_the_name_that_people_set_them_by(loaded: Loaded) -> None:
    """They are published by the supervisor, which nobody who wrote a spec has heard of."""
    [track] = loaded.tracks
    renamed = replace(loaded, tracks=(replace(track, role="supervisor"),))
    [part] = select(renamed, ["operator.x"])
    assert part.track.role == "supervisor"
