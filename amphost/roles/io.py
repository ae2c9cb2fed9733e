"""The io role: open the port, set up the native pump, start it, open the port anew when it is lost.

Rules. pyserial is imported here, for a tty, and in no other role; after `ready` the real-time
thread is in C. While the port is away the pump keeps its grid, its heartbeat and its accounting,
and another thread opens the port (see `link.reopening`). Nothing is armed by that.
"""

from __future__ import annotations

from amphost.link.reopening import Reopening
from amphost.link.serial_port import open_port
from amphost.pump import Pump

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from collections.abc import Callable

    from amphost.roles.context import Context


def run(context: Context, ready: Callable[[], None]) -> str:
    """Run the pump until the supervisor wants its end, over every absence of the port."""
    io = context.plan.io
    assert io is not None
    name = context.run.port or io.port
    line = open_port(name, io.baud)
    pump = Pump(context.plan, io, context.segments, context.run, line.fileno())
    context.report(line=line.facts)
    ready()
    end = pump.run()
    while end == "port_lost":
        reopening = Reopening(name, io.baud, line, lambda why: context.report(port=why))
        end = pump.run_without_port(reopening.wake)
        if end == "time" and reopening.line is not None:
            line = reopening.line
            context.report(line=line.facts)
            pump.open(line.fileno(), context.now())
            reopening.close()
            end = pump.run()
    line.close()
    return end
