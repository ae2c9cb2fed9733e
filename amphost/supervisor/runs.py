"""The roles and devices of a run: their plans and what has become of them.

Rules. Written by the supervisor alone; what a process says of itself comes in through `hear`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from amphost.errors import HardwareMissingError
from amphost.lifecycle import RoleState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amphost.plan.model import DevicePlan, EmulatorPlan, RolePlan
    from amphost.supervisor.process import Child

ENDS = {"supervisor_lost": "it missed the supervisor's heartbeat"}


@dataclass(slots=True, kw_only=True)
class RoleRun:
    """A role in this run.

    Synchronization: one thread.
    """

    plan: RolePlan
    host: RoleRun | None = None  # the role whose process this one shares: what it has no own of
    guests: list[RoleRun] = field(default_factory=list)  # those that share this one's process
    state: RoleState = RoleState.ABSENT
    held: bool = False  # a person starts its process, under a debugger
    epoch: int = 0
    child: Child | None = None
    handed_over: bool = False
    granted: dict[str, Any] = field(default_factory=dict)
    reports: dict[str, Any] = field(default_factory=dict)
    usage: dict[str, float | None] = field(default_factory=dict)
    restarts_ns: list[int] = field(default_factory=list)
    restart_at_ns: int | None = None
    started_ns: int = 0
    beat: tuple[int, int] = (0, 0)  # heartbeat count, and when it last moved
    rate_since: tuple[int, int] = (0, 0)  # heartbeat count at a time: its rate is judged from here
    pid: int = 0
    killed: bool = False  # by the supervisor, because it hung
    kill_at_ns: int | None = None  # it was told to abort, and this is how long it has
    error: str = ""  # why it ended or failed, in its own words
    exit_code: int = 0
    away: bool = False  # it failed because its port is not there
    was_away: bool = False  # and so did its predecessor
    down: str = ""  # why it has no successor

    @property
    def together(self) -> list[RoleRun]:
        """Itself and those that share its process."""
        return [self, *self.guests]

    @property
    def process(self) -> RoleRun:
        """The role that has the process in which this one lives."""
        return self.host or self

    def begin(self, now_ns: int) -> None:
        """Begin the next epoch: another process."""
        self.epoch += 1
        self.started_ns = now_ns
        self.granted = {}
        self.killed = False
        self.kill_at_ns = None
        self.error = ""
        self.exit_code = 0
        self.away = False
        self.handed_over = False
        self.restart_at_ns = None

    def hear(self, statuses: Sequence[dict[str, Any]]) -> bool:
        """Take over what its process says; return whether it says that it is ready now."""
        events = [status.pop("event", "") for status in statuses]
        for event, status in zip(events, statuses, strict=True):
            said_of = status.pop("role", self.plan.name)
            of = next((one for one in self.guests if one.plan.name == said_of), self)
            of.take(event, status)
        for guest in self.guests:
            guest.granted = self.granted
        return "ready" in events

    def take(self, event: str, status: dict[str, Any]) -> None:
        """Take over one thing that was said of it."""
        if event == "ready":
            self.granted = status["granted"]
            self.was_away = False
        elif event == "report":
            reason = status.get("reason") or self.reports.get("reason")  # why it paused outlives it
            self.reports.update(status, reason=reason)
        elif event == "ended":
            self.error = ENDS.get(status["end"], "")
        elif event == "failed":
            self.error = str(status["error"])
            self.exit_code = int(status["exit"])
            self.away = self.exit_code == HardwareMissingError.exit_code


@dataclass(slots=True, kw_only=True)
class DeviceRun:
    """A loopback or emulated device in this run. Closing `lifeline` asks it to leave.

    Synchronization: one thread.
    """

    plan: DevicePlan | EmulatorPlan
    child: Child | None
    lifeline: int
    port: str = ""
    granted: dict[str, Any] = field(default_factory=dict)
    restarts_ns: list[int] = field(default_factory=list)
    restart_at_ns: int | None = None
    error: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    exit_code: int = 1  # of the run that ends for that error

    def hear(self, statuses: Sequence[dict[str, Any]]) -> bool:
        """Take over what its process says; return whether it says that it is ready now."""
        ready = False
        for status in statuses:
            if status["event"] == "ready":
                self.port = status["port"]
                self.granted = status["granted"]
                ready = True
            elif status["event"] == "counted":
                self.counts = status["counts"]
            elif status["event"] == "failed":
                self.error = str(status["error"])
                self.exit_code = int(status["exit"])
        return ready

    def release(self) -> None:
        """Let go of the lifeline: the device ends once its outputs are safe."""
        if self.lifeline >= 0:
            os.close(self.lifeline)
            self.lifeline = -1

    def abandon(self) -> None:
        """End it at once, and let go of everything."""
        end_now(self)
        self.release()


def role_runs(plans: Sequence[RolePlan], hold: str) -> dict[str, RoleRun]:
    """Return the roles of a run by name, those together that share a process; one may be held."""
    roles = {plan.name: RoleRun(plan=plan, held=plan.name == hold) for plan in plans}
    for run in roles.values():
        if run.plan.shares:
            run.host = roles[run.plan.shares]
            run.host.guests.append(run)
            run.held = run.host.held
    return roles


def end_now(run: RoleRun | DeviceRun) -> None:
    """Kill and collect the process of a role or a device, if it has one."""
    child, run.child = run.child, None
    if child is not None:
        child.kill()
        child.reap()
