"""What follows from the death of a role: a trip, and a successor or none.

Rules. A role of the control path that dies takes the mode to SAFE, whoever killed it; an observer
does not. The successor waits for its time, longer with each death, and after the fifth within a
minute there is none: the role stays down and says why. A role whose port is away is no such case:
it is tried again for as long as it takes, and that is said once.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from amphost.lifecycle import CONTROL_PATH, Fault, Mode, ModeEvent, restart_delay_ns

if TYPE_CHECKING:
    from collections.abc import Callable

    from amphost.supervisor.faults import Faults
    from amphost.supervisor.modes import Modes
    from amphost.supervisor.runs import RoleRun

AWAY_NS = 500_000_000
"""Between two tries to open a port that is away."""


class Restarts:
    """Decides about successors.

    Synchronization: one thread.
    """

    def __init__(self, modes: Modes, faults: Faults, say: Callable[[str], None]) -> None:
        self._modes = modes
        self._faults = faults
        self._say = say
        self.over = False  # the run is stopping: no successor any more

    def died(self, run: RoleRun, why: str) -> None:
        """Take note that a role is gone without having been asked to leave."""
        run.restart_at_ns = None
        said = run.killed or (run.away and run.was_away)
        run.was_away = run.away
        if not said:
            self._faults.record(Fault.ROLE_DIED, run, why)
        if run.plan.kind in CONTROL_PATH:
            if self._modes.mode is Mode.BOOT and run.exit_code:
                return  # it could not start and has said why: the run ends
            self._modes.change(ModeEvent.TRIP)
        now_ns = time.monotonic_ns()
        delay_ns = AWAY_NS if run.away else restart_delay_ns(run.restarts_ns, now_ns)
        if run.plan.restart == "never" and not run.away:
            run.down = f"{why}; it stays down, as its spec has it (restart: never)"
            self._say(f"{run.plan.name}: {run.down}")
            return
        if delay_ns is None:
            run.down = f"{why}; it died too often and stays down"
            self._say(f"{run.plan.name}: {run.down}")
            return
        if not run.away:
            run.restarts_ns.append(now_ns)
        run.restart_at_ns = now_ns + delay_ns

    def due(self, run: RoleRun, now_ns: int) -> bool:
        """Return whether a role's successor is to be started now; say so."""
        if self.over or run.restart_at_ns is None or now_ns < run.restart_at_ns:
            return False
        if not run.was_away:
            self._say(f"{run.plan.name}: starting again (epoch {run.epoch + 1})")
        return True
