"""The system's mode in a run: the one place that changes it.

Rules. Every change goes through the table of `lifecycle` and is stored, with the act of arming it
belongs to, in one word that every loop reads. Profiles run while armed and hold otherwise.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from amphost.lifecycle import Mode, ModeEvent, next_mode

if TYPE_CHECKING:
    from collections.abc import Callable

    from amphost.blocks import System
    from amphost.watchdog import Watchdog


class Modes:
    """Mode and acts of arming of one run.

    Synchronization: one thread, the supervisor's main one.
    """

    def __init__(self, system: System, watchdog: Watchdog, changed: Callable[[str], None]) -> None:
        self.mode = Mode.BOOT
        self.arming = 0
        self.armed_ns = 0  # of the newest act; 0: never
        self._system = system
        self._watchdog = watchdog
        self._changed = changed

    def change(self, event: ModeEvent) -> None:
        """Apply an event; ImpossibleEventError where the mode does not know it."""
        before = self.mode
        after = next_mode(before, event)
        if event is ModeEvent.ARM:
            self.arming += 1
            self.armed_ns = time.monotonic_ns()
            self._watchdog.run_profiles(self.armed_ns)
        self.mode = after
        self._system.set_mode(after, self.arming)
        if before is Mode.ARMED and after is not Mode.ARMED:
            self._watchdog.run_profiles(0)
        if after is not before:
            self._changed(f"mode {before.name} -> {after.name}")
