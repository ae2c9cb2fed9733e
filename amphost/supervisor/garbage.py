"""Tell a line on which only garbage comes from one that is silent, or sometimes right.

Rules. Reads an io role's own counters, never acts. Evidence is what has come since the newest good
frame: bytes, of which frames were made, and none of them good. A wrong baud looks like that, and so
does a device that babbles; a message that says so asks, it does not claim.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from amphost.pump import SESSION_STATES

if TYPE_CHECKING:
    from amphost.blocks import Owner

BYTES_MIN = 256
FRAMES_MIN = 3
"""Less than this may be one disturbance that has just passed."""


@dataclass(slots=True)
class Garbage:
    """What a line has carried since its newest good frame.

    Synchronization: one thread.
    """

    frames: int = 0
    bytes: int = 0
    bad: int = 0
    told: bool = False

    def look(self, owner: Owner, baud: int) -> str:
        """Return what is to be said of a link that is down; empty for nothing, or nothing new."""
        frames = owner.counter("frames_in")
        if frames != self.frames:
            self.frames = frames
            self.bytes, self.bad = _came(owner), owner.counter("bad_frames")
            self.told = False
        up = SESSION_STATES.get(owner.gauge("link")) == "up"
        text = "" if up or self.told else self.text(owner, baud)
        self.told = self.told or bool(text)
        return text

    def text(self, owner: Owner, baud: int) -> str:
        """Return what the evidence says; empty for none."""
        bad = owner.counter("bad_frames") - self.bad
        if _came(owner) - self.bytes < BYTES_MIN or bad < FRAMES_MIN:
            return ""
        return f"only framing garbage at {baud} baud: wrong baud?"


def never_heard(owner: Owner, baud: int) -> str:
    """Say what came from a device that has never answered; empty where it has."""
    if owner.counter("frames_in"):
        return ""
    if owner.counter("bytes_in") == 0:
        return "not one byte has come: power, wiring, or another baud?"
    return Garbage().text(owner, baud)


def _came(owner: Owner) -> int:
    """Return the bytes that were looked at."""
    return owner.counter("bytes_in") - owner.counter("bytes_dropped")
