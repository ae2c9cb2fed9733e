"""Read a line's tap: blocks of bytes and marks, in order, with exact loss.

Rules. A follower of the tap's channel in, records of a trace out; native/include/amp/tap.h says how
a block becomes pieces. Where pieces were lost a record says so, between what came before
and what came after.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from amphost.link.trace import Kind, Record
from amphost.plan.link_segments import TAP_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Protocol

    class Follower(Protocol):
        """What is read."""

        def drain(self) -> memoryview: ...


KINDS = {1: Kind.FROM_DEVICE, 2: Kind.TO_DEVICE, 3: Kind.PORT_LOST, 4: Kind.PORT_OPENED}
MORE = 16  # AMP_TAP_MORE
KIND_MASK = 15
SIZE_SHIFT = 8
PIECE = TAP_WORDS * 8
FLAGS_SHIFT = 32
_PIECE = struct.Struct(f"=QqQ{PIECE}s")
_ARGUMENT = struct.Struct("=q")
_STORED = struct.Struct("<q")


class TapReader:
    """A place in a tap.

    Synchronization: one thread; the io role never looks at it.
    """

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._wanted = 0  # the count of the piece that follows; 0: any
        self._parts: list[bytes] = []
        self._kind = Kind.FROM_DEVICE  # of the block that has begun
        self._t_ns = 0

    def drain(self) -> Iterator[Record]:
        """Yield the records that have come since the last call."""
        while pieces := self._follower.drain():
            for count, t_ns, mark, content in _PIECE.iter_unpack(bytes(pieces)):
                if self._wanted not in (0, count):
                    yield from self._block()
                    lost = struct.pack("<Q", count - self._wanted)
                    yield Record(t_ns=t_ns, kind=Kind.MISSED, content=lost)
                self._wanted = count + 1
                yield from self._take(t_ns, mark >> FLAGS_SHIFT, content)

    def _block(self) -> Iterator[Record]:
        """Yield the block that has come so far, if any of it has."""
        if self._parts:
            yield Record(t_ns=self._t_ns, kind=self._kind, content=b"".join(self._parts))
            self._parts.clear()

    def _take(self, t_ns: int, flags: int, content: bytes) -> Iterator[Record]:
        kind = KINDS.get(flags & KIND_MASK)
        if kind in (Kind.FROM_DEVICE, Kind.TO_DEVICE):
            self._kind, self._t_ns = kind, t_ns
            self._parts.append(content[: min(flags >> SIZE_SHIFT, PIECE)])
            if not flags & MORE:
                yield from self._block()
        elif kind is not None:
            (argument,) = _ARGUMENT.unpack_from(content)
            stored = _STORED.pack(argument) if kind is Kind.PORT_LOST else b""
            yield Record(t_ns=t_ns, kind=kind, content=stored)
