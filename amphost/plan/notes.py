"""What a machine lacks for a plan, and what follows: sentences for people.

Rules. Pure. A note changes nothing: the plan stands without real-time rights too, and then runs
degraded, or does not arm where the spec does not allow that. One sentence each, the lack first,
then the consequence or the remedy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from amphost import timing
from amphost.machine import Machine
from amphost.plan.model import BoundPlan, RolePlan, SupervisorPlan
from amphost.plan.wait import SPIN

MEMLOCK_NEEDED = 64 << 20
"""Bytes of RLIMIT_MEMLOCK that a role needs: Linux counts its whole address space."""


def notes(
    machine: Machine,
    roles: Sequence[RolePlan],
    supervisor: SupervisorPlan,
    bounds: Sequence[BoundPlan],
    *,
    floor_ns: int,
    allow_degraded: bool,
) -> tuple[str, ...]:
    """List what is worth knowing before this plan runs on this machine."""
    return (
        *_rights(machine, roles, supervisor, allow_degraded=allow_degraded),
        *_memory(machine),
        *_hardware(machine, roles),
        *_sharing(roles, supervisor),
        *_spinning(machine, roles),
        *_short_bounds(bounds, floor_ns),
    )


def _rights(
    machine: Machine,
    roles: Sequence[RolePlan],
    supervisor: SupervisorPlan,
    *,
    allow_degraded: bool,
) -> Iterator[str]:
    what = (
        "everything then runs degraded under SCHED_OTHER"
        if allow_degraded
        else "nothing arms, since the spec does not allow degraded"
    )
    wanted = [role.priority for role in roles] + [supervisor.watchdog_priority]
    remedy = "grant CAP_SYS_NICE or raise RLIMIT_RTPRIO"
    if not machine.realtime_rights:
        yield f"no real-time rights: {what}; {remedy} to {max(wanted)}"
    elif machine.priority_max < max(wanted):
        yield (
            f"real-time priorities end at {machine.priority_max}, the plan needs {max(wanted)}:"
            f" what stands above runs degraded; {remedy} to {max(wanted)}"
        )


def _memory(machine: Machine) -> Iterator[str]:
    limit = machine.memlock_max
    if machine.cap_ipc_lock or limit is None or limit >= MEMLOCK_NEEDED:
        return
    yield (
        f"RLIMIT_MEMLOCK is {limit >> 10} KiB: memory may stay unlocked and page faults disturb"
        f" the loops; grant CAP_IPC_LOCK or raise it to {MEMLOCK_NEEDED >> 10} KiB"
    )


def _hardware(machine: Machine, roles: Sequence[RolePlan]) -> Iterator[str]:
    if not machine.online:
        yield "the list of this machine's cores cannot be read: no core was checked"
    if machine.page_size is None:
        yield "the page size cannot be read: 4096 was taken"
    if machine.virtual:
        yield "a virtual machine: its host may stop any core for milliseconds"
    if not machine.cpu_dma_latency:
        yield "no /dev/cpu_dma_latency to write to: idle states make wake-ups late; run as root"
    control = {core for role in roles if role.kind == "control" for core in role.cores}
    for core, governor in machine.governors:
        if core in control and governor != "performance":
            yield f"core {core} runs under the governor {governor}: set it to performance"


def _spinning(machine: Machine, roles: Sequence[RolePlan]) -> Iterator[str]:
    for role in roles:
        shared = set(role.cores) - set(machine.isolated)
        if role.control is not None and role.control.wait == SPIN and shared:
            yield (
                f"{role.name} spins on core {min(shared)}, which is not isolated: whatever else"
                " Linux runs there waits for its naps; isolate it (isolcpus)"
            )


def _sharing(roles: Sequence[RolePlan], supervisor: SupervisorPlan) -> Iterator[str]:
    for role in roles:
        if role.kind == "control" and set(role.cores) & set(supervisor.cores):
            yield (
                f"the supervisor shares core {supervisor.cores[0]} with {role.name}:"
                " its watchdog thread interrupts that loop"
            )


def _short_bounds(bounds: Sequence[BoundPlan], floor_ns: int) -> Iterator[str]:
    """Warn of bounds, set in the spec, that this machine will exceed without any fault."""
    for bound in bounds:
        watched = bound.subject.endswith(("max age", "trip after", "lease", "blackout"))
        if watched and bound.bound_ns < floor_ns:
            yield (
                f"{bound.subject} of {timing.format_ns(bound.bound_ns)} is below the floor of"
                f" {timing.format_ns(floor_ns)}: this machine may trip it by itself"
            )
