"""Fold a spec onto fewer cores than it names: `--fold`.

Rules. Pure, and the same for the same spec and machine. Who names a core that may be used keeps it.
The others are placed one after the other: control roles first (the faster first), then io, then
what runs a user's code, then telemetry. Control, io and workers take the core with the fewest
control roles, of those the one with the fewest io roles, then with the fewest of any, then an
isolated one, then the highest; observers take the lowest core with the fewest control roles, and
the supervisor is placed as if the spec named no core for it. Priorities stay where they are right
on the new cores: each another, control above io, io and its loopback device above others, a faster
control role above a slower one. Where they are not, that core's are raised, from the lowest up.
Waiting by the clock becomes `sleep` where folding makes a core shared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from amphost.machine import Machine
from amphost.plan.model import FoldPlan
from amphost.plan.placement import PRIORITY_MAX, place
from amphost.plan.wait import SLEEP, rivals
from amphost.plan.wiring import device_of
from amphost.spec.load import LoadedSpec
from amphost.spec.model import ControlRole, IoRole, RoleSpec, TelemetryRole
from amphost.spec.program_roles import ExecRole, PythonRole, WorkerRole, cores_of
from amphost.spec.shared_io import with_shared

SUPERVISOR = "supervisor"
PRIORITY_TOP = 97
"""Leaves room for a loopback device and the watchdog thread."""

Cores = dict[str, tuple[int, ...]]


def fold(loaded: LoadedSpec, machine: Machine) -> tuple[LoadedSpec, tuple[FoldPlan, ...]]:
    """Return the spec with every role on a core that is there, and what was changed for it."""
    roles = loaded.spec.roles
    supervisor = loaded.spec.supervisor
    asked: Cores = {name: cores_of(role) for name, role in roles.items()}
    named = {core for cores in asked.values() for core in cores}
    named |= {supervisor.core} if supervisor else set()
    if not machine.usable or named <= set(machine.usable):
        return loaded, ()
    got = _cores(roles, machine)
    moved = _changed(loaded, {name: _cores_changed(roles[name], got[name]) for name in roles})
    if supervisor is not None and supervisor.core not in machine.usable:
        spec = moved.spec.model_copy(update={"supervisor": None})
        moved = replace(moved, spec=spec)
    moved = _sharing(_ranked(moved, machine))
    moved = _resting(loaded, moved, machine)
    return moved, _changes(loaded, moved, machine)


def _cores(roles: dict[str, RoleSpec], machine: Machine) -> Cores:
    """Return the cores that each role gets."""
    there = set(machine.usable)
    got: Cores = {
        name: kept
        for name, role in roles.items()
        if (kept := tuple(core for core in cores_of(role) if core in there)) or not cores_of(role)
    }
    guests = {name: host for name, role in roles.items() if (host := _host(role))}
    homeless = [name for name in roles if name not in got and name not in guests]
    for name in sorted(homeless, key=lambda one: _turn(roles[one])):
        spreads = isinstance(roles[name], (ControlRole, IoRole, WorkerRole))
        got[name] = (_best(roles, got, machine, spreads=spreads),)
    return got | {name: got[host] for name, host in guests.items()}


def _host(role: RoleSpec) -> str:
    """Return the role in whose process this one lives; empty for one that has its own."""
    return getattr(role, "shares", None) or ""


def _sharing(moved: LoadedSpec) -> LoadedSpec:
    """Give those that share a process the priority that it has now."""
    return replace(moved, spec=with_shared(moved.spec))


def _turn(role: RoleSpec) -> tuple[int, float]:
    """Return a role's place among those that look for a core; equal ones keep the file's order."""
    kinds: tuple[type | tuple[type, ...], ...] = (
        ControlRole,
        IoRole,
        WorkerRole,
        (PythonRole, ExecRole),
        TelemetryRole,
    )
    place_of = next(number for number, kind in enumerate(kinds) if isinstance(role, kind))
    return place_of, -role.rate_hz if isinstance(role, ControlRole) else 0.0


def _best(roles: dict[str, RoleSpec], got: Cores, machine: Machine, *, spreads: bool) -> int:
    def cost(core: int) -> tuple[int, ...]:
        there = [roles[name] for name, cores in got.items() if core in cores]
        control = sum(isinstance(role, ControlRole) for role in there)
        if not spreads:
            return control, core
        io = sum(isinstance(role, IoRole) for role in there)
        return control, io, len(there), core not in machine.isolated, -core

    return min(machine.usable, key=cost)


def _changed(loaded: LoadedSpec, changes: dict[str, dict[str, Any]]) -> LoadedSpec:
    roles = {
        name: role.model_copy(update=changes[name]) if changes.get(name) else role
        for name, role in loaded.spec.roles.items()
    }
    return replace(loaded, spec=loaded.spec.model_copy(update={"roles": roles}))


def _cores_changed(role: RoleSpec, cores: tuple[int, ...]) -> dict[str, Any]:
    if cores == cores_of(role):
        return {}
    return {"core": cores[0]} if role.core is not None else {"cores": list(cores)}


def _ranked(moved: LoadedSpec, machine: Machine) -> LoadedSpec:
    """Put the priorities of each core in order, where they are not."""
    changes: dict[str, dict[str, Any]] = {}
    supervisor = place(moved, machine).supervisor_core
    for cores in _core_groups(moved, machine):
        top = PRIORITY_TOP if supervisor in cores else PRIORITY_MAX
        there = [
            name
            for name, role in moved.spec.roles.items()
            if _priority(role) and cores & set(cores_of(role)) and not _host(role)
        ]
        there.sort(key=lambda name: _rank(moved.spec.roles[name]))
        for name, priority in zip(there, _priorities(moved, there, top), strict=True):
            if priority != _priority(moved.spec.roles[name]):
                changes[name] = {"priority": priority}
    return _changed(moved, changes)


def _core_groups(moved: LoadedSpec, machine: Machine) -> Iterable[set[int]]:
    """Return the cores one by one, but those together that one order of priorities covers.

    A loopback device stands just above its io role: beside a control role that counts too.
    """
    roles = moved.spec.roles
    devices = place(moved, machine).device_cores
    control = {role.core for role in roles.values() if isinstance(role, ControlRole)}
    joined = set(devices.values())
    for name in devices:
        joined |= set(cores_of(roles[name]))
    several = [set(cores_of(role)) for role in roles.values() if _priority(role)]
    groups = [joined] if control & set(devices.values()) else []
    for cores in [*several, *({core} for core in machine.usable)]:
        touching = [group for group in groups if group & cores]
        groups = [group for group in groups if not group & cores]
        groups.append(cores.union(*touching))
    return groups


def _rank(role: RoleSpec) -> tuple[int, float, int]:
    """Return what decides who goes first on a core: the last one does."""
    if isinstance(role, ControlRole):
        return 2, role.rate_hz, role.priority
    return (1 if isinstance(role, IoRole) else 0), 0.0, _priority(role)


def _priorities(moved: LoadedSpec, there: Sequence[str], top: int) -> list[int]:
    """Return rising priorities, each the one that was asked for where that is possible."""
    roles = moved.spec.roles
    steps = [1 + _has_loopback(moved, roles[name]) for name in there]
    given: list[int] = []
    for number, name in enumerate(there):
        least = given[-1] + steps[number - 1] if given else 1
        given.append(max(_priority(roles[name]), least))
    for number in reversed(range(len(given))):
        given[number] = min(given[number], top)
        top = given[number] - (steps[number - 1] if number else 0)
    return given


def _has_loopback(moved: LoadedSpec, role: RoleSpec) -> bool:
    return isinstance(role, IoRole) and device_of(moved, role).loopback is not None


def _resting(loaded: LoadedSpec, moved: LoadedSpec, machine: Machine) -> LoadedSpec:
    """Have those sleep that asked to wait by the clock and share their core now."""
    placement = place(moved, machine)
    changes: dict[str, dict[str, Any]] = {}
    for name, role in moved.spec.roles.items():
        if not isinstance(role, ControlRole) or role.wait in (None, SLEEP):
            continue
        if rivals(moved, placement, name) and not rivals(loaded, None, name):
            changes[name] = {"wait": SLEEP}
    return _changed(moved, changes)


def _changes(loaded: LoadedSpec, moved: LoadedSpec, machine: Machine) -> tuple[FoldPlan, ...]:
    changes = []
    for name, before in loaded.spec.roles.items():
        after = moved.spec.roles[name]
        asked, got = cores_of(before), cores_of(after)
        said = [f"asked for {_words(asked)}, folded onto {_words(got)}"] if asked != got else []
        if _priority(before) != _priority(after):
            said.append(f"priority {_priority(after)} instead of {_priority(before)}")
        waited, waits = getattr(before, "wait", None), getattr(after, "wait", None)
        if waited != waits:
            said.append(f"waits by {waits} instead of {waited}")
        if said:
            changes.append(FoldPlan(role=name, asked=asked, got=got, text=", ".join(said)))
    supervisor = loaded.spec.supervisor
    if supervisor is not None and moved.spec.supervisor is None:
        asked, got = (supervisor.core,), (place(moved, machine).supervisor_core,)
        text = f"asked for {_words(asked)}, folded onto {_words(got)}"
        changes.append(FoldPlan(role=SUPERVISOR, asked=asked, got=got, text=text))
    return tuple(changes)


def _words(cores: Sequence[int]) -> str:
    return f"core{'s' * (len(cores) > 1)} {', '.join(map(str, cores))}"


def _priority(role: RoleSpec) -> int:
    return getattr(role, "priority", None) or 0
