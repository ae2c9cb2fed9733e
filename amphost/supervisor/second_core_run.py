"""A second core of a run: its plan and what has become of it.

Rules. As `supervisor.runs`: written by the supervisor alone.
"""

from __future__ import annotations

import os
import select
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amphost.plan.model import SecondCorePlan
    from amphost.supervisor.process import Child

STOP_MS = 5000


@dataclass(slots=True, kw_only=True, eq=False)
class SecondCoreRun:
    """A second core in this run. Closing `lifeline` asks for its stop.

    Synchronization: one thread.
    """

    plan: SecondCorePlan
    child: Child | None
    lifeline: int
    runs: bool = False  # its firmware runs and its port is there
    crash: str = ""
    restarts_ns: list[int] = field(default_factory=list)
    restart_at_ns: int | None = None
    error: str = ""
    exit_code: int = 1  # of the run that ends for that error

    def release(self) -> None:
        """Let go of the lifeline: the core is stopped, and its process ends."""
        if self.lifeline >= 0:
            os.close(self.lifeline)
            self.lifeline = -1

    def abandon(self) -> None:
        """Let go of everything; the core is stopped by its process, which ends by itself then."""
        self.release()
        child, self.child = self.child, None
        if child is not None:
            ended = select.poll()
            ended.register(child.pidfd, select.POLLIN)
            if not ended.poll(STOP_MS):
                child.kill()
            child.reap()
