"""CPU, memory, page faults and switches of the processes of a run, read from /proc.

Rules. The process that is looked at does nothing for it and is not stopped by it. Reads a few small
files a process and imports nothing: the supervisor's heartbeat must not
wait for a library while the system is armed. A process that is gone has no figures, not zeros, and
what Linux does not tell is None. Switches, moves and waiting are those of a process's main thread,
which is the one that runs its loop.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    Counts = dict[str, float | None]

KIB_PER_MIB = 1024
PRIVATE = ("Private_Clean:", "Private_Dirty:", "Private_Hugetlb:")
CPU_AFTER_S = 0.5
NS_PER_MS = 1_000_000
COUNTED = (
    "minor_faults",
    "major_faults",
    "voluntary_switches",
    "involuntary_switches",
    "migrations",
    "waited_ms",
)
"""What has happened to a process, in numbers that only grow."""
SAMPLED = ("cpu_percent", "pss_mb", "uss_mb", *COUNTED)
"""Every figure of a sample."""
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Usage:
    """Samples processes by name; CPU is the share of one core since the first sample.

    What is counted is counted from the newest `begin`; for a process that began later, from its
    first sample.

    Synchronization: one thread.
    """

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        self._first: dict[tuple[str, int], tuple[float, float]] = {}
        self._begun: dict[tuple[str, int], Counts] = {}

    def begin(self, pids: Mapping[str, int]) -> None:
        """Count from now on: the system is about to be armed."""
        for name, pid in pids.items():
            try:
                self._begun[name, pid] = counts(self._proc / str(pid))
            except OSError:
                continue

    def sample(self, pids: Mapping[str, int]) -> dict[str, dict[str, float | None]]:
        """Return the figures of each: cpu_percent (None over less than half a second), pss_mb and
        uss_mb, and what `counts` names.
        """
        figures: dict[str, dict[str, float | None]] = {}
        for name, pid in pids.items():
            try:
                used_s = cpu_s(self._proc / str(pid))
                memory = memory_mb(self._proc / str(pid))
                counted = counts(self._proc / str(pid))
            except OSError:
                continue
            now_s = time.monotonic()
            begun_s, begun_used_s = self._first.setdefault((name, pid), (now_s, used_s))
            over_s = now_s - begun_s
            share = 100 * (used_s - begun_used_s) / over_s if over_s > CPU_AFTER_S else None
            begun = self._begun.setdefault((name, pid), counted)
            figures[name] = {"cpu_percent": share, **memory, **_since(begun, counted)}
        return figures


def counts(process: Path) -> Counts:
    """Return what has happened to a process so far: page faults, switches, moves, waiting."""
    fields = _stat(process)
    status = _words(process / "status")
    sched = _words(process / "sched")
    schedstat = _lines(process / "schedstat")
    return {
        "minor_faults": int(fields[7]),
        "major_faults": int(fields[9]),
        "voluntary_switches": _whole(status.get("voluntary_ctxt_switches")),
        "involuntary_switches": _whole(status.get("nonvoluntary_ctxt_switches")),
        "migrations": _whole(sched.get("se.nr_migrations")),
        "waited_ms": int(schedstat[0].split()[1]) / NS_PER_MS if schedstat else None,
    }


def _stat(process: Path) -> list[str]:
    """Return what follows the name, which may be any bytes."""
    text = (process / "stat").read_text(encoding="utf-8", errors="replace")
    return text.rsplit(")", 1)[1].split()


def _since(begun: Counts, now: Counts) -> dict[str, float | None]:
    return {
        name: None if count is None or begun[name] is None else count - (begun[name] or 0)
        for name, count in now.items()
    }


def _lines(path: Path) -> list[str]:
    """Return the lines of a file, none where this Linux has no such file or does not show it."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except (FileNotFoundError, PermissionError):
        return []


def _words(path: Path) -> dict[str, str]:
    pairs = (line.partition(":") for line in _lines(path))
    return {name.strip(): word.strip() for name, _, word in pairs}


def _whole(word: str | None) -> int | None:
    return int(word) if word is not None and word.isdecimal() else None


def cpu_s(process: Path) -> float:
    """Return the CPU time that a process has used, in seconds."""
    fields = _stat(process)
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
