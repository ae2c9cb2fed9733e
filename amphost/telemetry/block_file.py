"""A file that grows by whole blocks, so that a full disk costs the newest block and nothing else.

Rules. A block is stored whole or not at all. Room is asked for before it is needed: what was
promised a place by `reserve` fits, however full the disk is by then. The file is locked while it
grows and the kernel drops the lock with the process, so anybody can tell a file that is being
written from one whose writer has died. Nothing here knows what is in a block.
"""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Protocol, Self


class Store(Protocol):
    """Where a recorder puts its blocks."""

    @property
    def path(self) -> Path: ...
    def append(self, block: bytes) -> None: ...
    def reserve(self, end: int) -> None: ...
    def close(self) -> None: ...


def lock(descriptor: int) -> bool:
    """Take the lock that says "being written"; False when somebody else has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class BlockFile:
    """A new file with a lock on it. Every method but `close` may be tried again after an OSError.

    Write-back is started with each block and never waited for until `close`, which makes the file
    durable: a card that stalls must not stall the reader of a mailbox, and what a power cut can
    take is what the kernel has not yet written, not half a minute of it.

    Synchronization: one writer.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._size = 0

    @classmethod
    def create(cls, directory: Path, stem: str) -> Self:
        """Make `stem.mcap`, or `stem_2.mcap` and so on where that name is taken."""
        directory.mkdir(parents=True, exist_ok=True)
        for number in count(1):
            path = directory / (f"{stem}.mcap" if number == 1 else f"{stem}_{number}.mcap")
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
            except FileExistsError:
                continue
            if _locked(descriptor) and is_at(descriptor, path):
                return cls(path, descriptor)
            os.close(descriptor)  # somebody took it for an abandoned file: leave it to them
        raise AssertionError  # count() does not end

    def append(self, block: bytes) -> None:
        """Store `block`, or raise OSError and leave the file as it was."""
        try:
            self._write(memoryview(block), self._size)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._descriptor, self._size)
            raise
        with suppress(OSError):  # advice: starts the write-back, and waits for nothing
            os.posix_fadvise(self._descriptor, self._size, len(block), os.POSIX_FADV_DONTNEED)
        self._size += len(block)

    def reserve(self, end: int) -> None:
        """Make sure that the file can grow to `end` bytes, or raise OSError."""
        if end > self._size:
            os.posix_fallocate(self._descriptor, self._size, end - self._size)

    def close(self) -> None:
        """Cut off what was reserved, make the file durable, give up the lock.

        A file in which nothing was ever stored is removed.
        """
        try:
            if self._size == 0:
                self.path.unlink(missing_ok=True)
            os.ftruncate(self._descriptor, self._size)
            os.fsync(self._descriptor)
        finally:
            os.close(self._descriptor)

    def _write(self, rest: memoryview, at: int) -> None:
        while rest:
            written = os.pwrite(self._descriptor, rest, at)
            if written == 0:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            rest = rest[written:]
            at += written


def _locked(descriptor: int) -> bool:
    try:
        return lock(descriptor)
    except OSError:
        return True  # no locks on this file system: better a recording without one than none


def is_at(descriptor: int, path: Path) -> bool:
    """Tell whether the open file is still the one that `path` names."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(descriptor), there)
