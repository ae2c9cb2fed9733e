"""Faults of whole frames: lost, repeated, out of order, cut, forged, replayed.

Rules. As `link.injector`: pieces in, pieces out.
"""

from __future__ import annotations

from amphost.link.injector import Injector
from amphost.link.sealed_frame import opened, sealed, session_of, with_session

TYPE_CHECKING = False  # typing's own costs a process 6 ms and 0.6 MB
if TYPE_CHECKING:
    from amphost.plan.faults_model import FaultPlan

REMEMBERED = 256
"""Frames that a replay can fall back on."""
FOREIGN_SCHEMA = 0x5A5A5A5A


class LoseFrames(Injector):
    """Whole frames do not arrive.

    Synchronization: one thread.
    """

    def apply(self, piece: bytes) -> list[bytes]:
        """Drop a frame that is struck."""
        if not self.hits(1):
            return [piece]
        self.count += 1
        return []


class Repeat(Injector):
    """Whole frames arrive twice.

    Synchronization: one thread.
    """

    def apply(self, piece: bytes) -> list[bytes]:
        """Double a frame that is struck."""
        if not self.hits(1):
            return [piece]
        self.count += 1
        return [piece, piece]


class Reorder(Injector):
    """A frame arrives behind the one that was sent after it.

    Synchronization: one thread.
    """

    _held: bytes = b""

    def apply(self, piece: bytes) -> list[bytes]:
        """Hold a frame that is struck back until the next one has passed."""
        held, self._held = self._held, b""
        if held:
            self.count += 1
            return [piece, held]
        if not self.hits(1):
            return [piece]
        self._held = piece
        return []

    def rest(self) -> list[bytes]:
        """Let go of a frame for which no other has come."""
        held, self._held = self._held, b""
        return [held] if held else []


class Truncate(Injector):
    """A frame ends too early, with its delimiter or without.

    Synchronization: one thread.
    """

    def apply(self, piece: bytes) -> list[bytes]:
        """Cut a frame that is struck."""
        if not self.hits(1) or len(piece) < 3:
            return [piece]
        self.count += 1
        kept = piece[: 1 + self.below(len(piece) - 2)]
        return [kept + b"\0" if self.below(2) else kept]


class Stuck(Injector):
    """The sender stops in the middle of a frame, and nothing comes any more.

    Synchronization: one thread.
    """

    _cut = False

    def apply(self, piece: bytes) -> list[bytes]:
        """Let half of the first frame pass, and nothing else."""
        if self._cut:
            return []
        self._cut = True
        self.count += 1
        return [piece[: len(piece) // 2]] if len(piece) > 1 else []

    def rest(self) -> list[bytes]:
        """Be ready for the next time."""
        self._cut = False
        return []


class Masquerade(Injector):
    """A whole frame comes that is of another session, or of another schema.

    Synchronization: one thread.
    """

    def apply(self, piece: bytes) -> list[bytes]:
        """Put a forged copy before a frame that is struck; what is no frame has none."""
        body = opened(piece) if self.hits(1) else None
        if body is None:
            return [piece]
        if self.plan.foreign == "schema":
            forged = sealed(body, self.schema_hash ^ FOREIGN_SCHEMA)
        else:
            forged = sealed(with_session(body, session_of(body) ^ 0x5555), self.schema_hash)
        if forged == piece:
            return [piece]  # of a type that has no schema
        self.count += 1
        return [forged, piece]


class Replay(Injector):
    """Frames of an earlier session come again, unchanged.

    Synchronization: one thread.
    """

    _session = 0

    def __init__(self, plan: FaultPlan, seed: int, schema_hash: int) -> None:
        super().__init__(plan, seed, schema_hash)
        self._now: list[bytes] = []
        self._old: list[bytes] = []
        self._next = 0

    def see(self, piece: bytes) -> None:
        """Remember the frames of the session that stands; they are old when another begins."""
        body = opened(piece)
        if body is None:
            return
        session = session_of(body)
        if session != self._session:
            if self._now:
                self._old, self._now, self._next = self._now, [], 0
            self._session = session
        if len(self._now) < REMEMBERED:
            self._now.append(piece)

    def apply(self, piece: bytes) -> list[bytes]:
        """Put an old frame before one that is struck, if there is any."""
        if not self.hits(1) or not self._old:
            return [piece]
        self.count += 1
        old = self._old[self._next % len(self._old)]
        self._next += 1
        return [old, piece]
