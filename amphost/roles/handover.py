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
        guests: list[Any]  # the roles that share its process: `role` and `run` of each


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


def read_held(place: str) -> tuple[RolePlan, Run]:
    """Take the place of a role that is held, `PID:N` of its supervisor; return plan and run.

    A lock on the handover, held for as long as this process lives, keeps a second one out.
    """
    import fcntl

    pid, _, number = place.partition(":")

    def opened(descriptor: int, how: int) -> int:
        found = os.open(f"/proc/{pid}/fd/{descriptor}", how)
        os.set_inheritable(found, True)  # as a child has them
        return found

    try:
        kept = opened(int(number), os.O_RDONLY)
        fcntl.flock(kept, fcntl.LOCK_EX | fcntl.LOCK_NB)
        text = os.pread(kept, os.fstat(kept).st_size, 0)
        if not text:
            raise AmphostError("it is not to be started yet: wait until its run says so")
        document = lean_json.loads(text, lambda fields: Namespace(**fields))
        role, run = document.role, document.run
        for one in (document, *run.guests):
            owned = 1 + len(one.role.writes)
            one.run.segments = [
                opened(segment, os.O_RDWR if position < owned else os.O_RDONLY)
                for position, segment in enumerate(one.run.segments)
            ]
        run.attachments = [
            [name, media_type, opened(one, os.O_RDONLY)]
            for name, media_type, one in run.attachments
        ]
        run.status_fd = opened(run.status_fd, os.O_WRONLY)
        for guest in run.guests:
            guest.run.status_fd = run.status_fd
    except BlockingIOError:
        raise AmphostError("it runs already: end that process first") from None
    except (OSError, ValueError, AttributeError) as error:
        raise AmphostError(
            f"no role is held at {place} ({error}): its run has ended, or is another user's"
        ) from error
    status(run.status_fd, "held", pid=os.getpid(), epoch=run.epoch)
    return role, run


def status(descriptor: int, event: str, **fields: Any) -> None:
    """Tell the supervisor, as one line of JSON; a supervisor that is gone is no error here."""
    line = lean_json.dumps({"event": event, **fields}) + "\n"
    try:
        os.write(descriptor, line.encode())
    except BrokenPipeError:
        return
