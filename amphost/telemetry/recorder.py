"""Write one recording: the samples of every followed channel in one MCAP file, by the mcap package.

Rules. Time is an argument, and no call raises for what a disk does: the recorder pauses, counts
every sample that it could not take, and tries again once a second. It takes a sample only when
room for it and for the index of the whole file is reserved, so a recording that meets a full disk
still ends as a complete file. The package's writer never sees an error: its bytes go to the file
once they are a whole block. Every sample given to `write` ends up in `samples` or in `lost`.

A chunk ends with each `flush_period_ns`: what a killed recorder loses is the chunk in progress.
Chunks are not compressed: the doubles of a plant shrink little, and the core has other duties. A
recording that reaches `max_bytes` ends there, complete; nothing is ever deleted to make room.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import IO, cast

from mcap.writer import LIBRARY_IDENTIFIER, CompressionType, Writer

from amphost.telemetry import recording as sizes
from amphost.telemetry.block_file import BlockFile, Store
from amphost.telemetry.cdr import message_types
from amphost.telemetry.recording import LIMIT_REACHED, Recording

RETRY_NS = 1_000_000_000
CHUNK_ROOM_BYTES = 256 * 1024  # messages of one chunk, their index lines included
WRITER_CHUNK_BYTES = 1 << 40  # chunks end here, never within the writer
SEQUENCE_MASK = 0xFFFFFFFF


class State(Enum):
    """PAUSED: there is no file yet, or the disk refused; it is tried again on a timer."""

    PAUSED = "paused"
    RECORDING = "recording"
    ENDED = "ended"


class Recorder:
    """Write one recording. `reason` says why it is paused, or why it ended before it was asked to.

    Synchronization: one thread.
    """

    def __init__(
        self, recording: Recording, create: Callable[[Path, str], Store] = BlockFile.create
    ) -> None:
        self.state = State.PAUSED
        self.reason = ""
        self.complete = False
        self.lost = 0
        self.pauses = 0
        self._recording = recording
        self._create = create
        self._types = message_types((one.role, one.signals) for one in recording.channels)
        self._message_bytes = [one.message_size + sizes.MESSAGE_BYTES for one in self._types]
        channels = len(self._types)
        self._chunk_end_bytes = sizes.CHUNK_BYTES + channels * sizes.CHANNEL_IN_CHUNK_BYTES
        self._chunk_line_bytes = sizes.CHUNK_INDEX_BYTES + channels * sizes.CHANNEL_IN_INDEX_BYTES
        self._index_bytes = sizes.index_bytes(recording, self._types)
        self._sink = _Sink()
        self._writer: Writer | None = None
        self._channel_ids: list[int] = []
        self._ended_by = ""
        self._finished = False  # the writer is; the file may still wait for its last block
        self._store: Store | None = None
        self._chunk_bytes = 0
        self._stored = 0
        self._pending = 0
        self._retry_at_ns: int | None = None
        self._flush_at_ns = 0

    @property
    def path(self) -> Path | None:
        """The file; None as long as none could be made."""
        return self._store.path if self._store else None

    @property
    def samples(self) -> int:
        """Samples in the file, or on their way into room reserved for them."""
        return self._stored + self._pending

    @property
    def ended(self) -> bool:
        """Nothing more will be taken or tried."""
        return self.state is State.ENDED

    @property
    def stored_bytes(self) -> int:
        """Bytes in the file."""
        return self._sink.tell() - len(self._sink.pending)

    def tick(self, now_ns: int) -> None:
        """Open, flush or try again, whatever is due."""
        if self.state is State.PAUSED:
            if self._retry_at_ns is None or now_ns >= self._retry_at_ns:
                self._settle(now_ns)
        elif self.state is State.RECORDING and now_ns >= self._flush_at_ns:
            self._flush(now_ns)

    def write(self, channel: int, records: bytes, now_ns: int) -> None:
        """Take whole records of `Recording.channels[channel]`; count those there is no room for."""
        size = self._types[channel].record_size
        start = 0
        while start < len(records) and self.state is State.RECORDING:
            fitting = self._fitting(channel)
            if fitting > 0:
                end = start + fitting * size
                self._add(channel, records[start:end])
                start = end
            elif self._chunk_bytes:
                self._flush(now_ns)
            else:
                self._ended_by = LIMIT_REACHED
                self._end(now_ns)
        self.lost += max(len(records) - start, 0) // size

    def finish(self, now_ns: int) -> None:
        """End the recording, and the file complete if the disk allows."""
        if not self.ended and self._writer is not None:
            self._end(now_ns)
        if not self.ended:
            self._give_up()

    def _add(self, channel: int, records: bytes) -> None:
        assert self._writer is not None
        add_message = self._writer.add_message
        channel_id = self._channel_ids[channel]
        wall = self._recording.wall
        taken = 0
        for count, t_ns, message in self._types[channel].encode(records):
            log_ns = sizes.log_time_ns(t_ns, wall)
            add_message(channel_id, log_ns, message, log_ns, count & SEQUENCE_MASK)
            taken += 1
        self._pending += taken
        self._chunk_bytes += taken * self._message_bytes[channel]

    def _fitting(self, channel: int) -> int:
        """Return how many messages the chunk in progress still takes; below 1: none."""
        room = CHUNK_ROOM_BYTES - self._chunk_bytes
        if self._recording.max_bytes:
            room = min(room, self._recording.max_bytes - self._end_of_file())
        return room // self._message_bytes[channel]

    def _end_of_file(self) -> int:
        """Bound the size of the file if the recording ended now."""
        chunk = self._chunk_bytes + self._chunk_end_bytes + self._chunk_line_bytes
        return self._sink.tell() + chunk + self._index_bytes

    def _flush(self, now_ns: int) -> None:
        assert self._writer is not None
        self._writer.flush()  # type: ignore[no-untyped-call] # the package leaves it untyped
        if self._chunk_bytes:
            self._index_bytes += self._chunk_line_bytes
            self._chunk_bytes = 0
        self._settle(now_ns)

    def _end(self, now_ns: int) -> None:
        assert self._writer is not None
        if not self._finished:
            self._writer.finish()  # type: ignore[no-untyped-call] # the package leaves it untyped
            self._finished = True
        self._settle(now_ns)

    def _settle(self, now_ns: int) -> None:
        """Put into the file what is ready, and reserve room for what comes; or pause."""
        try:
            store = self._store or self._open(now_ns)
            if self._sink.pending:
                store.append(self._sink.pending)
                self._sink.clear()
                self._stored += self._pending
                self._pending = 0
            if not self._finished:
                store.reserve(self._end_of_file() + CHUNK_ROOM_BYTES)
        except OSError as error:
            self._pause(error, now_ns)
        else:
            if self._finished:
                self._close(store)
            else:
                self._resume(now_ns)

    def _open(self, now_ns: int) -> Store:
        recording = self._recording
        wall_ns = sizes.log_time_ns(now_ns, recording.wall)
        store = self._create(recording.directory, sizes.file_stem(recording.system, wall_ns))
        writer = Writer(
            cast("IO[bytes]", self._sink),
            chunk_size=WRITER_CHUNK_BYTES,
            compression=CompressionType.NONE,
        )
        library = f"{sizes.LIBRARY}{recording.version}; {LIBRARY_IDENTIFIER}"
        writer.start(profile="ros2", library=library)
        writer.add_metadata(sizes.METADATA_NAME, sizes.metadata(recording))
        for one in recording.attachments:
            writer.add_attachment(wall_ns, wall_ns, one.name, one.media_type, one.content)
        for channel, kind in zip(recording.channels, self._types, strict=True):
            schema = writer.register_schema(kind.name, "ros2msg", kind.definition.encode())
            topic = f"/{recording.system}/{channel.role.replace('.', '/')}"
            about = sizes.channel_metadata(channel, kind.fields)
            self._channel_ids.append(writer.register_channel(topic, "cdr", schema, about))
        self._store, self._writer = store, writer
        return store

    def _pause(self, error: OSError, now_ns: int) -> None:
        code = error.errno or errno.EIO
        self.reason = f"{errno.errorcode.get(code, str(code))}: {os.strerror(code)}"
        if self.state is State.RECORDING or self._retry_at_ns is None:
            self.pauses += 1
        self.state = State.PAUSED
        self._retry_at_ns = now_ns + RETRY_NS

    def _resume(self, now_ns: int) -> None:
        self.state = State.RECORDING
        self.reason = ""
        self._flush_at_ns = now_ns + self._recording.flush_period_ns

    def _close(self, store: Store) -> None:
        self.state = State.ENDED
        try:
            store.close()
        except OSError as error:
            self.reason = f"the end of the file may be lost: {error.strerror}"
        else:
            self.complete = True
            self.reason = self._ended_by

    def _give_up(self) -> None:
        """Leave the file valid to its last block: `recover.finalise` completes it."""
        self.state = State.ENDED
        self.lost += self._pending
        self._pending = 0
        if self._store is not None:
            with suppress(OSError):
                self._store.close()


class _Sink:
    """The stream that the writer writes to: it keeps the bytes until they are stored."""

    def __init__(self) -> None:
        self.pending = b""
        self._total = 0

    def write(self, part: bytes) -> int:
        self.pending += part
        self._total += len(part)
        return len(part)

    def tell(self) -> int:
        return self._total

    def flush(self) -> None:
        """Nothing to do: the recorder decides when a block is stored."""

    def clear(self) -> None:
        self.pending = b""
