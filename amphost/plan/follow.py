"""Which grids keep step with a device's clock, and how far they trust what is known of it.

Rules. Pure. A control role with `clock: device` follows the device that it reads from, and the io
role of that device sends at the same place of the same grid. An estimate is old after five looks
at the device's clock; its bound is too wide where it does not tell one half of a period from the
other.
"""

from __future__ import annotations

from amphost.clock_watch import clock_ns
from amphost.plan.model import FollowPlan
from amphost.plan.wiring import Wiring, device_of, frame_source
from amphost.spec.load import LoadedSpec
from amphost.spec.model import ControlRole, IoRole

LOOKS = 5


def control_follow(
    loaded: LoadedSpec, role: ControlRole, period_ns: int, phase_ns: int
) -> FollowPlan | None:
    """Return how a control role follows a device's clock; None for the host's."""
    if role.clock != "device":
        return None
    for read in role.reads.values():
        name = read.source.partition(".")[0]
        link = loaded.spec.roles.get(name)
        if isinstance(link, IoRole):
            return FollowPlan(
                io=name,
                phase_ns=phase_ns,
                age_most_ns=LOOKS * clock_ns(device_of(loaded, link).baud),
                bound_most_ns=period_ns // 2,
            )
    return None


def io_follow(
    loaded: LoadedSpec, wiring: Wiring, role: IoRole, send_offset_ns: int
) -> FollowPlan | None:
    """Return how an io role follows its device's clock: as the control role does that feeds it."""
    source = frame_source(loaded, wiring, role)
    feeding = None if source is None else loaded.spec.roles.get(source.role)
    if source is None or not isinstance(feeding, ControlRole):
        return None
    return control_follow(loaded, feeding, source.period_ns, send_offset_ns)
