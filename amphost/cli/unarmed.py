"""A timed run that is not armed: how long it is waited for, and what is said then.

Rules. `--for` counts from arming, so a run that nobody arms would have no end: it has the start's
own bound and TIME once more, and then fails with the reason and with what to type. A run without
`--for` waits for as long as it takes.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from amphost.lifecycle import Mode
from amphost.supervisor.readiness import start_bound_ns

if TYPE_CHECKING:
    from amphost.supervisor.supervisor import Supervisor


class Unarmed:
    """The patience of one run; `why_disarmed` says why it was not to arm by itself, if so.

    Synchronization: main thread.
    """

    def __init__(
        self, supervisor: Supervisor, duration_s: float | None, why_disarmed: str = ""
    ) -> None:
        self._supervisor = supervisor
        self._why_disarmed = why_disarmed
        self._bound_s = start_bound_ns(supervisor.plan) / 1e9 + (duration_s or 0.0)
        self._end_s = None if duration_s is None else time.monotonic() + self._bound_s

    def over(self) -> tuple[int, str] | None:
        """Return exit code and reason when the run ends without having been armed."""
        if self._end_s is None or self._supervisor.modes.armed_ns:
            return None
        if time.monotonic() < self._end_s:
            return None
        supervisor = self._supervisor
        logs = supervisor.runtime.path
        missing = "; ".join(f"{lack} (logs: {logs})" for lack in supervisor.not_ready())
        why = reason(supervisor.modes.mode, supervisor.plan.system, missing, self._why_disarmed)
        return 1, f"not armed within {self._bound_s:g} s: {why}"


def reason(mode: Mode, system: str, missing: str, why_disarmed: str) -> str:
    """Return what stood in the way of arming, and what to type in the next run."""
    if mode is Mode.SAFE:
        return f"SAFE; while it runs, type `amphost acknowledge {system}`, `amphost arm {system}`"
    if missing:
        return missing
    why = why_disarmed or "nobody has armed it"
    return f"{why}; look at the machine, and type `amphost arm {system}` while it runs"
