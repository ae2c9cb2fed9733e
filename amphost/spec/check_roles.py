"""Rules of roles among one another: names, devices, cores, priorities and times.

Rules. Every device has one io role, where there are any. Two roles of SCHED_FIFO on one core differ
in priority, and a control role stands above all that could delay it there, but for a faster control
role: of those, the faster one goes first (rate-monotonic). A budget counts from the wake-up to the
end of the law, whoever runs in between: those of faster roles on its core must leave some. Pure.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from itertools import combinations
from math import ceil

from amphost.spec.decode import Holes
from amphost.spec.model import Board, ControlRole, IoRole, Spec, TelemetryRole
from amphost.spec.positions import Problem
from amphost.spec.shared_io import shared_problems
from amphost.spec.signals import OPERATOR
from amphost.spec.wording import did_you_mean

__all__ = ["role_problems"]

PORT_MAX = 65535
_RESERVED = (OPERATOR, "supervisor", "events")
Fifo = ControlRole | IoRole


def role_problems(spec: Spec, board: Board | None, holes: Holes) -> Iterator[Problem]:
    """Check names, devices, cores, priorities and times."""
    for name in spec.roles:
        if name in _RESERVED:
            rule = f"{name} may not be the name of a role"
            yield Problem(path=("roles", name), rule=rule, remedy="give it another", key=True)
    yield from _devices(spec, board, holes)
    yield from shared_problems(spec, holes)
    yield from _cores(spec, holes)
    if not holes.within("roles"):
        yield from _budgets(spec)
        yield from _clocks(spec)
    for name, role in spec.roles.items():
        if isinstance(role, ControlRole) and not holes.at("roles", name, "rate_hz"):
            yield from _times(name, role)
        if isinstance(role, TelemetryRole) and not holes.at("roles", name, "stream"):
            yield from _stream(name, role)


def _stream(name: str, role: TelemetryRole) -> Iterator[Problem]:
    if role.stream is None:
        return
    address, _, port = role.stream.to.rpartition(":")
    try:
        ipaddress.ip_address(address.strip("[]"))
        if int(port) <= PORT_MAX:
            return
    except ValueError:
        pass
    yield Problem(
        path=("roles", name, "stream", "to"),
        rule=f"{role.stream.to} is no address and port",
        remedy="give the viewer's, such as 127.0.0.1:9870, with a port from 1 to 65535",
    )


def _devices(spec: Spec, board: Board | None, holes: Holes) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for name, role in spec.roles.items():
        if not isinstance(role, IoRole) or holes.at("roles", name, "device"):
            continue
        path = ("roles", name, "device")
        if role.device in owners:
            rule = f"{role.device} is the device of {owners[role.device]} too"
            yield Problem(path=path, rule=rule, remedy="one io role serves one device")
        owners.setdefault(role.device, name)
        if board is not None and role.device not in board.devices:
            rule = f"board {board.name} has no device {role.device}"
            remedy = did_you_mean(role.device, board.devices)
            known = f"its devices are {', '.join(board.devices)}"
            yield Problem(path=path, rule=rule, remedy=remedy + known)
    if board is not None and owners and owners.keys() <= board.devices.keys():
        yield from _unserved(board, owners, holes)


def _unserved(board: Board, served: Iterable[str], holes: Holes) -> Iterator[Problem]:
    """Check that no device is left without its io role: nobody would notice that it is missing."""
    for device in board.devices:
        if device not in served and not holes.within("roles"):
            rule = f"{device} of board {board.name} is the device of no io role"
            remedy = f"add an io role with device: {device}, or take it out of the board file"
            yield Problem(path=("roles",), rule=rule, remedy=remedy, key=True)


def _cores(spec: Spec, holes: Holes) -> Iterator[Problem]:
    fifo = [
        (name, role)
        for name, role in spec.roles.items()
        if isinstance(role, Fifo)
        and role.core is not None
        and role.priority is not None
        and not getattr(role, "shares", None)
        and not any(holes.at("roles", name, key) for key in ("core", "priority", "rate_hz"))
    ]
    for (first, one), (second, other) in combinations(fifo, 2):
        if one.core != other.core:
            continue
        if one.priority == other.priority:
            rule = f"{first} and {second} share core {one.core} and priority {one.priority}"
            remedy = "give them different priorities, or cores"
            yield Problem(path=("roles", second, "priority"), rule=rule, remedy=remedy)
            continue
        pair = ((first, one), (second, other))
        (low_name, low), (high_name, high) = sorted(pair, key=lambda entry: entry[1].priority or 0)
        if isinstance(low, ControlRole) and not _goes_first(high, low):
            rule = (
                f"{high_name} (priority {high.priority}) would delay {low_name} on core {low.core}"
            )
            remedy = f"give {low_name} more than {high.priority}, or a core of its own"
            yield Problem(path=("roles", low_name, "priority"), rule=rule, remedy=remedy)


def _goes_first(high: Fifo, low: ControlRole) -> bool:
    return isinstance(high, ControlRole) and high.rate_hz > low.rate_hz


def _budgets(spec: Spec) -> Iterator[Problem]:
    """Check that the budgets of faster control roles leave each role on their core some of its own.

    `own_ms` is what a role may use of its core itself, in one period.
    """
    own_ms: dict[str, float] = {}
    controls = [(n, one) for n, one in spec.roles.items() if isinstance(one, ControlRole)]
    for name, role in sorted(controls, key=lambda entry: -entry[1].rate_hz):
        budget_ms = _budget_ms(role)
        faster = {
            other: ceil(budget_ms * one.rate_hz / 1e3) * own_ms[other]
            for other, one in controls
            if other in own_ms and one.core == role.core
        }
        own_ms[name] = max(budget_ms - sum(faster.values()), 0.0)
        if faster and own_ms[name] == 0.0:
            rule = (
                f"{budget_ms:g} ms leave {name} nothing: {' and '.join(faster)} may use"
                f" {sum(faster.values()):g} ms of it on core {role.core}"
            )
            remedy = "shorten their budget_ms, lengthen this one's, or give it a core of its own"
            path = ("roles", name) if role.budget_ms is None else ("roles", name, "budget_ms")
            yield Problem(path=path, rule=rule, remedy=remedy, key=role.budget_ms is None)


def _clocks(spec: Spec) -> Iterator[Problem]:
    """Check that a role on a device's clock has one device, and moves no other."""
    links = {name: role for name, role in spec.roles.items() if isinstance(role, IoRole)}
    for name, role in spec.roles.items():
        if not isinstance(role, ControlRole) or role.clock != "device":
            continue
        sources = [read.source.partition(".")[0] for read in role.reads.values()]
        read = list(dict.fromkeys(one for one in sources if one in links))
        path = ("roles", name, "clock")
        if len(read) != 1:
            rule = (
                f"{name} reads from {' and '.join(read) or 'no device'}, so no one clock paces it"
            )
            remedy = "read from one io role, or use clock: host"
            yield Problem(path=path, rule=rule, remedy=remedy)
            continue
        for other, link in links.items():
            fed = any(one.source.partition(".")[0] == name for one in link.reads.values())
            if fed and other != read[0]:
                rule = f"{other} would not send by the clock of {read[0]}, which paces {name}"
                remedy = f"feed {read[0]} alone, or use clock: host"
                yield Problem(path=path, rule=rule, remedy=remedy)


