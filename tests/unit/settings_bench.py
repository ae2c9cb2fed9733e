"""A supervisor's settings beside a real loop whose periods the test makes, one call each."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from amphost._native.amp import lib

from amphost.lifecycle import RoleState
from amphost.loop import Loop
from amphost.plan.model import Plan
from amphost.supervisor.control_socket import Peer, Request
from amphost.supervisor.events import Events
from amphost.supervisor.runs import RoleRun
from amphost.supervisor.settings import Settings
from amphost.watchdog import Watchdog
from tests.unit.role_bench import RoleBench

PEER = Peer(uid=1000, pid=4242)
PID = (
    "voltage: {gain: error, by: 2.0}",
    "voltage: {pid: error, kp: 2.0, ki: 1.0, kd: 0.1, derivative_cutoff_hz: 100, tunable: true}",
)
MS = 1_000_000


class SettingsBench(RoleBench):
    """The standard system's mailbox, its settings, and control's own loop. Close it.

    Synchronization: one thread.
    """

    def __init__(self, plan: Plan, profile: Sequence[tuple[float, float]] = ()) -> None:
        operator = plan.supervisor.operator
        moving = tuple(replace(value, profile=tuple(profile)) for value in operator.values)
        operator = replace(operator, values=moving)
        plan = replace(plan, supervisor=replace(plan.supervisor, operator=operator))
        super().__init__(plan, "control")
        self.watchdog = Watchdog(plan.supervisor, self.segments.mapped)
        ids = {role.name: role.role_id for role in plan.roles}
        self.events = Events(self.segments.mapped["events"], ids)
        self.runs = {
            role.name: RoleRun(plan=role, state=RoleState.RUNNING, epoch=1) for role in plan.roles
        }
        self.settings = Settings(plan, self.segments.mapped, self.runs, self.watchdog, self.events)
        self.loop = self.begin()
        self._now_ns = time.monotonic_ns()

    def begin(self) -> Loop:
        """Set a loop up as the role process of this epoch does, from the plan it is handed."""
        run = self.runs["control"]
        assert run.plan.control is not None
        return Loop(run.plan, run.plan.control, self.view, self.origin_ns, epoch=run.epoch)

    def tick(self, later_ns: int = MS) -> None:
        """Make the loop's next period, and a turn of the supervisor."""
        self.loop_only(later_ns)
        self.settings.turn()

    def loop_only(self, later_ns: int = MS) -> None:
        """Make the loop's next period."""
        self._now_ns += later_ns
        lib.amp_loop_tick(self.loop.native, self._now_ns, self._now_ns)

    def publish(self, later_ns: int = 0) -> None:
        """Make a pass of the watchdog thread: it publishes the operator's values."""
        lib.amp_watch_pass(self.watchdog.native, time.monotonic_ns() + later_ns)

    def ask(self, verb: str, **fields: object) -> dict[str, Any]:
        """Ask as a client does."""
        return self.settings.answer(Request(verb=verb, fields=dict(fields), peer=PEER))

    def set(self, **values: object) -> dict[str, Any]:
        """Set values; `__` stands for the dot of a name."""
        return self.ask("set", values={key.replace("__", "."): v for key, v in values.items()})

    def get(self, name: str) -> dict[str, Any]:
        """Return one value's entry."""
        (entry,) = self.ask("get", names=[name])["values"]
        found: dict[str, Any] = entry
        return found

    def happened(self, after: int = 0) -> list[dict[str, Any]]:
        """Return the events."""
        events: list[dict[str, Any]] = self.ask("events", after=after)["events"]
        return events
