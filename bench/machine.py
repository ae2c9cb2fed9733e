"""The line that every result carries: on what, when, from which commit, by which command.

Rules. Reads only. What the machine does not show is said to be not shown.
"""

from __future__ import annotations

import datetime as dt
import os
import platform
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _model() -> str:
    for line in _text("/proc/cpuinfo").splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model"):
            return value.strip()
    return _text("/proc/device-tree/model").rstrip("\0") or platform.machine()


def _is_virtual() -> bool:
    return " hypervisor" in _text("/proc/cpuinfo")


def steal_ticks() -> int:
    """Return what /proc/stat says was taken from this machine by its host."""
    fields = _text("/proc/stat").partition("\n")[0].split()
    return int(fields[8]) if len(fields) > 8 else 0


def _steal(before: int) -> str:
    taken = steal_ticks() - before
    if taken == 0 and _is_virtual() and steal_ticks() == 0:
        return "not shown by this hypervisor"
    return f"{taken / os.sysconf('SC_CLK_TCK'):.2f} s in this run"


def may_fifo() -> bool:
    """Try in a child whether this user may run SCHED_FIFO."""
    child = os.fork()
    if child == 0:
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(5))
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _commit() -> str:
    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    commit = git("rev-parse", "--short", "HEAD") or "no checkout"
    changed = git("status", "--porcelain", "--untracked-files=no", "--", "native", "amphost")
    return commit + (" with changes in native or amphost" if changed else "")


def describe(
    *, cores: tuple[int, ...], policy: str, command: str, steal_before: int, load: float
) -> dict[str, str]:
    """Return the machine line as names and values, in the order of the report."""
    governor = _text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    kind = " PREEMPT_RT" if _text("/sys/kernel/realtime") == "1" else ""
    return {
        "machine": f"{_model()}, {os.cpu_count()} cores, {platform.machine()}",
        "linux": platform.release() + kind,
        "virtual": "yes" if _is_virtual() else "no sign of it",
        "steal": _steal(steal_before),
        "cores used": " and ".join(map(str, cores)),
        "policy": policy,
        "isolated": _text("/sys/devices/system/cpu/isolated") or "none",
        "governor": governor or "not shown",
        "load before": f"{load:.1f}",
        "python": platform.python_version(),
        "commit": _commit(),
        "date": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "command": command,
    }
