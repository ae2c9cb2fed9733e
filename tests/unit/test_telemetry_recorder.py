"""The recorder and a disk that refuses: paused, counted, tried again, and a valid file."""

from __future__ import annotations

import errno
import io
import struct
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.reader import make_reader

from amphost.plan.model import SignalPlan
from amphost.telemetry.recorder import CHUNK_ROOM_BYTES, Recorder, State
from amphost.telemetry.recording import (
    Attachment,
    RecordedChannel,
    Recording,
    WallOffset,
    file_stem,
    measure_wall_offset,
)

S = 1_000_000_000
FLUSH_NS = S // 2
NAMES = ("x", "y")


def recording(**changed: object) -> Recording:
    """Return a recording of two roles with two doubles each."""
    signals = tuple(
        SignalPlan(name=name, type="f64", unit="V", low=None, high=None) for name in NAMES
    )
    made = Recording(
        directory=Path("runs"),
        system="motor",
        session="1",
        version="0",
        channels=(
            RecordedChannel(role="io", signals=signals),
            RecordedChannel(role="control", signals=signals),
        ),
        attachments=(
            Attachment(name="spec.yaml", media_type="application/yaml", content=b"name: motor\n"),
        ),
        wall=WallOffset(offset_ns=S, error_ns=0),
        flush_period_ns=FLUSH_NS,
        max_bytes=0,
    )
    return replace(made, **changed)  # type: ignore[arg-type] # the names are the fields'


def records(first: int, count: int) -> bytes:
    """Return records of one role, counted from `first`."""
    return b"".join(
        struct.pack("=QqQ2d", n, n * 1000, 1, n / 2, -n) for n in range(first, first + count)
    )


@dataclass
class Disk:
    """A disk of a certain size; `error` is what it says while it is not None."""

    room: int = 1 << 40
    error: int | None = None
    stores: list[MemoryStore] = field(default_factory=list)

    def create(self, directory: Path, stem: str) -> MemoryStore:
        """Make a file, as BlockFile.create does."""
        self.check(0)
        store = MemoryStore(self, directory / f"{stem}.mcap")
        self.stores.append(store)
        return store

    def check(self, end: int) -> None:
        """Refuse what a disk would refuse."""
        if self.error is not None:
            raise OSError(self.error, "the disk")
        if end > self.room:
            raise OSError(errno.ENOSPC, "full")


class MemoryStore:
    """A file on a `Disk`: what is reserved stays reserved, as with posix_fallocate."""

    def __init__(self, disk: Disk, path: Path) -> None:
        self.path = path
        self.content = b""
        self.closed = False
        self._disk = disk
        self._reserved = 0

    def append(self, block: bytes) -> None:
        end = len(self.content) + len(block)
        if end > self._reserved or self._disk.error is not None:
            self._disk.check(end)
        self.content += block

    def reserve(self, end: int) -> None:
        self._disk.check(end)
        self._reserved = max(self._reserved, end)

    def close(self) -> None:
        self.closed = True


def counts(content: bytes) -> dict[str, list[int]]:
    """Return the sample counts of each role, as the package's own reader finds them by index."""
    found: dict[str, list[int]] = {}
    reader = make_reader(io.BytesIO(content), validate_crcs=True)
    for _, channel, message in reader.iter_messages(log_time_order=False):
        (count,) = struct.unpack_from("=Q", message.data, 4)
        found.setdefault(channel.topic, []).append(count)
    return found


def test_every_sample_is_in_the_file_and_none_twice() -> None:
    """The plain case: two roles, several chunks, one file."""
    disk = Disk()
    recorder = Recorder(recording(), disk.create)
    recorder.tick(0)
    for step in range(10):
        now_ns = step * S // 10
        recorder.write(0, records(step * 100 + 1, 100), now_ns)
        recorder.write(1, records(step * 50 + 1, 50), now_ns)
        recorder.tick(now_ns)
    recorder.finish(S)
    (store,) = disk.stores
    assert counts(store.content) == {
        "/motor/io": list(range(1, 1001)),
        "/motor/control": list(range(1, 501)),
    }
    assert (recorder.samples, recorder.lost, recorder.pauses) == (1500, 0, 0)
    assert (recorder.state, recorder.complete, recorder.reason) == (State.ENDED, True, "")
    assert store.closed
    assert recorder.stored_bytes == len(store.content)


def test_a_chunk_ends_with_the_flush_period() -> None:
    """What a killed recorder loses is one period, however slowly the samples come."""
    disk = Disk()
    recorder = Recorder(recording(), disk.create)
    recorder.tick(0)
    (store,) = disk.stores
    start = len(store.content)
    recorder.write(0, records(1, 3), 0)
    recorder.tick(FLUSH_NS - 1)
    assert len(store.content) == start
    recorder.tick(FLUSH_NS)
    assert len(store.content) > start


def test_a_burst_larger_than_a_chunk_is_taken() -> None:
    """After a stall a deep channel brings everything at once."""
    disk = Disk()
    recorder = Recorder(recording(), disk.create)
    recorder.tick(0)
    many = 3 * CHUNK_ROOM_BYTES // 40
    recorder.write(0, records(1, many), 0)
    recorder.finish(0)
    assert recorder.lost == 0
    assert counts(disk.stores[0].content) == {"/motor/io": list(range(1, many + 1))}


