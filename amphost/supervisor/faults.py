"""The faults of a run, as the supervisor saw them: said once, kept for the report.

Rules. Whoever finds a fault records it here; what follows from it is decided elsewhere.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from amphost.supervisor.fault_text import fault_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from amphost.supervisor.runs import RoleRun


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultEvent:
    """One fault. `kind` is that of its role.

    Synchronization: none required; immutable.
    """

    t_ns: int
    fault: str
    role: str
    kind: str
    text: str


class Faults:
    """Every fault of a run, oldest first. `heard` is told of each, with its number.

    Synchronization: one thread.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        heard: Callable[[FaultEvent, int], None] = lambda _event, _number: None,
    ) -> None:
        self.events: list[FaultEvent] = []
        self._say = say
        self._heard = heard

    def record(self, fault: int, run: RoleRun, text: str) -> None:
        """Keep a fault of a role, and say it."""
        plan, name = run.plan, fault_name(fault)
        now_ns = time.monotonic_ns()
        event = FaultEvent(t_ns=now_ns, fault=name, role=plan.name, kind=plan.kind, text=text)
        self.events.append(event)
        self._heard(event, fault)
        self._say(f"{plan.name}: {name}: {text}")
