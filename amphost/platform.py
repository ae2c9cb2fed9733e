"""What a process asks of Linux for itself: memory, timer slack, name, sealed memory.

Rules. Set-up only, nothing here is called from a loop. Each setting that Linux lets one read back
is read back by the caller (`roles.settle`), because a request is not a grant. Failures are
`OSError` with the errno, as the modules of the standard library have it.
"""

from __future__ import annotations

import os

from amphost._native.amp import Region, ffi, lib
from amphost.errors import MailboxError


class Mapping:
    """A memfd mapped into this process: whoever points into it asks here first.

    Synchronization: one thread.
    """

    def __init__(self, region: Region, what: str, writable: bool) -> None:
        self.region = region
        self._base = ffi.cast("char *", region.address)
        self._what = what
        self._writable = writable
        self._pins = 0

    def check(self, *, writing: bool = False) -> None:
        """Raise MailboxError where a load, or with `writing` a store, would end the process."""
        if self._base == ffi.NULL:
            raise MailboxError(f"{self._what}: it is closed")
        if writing and not self._writable:
            raise MailboxError(f"{self._what}: this process may only read it")

    def at(self, offset: int) -> ffi.CData:
        """Return the address `offset` bytes into it."""
        self.check()
        return self._base + offset

    def pin(self) -> None:
        """Keep it open: a call uses it without the interpreter lock."""
        self.check()
        self._pins += 1

    def unpin(self) -> None:
        """Let go of it again."""
        self._pins -= 1

    def close(self) -> None:
        """Unmap; a second call does nothing. MailboxError while a thread waits in it."""
        if self._pins:
            raise MailboxError(f"{self._what}: a thread waits in it")
        if self._base != ffi.NULL:
            self.region.close()
            self._base = ffi.cast("char *", 0)


def check(result: int, what: str) -> int:
    """Return a native result that is not negative; raise OSError for one that is."""
    if result >= 0:
        return result
    number = lib.amp_platform_errno() if result == -lib.AMP_ESYS else 0
    raise OSError(number, f"{what}: {os.strerror(number) if number else f'refused ({result})'}")


def memfd(name: str, size: int) -> int:
    """Make a sealed memfd of `size` bytes and return its descriptor (close-on-exec)."""
    return check(lib.amp_platform_memfd(name.encode(), size), f"memfd {name}")


def lock_memory(stack_bytes: int) -> None:
    """Lock this process's memory, now and later, as it is first used."""
    check(lib.amp_platform_lock_memory(stack_bytes), "mlockall")


def set_timer_slack(slack_ns: int) -> int:
    """Set the timer slack of this thread; return what Linux then says it is."""
    check(lib.amp_platform_set_timer_slack(slack_ns), "timer slack")
    return int(lib.amp_platform_timer_slack())


def set_name(name: str) -> None:
    """Set the name that ps and top show, cut to 15 bytes."""
    check(lib.amp_platform_set_name(name.encode()[:15]), "process name")


def die_with_parent(number: int) -> None:
    """Have this process killed by signal `number` as soon as its parent is gone."""
    check(lib.amp_platform_die_with_parent(number), "death signal")


def touch_code(also: ffi.CData = ffi.NULL) -> None:
    """Read every page of the code that a loop runs, so that no period is the first to.

    `also` is an address in one more library.
    """
    lib.amp_platform_touch_code(also)


def enter_sandbox(status_fd: int) -> None:
    """Allow this process the system calls of a loop and no others, for ever; OSError: it could not.

    It can write to `status_fd` and standard error, get memory and exit; it ends by `os._exit`.
    """
    check(lib.amp_sandbox_enter(status_fd), "seccomp filter")


def linux_edges() -> ffi.CData:
    """Return the platform of a thread that polls lines."""
    return lib.amp_platform_linux_edges()


def linux_unpolled() -> ffi.CData:
    """Return the platform of a loop that reads lines and never polls."""
    return lib.amp_platform_linux_unpolled()


def linux() -> ffi.CData:
    """Return the native table of Linux's clocks and streams, for the other bindings."""
    return lib.amp_platform_linux()