def _budget_ms(role: ControlRole) -> float:
    return 1e3 / role.rate_hz / 2 if role.budget_ms is None else role.budget_ms


def _times(name: str, role: ControlRole) -> Iterator[Problem]:
    """Check phase < period, and budget <= deadline <= period <= blackout, where they are given."""
    path = ("roles", name)
    period_ms = 1e3 / role.rate_hz
    if role.phase_ms >= period_ms:
        rule = f"{role.phase_ms:g} ms is not less than the period, {period_ms:g} ms"
        remedy = f"give less than {period_ms:g}: each period begins at this phase"
        yield Problem(path=(*path, "phase_ms"), rule=rule, remedy=remedy)
    deadline_ms = period_ms if role.deadline_ms is None else role.deadline_ms
    if deadline_ms > period_ms:
        rule = f"{deadline_ms:g} ms is more than the period, {period_ms:g} ms"
        remedy = f"give at most {period_ms:g}"
        yield Problem(path=(*path, "deadline_ms"), rule=rule, remedy=remedy)
    if role.budget_ms is not None and role.budget_ms > min(deadline_ms, period_ms):
        rule = f"{role.budget_ms:g} ms is more than the deadline, {deadline_ms:g} ms"
        remedy = f"give at most {min(deadline_ms, period_ms):g}"
        yield Problem(path=(*path, "budget_ms"), rule=rule, remedy=remedy)
    if role.budget_ms is None and role.deadline_ms is not None and deadline_ms < period_ms / 2:
        rule = f"{deadline_ms:g} ms is less than the budget, {period_ms / 2:g} ms by default"
        remedy = "give a budget_ms that fits"
        yield Problem(path=(*path, "deadline_ms"), rule=rule, remedy=remedy)
    if role.blackout_ms is not None and role.blackout_ms < period_ms:
        rule = f"{role.blackout_ms:g} ms is less than the period, {period_ms:g} ms"
        remedy = f"give more than {period_ms:g}, best 5 periods or more"
        yield Problem(path=(*path, "blackout_ms"), rule=rule, remedy=remedy)
