"""The io role: open the port, set up the native pump, start it, say how it ended.

Rules. pyserial is imported here and in no other role; after `ready` no Python runs until the end.
"""

from __future__ import annotations

from amphost.link.serial_port import open_port
from amphost.pump import Pump

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from collections.abc import Callable

    from amphost.roles.context import Context


def run(context: Context, ready: Callable[[], None]) -> str:
    """Run the pump until the supervisor wants its end or the port is gone; return why."""
    io = context.plan.io
    assert io is not None
    with open_port(context.run.port or io.port, io.baud) as port:
        pump = Pump(context.plan, io, context.segments, context.run, port.fileno())
        ready()
        return pump.run()
