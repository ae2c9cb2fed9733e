"""The io role: open the port, set up the native pump, start it, open the port anew when it is lost.

Rules. pyserial is imported here and in no other role; after `ready` no Python runs while the port
is open. While it is away the pump keeps its grid, its heartbeat and its accounting, and this module
looks every 20 ms whether the port is back. Nothing is armed by that.
"""

from __future__ import annotations

from amphost.link.reopening import Reopening
from amphost.link.serial_port import open_port
from amphost.pump import Pump

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from collections.abc import Callable

    from amphost.roles.context import Context

LOOK_NS = 20_000_000


def run(context: Context, ready: Callable[[], None]) -> str:
    """Run the pump until the supervisor wants its end, over every absence of the port."""
    io = context.plan.io
    assert io is not None
    name = context.run.port or io.port
    line = open_port(name, io.baud)
    pump = Pump(context.plan, io, context.segments, context.run, line.fileno())
    ready()
    end = pump.run()
    while end == "port_lost":
        reopening = Reopening(name, io.baud, line)
        end = _without_port(context, pump, reopening)
        if end == "time" and reopening.line is not None:
            line = reopening.line
            end = pump.run()
    return end


def _without_port(context: Context, pump: Pump, reopening: Reopening) -> str:
    """Run until the port is open again; return why the pump came back."""
    said = ""
    end = "time"
    while end == "time" and reopening.line is None:
        end = pump.run(context.now() + LOOK_NS)
        if reopening.refused != said:
            said = reopening.refused
            context.report(port=said)
    if reopening.line is not None:
        pump.open(reopening.line.fileno(), context.now())
        context.report(port="")
    return end
