"""Moves a motor's target between two places: to the next one as soon as it has arrived.

The class is stepped by the role `pick` of ../04_python_role.yaml. test_pick.py beside it tests it
without a system.
"""

from __future__ import annotations

from amphost import Role


class Pick:
    """Goes from place to place, and says how often it has arrived."""

    def setup(self, role: Role) -> None:
        """Take what the spec gives; anything slow belongs here, not into a step."""
        self.places: list[float] = role.parameters.places
        self.near: float = role.parameters.near
        self.next = 0
        role.log(f"{len(self.places)} places")

    def step(self, role: Role) -> None:
        """Send the motor on once it is near its place."""
        position = role.reads.position
        if position.is_stale or not role.is_armed:
            return  # the target stays where it is
        if abs(position.value - self.places[self.next]) < self.near:
            self.next = (self.next + 1) % len(self.places)
            role.writes.arrivals += 1
        role.writes.target = self.places[self.next]
