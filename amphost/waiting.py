"""Sleeping until a channel has something new, and waking who sleeps.

Rules. For roles that are not real-time. A reader spins for 20 us, then sleeps in the kernel. It
gives its own segment only if the writer wakes it, behind each publication; that costs the writer no
system call while nobody sleeps. Without it, as with every real-time writer, the reader looks once a
millisecond by itself. A wait leaves the interpreter lock and runs signal handlers; the segments it
looks at stay open until it is over.
"""

from __future__ import annotations

import time

from amphost._native.amp import ffi, lib

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from collections.abc import Sequence

    from amphost.blocks import Owner
    from amphost.platform import Mapping

FOREVER_S = 1e9


class Waiter:
    """A place to wait for one channel.

    Synchronization: one thread, and a role waits for one channel at a time.
    """

    def __init__(
        self, mappings: Sequence[Mapping], channel: ffi.CData, own: Owner | None, writer_id: int
    ) -> None:
        self._mappings = tuple(mappings)
        self._native = ffi.new("struct amp_waiter *")
        block = own.native if own is not None else ffi.NULL
        lib.amp_waiter_open(self._native, channel, block, writer_id)

    def wait(self, seen: int, timeout_s: float = FOREVER_S) -> bool:
        """Wait until a publication newer than `seen` is there; False when the time is over."""
        deadline_ns = time.monotonic_ns() + int(min(max(timeout_s, 0.0), FOREVER_S) * 1e9)
        pinned: list[Mapping] = []
        try:
            for mapping in self._mappings:
                mapping.pin()
                pinned.append(mapping)
            while True:  # a signal ends the call, its handler runs here, then it goes on
                ended = lib.amp_wait(self._native, seen, deadline_ns)
                if ended != lib.AMP_WAITED_SIGNAL:
                    return bool(ended == lib.AMP_WAITED_NEWS)
        finally:
            for mapping in pinned:
                mapping.unpin()


class Waker:
    """Wakes the readers of one channel, from the role that publishes it.

    Synchronization: the channel's writing thread.
    """

    def __init__(
        self, mappings: Sequence[Mapping], channel: ffi.CData, writer_id: int, owners: list[Owner]
    ) -> None:
        self._mappings = tuple(mappings)
        self._channel = channel
        self._writer_id = writer_id
        self._count = len(owners)
        self._owners = ffi.new("struct amp_owner *[]", [owner.native for owner in owners])

    def wake(self) -> bool:
        """Wake who sleeps, behind a publication; return whether anybody did."""
        for mapping in self._mappings:
            mapping.check()
        woken = lib.amp_wake(self._channel, self._writer_id, self._owners, self._count)
        return bool(woken)
