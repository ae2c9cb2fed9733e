"""What the observer needs of its surroundings, and no more.

Rules. Types only. `amphost.mailbox` and `amphost.roles.context` have all of it, and so has a test
without shared memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from typing import Any

    from amphost.plan.model import RolePlan


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
    """What the role has at hand."""

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
