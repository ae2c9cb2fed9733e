"""Start a program beside this one, watch its thread on the measured core, and see it end.

Rules. What is started dies with this process, and nothing outlasts its slice: a program that does
not end in time is killed with all it started. The CPU time of a thread is read from /proc, from
another core.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from bench.install import last_line
from bench.loop.parse import cpu_share, thread_time

PR_SET_PDEATHSIG = 1
LOOK_S = 0.05
_LIBC = ctypes.CDLL(None)


class FailedError(Exception):
    """A program gave no reading; the text says why.

    Synchronization: none required, immutable.
    """


def _die_with_parent() -> None:
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextlib.contextmanager
def started(
    command: Sequence[str], out: int, err: int, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program for the length of the block, in a process group of its own."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True,
        preexec_fn=_die_with_parent, env=environment,  # noqa: PLW1509 - there are no threads here
    )  # fmt: skip
    try:
        yield process
    finally:
        _kill(process)


def descendants(pid: int) -> list[int]:
    """Return a process and all that it started."""
    found = [pid]
    for one in found:  # it grows while it is read
        for tasks in Path(f"/proc/{one}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += map(int, tasks.read_text(encoding="ascii").split())
    return found


def _allowed(task: Path) -> str:
    with contextlib.suppress(OSError):
        for line in (task / "status").read_text(encoding="ascii").splitlines():
            if line.startswith("Cpus_allowed_list:"):
                return line.split()[1]
    return ""


def threads_on(core: int, pid: int) -> list[Path]:
    """Return the /proc folders of what a process started and pinned to this core alone."""
    tasks = [task for one in descendants(pid) for task in Path(f"/proc/{one}/task").glob("*")]
    return [task for task in tasks if _allowed(task) == str(core)]


class CpuMeter:
    """Reads what the threads on one core have used, as long as they live: the last seconds count.

    Synchronization: one thread.
    """

    def __init__(self, find: Callable[[], list[Path]], last_s: float) -> None:
        self._find = find
        self._last_s = last_s
        self._threads: list[Path] = []
        self._samples: list[tuple[float, int]] = []

    def look(self) -> None:
        """Take one sample; nothing when a thread has gone."""
        if not self._threads:
            self._threads = self._find()
            return  # the first look is disturbed by the start
        with contextlib.suppress(OSError, ValueError, IndexError):
            texts = [(one / "schedstat").read_text(encoding="ascii") for one in self._threads]
            self._samples.append((time.monotonic(), sum(map(thread_time, texts))))

    def share(self) -> float | None:
        return cpu_share(self._samples, self._last_s)


def run(
    command: Sequence[str],
    *,
    limit_s: float,
    meter: Callable[[int], CpuMeter] | None = None,
    environment: Mapping[str, str] | None = None,
) -> tuple[str, float | None]:
    """Run a program to its end; return what it printed, and its share of the core."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with started(command, out.fileno(), err.fileno(), environment) as process:
            looking = meter(process.pid) if meter is not None else None
            until = time.monotonic() + limit_s
            while process.poll() is None:
                if time.monotonic() > until:
                    raise FailedError(f"no end within {limit_s:.0f} s")
                time.sleep(LOOK_S)
                if looking is not None:
                    looking.look()
        out.seek(0)
        err.seek(0)
        said = err.read().decode(errors="replace")
        if process.returncode != 0:
            raise FailedError(
                last_line(said) if said.strip() else f"exit code {process.returncode}"
            )
        text = out.read().decode(errors="replace")
    return text, looking.share() if looking is not None else None
