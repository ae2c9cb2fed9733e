"""Our channel as the bench's Python processes use it: a sealed memfd that both map.

Rules. Every access is a call into the extension, as amphost.mailbox makes it: `put`, `take`,
`publish`, `next`, `put_many` and `drain_into` are the METH_FASTCALL functions of its readers and
writers. PerCall goes through plain cffi instead, to show what they save.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from amphost._native.amp import ffi, lib

from amphost import platform
from amphost._native import amp

ROOM = 16 << 20
DEPTH = 1024
RECORD_HEADER = 3


class Memory:
    """A shared channel of `words` words.

    Synchronization: one writing process, any number of readers.
    """

    def __init__(self, words: int, depth: int = DEPTH) -> None:
        self.fd = platform.memfd("amphost-bench", ROOM)
        self.words, self.depth = words, depth

    @functools.cached_property
    def region(self) -> Any:
        """Map it: in the process that uses it, since a mapping is not inherited."""
        return amp.Region(self.fd, ROOM, True, "bench")

    def writer(self, kind: str = "Q") -> Any:
        return self.region.writer(0, self.words, self.depth, kind.encode() * self.words, 1)

    def reader(self, kind: str = "Q", *, oldest: bool = False) -> Any:
        return self.region.reader(0, self.words, self.depth, kind.encode() * self.words, oldest)

    def native(self) -> Any:
        """Return a view of the channel for calls through cffi."""
        channel = ffi.new("struct amp_channel *")
        at = ffi.cast("void *", self.region.address)
        if lib.amp_channel_bind(channel, at, ROOM, self.words, self.depth) != 0:
            raise ValueError(f"no channel of {self.words} words and {self.depth} slots")
        return channel

    def drain(self, most: int) -> tuple[Callable[[], int], Any]:
        """Return a call that reads up to `most` records, and the array that numpy sees them in."""
        import numpy as np

        records = np.zeros((most, RECORD_HEADER + self.words), dtype="=u8")
        return functools.partial(self.reader().drain_into, records), records


class Ours:
    """Single messages as bytes."""

    refuses, paced, depth = False, True, DEPTH

    def __init__(self, size: int) -> None:
        self.payload: Any = bytes(size)
        self.memory = Memory(size // 8, self.depth)

    def sender(self) -> Callable[[Any], object]:
        return functools.partial(self.memory.writer().put, 0, 0)

    def receiver(self) -> Callable[[], object]:
        take: Callable[[], object] = self.memory.reader().take
        return take


class Values(Ours):
    """Single messages as typed values: a tuple of numbers comes out."""

    def sender(self) -> Callable[[Any], object]:
        publish = self.memory.writer("d").publish
        values = [float(i) for i in range(self.memory.words)]
        return lambda _payload: publish(0, 0, *values)

    def receiver(self) -> Callable[[], object]:
        following: Callable[[], object] = self.memory.reader("d").next
        return following


class PerCall(Ours):
    """Single messages through cffi, one call each."""

    def sender(self) -> Callable[[Any], object]:
        channel = self.memory.native()
        lib.amp_channel_attach(channel, 1)
        words = ffi.new("uint64_t[]", self.memory.words)
        return lambda _payload: lib.amp_channel_publish(channel, 0, 0, words)

    def receiver(self) -> Callable[[], object]:
        cursor = ffi.new("struct amp_cursor *")
        lib.amp_cursor_open(cursor, self.memory.native(), lib.AMP_START_LATEST)
        record = ffi.new("uint64_t[]", RECORD_HEADER + self.memory.words)
        sample = ffi.cast("struct amp_sample *", record)
        return lambda: record if lib.amp_cursor_next(cursor, sample) == lib.AMP_READ_VALUE else None
