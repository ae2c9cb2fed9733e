"""Our channel as the bench's Python processes use it: in memory that both map, before they fork.

Rules. Every access is a call into the extension, as amphost.mailbox makes it: `put`, `take`,
`publish` and `next` are its METH_FASTCALL functions, `drain` is the call that Follower.drain makes.
"""

from __future__ import annotations

import functools
import mmap
import os
from collections.abc import Callable
from typing import Any

from amphost._native import amp
from amphost._native.amp import ffi, lib

ROOM = 16 << 20
DEPTH = 1024
RECORD_HEADER = 3


class Memory:
    """A shared channel of `words` words, bound in this process.

    Synchronization: one writing process, any number of readers.
    """

    def __init__(self, words: int, depth: int = DEPTH, *, fd: int | None = None) -> None:
        self.fd = os.memfd_create("bench") if fd is None else fd
        if fd is None:
            os.truncate(self.fd, ROOM)
        self.words, self.depth = words, depth
        self.map = mmap.mmap(self.fd, ROOM, flags=mmap.MAP_SHARED | mmap.MAP_POPULATE)
        self.native = ffi.new("struct amp_channel *")
        at = ffi.cast("void *", ffi.from_buffer(self.map))
        if lib.amp_channel_bind(self.native, at, ROOM, words, depth) != 0:
            raise ValueError(f"no channel of {words} words and {depth} slots")
        self.address = int(ffi.cast("uintptr_t", self.native))

    def writer(self, kind: str = "Q") -> Any:
        lib.amp_channel_attach(self.native, 1)
        return amp.ChannelWriter(self.address, kind.encode() * self.words)

    def reader(self, kind: str = "Q") -> Any:
        return amp.ChannelReader(self.address, kind.encode() * self.words)

    def drain(self, most: int) -> tuple[Callable[[], int], Any]:
        """Return a call that reads up to `most` records, and the array that numpy sees them in."""
        import numpy

        records = numpy.zeros((most, RECORD_HEADER + self.words), dtype="=u8")
        target = ffi.from_buffer("uint64_t[]", records)
        cursor = ffi.new("struct amp_cursor *")
        lib.amp_cursor_open(cursor, self.native, lib.AMP_START_LATEST)
        return functools.partial(lib.amp_cursor_drain, cursor, target, most), records


class Ours:
    """Single messages as bytes."""

    refuses, paced = False, True

    def __init__(self, size: int) -> None:
        self.payload: Any = bytes(size)
        self.memory = Memory(size // 8)

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
    """Single messages through cffi, one call each: what the fast functions save."""

    def sender(self) -> Callable[[Any], object]:
        lib.amp_channel_attach(self.memory.native, 1)
        words = ffi.new("uint64_t[]", self.memory.words)
        return lambda _payload: lib.amp_channel_publish(self.memory.native, 0, 0, words)

    def receiver(self) -> Callable[[], object]:
        drain, records = self.memory.drain(1)
        return lambda: records if drain() else None
