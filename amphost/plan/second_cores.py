"""The second cores of a plan: which are started before their devices' ports are opened.

Rules. As `plan.model`: frozen values that travel as JSON to the process that keeps the core. Pure.

Synchronization: none required; immutable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amphost.plan.second_core_model import SecondCorePlan

if TYPE_CHECKING:
    from amphost.plan.model import RolePlan
    from amphost.spec.load import LoadedSpec

__all__ = ["second_cores"]


def second_cores(
    loaded: LoadedSpec, roles: tuple[RolePlan, ...], core: int
) -> tuple[SecondCorePlan, ...]:
    """Return the second core behind each io role that has one; `core` is the supervisor's."""
    found = []
    for role in roles:
        device = loaded.board.devices[role.io.device] if role.io is not None else None
        if role.io is not None and device is not None and device.remoteproc is not None:
            plan = SecondCorePlan(
                name=role.io.device,
                remoteproc=device.remoteproc.name,
                firmware=device.remoteproc.firmware,
                port=role.io.port,
                cores=(core,),
            )
            found.append(plan)
    return tuple(found)
