"""A synthetic camera: a bright spot on noise, handed out frame by frame to the workers.

The spot moves on an ellipse. Two workers look for it (spot.py); what they find comes back as
results, and the newest of them becomes the role's own output.
"""

from __future__ import annotations

import math
import random

from amphost import Role

WIDTH, HEIGHT = 64, 48
SIDE = 5
DARK = bytes(value % 64 for value in range(256))
BRIGHT = bytes([220]) * SIDE


class Camera:
    """Makes a frame each step, the same ones for the same seed."""

    def setup(self, role: Role) -> None:
        """Begin the noise where the seed says."""
        self.noise = random.Random(role.parameters.seed)
        self.newest = 0

    def frame(self, step: int) -> tuple[bytes, float, float]:
        """Return a frame, row by row, and where the middle of its spot is."""
        angle = step / 25
        left = round((WIDTH - SIDE) / 2 * (1 + 0.8 * math.cos(angle)))
        top = round((HEIGHT - SIDE) / 2 * (1 + 0.8 * math.sin(angle)))
        pixels = bytearray(self.noise.randbytes(WIDTH * HEIGHT).translate(DARK))
        for row in range(top, top + SIDE):
            start = row * WIDTH + left
            pixels[start : start + SIDE] = BRIGHT
        return bytes(pixels), left + SIDE // 2, top + SIDE // 2

    def step(self, role: Role) -> None:
        """Publish what was found, and hand out the next frame."""
        for result in role.work.results:
            if result.item > self.newest:  # two workers: an older frame may come later
                self.newest = result.item
                role.writes.x, role.writes.y = result["x"], result["y"]
        pixels, _, _ = self.frame(role.tick)
        role.work.submit(pixels)
