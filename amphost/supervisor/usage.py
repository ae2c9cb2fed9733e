"""CPU and memory of the processes of a run, read from /proc.

Rules. Reads two small files a process and imports nothing: the supervisor's heartbeat must not wait
for a library while the system is armed. A process that is gone has no figures, not zeros.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

KIB_PER_MIB = 1024
PRIVATE = ("Private_Clean:", "Private_Dirty:", "Private_Hugetlb:")
CPU_AFTER_S = 0.5
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Usage:
    """Samples processes by name; CPU is the share of one core since the first sample.

    Synchronization: one thread.
    """

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        self._first: dict[tuple[str, int], tuple[float, float]] = {}

    def sample(self, pids: Mapping[str, int]) -> dict[str, dict[str, float | None]]:
        """Return cpu_percent (None over less than half a second), pss_mb and uss_mb of each."""
        figures: dict[str, dict[str, float | None]] = {}
        for name, pid in pids.items():
            try:
                used_s = cpu_s(self._proc / str(pid))
                memory = memory_mb(self._proc / str(pid))
            except OSError:
                continue
            now_s = time.monotonic()
            begun_s, begun_used_s = self._first.setdefault((name, pid), (now_s, used_s))
            over_s = now_s - begun_s
            share = 100 * (used_s - begun_used_s) / over_s if over_s > CPU_AFTER_S else None
            figures[name] = {"cpu_percent": share, **memory}
        return figures


def cpu_s(process: Path) -> float:
    """Return the CPU time that a process has used, in seconds."""
    fields = (process / "stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def memory_mb(process: Path) -> dict[str, float | None]:
    """Return a process's proportional and unique memory in MiB; None where Linux does not say."""
    try:
        lines = (process / "smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    except (FileNotFoundError, PermissionError):
        lines = []
    kib = {key: int(size) for key, size, *_ in (line.split() for line in lines)}
    if not kib:
        return {"pss_mb": None, "uss_mb": None}
    private = sum(kib.get(key, 0) for key in PRIVATE)
    return {"pss_mb": kib["Pss:"] / KIB_PER_MIB, "uss_mb": private / KIB_PER_MIB}
