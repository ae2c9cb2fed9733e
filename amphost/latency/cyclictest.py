"""cyclictest of the rt-tests, run in slices beside our own: its command, and what it answers.

Rules. Pure: words out, text in. It gets the same core, priority, period and number of periods as
our own slice, holds /dev/cpu_dma_latency at 0 as it always does, and counts nanoseconds. It sorts
nothing above a millisecond: what is later counts as its largest value. It does not run at all
without real-time rights.
"""

from __future__ import annotations

import json
from typing import Any

from amphost.latency.tally import Tally, from_values

PROGRAM = "cyclictest"
PACKAGE = "rt-tests"
WIDEST_NS = 1_000_000


def command(
    program: str,
    *,
    core: int,
    priority: int,
    period_ns: int,
    periods: int,
    lock: bool,
    result: str,
) -> list[str]:
    """Return its command line; `result` is the file for its JSON."""
    words = [program, "--quiet", "--threads=1", f"--affinity={core}", "--nsecs"]
    words += [f"--interval={max(1, round(period_ns / 1000))}", f"--loops={periods}"]
    words += [f"--histogram={WIDEST_NS}", f"--json={result}"]
    words += [f"--priority={priority}", "--policy=fifo"]
    return [*words, "--mlockall"] if lock else words


def result(text: str) -> tuple[Tally, str] | None:
    """Return what it has counted, and its version; None where this is no answer."""
    try:
        answer: dict[str, Any] = json.loads(text)
        thread = answer["thread"]["0"]
        counted = {int(value): int(count) for value, count in thread["histogram"].items()}
        beyond = int(thread["cycles"]) - sum(counted.values())
        largest = int(thread["max"])
        version = str(answer.get("rt_test_version:", "unknown"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if beyond < 0:
        return None
    values = [*counted.items(), *([(largest, beyond)] if beyond else [])]
    return from_values(values), version
