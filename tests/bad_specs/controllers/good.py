"""Classes that `amphost check` reads: one is right, each other has one mistake."""

from __future__ import annotations

from typing import Any


class Pick:
    """What a role may run."""

    def step(self, role: Any) -> None:
        """Do nothing."""


class Idle:
    """Has no step."""


class Short:
    """Its step takes nothing."""

    def step(self) -> None:
        """Do nothing."""


class Waits:
    """Its step is a coroutine."""

    async def step(self, role: Any) -> None:
        """Do nothing."""


class Needs:
    """Nobody would give it its argument."""

    def __init__(self, gain: float) -> None:
        self.gain = gain

    def step(self, role: Any) -> None:
        """Do nothing."""


class Sorts:
    """What a worker may run."""

    def work(self, role: Any) -> None:
        """Do nothing."""
