"""The io role: open the port, set up the native pump, start it, open the port anew when it is lost.

Rules. pyserial is imported here, for a tty, and in no other role; after `ready` the real-time
thread is in C. While a port is away its pump keeps its grid, its heartbeat and its accounting, and
another thread opens the port (see `link.reopening`). Nothing is armed by that. Roles that share
this process (`shares`) have a pump each, and one native loop runs them all.
"""

from __future__ import annotations

from amphost.errors import HardwareMissingError
from amphost.link.reopening import Reopening
from amphost.link.serial_port import open_port
from amphost.pump import Pump, Pumps

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from collections.abc import Callable

    from amphost.link.serial_port import OpenPort
    from amphost.roles.context import Context


def run(context: Context, ready: Callable[[], None]) -> str:
    """Run the pumps until the supervisor wants their end, over every absence of a port."""
    links = [_Link(one) for one in (context, *context.guests)]
    pumps = Pumps([link.pump for link in links])
    for link in links:
        link.tell()
    ready()
    while True:
        for link in links:
            link.turn()
        end = pumps.run()
        if end in ("ended", "supervisor_lost"):
            break
    pumps.close()
    for link in links:
        link.close()
    return end


class _Link:
    """The port and the pump of one device.

    Synchronization: one thread.
    """

    def __init__(self, context: Context) -> None:
        io = context.plan.io
        assert io is not None
        self._context = context
        self._name = context.run.port or io.port
        self._baud = io.baud
        self._line: OpenPort | None = None
        self._reopening: Reopening | None = None
        try:
            self._line = open_port(self._name, io.baud)
        except HardwareMissingError:
            if not context.shares_process or context.run.epoch == 1:
                raise  # others in this process must not wait for it when they start again
        descriptor = -1 if self._line is None else self._line.fileno()
        self.pump = Pump(context.plan, io, context.segments, context.run, descriptor)

    def turn(self) -> None:
        """Between two runs: tell who was refused, have a lost port opened, go on with a new one."""
        refused = self.pump.take_refusal()
        if refused is not None:
            self._context.report(refused=refused)
        opened = self._reopening
        if opened is not None and opened.line is not None:
            self._line, self._reopening = opened.line, None
            self.tell()
            self.pump.open(self._line.fileno(), self._context.now())
            opened.close()
        elif opened is None and not self.pump.has_port:
            report = self._context.report
            self._reopening = Reopening(
                self._name, self._baud, self._line, lambda why: report(port=why)
            )
            self.pump.wake_by(self._reopening.wake)

    def tell(self) -> None:
        """Say what the open port is, for people."""
        if self._line is not None:
            self._context.report(line=self._line.facts)

    def close(self) -> None:
        """Close the port, if there is one."""
        if self._line is not None and self._reopening is None:
            self._line.close()
