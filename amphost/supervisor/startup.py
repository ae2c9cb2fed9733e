"""Where the time of a start goes: its phases, each from the end of the one before.

Rules. A phase ends once: what starts again later is no start of the system. The first begins with
the program's first line, the last ends with the first armed period of the last control role.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PHASES = ("spec", "plan", "exec", "settle", "link", "arm")
"""Spec read and checked; plan made; every process exec'd; the control path's processes settled;
the device answers and every input is there; armed, and the first period begun."""


class Startup:
    """The phases of one start.

    Synchronization: one thread.
    """

    def __init__(self, began_ns: int, now_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self.began_ns = began_ns
        self.plan_kept = False
        """Whether the plan was kept from an earlier start."""
        self._first_exec_ns: int | None = None
        self._now_ns = now_ns
        self._ends_ns: dict[str, int] = {}

    def done(self, phase: str) -> None:
        """Note that a phase has ended now, the first time that it does."""
        assert phase in PHASES
        self._ends_ns.setdefault(phase, self._now_ns())

    def execs(self) -> None:
        """Note that the first process is exec'd next."""
        if self._first_exec_ns is None:
            self._first_exec_ns = self._now_ns()

    def from_exec_ms(self, armed_ns: int | None) -> float | None:
        """Return the time from the first exec to the first armed period."""
        if armed_ns is None or self._first_exec_ns is None:
            return None
        return (armed_ns - self._first_exec_ns) / 1e6

    def phases_ms(self, armed_ns: int | None) -> dict[str, float | None]:
        """Return the length of each phase; None from the first that has not ended."""
        ends_ns = self._ends_ns if armed_ns is None else {**self._ends_ns, "arm": armed_ns}
        lengths: dict[str, float | None] = dict.fromkeys(PHASES)
        before_ns = self.began_ns
        for phase in PHASES:
            if phase not in ends_ns:
                break
            lengths[phase] = (ends_ns[phase] - before_ns) / 1e6
            before_ns = ends_ns[phase]
        return lengths
