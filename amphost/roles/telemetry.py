"""The telemetry role: drain every channel, record it, measure tracking, count what was lost.

Rules. An observer: nobody waits for it, and it asks for nothing that control needs. Its cursors
open before it says `ready`, at the oldest sample that can still be read; what costs time (the mcap
package, the file) comes after, and the channels hold what is published meanwhile. A round drains
everything, then writes; a disk that stalls shows as lost samples, never elsewhere. Recordings that
an earlier run left cut are completed in small pieces between the rounds.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import amphost
from amphost.telemetry.tracking import Tracking, word_reader

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from typing import Any

    from amphost.plan.model import RolePlan, SegmentPlan, TelemetryPlan
    from amphost.telemetry.recorder import Recorder
    from amphost.telemetry.recover import RecoveryResult

BATCH = 1024
LAST_ROUNDS = 10
RECOVERY_SHARE = 20  # of a round's time: one in so many
FOREVER_NS = (1 << 63) - 1


class Owner(Protocol):
    """The owner block of a segment."""

    def beat(self, now_ns: int) -> None: ...


class Follower(Protocol):
    """A cursor on a channel."""

    def drain(self) -> memoryview: ...
    @property
    def position(self) -> int: ...
    @property
    def lost(self) -> int: ...


class Segment(Protocol):
    """A role's shared memory."""

    @property
    def owner(self) -> Owner: ...
    def count(self) -> int: ...
    def follow(self, batch: int, *, oldest: bool) -> Follower: ...
    def publish(self, t_ns: int, flags: int, words: Sequence[float | int | bool]) -> None: ...


class Run(Protocol):
    """The facts of this run."""

    @property
    def nonce(self) -> int: ...


class Context(Protocol):
    """What this role needs of its surroundings."""

    @property
    def plan(self) -> RolePlan: ...
    @property
    def run(self) -> Run: ...
    @property
    def segment(self) -> Segment: ...
    @property
    def segments(self) -> Mapping[str, Segment]: ...
    @property
    def attachments(self) -> Sequence[tuple[str, str, bytes]]: ...
    def now(self) -> int: ...
    def sleep(self, duration_ns: int) -> None: ...
    def wanted_end(self) -> bool: ...
    def supervisor_alive(self, now_ns: int) -> bool: ...
    def report(self, **fields: Any) -> None: ...


def run(context: Context, ready: Callable[[], None]) -> str:
    """Observe until the supervisor wants the end of it or is gone; return why it ended."""
    observer = Observer(context)
    context.segment.owner.beat(context.now())
    ready()
    observer.start_recording()
    while True:
        now_ns = context.now()
        observer.round(now_ns)
        if context.wanted_end():
            end = "ended"
            break
        if not context.supervisor_alive(now_ns):
            end = "supervisor_lost"
            break
        context.sleep(observer.telemetry.drain_period_ns - (context.now() - now_ns))
    observer.finish()
    return end
