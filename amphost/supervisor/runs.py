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

    def hear(self, statuses: Sequence[dict[str, Any]]) -> bool:
        """Take over what its process says; return whether it says that it is ready now."""
        events = [status.pop("event", "") for status in statuses]
        for event, status in zip(events, statuses, strict=True):
            self._hear(event, status)
        return "ready" in events

    def _hear(self, event: str, status: dict[str, Any]) -> None:
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


def end_now(run: RoleRun | DeviceRun) -> None:
    """Kill and collect the process of a role or a device, if it has one."""
    child, run.child = run.child, None
    if child is not None:
        child.kill()
        child.reap()
