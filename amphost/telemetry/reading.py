"""Read a recording of ours back: every sample of every role, in columns.

Rules. Nothing is converted on the way: a float64 is the very one that the loop published. A file
that was cut off is read to its last whole chunk and says so; what is damaged is left out and
counted. A file of another program is refused, and so is one without our metadata. Columns are
`array.array`, eight bytes a value: whoever has numpy views them without a copy.
"""

from __future__ import annotations

import json
import os
import struct
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, Metadata

from amphost.errors import AmphostError
from amphost.telemetry.mcap_file import (
    HEAD,
    MAGIC,
    is_complete,
    parse,
    read_frame,
    read_header,
    unpacked,
)
from amphost.telemetry.recording import LIBRARY, METADATA_NAME

ARMED, AT_SAFE, STALE = 1, 2, 4  # the flags of a mark
TYPECODES = {"f64": "d", "i64": "q", "u64": "Q", "bool": "B"}
CDR_CODES = {"f64": "d", "i64": "q", "u64": "Q", "bool": "?"}
LITTLE = b"\x00\x01"
MESSAGE = struct.Struct("<HIQQ")  # channel, sequence, log time, publish time

Progress = Callable[[int, int], None]  # bytes read, of so many


class NotARecordingError(AmphostError):
    """The file is none of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One column and what it means."""

    name: str
    type: str  # f64, i64, u64 or bool
    unit: str
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """The samples of one role, all columns of one length, in the order of publication.

    Synchronization: one thread.
    """

    role: str
    signals: tuple[Signal, ...]
    count: array[int] = field(default_factory=lambda: array("Q"))
    t_ns: array[int] = field(default_factory=lambda: array("q"))  # CLOCK_MONOTONIC
    mark: array[int] = field(default_factory=lambda: array("Q"))
    columns: tuple[array[float], ...] = ()

    def flags(self, row: int) -> int:
        """Return ARMED, AT_SAFE and STALE of one sample."""
        return self.mark[row] >> 32

    def column(self, name: str) -> array[float]:
        """Return the values of one signal."""
        names = [signal.name for signal in self.signals]
        return self.columns[names.index(name)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A whole recording."""

    path: Path
    system: str
    session: str
    wall_offset_ns: int  # wall time minus CLOCK_MONOTONIC
    is_complete: bool  # False: its writer died, or still writes
    damaged_bytes: int
    tracks: tuple[Track, ...]

    @property
    def origin_ns(self) -> int:
        """The time of the first sample, on CLOCK_MONOTONIC; 0 of an empty recording."""
        return min((track.t_ns[0] for track in self.tracks if track.t_ns), default=0)


def load(path: Path, progress: Progress | None = None) -> Loaded:
    """Read all of a recording. Raises NotARecordingError, or OSError as the system says it."""
    with path.open("rb") as source:
        size = os.fstat(source.fileno()).st_size
        header = read_header(source, size)
        if header is None or not header.library.startswith(LIBRARY):
            raise NotARecordingError(
                f"{path} is no recording of amphost; give an .mcap file that a run has written"
            )
        whole = is_complete(source, size)
        reader = _Reader()
        damaged = reader.read(source, size, progress)
    if reader.metadata is None:
        raise NotARecordingError(f"{path} ends before its metadata: nothing in it can be read")
    try:
        wall_offset_ns = int(reader.metadata.get("wall_offset_ns", "0"))
    except ValueError:
        raise NotARecordingError(f"{path}: its metadata is none that a run has written") from None
    return Loaded(
        path=path,
        system=reader.metadata.get("system", ""),
        session=reader.metadata.get("session", ""),
        wall_offset_ns=wall_offset_ns,
        is_complete=whole,
        damaged_bytes=damaged,
        tracks=tuple(track for track, _ in reader.tracks.values()),
    )


class _Reader:
    """What has been read so far."""

    def __init__(self) -> None:
        self.metadata: dict[str, str] | None = None
        self.tracks: dict[int, tuple[Track, _Decoder]] = {}

    def read(self, source: BinaryIO, size: int, progress: Progress | None) -> int:
        """Take over everything; return how many bytes of it were damaged."""
        at = len(MAGIC)
        damaged = 0
        while (frame := read_frame(source, at, size)) is not None:
            if frame.opcode in (0, Opcode.DATA_END, Opcode.FOOTER):
                break
            if not self._take(frame.opcode, frame.raw):
                damaged += len(frame.raw)
            at = frame.end
            if progress is not None:
                progress(at, size)
        return damaged

    def _take(self, opcode: int, raw: bytes) -> bool:
        if opcode == Opcode.MESSAGE:
            return self._message(raw[HEAD.size :])
        if opcode not in (Opcode.CHUNK, Opcode.CHANNEL, Opcode.METADATA):
            return True
        record = parse(raw)
        if isinstance(record, Chunk):
            return self._chunk(record)
        if isinstance(record, Metadata) and record.name == METADATA_NAME:
            self.metadata = dict(record.metadata)
        elif isinstance(record, Channel):
            return self._channel(record)
        return record is not None

    def _chunk(self, chunk: Chunk) -> bool:
        content = unpacked(chunk)
        if content is None:
            return False
        at = 0
        whole = True
        while at < len(content):
            if at + HEAD.size > len(content):
                return False
            opcode, length = HEAD.unpack_from(content, at)
            end = at + HEAD.size + length
            if end > len(content):
                return False
            if opcode == Opcode.MESSAGE:
                whole &= self._message(content[at + HEAD.size : end])
            elif opcode == Opcode.CHANNEL:
                whole &= self._take(opcode, content[at:end])
            at = end
        return whole

    def _channel(self, channel: Channel) -> bool:
        if channel.id in self.tracks:
            return True
        try:
            listed = json.loads(channel.metadata["signals"])
            signals = tuple(_signal(one) for one in listed)
            role = channel.metadata["role"]
        except (KeyError, ValueError, TypeError, OverflowError, RecursionError):
            return False
        columns = tuple(_column(signal) for signal in signals)
        track = Track(role=role, signals=signals, columns=columns)
        self.tracks[channel.id] = (track, _Decoder(track))
        return True

    def _message(self, body: bytes) -> bool:
        if len(body) < MESSAGE.size:
            return False
        known = self.tracks.get(MESSAGE.unpack_from(body)[0])
        return known is not None and known[1].add(body, MESSAGE.size)


class _Decoder:
    """Append the messages of one channel to its columns."""

    def __init__(self, track: Track) -> None:
        self._track = track
        words = [index for index, one in enumerate(track.signals) if one.type != "bool"]
        bools = [index for index, one in enumerate(track.signals) if one.type == "bool"]
        codes = "".join(CDR_CODES[track.signals[index].type] for index in (*words, *bools))
        self._little = struct.Struct(f"<QqQ{codes}")
        self._big = struct.Struct(f">QqQ{codes}")
        heads = (track.count, track.t_ns, track.mark)
        self._appends = [one.append for one in heads]
        self._appends += [track.columns[index].append for index in (*words, *bools)]

    def add(self, body: bytes, at: int) -> bool:
        """Take one message, whose encapsulation stands at `at`."""
        form = self._little if body[at : at + 2] == LITTLE else self._big
        if len(body) != at + 4 + form.size:
            return False
        for append, value in zip(self._appends, form.unpack_from(body, at + 4), strict=True):
            append(value)
        return True


def _column(signal: Signal) -> array[Any]:
    return array(TYPECODES[signal.type])


def _signal(told: dict[str, Any]) -> Signal:
    low, high = told["range"]
    if told["type"] not in TYPECODES:
        raise ValueError(told["type"])
    return Signal(
        name=str(told["name"]),
        type=told["type"],
        unit=str(told["unit"]),
        low=None if low is None else float(low),
        high=None if high is None else float(high),
    )
