"""What a role process is handed: its plan and the facts of this run, as JSON on a descriptor.

Rules. The role's side reads attributes and lists and needs neither dataclasses nor pydantic: the
JSON objects become plain namespaces, whose shape is `plan.model.RolePlan`. The supervisor's side
writes. A run's facts (descriptors, nonce, epoch, port) stand beside the plan, never in it.
"""

from __future__ import annotations

import os
import sys

from amphost import lean_json
from amphost.errors import AmphostError

Namespace = type(sys.implementation)  # types.SimpleNamespace, without the import

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from typing import Any, Protocol

    from amphost.plan.model import RolePlan

    class Run(Protocol):
        """The facts of one run of one role."""

        nonce: int
        epoch: int
        origin_ns: int  # of the grid
        segments: list[int]  # descriptors: the role's own, then one for each of `reads`
        status_fd: int
        port: str  # of the device, "" where there is none
        attachments: list[list[Any]]  # name, media type, descriptor


def read(descriptor: int) -> tuple[RolePlan, Run]:
    """Read a handover to its end, close the descriptor, return plan and run."""
    try:
        with os.fdopen(descriptor, "rb") as stream:
            text = stream.read()
        document = lean_json.loads(text, lambda fields: Namespace(**fields))
        handed = document.role, document.run
    except (OSError, ValueError, AttributeError) as error:
        raise AmphostError(
            f"no handover on descriptor {descriptor} ({error}): its supervisor is gone"
        ) from error
    return handed


def status(descriptor: int, event: str, **fields: Any) -> None:
    """Tell the supervisor, as one line of JSON; a supervisor that is gone is no error here."""
    line = lean_json.dumps({"event": event, **fields}) + "\n"
    try:
        os.write(descriptor, line.encode())
    except BrokenPipeError:
        return
