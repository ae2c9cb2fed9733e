"""Rules of the roles that run a user's code: cores, sources, parameters, and what may read them.

Rules. A device takes its values from a control role, whose guard stands behind every one of them:
what a user's code computes reaches an output only through a law. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from amphost.spec.decode import Holes
from amphost.spec.model import ControlRole, ExecRole, IoRole, PythonRole, Spec
from amphost.spec.positions import KeyPath, Problem
from amphost.spec.program_roles import ExecWrite, ProgramWrite, cores_of, worker_names
from amphost.spec.signals import OPERATOR, Signals

__all__ = ["program_problems"]

NAME_MAX = 32
PARAMETER_VALUES_MAX = 10_000
Program = PythonRole | ExecRole


def program_problems(spec: Spec, signals: Signals, holes: Holes) -> Iterator[Problem]:
    """Check every role that runs a user's code."""
    for name, role in spec.roles.items():
        if isinstance(role, Program):
            path: KeyPath = ("roles", name)
            yield from _cores(path, role, holes)
            yield from _reads(name, role, signals)
            yield from _writes((*path, "writes"), role.writes)
            yield from _priority(name, role, spec)
        if isinstance(role, PythonRole):
            yield from _parameters(("roles", name, "parameters"), role.parameters)
            yield from _workers(name, role, spec)
        elif isinstance(role, IoRole):
            yield from _feeds_device(name, role, spec)


def _cores(path: KeyPath, role: Program, holes: Holes) -> Iterator[Problem]:
    if holes.within(*path, "core") or holes.within(*path, "cores"):
        return
    if role.core is not None and role.cores is not None:
        remedy = "keep one of them"
        yield Problem(path=(*path, "cores"), rule="stands beside core", remedy=remedy, key=True)
    if role.core is None and role.cores is None:
        remedy = "add core: 0, or cores: [0, 1]"
        yield Problem(path=path, rule="has neither core nor cores", remedy=remedy, key=True)
    if role.cores is not None and len(set(role.cores)) < len(role.cores):
        remedy = "name each core once"
        yield Problem(path=(*path, "cores"), rule="names a core twice", remedy=remedy)


def _reads(name: str, role: Program, signals: Signals) -> Iterator[Problem]:
    for key, read in role.reads.items():
        path = ("roles", name, "reads", key)
        signal = signals.find(read.source, name, path)
        if isinstance(signal, Problem):
            yield signal
            continue
        if read.max_age_ms is None:
            continue
        if read.source.startswith(f"{OPERATOR}."):
            rule = f"{read.source} does not age, so max_age_ms has no use"
            yield Problem(path=path, rule=rule, remedy="remove it")
        elif signal is not None and signal.period_s and read.max_age_ms < 1e3 * signal.period_s:
            rule = f"{read.max_age_ms:g} ms is less than one period of {signal.source}"
            remedy = f"give more than {1e3 * signal.period_s:g} ms, best 5 periods or more"
            yield Problem(path=(*path, "max_age_ms"), rule=rule, remedy=remedy)


def _writes(
    path: KeyPath, writes: Mapping[str, ProgramWrite] | Mapping[str, ExecWrite]
) -> Iterator[Problem]:
    for name, write in writes.items():
        where = (*path, name)
        low, high = write.range
        if not low < high:
            rule = f"the low end {low:g} is not below the high end {high:g}"
            yield Problem(path=(*where, "range"), rule=rule, remedy="write [low, high]")
        elif isinstance(write, ProgramWrite) and not low <= write.initial <= high:
            rule = f"{write.initial:g} is outside the range [{low:g}, {high:g}]"
            remedy = "choose a value inside it"
            yield Problem(path=(*where, "initial"), rule=rule, remedy=remedy)


def _priority(name: str, role: Program, spec: Spec) -> Iterator[Problem]:
    """Find control roles that a user's code would delay."""
    for other, control in spec.roles.items():
        if role.priority is None or not isinstance(control, ControlRole):
            continue
        if control.core in cores_of(role) and role.priority >= control.priority:
            rule = f"{role.priority} would delay {other} on core {control.core}"
            remedy = f"give less than {control.priority}, another core, or no priority"
            yield Problem(path=("roles", name, "priority"), rule=rule, remedy=remedy)


def _parameters(path: KeyPath, parameters: dict[str, Any]) -> Iterator[Problem]:
    values = 0
    for name, parameter in parameters.items():
        waiting: list[Any] = [parameter]
        while waiting:
            value = waiting.pop()
            values += 1
            if isinstance(value, list):
                waiting += value
            elif isinstance(value, dict):
                remedy = "write its entries as parameters of their own"
                yield Problem(path=(*path, name), rule="is a mapping", remedy=remedy)
                break
    if values > PARAMETER_VALUES_MAX:
        rule = f"holds {values} values, more than {PARAMETER_VALUES_MAX}"
        yield Problem(path=path, rule=rule, remedy="read them from a file in setup", key=True)


def _workers(name: str, role: PythonRole, spec: Spec) -> Iterator[Problem]:
    if role.workers is None:
        return
    path: KeyPath = ("roles", name, "workers")
    yield from _writes((*path, "writes"), role.workers.writes)
    yield from _parameters((*path, "parameters"), role.workers.parameters)
    for worker in worker_names(name, role):
        if worker in spec.roles:
            rule = f"{worker} is the name of one of its workers, and of a role"
            yield Problem(path=path, rule=rule, remedy="give that role another name", key=True)
        elif len(worker) > NAME_MAX:
            rule = f"{worker}, the name of a worker, is longer than {NAME_MAX} characters"
            remedy = "give the role a shorter name"
            yield Problem(path=path, rule=rule, remedy=remedy, key=True)
    if role.workers.count < len(role.workers.cores):
        rule = f"{len(role.workers.cores)} cores are more than {role.workers.count} workers"
        remedy = "name a core for each worker, or fewer"
        yield Problem(path=(*path, "cores"), rule=rule, remedy=remedy)


def _feeds_device(name: str, role: IoRole, spec: Spec) -> Iterator[Problem]:
    for key, read in role.reads.items():
        writer = read.source.partition(".")[0]
        if isinstance(spec.roles.get(writer), Program):
            kind = spec.roles[writer].kind
            article = "an" if kind == "exec" else "a"
            rule = f"{read.source} comes from {article} {kind} role, without a guard"
            remedy = f"let a control role read {read.source}, and read that one's output here"
            yield Problem(path=("roles", name, "reads", key), rule=rule, remedy=remedy)