def test_nothing_is_taken_before_there_is_a_file() -> None:
    """A directory that cannot be written is tried again each second; the samples are counted."""
    disk = Disk(error=errno.EACCES)
    recorder = Recorder(recording(), disk.create)
    recorder.tick(0)
    assert (recorder.state, recorder.path) == (State.PAUSED, None)
    assert recorder.reason == "EACCES: Permission denied"
    recorder.write(0, records(1, 10), 0)
    disk.error = None
    recorder.tick(S - 1)
    recorder.write(0, records(11, 10), S - 1)
    assert (recorder.state, recorder.lost) == (State.PAUSED, 20)
    recorder.tick(S)
    recorder.write(0, records(21, 10), S)
    recorder.finish(S)
    assert counts(disk.stores[0].content) == {"/motor/io": list(range(21, 31))}
    assert (recorder.samples, recorder.lost, recorder.pauses) == (10, 20, 1)


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC, errno.EROFS])
def test_an_error_pauses_and_the_file_goes_on_after_it(error: int) -> None:
    """A card that comes back must not cost the file, nor what was taken before the error."""
    disk = Disk()
    recorder = Recorder(recording(), disk.create)
    recorder.tick(0)
    recorder.write(0, records(1, 100), 0)
    disk.error = error
    recorder.tick(FLUSH_NS)
    assert recorder.state is State.PAUSED
    recorder.write(0, records(101, 100), FLUSH_NS)
    disk.error = None
    recorder.tick(FLUSH_NS + S)
    assert (recorder.state, recorder.reason) == (State.RECORDING, "")
    recorder.write(0, records(201, 100), FLUSH_NS + S)
    recorder.finish(2 * S)
    wanted = [*range(1, 101), *range(201, 301)]
    assert counts(disk.stores[0].content) == {"/motor/io": wanted}
    assert (recorder.samples, recorder.lost, recorder.pauses) == (200, 100, 1)
    assert recorder.complete


def test_a_full_disk_still_leaves_a_complete_file() -> None:
    """Room for the index was reserved: what was taken is readable without any repair."""
    disk = Disk(room=600_000)
    recorder = Recorder(recording(), disk.create)
    now_ns = 0
    recorder.tick(now_ns)
    given = 0
    while recorder.state is State.RECORDING:
        recorder.write(0, records(given + 1, 1000), now_ns)
        given += 1000
        now_ns += FLUSH_NS
        recorder.tick(now_ns)
    assert recorder.reason.startswith("ENOSPC")
    recorder.write(0, records(given + 1, 1000), now_ns)
    recorder.finish(now_ns + 1)
    assert recorder.complete
    assert recorder.samples + recorder.lost == given + 1000
    assert recorder.lost >= 1000
    content = disk.stores[0].content
    assert len(content) <= 600_000
    assert counts(content) == {"/motor/io": list(range(1, recorder.samples + 1))}


def test_a_disk_that_stays_broken_leaves_whole_blocks_and_an_exact_count() -> None:
    """Nothing can be completed here: what the report says must still be true."""
    disk = Disk()
    recorder = Recorder(recording(), disk.create)
    recorder.tick(0)
    recorder.write(0, records(1, 100), 0)
    recorder.tick(FLUSH_NS)
    recorder.write(0, records(101, 50), FLUSH_NS)
    disk.error = errno.EIO
    recorder.finish(S)
    assert (recorder.state, recorder.complete) == (State.ENDED, False)
    assert recorder.reason == "EIO: Input/output error"
    assert (recorder.samples, recorder.lost) == (100, 50)
    assert disk.stores[0].closed


def test_a_recorder_that_never_got_a_file_ends() -> None:
    """The run's end must not depend on the disk."""
    recorder = Recorder(recording(), Disk(error=errno.ENOSPC).create)
    recorder.tick(0)
    recorder.write(0, records(1, 5), 0)
    recorder.finish(S)
    assert (recorder.ended, recorder.path, recorder.complete) == (True, None, False)
    assert (recorder.samples, recorder.lost) == (0, 5)


@given(
    st.integers(min_value=30_000, max_value=400_000),
    st.integers(min_value=1, max_value=400),
    st.integers(min_value=0, max_value=3),
)
@settings(max_examples=30, deadline=None)
def test_a_recording_never_exceeds_its_size(limit: int, batch: int, ticks: int) -> None:
    """`max_mb` is a promise about the disk: footer and index are part of it."""
    disk = Disk()
    recorder = Recorder(recording(max_bytes=limit), disk.create)
    now_ns = given = 0
    recorder.tick(0)
    while not recorder.ended:
        recorder.write(given % 2, records(given + 1, batch), now_ns)
        given += batch
        now_ns += FLUSH_NS * ticks // 2
        recorder.tick(now_ns)
    content = disk.stores[0].content
    assert len(content) <= limit
    assert len(content) > 0.8 * limit
    assert (recorder.reason, recorder.complete) == ("max_mb reached", True)
    recorder.write(0, records(1, 7), now_ns)
    assert recorder.samples + recorder.lost == given + 7
    assert sum(map(len, counts(content).values())) == recorder.samples


def test_the_offset_is_the_closest_of_several_readings() -> None:
    """A preemption between the two clocks would shift every time of the file."""
    monotonic = iter([0, 5000, 6000, 6100, 7000, 9000])
    wall = iter([100_002_500, 100_006_050, 100_007_000])
    offset = measure_wall_offset(lambda: next(monotonic), lambda: next(wall), tries=3)
    assert (offset.offset_ns, offset.error_ns) == (100_000_000, 50)


def test_a_file_is_named_by_system_and_local_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """People look for the run of ten past three by their own watch."""
    import time

    monkeypatch.setenv("TZ", "UTC-2")
    time.tzset()
    try:
        assert file_stem("motor", 1_767_225_600 * S) == "motor_20260101_020000"
    finally:
        monkeypatch.undo()
        time.tzset()
