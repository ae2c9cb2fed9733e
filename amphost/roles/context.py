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

    from amphost.plan.model import RolePlan, SegmentPlan
    from amphost.roles.handover import Run


class Context:
    """One role in one run; `guests` are those of the roles that share its process.

    Synchronization: one thread.
    """

    def __init__(self, plan: RolePlan, run: Run, host: Context | None = None) -> None:
        self.plan = plan
        self.run = run
        self.segments: dict[str, Segment] = {}
        self._host = host
        self.attached: dict[int, Segment] = {} if host is None else host.attached
        owned = [plan.segment, *plan.writes]
        plans = [*owned, *plan.reads]
        for descriptor, segment in zip(run.segments, plans, strict=True):
            writable = len(self.segments) < len(owned)
            self.segments[segment.role] = self._attach(descriptor, segment, writable=writable)
        self.segment.attach_writer(run.epoch)
        self._system = self.segments["supervisor"].system()
        self._beat = (-1, 0)
        self.guests = [Context(one.role, one.run, self) for one in run.guests]

    def _attach(self, descriptor: int, segment: SegmentPlan, *, writable: bool) -> Segment:
        if descriptor in self.attached:
            return self.attached[descriptor]  # roles in one process share what they only read
        attached = Segment.attach(descriptor, segment, nonce=self.run.nonce, writable=writable)
        self.attached[descriptor] = attached
        if self.plan.exec is None:  # it hands them on
            os.close(descriptor)
        return attached

    @property
    def shares_process(self) -> bool:
        """Whether other roles live in this process."""
        return self._host is not None or bool(self.guests)

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
        if self._host is not None:
            fields["role"] = self.plan.name
        handover.status(self.run.status_fd, "report", **fields)
