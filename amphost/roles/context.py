"""What every role has at hand while it runs: its plan, its segments, the supervisor's word.

Rules. A role gets this and nothing else; it imports no other role. Effects (clock, sleep, status
line) go through it, so that a test can stand in for a whole system with one object.
"""

from __future__ import annotations

import os
import time
from _signal import SIGKILL  # type: ignore[import-not-found] # signal makes enums

from amphost import platform
from amphost.errors import AmphostError
from amphost.mailbox import Segment
from amphost.roles import handover

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from typing import Any

    from amphost.plan.model import RolePlan
    from amphost.roles.handover import Run


class Context:
    """One role in one run.

    Synchronization: one thread.
    """

    def __init__(self, plan: RolePlan, run: Run) -> None:
        self.plan = plan
        self.run = run
        self.segments: dict[str, Segment] = {}
        owned = [plan.segment, *plan.writes]
        plans = [*owned, *plan.reads]
        for descriptor, segment in zip(run.segments, plans, strict=True):
            writable = len(self.segments) < len(owned)
            self.segments[segment.role] = Segment.attach(
                descriptor, segment, nonce=run.nonce, writable=writable
            )
            if plan.exec is None:  # it hands them on
                os.close(descriptor)
        self.segment.attach_writer(run.epoch)
        self._system = self.segments["supervisor"].system()
        self._beat = (-1, 0)

    @property
    def segment(self) -> Segment:
        """The role's own segment."""
        return self.segments[self.plan.name]

    @property
    def attachments(self) -> list[tuple[str, str, bytes]]:
        """Name, media type and content of what belongs beside a recording."""
        return [
            (name, media_type, os.pread(descriptor, os.fstat(descriptor).st_size, 0))
            for name, media_type, descriptor in self.run.attachments
        ]

    def now(self) -> int:
        """Return CLOCK_MONOTONIC in ns."""
        return time.monotonic_ns()

    def sleep(self, duration_ns: int) -> None:
        """Sleep; a Python role keeps no grid."""
        time.sleep(max(duration_ns, 0) / 1e9)

    def wanted_end(self) -> bool:
        """Return whether the supervisor has asked this role to leave."""
        return self._system.wanted_end(self.plan.role_id)

    def system_mode(self) -> tuple[int, int]:
        """Return the system's mode and act of arming."""
        return self._system.mode()

    def supervisor_alive(self, now_ns: int) -> bool:
        """Return whether the supervisor's heartbeat moved within this role's bound."""
        beat = self.segments["supervisor"].owner.heartbeat()[0]
        if beat != self._beat[0]:
            self._beat = (beat, now_ns)
        return now_ns - self._beat[1] <= self.plan.supervisor_ns

    def die_with_supervisor(self) -> None:
        """Have Linux kill this process when its supervisor ends; AmphostError if it is gone."""
        import select  # for roles of a user's code alone

        platform.die_with_parent(SIGKILL)
        poll = select.poll()  # who died before that call has closed its end of the status line
        poll.register(self.run.status_fd, 0)
        if poll.poll(0):
            raise AmphostError("its supervisor is gone")

    def report(self, **fields: Any) -> None:
        """Tell the supervisor something for the run's report."""
        handover.status(self.run.status_fd, "report", **fields)
