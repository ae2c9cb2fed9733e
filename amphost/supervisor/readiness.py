"""What a system lacks: before it may be armed, and against what its plan asked for.

Rules. Reads, never acts. Each answer is a sentence for the user, with the remedy if there is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amphost.lifecycle import CONTROL_PATH, RoleState
from amphost.pump import ISOLATIONS, SESSION_STATES
from amphost.supervisor.garbage import never_heard
from amphost.supervisor.refusal_text import refusal_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from amphost.mailbox import Segment
    from amphost.plan.model import Plan, RolePlan, SupervisorPlan
    from amphost.supervisor.runs import DeviceRun, RoleRun

RIGHTS = "(no real-time rights: run as root, or give CAP_SYS_NICE and an rtprio limit)"

START_NS = 5_000_000_000


def start_bound_ns(plan: Plan) -> int:
    """Return how long a start may take until everything is ready for the first time."""
    return max((role.ready_within_ns for role in plan.roles), default=START_NS)


def not_ready(roles: Iterable[RoleRun], segments: Mapping[str, Segment]) -> list[str]:
    """Return what keeps the control path from being armed; empty when nothing does."""
    missing = []
    for run in roles:
        if run.plan.kind not in CONTROL_PATH:
            if run.plan.fault_class == "B" and run.state is not RoleState.RUNNING:
                why = f" ({run.down or run.error})" if run.down or run.error else ""
                missing.append(f"{run.plan.name} is {run.state.name.lower()}{why}")
            continue
        if run.state is not RoleState.RUNNING:
            if run.host is not None:
                continue  # told of the role that has the process
            why = f" ({run.down})" if run.down else ""
            if run.held and not run.pid:
                why = " (held: start it by hand)"
            missing.append(f"{run.plan.name} is {run.state.name.lower()}{why}")
        elif not segments[run.plan.name].owner.gauge("ready"):
            missing.append(_waits_for(run, segments[run.plan.name]))
    return missing


def _scheduled(policy: str, priority: int) -> str:
    return f"{policy} {priority}" if priority else policy


def _waits_for(run: RoleRun, segment: Segment) -> str:
    if run.plan.io is None:
        return f"{run.plan.name} waits for its inputs"
    refusal = segment.owner.gauge("refusal")
    if refusal and SESSION_STATES.get(segment.owner.gauge("link")) != "up":
        text = refusal_text(run.plan.io, refusal, run.reports.get("refused"))
        return f"{run.plan.io.device}: {text}"
    if why := ISOLATIONS.get(segment.owner.gauge("isolated")):
        return f"{run.plan.io.device} is isolated: {why}; it is heard again once it is quiet"
    unset = segment.owner.gauge("parameters_unset")
    if unset and SESSION_STATES.get(segment.owner.gauge("link")) == "up":
        return f"{run.plan.io.device} has not yet taken {unset} of its parameters"
    port = run.reports.get("port") or never_heard(segment.owner, run.plan.io.baud)
    why = f" ({port})" if port else ""
    return f"{run.plan.name} has no answer from {run.plan.io.device}{why}"


def degraded_roles(roles: Iterable[RoleRun]) -> list[str]:
    """Return what roles asked for and did not get, and which observers are missing."""
    lacks = []
    for run in roles:
        if run.host is not None:
            continue
        if run.held:
            lacks.append(f"{run.plan.name}: held: started by hand, its heartbeat is not judged")
        if run.granted:
            lacks += _lacks(run.plan.name, run.plan, run.granted)
        if run.granted.get("sandbox"):
            why = run.granted["sandbox"]
            lacks.append(f"{run.plan.name}: its system calls are not confined ({why})")
        if run.down:
            lacks.append(f"{run.plan.name}: {run.down}")
    return lacks


def degraded_devices(devices: Iterable[DeviceRun]) -> list[str]:
    """Return what loopback devices asked for and did not get."""
    lacks = []
    for device in devices:
        if device.granted:
            lacks += _lacks(f"device {device.plan.name}", device.plan, device.granted)
    return lacks


def degraded_fold(plan: Plan) -> list[str]:
    """Return what folding onto the cores that are there has changed."""
    return [f"{one.role}: {one.text}" for one in plan.folded]


def cores_asked(plan: Plan, role: RolePlan) -> list[int]:
    """Return the cores that the spec names for a role, which folding may have changed."""
    return next((list(one.asked) for one in plan.folded if one.role == role.name), list(role.cores))


def degraded_supervisor(
    plan: SupervisorPlan, granted: dict[str, Any], watchdog_priority: int
) -> list[str]:
    """Return what the supervisor and its watchdog thread asked for and did not get."""
    if not granted:
        return []
    lacks = _lacks("supervisor", plan, granted)
    if watchdog_priority != plan.watchdog_priority:
        lacks.append(
            f"watchdog: asked for SCHED_FIFO {plan.watchdog_priority}, "
            f"runs at {watchdog_priority} {RIGHTS}"
        )
    return lacks


def _lacks(who: str, plan: Any, granted: dict[str, Any]) -> list[str]:
    lacks = []
    if plan.cores and granted["cores"] != sorted(plan.cores):
        lacks.append(f"{who}: asked for cores {list(plan.cores)}, runs on {granted['cores']}")
    got = (granted["policy"], granted["priority"])
    if plan.policy == "fifo" and got != (plan.policy, plan.priority):
        lacks.append(
            f"{who}: asked for SCHED_FIFO {plan.priority}, runs as {_scheduled(*got)} {RIGHTS}"
        )
    if getattr(plan, "lock_memory", False) and not granted.get("memory_locked"):
        lacks.append(
            f"{who}: its memory is not locked (run as root, or give CAP_IPC_LOCK "
            "and a memlock limit)"
        )
    return lacks
