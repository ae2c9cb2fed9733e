"""A channel as Python sees it: readers, writers, and a follower that drains in batches.

Rules. `Segment` makes them. One message is one call of the extension (about 30 ns, the memory never
appears in Python); many messages are one call into memory of this process. Whatever is taken
from a segment raises MailboxError once the segment is closed. A value that does not fit its word is
a TypeError, ValueError or OverflowError, and nothing is published.

A record is (count, t_ns, mark, value, ...): `count` is 1 for the first publication ever and never
repeats, `mark` is the writer's epoch with the flags above it, each value has its signal's type.
"""

from __future__ import annotations

from amphost._native.amp import lib
from amphost.errors import MailboxError

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Protocol

    from amphost.plan.model import SignalPlan

    class ChannelReader(Protocol):
        """Read single messages: `latest` the newest, `next` and `take` in order, with exact loss.

        Synchronization: one thread; the writer never looks at it.
        """

        position: int
        lost: int
        torn: int

        def latest(self) -> tuple[Any, ...] | None: ...
        def next(self) -> tuple[Any, ...] | None: ...
        def take(self) -> bytes | None: ...
        def drain_into(self, memory: bytearray | memoryview) -> int: ...

    class ChannelWriter(Protocol):
        """Publish: `publish` takes values, `put` a payload as bytes, `put_many` many of them.

        Synchronization: one thread, the channel's only writer.
        """

        count: int

        def publish(self, t_ns: int, flags: int, *values: float) -> None: ...
        def put(self, t_ns: int, flags: int, payload: bytes | bytearray | memoryview) -> None: ...
        def put_many(
            self, t_ns: int, flags: int, payloads: bytes | bytearray | memoryview
        ) -> None: ...

    class QueueReader(Protocol):
        """Consume: read with `next` or `take`, use it, then say `done` to free the slots.

        Synchronization: one thread, the queue's only consumer.
        """

        position: int
        lost: int

        def next(self) -> tuple[Any, ...] | None: ...
        def take(self) -> bytes | None: ...
        def done(self) -> None: ...

    class QueueWriter(Protocol):
        """Publish, or be refused: False while as many messages wait as the channel has slots.

        Synchronization: one thread, the queue's only writer.
        """

        count: int
        full: int
        corrupt: int
        room: int

        def push(self, t_ns: int, flags: int, *values: float) -> bool: ...
        def put(self, t_ns: int, flags: int, payload: bytes | bytearray | memoryview) -> bool: ...


RECORD_HEADER_WORDS = 3
"""Words before the payload in a drained record: count, t_ns, mark (epoch | flags << 32)."""

EPOCH_MASK = 0xFFFFFFFF
"""The part of a mark that is the writer's epoch; the flags stand above it."""

FLAG_ARMED: int = lib.AMP_FLAG_ARMED
FLAG_AT_SAFE: int = lib.AMP_FLAG_AT_SAFE
FLAG_STALE: int = lib.AMP_FLAG_STALE

_KINDS = {"f64": "d", "i64": "q", "u64": "Q", "bool": "?"}
_NUMPY = {"f64": "=f8", "i64": "=i8", "u64": "=u8", "bool": "=u8"}


def kinds(signals: Sequence[SignalPlan]) -> bytes:
    """Return what the words of a channel mean, one letter a word."""
    return "".join(_KINDS[signal.type] for signal in signals).encode()


def record_dtype(signals: Sequence[SignalPlan]) -> list[tuple[str, Any]]:
    """Describe a drained record for `numpy.dtype()`; the signals stand in a field of their own.

    A bool signal is a whole word there, 0 or 1.
    """
    header: list[tuple[str, Any]] = [("count", "=u8"), ("t_ns", "=i8"), ("mark", "=u8")]
    return [*header, ("signals", [(signal.name, _NUMPY[signal.type]) for signal in signals])]


class Follower:
    """A cursor on a channel: reads every publication in order and counts its own exact loss.

    Synchronization: one thread; the writer never looks at it.
    """

    def __init__(self, reader: ChannelReader, signals: Sequence[SignalPlan], batch: int) -> None:
        if batch < 1:
            raise MailboxError(f"a batch of {batch} publications reads nothing")
        self._reader = reader
        self._signals = tuple(signals)
        self._record_bytes = (RECORD_HEADER_WORDS + len(signals)) * 8
        self._records = memoryview(bytearray(batch * self._record_bytes))

    def drain(self) -> memoryview:
        """Return the records not read yet, at most `batch`, as bytes; valid until the next call.

        A record is 3 + words 64-bit words in this machine's order: count, t_ns, mark, then the
        channel's words. With numpy: `numpy.frombuffer(follower.drain(), follower.dtype())` is a
        structured array over the same memory.
        """
        return self._records[: self._reader.drain_into(self._records) * self._record_bytes]

    def dtype(self) -> list[tuple[str, Any]]:
        """Describe a record for `numpy.dtype()`, as plain lists: numpy itself is not needed."""
        return record_dtype(self._signals)

    @property
    def position(self) -> int:
        """Count of the last publication read."""
        return self._reader.position

    @property
    def lost(self) -> int:
        """Publications overwritten before they were read."""
        return self._reader.lost

    @property
    def torn(self) -> int:
        """Reads that overlapped a write and were discarded."""
        return self._reader.torn
