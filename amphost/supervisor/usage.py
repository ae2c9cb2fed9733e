"""CPU and memory of the processes of a run, as psutil reads them.

Rules. psutil is imported when first asked, after arming: its import must not delay a start. A
process that is gone has no figures, not zeros.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MIB = 1 << 20


class Usage:
    """Samples processes by name; CPU is the share of one core since the first sample.

    Synchronization: one thread.
    """

    def __init__(self) -> None:
        self._first: dict[tuple[str, int], tuple[float, float]] = {}

    def sample(self, pids: Mapping[str, int]) -> dict[str, dict[str, float | None]]:
        """Return cpu_percent (None at the first sample), pss_mb and uss_mb of each process."""
        import psutil  # see the rules

        figures: dict[str, dict[str, float | None]] = {}
        for name, pid in pids.items():
            try:
                process = psutil.Process(pid)
                with process.oneshot():
                    times = process.cpu_times()
                memory = process.memory_full_info()
            except psutil.Error:
                continue
            now_s = time.monotonic()
            used_s = times.user + times.system
            begun_s, begun_used_s = self._first.setdefault((name, pid), (now_s, used_s))
            over_s = now_s - begun_s
            figures[name] = {
                "cpu_percent": 100 * (used_s - begun_used_s) / over_s if over_s > 0.5 else None,
                "pss_mb": memory.pss / MIB,
                "uss_mb": memory.uss / MIB,
            }
        return figures
