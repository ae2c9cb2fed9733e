"""How each control role waits for its releases, and who is in its way.

Rules. Pure. Waiting by the clock costs a core's time, so it is the default only where nobody else
needs that core. `spin` needs the core for itself: whoever else is there would run in its naps.
Without a placement only what the spec says by itself is known.
"""

from __future__ import annotations

from collections.abc import Iterator

from amphost.plan.placement import Placement
from amphost.spec.load import LoadedSpec
from amphost.spec.model import ControlRole

HYBRID = "hybrid"
SLEEP = "sleep"
SPIN = "spin"


def rivals(loaded: LoadedSpec, placement: Placement | None, name: str) -> tuple[str, ...]:
    """Return who shares the core of the role `name`."""
    spec = loaded.spec
    core = spec.roles[name].core
    found = [other for other, role in spec.roles.items() if role.core == core and other != name]
    supervisor = spec.supervisor.core if spec.supervisor else None
    if placement is not None:
        supervisor = placement.supervisor_core
        found += [
            f"the loopback device of {io}"
            for io, device_core in placement.device_cores.items()
            if device_core == core
        ]
    if supervisor == core:
        found.append("the supervisor")
    return tuple(found)


def wait_of(role: ControlRole, shares: tuple[str, ...]) -> str:
    """Return how a control role waits."""
    return role.wait or (SLEEP if shares else HYBRID)


def wait_problems(loaded: LoadedSpec, placement: Placement | None) -> Iterator[str]:
    """Return a line for each role that would spin where others have to run."""
    for name, role in loaded.spec.roles.items():
        if not isinstance(role, ControlRole) or role.wait != SPIN:
            continue
        there = rivals(loaded, placement, name)
        if there:
            rule = f"spin needs core {role.core} for itself, and {' and '.join(there)} runs there"
            remedy = "give it a core of its own, or wait by `hybrid` or `sleep`"
            yield loaded.where.problem(("roles", name, "wait"), rule, remedy)
