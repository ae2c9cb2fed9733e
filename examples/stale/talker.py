"""Publishes a slow wave, and falls silent again and again, as one does that waits for a disk."""

from __future__ import annotations

import math
import time

from amphost import Role


class Talker:
    """Says where the motor should be, most of the time."""

    def __init__(self) -> None:
        """Begin with a silence."""
        self.silent_at_s = 0.0

    def step(self, role: Role) -> None:
        """Publish; once in a while be late on purpose."""
        role.writes.wave = 1.5 + 0.5 * math.sin(3.0 * role.now_s)
        if role.now_s >= self.silent_at_s:
            self.silent_at_s = role.now_s + role.parameters.every_s
            time.sleep(role.parameters.silent_s)
