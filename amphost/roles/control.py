"""The control role: set up the native loop, start it, say how it ended.

Rules. Imports nothing that the loop does not need; calls C once and comes back when it ends. From
`ready` on the process is sandboxed: it can sleep, compute, say how it ended and exit. A system call
of any other kind, whoever makes it, ends it.
"""

from __future__ import annotations

from amphost import platform
from amphost.loop import Loop

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from collections.abc import Callable

    from amphost.roles.context import Context


def run(context: Context, ready: Callable[..., None]) -> str:
    """Run the loop until the supervisor wants its end; return why it ended."""
    control = context.plan.control
    assert control is not None
    run_facts = context.run
    loop = Loop(context.plan, control, context.segments, run_facts.origin_ns, epoch=run_facts.epoch)
    loop.calibrate()
    platform.touch_code(loop.own_code())
    ready(sandbox=_sandbox(run_facts.status_fd))
    return loop.run()


def _sandbox(status_fd: int) -> str:
    """Enter the sandbox; return what Linux said where it refused."""
    try:
        platform.enter_sandbox(status_fd)
    except OSError as error:
        return str(error.strerror)
    return ""
