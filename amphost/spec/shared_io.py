"""Io roles that share one process: who may live with whom, and what follows for their spec.

Rules. Pure. A role that shares has neither a core nor a priority of its own; both are those of the
role whose process it lives in, and stand in its place from `with_shared` on. One role has the
process: nobody shares with a role that shares itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from amphost.spec.decode import Holes
from amphost.spec.model import IoRole, RoleSpec, Spec
from amphost.spec.positions import Problem
from amphost.spec.wording import did_you_mean

__all__ = ["shared_problems", "with_shared"]


def shared_problems(spec: Spec, holes: Holes) -> Iterator[Problem]:
    """Check every io role that shares a process, and that each other one has a core."""
    for name, role in spec.roles.items():
        if not isinstance(role, IoRole) or holes.at("roles", name, "shares"):
            continue
        if role.shares is None:
            yield from _missing(name, role, holes)
            continue
        yield from _own(name, role)
        yield from _host(spec, name, role.shares)


def with_shared(spec: Spec) -> Spec:
    """Return a spec in which roles that share a process have its core and its priority."""
    roles: dict[str, RoleSpec] = {}
    for name, role in spec.roles.items():
        roles[name] = role
        if isinstance(role, IoRole) and role.shares is not None:
            host = spec.roles[role.shares]
            assert isinstance(host, IoRole)
            roles[name] = role.model_copy(update={"core": host.core, "priority": host.priority})
    return spec.model_copy(update={"roles": roles})


def _missing(name: str, role: IoRole, holes: Holes) -> Iterator[Problem]:
    wanted = {"core": "a whole number, 0 or more", "priority": "a whole number from 1 to 99"}
    for key, what in wanted.items():
        if getattr(role, key) is None and not holes.at("roles", name, key):
            remedy = f"add {key}: {what}, or shares: an io role to share its process with"
            yield Problem(path=("roles", name, key), rule="is missing", remedy=remedy)


def _own(name: str, role: IoRole) -> Iterator[Problem]:
    for key in ("core", "priority"):
        if getattr(role, key) is not None:
            rule = f"stands beside shares: {name} runs in the process of {role.shares}"
            remedy = f"take it out; the {key} is that of {role.shares}"
            yield Problem(path=("roles", name, key), rule=rule, remedy=remedy, key=True)


def _host(spec: Spec, name: str, host: str) -> Iterator[Problem]:
    path = ("roles", name, "shares")
    io_roles = {one: role for one, role in spec.roles.items() if isinstance(role, IoRole)}
    others = [one for one, role in io_roles.items() if role.shares is None and one != name]
    known = "give it a core and a priority of its own"
    if others:
        known = f"those that have a process are {', '.join(others)}"
    if host == name:
        yield Problem(path=path, rule=f"{name} would share with itself", remedy=known)
    elif host not in spec.roles:
        remedy = did_you_mean(host, others)
        yield Problem(path=path, rule=f"there is no role {host}", remedy=remedy + known)
    elif host not in io_roles:
        kind = spec.roles[host].kind
        yield Problem(path=path, rule=f"{host} is a {kind} role, no io role", remedy=known)
    elif (further := io_roles[host].shares) is not None:
        rule = f"{host} has no process of its own: it shares that of {further}"
        remedy = known if further in (name, host) else f"write {further}"
        yield Problem(path=path, rule=rule, remedy=remedy)
