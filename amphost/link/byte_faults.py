"""Faults of single bytes and bits: flips, bursts, losses, insertions, and another speed.

Rules. As `link.injector`: pieces in, pieces out.
"""

from __future__ import annotations

from amphost.link.injector import Injector

TYPE_CHECKING = False  # typing's own costs a process 6 ms and 0.6 MB
if TYPE_CHECKING:
    from amphost.plan.faults_model import FaultPlan


class Flip(Injector):
    """One bit of a byte is turned over.

    Synchronization: one thread.
    """

    def apply(self, piece: bytes) -> list[bytes]:
        """Flip a bit of each byte that is struck."""
        hits = self.hits(len(piece))
        if not hits:
            return [piece]
        changed = bytearray(piece)
        for at in hits:
            changed[at] ^= 1 << self.below(8)
        self.count += len(hits)
        return [bytes(changed)]


class Burst(Injector):
    """A run of bits is disturbed, its first and its last for certain.

    Synchronization: one thread.
    """

    def apply(self, piece: bytes) -> list[bytes]:
        """Disturb up to `size` bits from each byte that is struck, within the piece."""
        hits = self.hits(len(piece))
        if not hits:
            return [piece]
        changed = int.from_bytes(piece, "little")
        for at in hits:
            length = min(2 + self.below(self.plan.size - 1), 8 * (len(piece) - at))
            pattern = self.random.getrandbits(length) | 1 | 1 << (length - 1)
            changed ^= pattern << 8 * at
        self.count += len(hits)
        return [changed.to_bytes(len(piece), "little")]


class LoseBytes(Injector):
    """Bytes do not arrive.

    Synchronization: one thread.
    """

    def apply(self, piece: bytes) -> list[bytes]:
        """Leave out `size` bytes from each that is struck, within the piece."""
        hits = self.hits(len(piece))
        if not hits:
            return [piece]
        kept = bytearray(piece)
        for at in reversed(hits):
            del kept[at : at + self.plan.size]
        self.count += len(hits)
        return [bytes(kept)] if kept else []


class Insert(Injector):
    """Bytes come that nobody has sent.

    Synchronization: one thread.
    """

    def apply(self, piece: bytes) -> list[bytes]:
        """Put 1 to `size` random bytes before each byte that is struck."""
        hits = self.hits(len(piece))
        if not hits:
            return [piece]
        more = bytearray(piece)
        for at in reversed(hits):
            more[at:at] = self.noise(1 + self.below(self.plan.size))
        self.count += len(hits)
        return [bytes(more)]


class WrongBaud(Injector):
    """The two ends do not agree on the speed: all that comes is garbage.

    Synchronization: one thread.
    """

    def __init__(self, plan: FaultPlan, seed: int, schema_hash: int) -> None:
        super().__init__(plan, seed, schema_hash)
        self._owed = 0.0
        self.bytes_per_byte = 1.0
        """Of the receiver for each of the sender; 1: they agree."""

    def apply(self, piece: bytes) -> list[bytes]:
        """Put noise in place of a piece: as many bytes as the receiver's clock makes of it."""
        if self.bytes_per_byte == 1.0:
            return [piece]
        self._owed += len(piece) * self.bytes_per_byte
        size = int(self._owed)
        self._owed -= size
        self.count += len(piece)
        return [self.noise(size)] if size else []
