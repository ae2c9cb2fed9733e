"""Cache lines a message: what the benchmark's clock shows on one machine, held without a clock."""

from __future__ import annotations

import ctypes
import faulthandler
import mmap
import os
import signal
from collections.abc import Callable

import pytest
from amphost._native.amp import ffi, lib

LINE = 64
PAGE = mmap.PAGESIZE
DEPTH = PAGE // LINE
WORDS = 5
PROT_NONE = 0


class Guarded:
    """A channel whose writer's line ends one page and whose slots fill the next two.

    So a process that must not touch the line, or the slots of a page, can be kept from it.
    """

    def __init__(self) -> None:
        self.memory = mmap.mmap(-1, 4 * PAGE)
        self.base = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        self.channel = ffi.new("struct amp_channel *")
        at = ffi.cast("void *", self.base + PAGE - LINE)
        assert lib.amp_channel_bind(self.channel, at, 3 * PAGE, WORDS, 2 * DEPTH) == 0
        lib.amp_channel_attach(self.channel, 1)

    def publish(self, times: int) -> None:
        """Publish so many."""
        words = ffi.new("uint64_t[]", WORDS)
        for _ in range(times):
            lib.amp_channel_publish(self.channel, 0, 0, words)

    def forbid(self, page: int) -> None:
        """Take this page's access away."""
        libc = ctypes.CDLL(None, use_errno=True)
        address = ctypes.c_void_p(self.base + page * PAGE)
        assert libc.mprotect(address, ctypes.c_size_t(PAGE), PROT_NONE) == 0


def end_of(act: Callable[[], bool]) -> int:
    """Do it in a child; return its exit code, negative for the signal that ended it."""
    child = os.fork()
    if child == 0:
        code = 2
        faulthandler.disable()  # a fault is what is looked for
        try:
            code = 0 if act() else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def reads(guarded: Guarded, most: int) -> int:
    """Open a cursor, make the writer's page untouchable, read; return how many came."""
    cursor = ffi.new("struct amp_cursor *")
    record = ffi.new("uint64_t[]", 3 + WORDS)
    sample = ffi.cast("struct amp_sample *", record)
    lib.amp_cursor_open(cursor, guarded.channel, lib.AMP_START_OLDEST)
    guarded.forbid(0)
    return sum(lib.amp_cursor_next(cursor, sample) == lib.AMP_READ_VALUE for _ in range(most))


def test_message_of_five_words_is_one_line() -> None:
    """Five words share the line of their header: one transfer from core to core a message."""
    one, two = lib.amp_channel_size(WORDS, 8), lib.amp_channel_size(WORDS, 16)
    assert two - one == 8 * LINE
    assert lib.amp_channel_size(WORDS + 1, 16) - lib.amp_channel_size(WORDS + 1, 8) == 16 * LINE


def test_cursor_reads_the_slots_and_nothing_else() -> None:
    """Looking at the writer's line as well would cost a second transfer a message."""
    guarded = Guarded()
    guarded.publish(10)
    assert end_of(lambda: reads(guarded, 20) == 10) == 0


def test_guard_bites() -> None:
    """A page that could still be read would let the test above pass for nothing."""

    def look() -> bool:
        guarded = Guarded()
        guarded.publish(1)
        guarded.forbid(0)
        return bool(lib.amp_channel_count(guarded.channel))

    assert end_of(look) == -signal.SIGSEGV


@pytest.mark.parametrize(("times", "expected"), [(DEPTH - 1, 0), (DEPTH, -signal.SIGSEGV)])
def test_writer_touches_its_line_and_one_slot(times: int, expected: int) -> None:
    """A writer that ran ahead into the next slots would take lines away from their readers."""

    def write() -> bool:
        guarded = Guarded()
        guarded.forbid(2)  # the slots from DEPTH on; publication k stands in slot k
        guarded.publish(times)
        return True

    assert end_of(write) == expected
