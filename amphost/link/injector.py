"""What every fault of one direction has in common: chance, and a count of what it has done.

Rules. Pure: a piece of the line in, the pieces that take its place out. A piece is a frame with its
delimiter, or what others have left of one. Chance is drawn as the distance to the next hit, from a
generator of each fault's own, so what happens depends on the bytes that pass while the fault is on
and never on how they were cut into reads. Each counts what it has really done.
"""

from __future__ import annotations

from _random import Random  # random itself takes 6 ms: hashlib and all its distributions
from math import log1p

TYPE_CHECKING = False  # typing's own costs a process 6 ms and 0.6 MB
if TYPE_CHECKING:
    from amphost.plan.faults_model import FaultPlan

NEVER = 1e18


class Injector:
    """One fault in one direction. `count` is how often it has struck.

    Synchronization: one thread.
    """

    def __init__(self, plan: FaultPlan, seed: int, schema_hash: int) -> None:
        self.plan = plan
        self.count = 0
        self.random = Random(seed)
        self.schema_hash = schema_hash
        self._always = plan.rate >= 1.0
        self._miss = 0.0 if self._always else log1p(-plan.rate)
        self._left = self._distance()

    def apply(self, piece: bytes) -> list[bytes]:
        """Return what takes the place of a piece that passes while the fault is on."""
        raise NotImplementedError

    def rest(self) -> list[bytes]:
        """Return what is still held back now that the fault is off."""
        return []

    def see(self, piece: bytes) -> None:
        """Look at a piece that passes, whether the fault is on or off."""

    def hits(self, units: int) -> list[int]:
        """Return which of the next `units` bytes or frames are struck."""
        found = []
        at = self._left
        while at < units:
            found.append(at)
            at += 1 + self._distance()
        self._left = at - units
        return found

    def below(self, bound: int) -> int:
        """Return a number of [0, bound)."""
        return int(self.random.random() * bound)

    def noise(self, size: int) -> bytes:
        """Return random bytes, delimiters among them."""
        return self.random.getrandbits(8 * size).to_bytes(size, "little") if size else b""

    def _distance(self) -> int:
        if self._always:
            return 0
        return int(min(log1p(-self.random.random()) / self._miss, NEVER))
