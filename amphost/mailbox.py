"""The mailbox as Python sees it: segments, their channel, and cursors on it.

Rules. Python never touches a shared word: every access is a call into the C library, and what
comes back is a copy. A segment is mapped read-write by its role and read-only by everybody else.
What would end the process (a closed segment, a store into a read-only one) is a MailboxError.
Only the bindings use the native library: this module, `blocks`, `loop`, `pump`, `device`,
`watchdog` and `platform`.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Sequence

from amphost import platform
from amphost._native.amp import ffi, lib
from amphost.blocks import Owner, System
from amphost.errors import MailboxError

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Self

    from amphost.plan.model import SegmentPlan

RECORD_HEADER_WORDS = 3
"""Words before the payload in a drained record: count, t_ns, mark (epoch | flags << 32)."""

EPOCH_MASK = 0xFFFFFFFF
"""The part of a mark that is the writer's epoch; the flags stand above it."""
SUPERVISOR_ID = 0

FLAG_ARMED: int = lib.AMP_FLAG_ARMED
FLAG_AT_SAFE: int = lib.AMP_FLAG_AT_SAFE
FLAG_STALE: int = lib.AMP_FLAG_STALE

_FORMATS = {"f64": "d", "i64": "q", "u64": "Q", "bool": "Q"}
LAYOUT = "its layout differs from the plan's"
_REFUSALS = {
    -lib.AMP_EFORMAT: "it is not a segment of this ABI, byte order, page size or role",
    -lib.AMP_ESIZE: "its size or its seals are not those of the plan",
    -lib.AMP_ENONCE: "it belongs to another session",
    -lib.AMP_ENOTREADY: "it was never formatted",
    -lib.AMP_EARG: "the plan's figures are out of range",
    -lib.AMP_EROOM: "the plan does not fit into it",
}


class Follower:
    """A cursor on a channel: reads every publication in order and counts its own exact loss.

    Synchronization: one thread; the writer never looks at it.
    """

    def __init__(
        self, mapping: platform.Mapping, channel: ffi.CData, batch: int, *, oldest: bool
    ) -> None:
        if batch < 1:
            raise MailboxError(f"a batch of {batch} publications reads nothing")
        self._mapping = mapping
        self._cursor = ffi.new("struct amp_cursor *")
        start = lib.AMP_START_OLDEST if oldest else lib.AMP_START_LATEST
        lib.amp_cursor_open(self._cursor, channel, start)
        self._batch = batch
        self._record_words = RECORD_HEADER_WORDS + int(channel.words)
        self._records = ffi.new("uint64_t[]", batch * self._record_words)
        self._bytes = memoryview(ffi.buffer(self._records))

    def drain(self) -> memoryview:
        """Return the records not read yet, at most `batch`, as bytes; valid until the next call.

        A record is 3 + words little- or big-endian 64-bit words, as the machine has them: count,
        t_ns, mark, then the channel's words.
        """
        self._mapping.check()
        got = lib.amp_cursor_drain(self._cursor, self._records, self._batch)
        return self._bytes[: int(got) * self._record_words * 8]

    @property
    def position(self) -> int:
        """Count of the last publication read."""
        return int(self._cursor.position)

    @property
    def lost(self) -> int:
        """Publications overwritten before they were read."""
        return int(self._cursor.lost)

    @property
    def torn(self) -> int:
        """Reads that overlapped a write and were discarded."""
        return int(self._cursor.torn)


