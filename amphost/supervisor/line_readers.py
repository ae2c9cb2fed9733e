"""Let an outside reader see the lines of a run: who has which, and read-only descriptors.

Rules. A reader gets the tally and the tap of a line as descriptors opened anew for reading alone,
so that it can map them and disturb nothing. It asks for one device at a time; without one, the
names are the answer.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from amphost.errors import AmphostError
from amphost.pump import SESSION_STATES
from amphost.supervisor.control_socket import DESCRIPTORS
from amphost.supervisor.refusal_text import refusal_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amphost.plan.model import IoPlan, Plan, SegmentPlan
    from amphost.supervisor.launch import Segments
    from amphost.supervisor.runs import RoleRun


def answer(
    plan: Plan, segments: Segments, roles: Mapping[str, RoleRun], fields: Mapping[str, object]
) -> dict[str, Any]:
    """Return the devices of a run, or how one of them is read."""
    found = {
        run.plan.io.device: (run, run.plan.io) for run in roles.values() if run.plan.io is not None
    }
    device = fields.get("device")
    if device is None:
        refusals = {name: _refusal(segments, *one) for name, one in found.items()}
        return {
            "system": plan.system,
            "devices": list(found),
            "refusals": {name: text for name, text in refusals.items() if text},
        }
    if not isinstance(device, str) or device not in found:
        raise AmphostError(
            f"there is no device {str(device)[:40]!r}; there is {', '.join(found) or 'none'}"
        )
    run, io = found[device]
    return {
        "system": plan.system,
        "device": device,
        "role": run.plan.name,
        "role_id": run.plan.role_id,
        "board": io.board,
        "baud": io.baud,
        "port": _port(run, io),
        "schema": io.schema,
        "schema_hash": io.schema_hash,
        "nonce": segments.nonce,
        **_places(segments.mapped[io.tap].plan),
        DESCRIPTORS: _opened(segments, io),
    }


def _refusal(segments: Segments, run: RoleRun, io: IoPlan) -> str:
    """Say in what a device differs that is refused now; empty for any other."""
    owner = segments.mapped[run.plan.name].owner
    if SESSION_STATES.get(owner.gauge("link")) != "refused":
        return ""
    return refusal_text(io, owner.gauge("refusal"), run.reports.get("refused"))


def _port(run: RoleRun, io: IoPlan) -> str:
    """Return the name that the port had when it was opened last, or where it is looked for."""
    line = run.reports.get("line")
    opened = line.get("port") if isinstance(line, dict) else None
    return str(opened or io.port)


def _places(tap: SegmentPlan) -> dict[str, int]:
    assert tap.channel is not None
    return {"page_size": tap.page_size, "tap_depth": tap.channel.depth}


def _opened(segments: Segments, io: IoPlan) -> list[int]:
    opened: list[int] = []
    try:
        for name in (io.tally, io.tap):
            path = f"/proc/self/fd/{segments.descriptors[name]}"
            opened.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        for descriptor in opened:
            os.close(descriptor)
        raise AmphostError(f"no descriptor for a reader ({error.strerror}); try again") from error
    return opened
