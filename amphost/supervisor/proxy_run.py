"""A fault proxy of a run: its plan and what has become of it.

Rules. As `supervisor.runs`: written by the supervisor alone.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from amphost.plan.model import ProxyPlan
    from amphost.supervisor.process import Child


@dataclass(slots=True, kw_only=True, eq=False)
class ProxyRun:
    """A fault proxy in this run. Closing `lifeline` asks it to leave with its device.

    Synchronization: one thread.
    """

    plan: ProxyPlan
    child: Child | None
    lifeline: int
    lifeline_fd: int = -1  # its other end, as the proxy knows it
    inner: str = ""  # the device's own port; empty: it has not been handed over
    port: str = ""
    granted: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, Any] = field(default_factory=dict)
    restarts_ns: list[int] = field(default_factory=list)
    restart_at_ns: int | None = None
    error: str = ""

    def release(self) -> None:
        """Let go of the lifeline, and ask it to end; one that still waits for its plan cannot."""
        if self.lifeline >= 0:
            os.close(self.lifeline)
            self.lifeline = -1
        if self.child is not None and self.inner:
            self.child.terminate()
        elif self.child is not None:
            self.child.kill()

    def abandon(self) -> None:
        """End it at once, and let go of everything."""
        child, self.child = self.child, None
        if child is not None:
            child.kill()
            child.reap()
        self.release()