class Segment:
    """One role's shared memory in this process: its channel, owner block and, maybe, system block.

    A context manager: leaving it unmaps. What was taken from it raises MailboxError afterwards.

    Synchronization: the role that maps it writable writes; any number of processes read.
    """

    def __init__(self, mapping: platform.Mapping, plan: SegmentPlan) -> None:
        self.plan = plan
        self.owner = Owner(mapping, plan.page_size)
        self._mapping = mapping
        self._channel = ffi.new("struct amp_channel *")
        self._epoch = 0
        signals = plan.channel.signals if plan.channel is not None else ()
        self._pack = struct.Struct("=" + "".join(_FORMATS[signal.type] for signal in signals))
        self._bools = [index for index, signal in enumerate(signals) if signal.type == "bool"]
        self._words = ffi.new("uint64_t[]", len(signals))
        if plan.channel is not None:
            room = max(plan.size - plan.channel.offset, 0)
            result = lib.amp_channel_bind(
                self._channel,
                mapping.at(plan.channel.offset),
                room,
                plan.channel.words,
                plan.channel.depth,
            )
            if result < 0:
                raise _refused(plan, result, "channel")

    @classmethod
    def create(cls, plan: SegmentPlan, nonce: int) -> int:
        """Make, seal and format a segment; return its descriptor."""
        descriptor = platform.memfd(f"amphost-{plan.role}", plan.size)
        try:
            _format(descriptor, plan, nonce)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    @classmethod
    def attach(cls, descriptor: int, plan: SegmentPlan, *, nonce: int, writable: bool) -> Self:
        """Map a segment and compare it with the plan; MailboxError says what differs."""
        base = _map(descriptor, plan, writable=writable)
        mapping = platform.Mapping(base, plan.size, f"segment of {plan.role}", writable=writable)
        try:
            _compare(base, plan, nonce)
            return cls(mapping, plan)
        except BaseException:
            mapping.close()
            raise

    @property
    def native_channel(self) -> ffi.CData:
        """The bound `struct amp_channel *`; MailboxError without one, or once it is closed."""
        if self.plan.channel is None:
            raise MailboxError(f"{self.plan.role} has no channel")
        self._mapping.check()
        return self._channel

    def check_open(self) -> None:
        """Raise MailboxError once it is closed: for who has pointers into it."""
        self._mapping.check()

    def system(self) -> System:
        """Return the system block; only the supervisor's segment has one."""
        if self.plan.role_id != SUPERVISOR_ID:
            raise MailboxError(f"{self.plan.role}: the supervisor's segment alone has that block")
        return System(self._mapping, self.plan.page_size)

    def attach_writer(self, epoch: int) -> int:
        """Become the channel's writer, once the predecessor is proven dead; return its count.

        MailboxError where `epoch` is not newer than that of the newest publication: the supervisor
        counts it up, so who comes with an old one was not started as a successor.
        """
        channel = self.native_channel
        self._mapping.check(writing=True)
        latest = self.latest()
        written = latest[2] & EPOCH_MASK if latest is not None else 0
        if epoch <= written:
            raise MailboxError(f"{self.plan.role}: epoch {written} has written, {epoch} may not")
        self._epoch = epoch
        return int(lib.amp_channel_attach(channel, epoch))

    def publish(self, t_ns: int, flags: int, words: Sequence[float | int | bool]) -> None:
        """Publish one value for each signal of the channel, in the plan's order."""
        channel = self.native_channel
        self._mapping.check(writing=True)
        if not self._epoch:
            raise MailboxError(f"{self.plan.role}: publish only after attach_writer")
        try:
            self._pack.pack_into(ffi.buffer(self._words), 0, *words)
        except (struct.error, OverflowError) as error:
            raise MailboxError(f"{self.plan.role}: {error}; it has {self._signature()}") from error
        lib.amp_channel_publish(channel, t_ns, flags, self._words)

    def latest(self) -> tuple[int, int, int, tuple[Any, ...]] | None:
        """Return count, t_ns, mark and the typed values of the newest publication, if any."""
        self._mapping.check()
        if self.plan.channel is None:
            return None
        record = ffi.new("uint64_t[]", RECORD_HEADER_WORDS + len(self._words))
        sample = ffi.cast("struct amp_sample *", record)
        if lib.amp_channel_latest(self._channel, sample, ffi.NULL) != lib.AMP_READ_VALUE:
            return None
        values = list(self._pack.unpack_from(ffi.buffer(record), RECORD_HEADER_WORDS * 8))
        for index in self._bools:
            values[index] = bool(values[index])
        return int(sample.count), int(sample.t_ns), int(sample.mark), tuple(values)

    def count(self) -> int:
        """Return the count of the newest publication."""
        return int(lib.amp_channel_count(self.native_channel))

    def follow(self, batch: int, *, oldest: bool) -> Follower:
        """Open a cursor that reads at most `batch` publications a call."""
        return Follower(self._mapping, self.native_channel, batch, oldest=oldest)

    def close(self) -> None:
        """Unmap; a second call does nothing."""
        self._mapping.close()

    def _signature(self) -> str:
        signals = self.plan.channel.signals if self.plan.channel is not None else ()
        return ", ".join(f"{signal.name}:{signal.type}" for signal in signals)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _map(descriptor: int, plan: SegmentPlan, *, writable: bool) -> ffi.CData:
    base = ffi.new("void **")
    result = lib.amp_platform_map(descriptor, plan.size, writable, base)
    if result < 0:
        raise _refused(plan, result)
    return base[0]


def _format(descriptor: int, plan: SegmentPlan, nonce: int) -> None:
    base = _map(descriptor, plan, writable=True)
    directory = plan.directory.encode()
    result = lib.amp_segment_format(
        base, _identity(plan, nonce), directory, len(directory), time.monotonic_ns()
    )
    lib.amp_platform_unmap(base, plan.size)
    if result < 0:
        raise _refused(plan, result)


def _identity(plan: SegmentPlan, nonce: int) -> ffi.CData:
    return ffi.new(
        "struct amp_segment_identity *",
        {
            "size": plan.size,
            "layout_hash": plan.layout_hash,
            "nonce": nonce,
            "role": plan.role_id,
            "page_size": plan.page_size,
        },
    )


def _compare(base: ffi.CData, plan: SegmentPlan, nonce: int) -> None:
    result = lib.amp_segment_check(base, _identity(plan, nonce))
    if result == -lib.AMP_ELAYOUT:
        raise MailboxError(
            "\n".join([f"segment of {plan.role}: {LAYOUT}", *_difference(plan, base)])
        )
    if result < 0:
        raise _refused(plan, result)


def _refused(plan: SegmentPlan, result: int, part: str = "segment") -> MailboxError:
    number = lib.amp_platform_errno() if result == -lib.AMP_ESYS else 0
    why = os.strerror(number) if number else _REFUSALS.get(result, f"refused ({result})")
    return MailboxError(f"{part} of {plan.role}: {why}")


def _difference(plan: SegmentPlan, base: ffi.CData) -> list[str]:
    import difflib  # only a refusal needs it

    room = ffi.new("char[]", lib.AMP_DIRECTORY_MAX)
    size = lib.amp_segment_directory(base, room, lib.AMP_DIRECTORY_MAX)
    found = bytes(ffi.buffer(room, size)).decode("utf-8", "replace")
    lines = difflib.unified_diff(
        plan.directory.splitlines(), found.splitlines(), "plan", "segment", lineterm="", n=0
    )
    return list(lines)
