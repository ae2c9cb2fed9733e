"""Finds the bright spot of a frame: the mean place of its bright pixels."""

from __future__ import annotations

from amphost import Role

WIDTH, HEIGHT = 64, 48


class Spot:
    """Works on one frame at a time; it may take as long as it needs, control never waits."""

    def work(self, role: Role) -> None:
        """Write where the spot is."""
        pixels = role.item.data
        assert len(pixels) == WIDTH * HEIGHT
        bright = [index for index, value in enumerate(pixels) if value > role.parameters.threshold]
        if bright:
            role.writes.x = sum(index % WIDTH for index in bright) / len(bright)
            role.writes.y = sum(index // WIDTH for index in bright) / len(bright)
        role.writes.found = len(bright) > 0
