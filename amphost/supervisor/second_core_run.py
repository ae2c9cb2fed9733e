"""A second core of a run: its plan and what has become of it.

Rules. As `supervisor.runs`: written by the supervisor alone.
"""

from __future__ import annotations

import os
import select
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amphost.plan.model import SecondCorePlan
    from amphost.supervisor.process import Child

STOP_MS = 5000


class SecondCoreRun:
    """A second core in this run. Closing `lifeline` asks for its stop.

    Synchronization: one thread.
    """

    def __init__(self, plan: SecondCorePlan, lifeline: int) -> None:
        self.plan = plan
        self.lifeline = lifeline
        self.child: Child | None = None
        self.runs = False  # its firmware runs and its port is there
        self.crash = ""
        self.restarts_ns: list[int] = []
        self.restart_at_ns: int | None = None
        self.error = ""
        self.exit_code = 1  # of the run that ends for that error

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
