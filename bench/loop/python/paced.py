"""A periodic loop in plain Python: as well as it goes, or as one writes it first.

    paced.py tuned|naive RATE SECONDS CORE PRIORITY AWAKE PHASE

Rules. The body is empty: only the waiting is measured. Prints each wake-up's latency in ns, one a
line, after the last period. Releases stand PHASE us behind a full second. Both are pinned,
SCHED_FIFO where that is allowed, memory locked.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
import time
from array import array

MCL_CURRENT_AND_FUTURE = 3
TIMER_ABSTIME = 1
LIBC = ctypes.CDLL(None, use_errno=True)


class Timespec(ctypes.Structure):
    """What clock_nanosleep takes."""

    _fields_ = (("s", ctypes.c_long), ("ns", ctypes.c_long))


def first_release(period: int, phase: int) -> int:
    """Return the first release of the grid that is not past."""
    now = time.monotonic_ns()
    return now + period - (now - phase) % period


def tuned(period: int, phase: int, samples: array[int]) -> None:
    """Sleep to absolute times, allocate little, collect nothing."""
    gc.collect()
    gc.disable()
    sleep, clock, until = LIBC.clock_nanosleep, time.monotonic_ns, Timespec()
    at = ctypes.byref(until)
    release = first_release(period, phase)
    for index in range(len(samples)):
        until.s, until.ns = divmod(release, 1_000_000_000)
        sleep(time.CLOCK_MONOTONIC, TIMER_ABSTIME, at, None)
        now = clock()
        samples[index] = now - release
        release += (max(now - release, 0) // period + 1) * period


def naive(period: int, phase: int, samples: array[int]) -> None:
    """Sleep for what is left of the period."""
    release = first_release(period, phase)
    for index in range(len(samples)):
        time.sleep(max(release - time.monotonic_ns(), 0) / 1e9)
        now = time.monotonic_ns()
        samples[index] = now - release
        release += (max(now - release, 0) // period + 1) * period


def main() -> int:
    """Set this process up, run, print."""
    kind, rate, seconds, core, priority, awake, phase = sys.argv[1:]
    os.sched_setaffinity(0, {int(core)})
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(int(priority)))
    except PermissionError:
        pass  # the report's line of the machine says so
    LIBC.mlockall(MCL_CURRENT_AND_FUTURE)
    file = None
    if awake == "1":
        try:
            file = os.open("/dev/cpu_dma_latency", os.O_WRONLY)
            os.write(file, bytes(4))
        except OSError:
            pass  # likewise
    samples = array("q", bytes(8 * int(float(seconds) * int(rate))))
    {"tuned": tuned, "naive": naive}[kind](1_000_000_000 // int(rate), 1000 * int(phase), samples)
    if file is not None:
        os.close(file)
    sys.stdout.write("".join(f"{one}\n" for one in samples))
    return 0


if __name__ == "__main__":
    sys.exit(main())
