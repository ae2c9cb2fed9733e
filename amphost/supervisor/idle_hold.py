"""Keep the cores out of their idle states while the loops must be on time.

Rules. Linux wakes a core that sleeps deeply some ten times later. As long as a process has
/dev/cpu_dma_latency open with a 0 written to it, no core goes there; when that process ends,
however it ends, Linux forgets the wish. It is held while roles start, because they measure then
how late they wake, and while armed; not in DISARMED or SAFE, where it would only cost power.
"""

from __future__ import annotations

import os
from pathlib import Path

from amphost.lifecycle import Mode

DEVICE = Path("/dev/cpu_dma_latency")
HELD_IN = (Mode.BOOT, Mode.ARMED)
NO_LATENCY = b"\0\0\0\0"


class IdleHold:
    """The wish of one run, if its plan has it. What stood in its way is `lack`.

    Synchronization: one thread, the supervisor's main one.
    """

    def __init__(self, wanted: bool, device: Path = DEVICE) -> None:
        self.lack = ""
        self.was_held = False
        self._wanted = wanted
        self._device = device
        self._descriptor = -1

    def follow(self, mode: Mode) -> None:
        """Hold or let go, as `mode` has it."""
        if not self._wanted or mode not in HELD_IN:
            self.close()
        elif self._descriptor < 0:
            self._open()

    def _open(self) -> None:
        try:
            self._descriptor = os.open(self._device, os.O_WRONLY | os.O_CLOEXEC)
            os.write(self._descriptor, NO_LATENCY)
        except OSError as error:
            self.close()
            self.lack = f"{self._device} is not held, wake-ups may be late ({error.strerror})"
            return
        self.lack = ""
        self.was_held = True

    def close(self) -> None:
        """Let go; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
