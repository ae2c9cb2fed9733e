"""The exec role: hand its segments to the user's program, and become it.

Rules. The process stays the same: its core, priority, limits and number are what the plan says. The
program inherits its own segment read-write, those it reads read-only, and the directory that
native/include/amp/attach.h describes; nothing else of ours is open in it. Python ignores signals
that a program expects to be ended by: they are given back.
"""

from __future__ import annotations

import os
import signal

from amphost.attach import Handed, HandedDirectory
from amphost.errors import UserCodeError

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from collections.abc import Callable

    from amphost.roles.context import Context

PERIOD_VARIABLE = "AMPHOST_PERIOD_NS"


def run(context: Context, ready: Callable[[], None]) -> str:
    """Become the program; comes back only by an exception."""
    plan, handed = context.plan.exec, context.run.segments
    assert plan is not None
    own = Handed(plan=context.plan.segment, descriptor=handed[0])
    reads = [
        Handed(plan=segment, descriptor=_read_only(descriptor))
        for segment, descriptor in zip(context.plan.reads, handed[1:], strict=True)
    ]
    context.die_with_supervisor()
    directory = HandedDirectory(own, reads, nonce=context.run.nonce, epoch=context.run.epoch)
    for descriptor in directory.pass_fds:
        os.set_inheritable(descriptor, True)
    environment = {**os.environ, **directory.environment, PERIOD_VARIABLE: str(plan.period_ns)}
    ready()
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.chdir(plan.folder)
        os.execve(plan.file, [*plan.command], environment)  # noqa: S606 - no shell is the point
    except OSError as error:
        raise UserCodeError(f"{plan.file}: {error.strerror}") from error


def _read_only(descriptor: int) -> int:
    """Open a segment again for reading alone, and close what could write it."""
    reading = os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_CLOEXEC)
    os.close(descriptor)
    return reading
