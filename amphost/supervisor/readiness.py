"""What a system lacks: before it may be armed, and against what its plan asked for.

Rules. Reads, never acts. Each answer is a sentence for the user, with the remedy if there is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amphost.lifecycle import CONTROL_PATH, RoleState
from amphost.pump import REFUSALS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from amphost.mailbox import Segment
    from amphost.supervisor.launch import DeviceRun, RoleRun


def not_ready(roles: Iterable[RoleRun], segments: Mapping[str, Segment]) -> list[str]:
    """Return what keeps the control path from being armed; empty when nothing does."""
    missing = []
    for run in roles:
        if run.plan.kind not in CONTROL_PATH:
            continue
        if run.state is not RoleState.RUNNING:
            missing.append(f"{run.plan.name} is {run.state.name.lower()}")
        elif not segments[run.plan.name].owner.gauge("ready"):
            missing.append(_waits_for(run, segments[run.plan.name]))
    return missing


def _waits_for(run: RoleRun, segment: Segment) -> str:
    if run.plan.io is None:
        return f"{run.plan.name} waits for its inputs"
    refusal = segment.owner.gauge("refusal")
    if refusal:
        return (
            f"{run.plan.io.device}: the device differs in {REFUSALS[refusal]}; "
            "load the firmware made for this board file"
        )
    return f"{run.plan.name} has no answer from {run.plan.io.device}"


def degraded(
    roles: Iterable[RoleRun], devices: Iterable[DeviceRun], watchdog_priority: int
) -> list[str]:
    """Return what was asked for and not got, by roles, devices and the watchdog."""
    lacks = []
    for run in roles:
        if run.granted:
            lacks += _lacks(run.plan.name, run.plan, run.granted)
    for device in devices:
        if device.granted:
            lacks += _lacks(f"device {device.plan.name}", device.plan, device.granted)
    if watchdog_priority == 0:
        lacks.append("watchdog: runs without real-time priority")
    return lacks


def _lacks(who: str, plan: Any, granted: dict[str, Any]) -> list[str]:
    lacks = []
    if plan.cores and granted["cores"] != sorted(plan.cores):
        lacks.append(f"{who}: asked for cores {list(plan.cores)}, runs on {granted['cores']}")
    got = (granted["policy"], granted["priority"])
    if plan.policy == "fifo" and got != (plan.policy, plan.priority):
        lacks.append(
            f"{who}: asked for SCHED_FIFO {plan.priority}, runs as {granted['policy']} "
            "(no real-time rights: run as root, or give CAP_SYS_NICE and an rtprio limit)"
        )
    if getattr(plan, "lock_memory", False) and not granted["memory_locked"]:
        lacks.append(
            f"{who}: its memory is not locked (run as root, or give CAP_IPC_LOCK "
            "and a memlock limit)"
        )
    return lacks
