"""A system's mailbox in one process: the supervisor's view of every segment, and a role's own.

Rules. What a role process would do is done by calls of this thread, or of one that the test joins;
the memory, the bindings and the native code are the real ones.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from amphost.mailbox import Segment
from amphost.plan.model import Plan, RolePlan
from amphost.supervisor.launch import Segments

NONCE = 0x51AFE
JOIN_S = 10.0


class RoleBench:
    """The segments of one plan. Close it.

    Synchronization: one thread, but for `run`.
    """

    def __init__(self, plan: Plan, name: str) -> None:
        self.plan = plan
        self.role: RolePlan = next(role for role in plan.roles if role.name == name)
        self.segments = Segments(plan, NONCE)
        self.supervisor = self.segments.mapped["supervisor"]
        self.system = self.supervisor.system()
        self.origin_ns = time.monotonic_ns()
        self.view: dict[str, Segment] = {}
        for segment in (self.role.segment, *self.role.writes, *self.role.reads):
            own = segment not in self.role.reads
            descriptor = self.segments.descriptors[segment.role]
            attached = Segment.attach(descriptor, segment, nonce=NONCE, writable=own)
            self.view[segment.role] = attached
        self.view[name].attach_writer(1)
        self._stop = threading.Event()

    @property
    def facts(self) -> Any:
        """The facts of this run, as a handover has them."""
        return SimpleNamespace(nonce=NONCE, epoch=1, origin_ns=self.origin_ns)

    def writer(self, name: str) -> Segment:
        """Map another role's segment as that role does, to publish in its place."""
        plan = next(role.segment for role in self.plan.roles if role.name == name)
        descriptor = self.segments.descriptors[name]
        segment = Segment.attach(descriptor, plan, nonce=NONCE, writable=True)
        segment.attach_writer(1)
        self.view[f"{name} as itself"] = segment
        return segment

    def ask_end(self) -> None:
        """Ask the role to leave, as the supervisor does."""
        self.system.set_role(self.role.role_id, state=3, pid=1, epoch=1, end=True)

    def run(
        self, loop: Callable[[], str], meanwhile: Callable[[], bool], *, asks: bool = True
    ) -> str:
        """Run a role's native loop in a thread, beating for the supervisor; return its end.

        `meanwhile` is called over and over until it returns true; then the role is asked to end,
        unless it must end by itself.
        """
        ends: list[str] = []
        thread = threading.Thread(target=lambda: ends.append(loop()))
        thread.start()
        deadline_s = time.monotonic() + JOIN_S
        done = False
        while thread.is_alive() and time.monotonic() < deadline_s:
            self.supervisor.owner.beat(time.monotonic_ns())
            if not done and meanwhile():
                done = True
                if asks:
                    self.ask_end()
            time.sleep(0.001)
        self.ask_end()
        thread.join(JOIN_S)
        assert ends, "the loop did not come back"
        assert done, "what was waited for did not happen"
        return ends[0]

    def close(self) -> None:
        """Unmap and close everything."""
        for segment in self.view.values():
            segment.close()
        self.segments.close()
