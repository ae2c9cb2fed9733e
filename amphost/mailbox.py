"""The mailbox as Python sees it: segments, and what can be opened in them.

Rules. Python never touches a shared word: every access is a call into the C library, and what
comes back is a copy. A segment is mapped read-write by its role and read-only by everybody else.
What would end the process (a closed segment, a store into a read-only one) is a MailboxError.
Only the bindings use the native library: this module and its siblings in one import layer.
"""

from __future__ import annotations

import os

from amphost import identity, platform
from amphost._native.amp import Region, ffi, lib
from amphost.blocks import Owner, System
from amphost.channel import (
    EPOCH_MASK,
    FLAG_ARMED,
    FLAG_AT_SAFE,
    FLAG_STALE,
    RECORD_HEADER_WORDS,
    Follower,
    kinds,
)
from amphost.errors import MailboxError
from amphost.waiting import Waiter, Waker

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Any, Self

    from amphost.channel import ChannelReader, ChannelWriter, QueueReader, QueueWriter
    from amphost.plan.model import SegmentPlan, SignalPlan

__all__ = [
    "EPOCH_MASK",
    "FLAG_ARMED",
    "FLAG_AT_SAFE",
    "FLAG_STALE",
    "RECORD_HEADER_WORDS",
    "SUPERVISOR_ID",
    "Follower",
    "Segment",
]

SUPERVISOR_ID = 0


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
        self._newest: ChannelReader | None = None
        self._writer: ChannelWriter | None = None
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
                raise identity.refused(plan, result, "channel")
            self._newest = self.reader()

    @classmethod
    def create(cls, plan: SegmentPlan, nonce: int) -> int:
        """Make, seal and format a segment; return its descriptor."""
        descriptor = platform.memfd(f"amphost-{plan.role}", plan.size)
        try:
            identity.write(descriptor, plan, nonce)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    @classmethod
    def attach(cls, descriptor: int, plan: SegmentPlan, *, nonce: int, writable: bool) -> Self:
        """Map a segment and compare it with the plan; MailboxError says what differs."""
        what = f"segment of {plan.role}"
        mapping = platform.Mapping(Region(descriptor, plan.size, writable, what), what, writable)
        try:
            identity.compare(mapping.at(0), plan, nonce)
            return cls(mapping, plan)
        except BaseException:
            mapping.close()
            raise

    @property
    def mapping(self) -> platform.Mapping:
        """What is mapped, for the other bindings."""
        return self._mapping

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

    def reader(self, *, oldest: bool = False) -> ChannelReader:
        """Open a reader of single messages; `oldest` starts with the history, not with what comes.

        Of a full log `oldest` leaves out the oldest eighth, which the writer may soon overwrite.
        """
        return self._mapping.region.reader(*self._place(), oldest)  # type: ignore[no-any-return]

    def writer(self, epoch: int) -> ChannelWriter:
        """Become the channel's writer, once the predecessor is proven dead.

        MailboxError where `epoch` is not newer than that of the newest publication: the supervisor
        counts it up, so who comes with an old one was not started as a successor.
        """
        self._check_epoch(epoch)
        return self._mapping.region.writer(*self._place(), epoch)  # type: ignore[no-any-return]

    def attach_writer(self, epoch: int) -> int:
        """Become the channel's writer, as `writer` says, for `publish`; return its count."""
        self._writer = self.writer(epoch)
        return int(lib.amp_channel_attach(self._channel, epoch))

    def queue_writer(self, consumer: Segment, *, epoch: int, index: int = 0) -> QueueWriter:
        """Become the writer of a queue: this channel, with the cursor `index` of its consumer."""
        self._check_epoch(epoch)
        theirs = consumer.mapping.region, consumer.plan.page_size
        return self._mapping.region.queue_writer(*self._place(), epoch, *theirs, index)  # type: ignore[no-any-return]

    def queue_reader(self, own: Segment, *, index: int = 0) -> QueueReader:
        """Consume this channel as a queue, with the cursor `index` of the role's `own` segment."""
        mine = own.mapping.region, own.plan.page_size
        return self._mapping.region.queue_reader(*self._place(), *mine, index)  # type: ignore[no-any-return]

    def waiter(self, own: Segment | None = None) -> Waiter:
        """Return a place to wait for this channel; `own` is the role's segment if it is woken."""
        channel, mappings = self.native_channel, [self._mapping]
        if own is None:
            return Waiter(mappings, channel, None, self.plan.role_id)
        own.mapping.check(writing=True)
        return Waiter([*mappings, own.mapping], channel, own.owner, self.plan.role_id)

    def waker(self, readers: Sequence[Segment]) -> Waker:
        """Return what wakes the roles of `readers` when they wait for this channel."""
        mappings = [self._mapping, *(reader.mapping for reader in readers)]
        owners = [reader.owner for reader in readers]
        return Waker(mappings, self.native_channel, self.plan.role_id, owners)

    def publish(self, t_ns: int, flags: int, words: Sequence[float | int | bool]) -> None:
        """Publish one value for each signal of the channel, in the plan's order."""
        if self._writer is None:
            self.native_channel  # noqa: B018 - it says what is missing
            self._mapping.check(writing=True)
            raise MailboxError(f"{self.plan.role}: publish only after attach_writer")
        try:
            self._writer.publish(t_ns, flags, *words)
        except (TypeError, ValueError, OverflowError) as error:
            raise MailboxError(f"{self.plan.role}: {error}; it has {self._signature()}") from error

    def latest(self) -> tuple[int, int, int, tuple[Any, ...]] | None:
        """Return count, t_ns, mark and the typed values of the newest publication, if any."""
        self._mapping.check()
        record = self._newest.latest() if self._newest is not None else None
        return None if record is None else (*record[:3], record[3:])

    def count(self) -> int:
        """Return the count of the newest publication."""
        return int(lib.amp_channel_count(self.native_channel))

    def follow(self, batch: int, *, oldest: bool) -> Follower:
        """Open a cursor that reads at most `batch` publications a call."""
        return Follower(self.reader(oldest=oldest), self._signals(), batch)

    def close(self) -> None:
        """Unmap; a second call does nothing."""
        self._mapping.close()

    def _signals(self) -> tuple[SignalPlan, ...]:
        return tuple(self.plan.channel.signals) if self.plan.channel is not None else ()

    def _place(self) -> tuple[int, int, int, bytes]:
        self.native_channel  # noqa: B018 - it says what is missing
        channel = self.plan.channel
        assert channel is not None
        block = channel.words - len(channel.signals)
        return channel.offset, channel.words, channel.depth, kinds(channel.signals) + b"Q" * block

    def _check_epoch(self, epoch: int) -> None:
        self.native_channel  # noqa: B018 - it says what is missing
        self._mapping.check(writing=True)
        latest = self.latest()
        written = latest[2] & EPOCH_MASK if latest is not None else 0
        if epoch <= written:
            raise MailboxError(f"{self.plan.role}: epoch {written} has written, {epoch} may not")

    def _signature(self) -> str:
        return ", ".join(f"{signal.name}:{signal.type}" for signal in self._signals())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
