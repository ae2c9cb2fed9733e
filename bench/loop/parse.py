"""What each program prints, as latencies.

Rules. Pure. A latency is counted in whole nanoseconds; one that is negative counts as 0. What a
program measured in its first `skip` periods is left out. Text that is not what it should be is a
ValueError that names it.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.loop.latency import Gaps, Latencies

WAKEUP, EXECUTION, MARGIN, TICKS = "wakeup", "execution", "margin", "ticks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one slice of one candidate gave.

    Synchronization: none required, immutable.
    """

    latency: Latencies | Gaps
    cpu: float | None = None  # share of the core
    execution: Latencies | None = None
    margin_ns: int | None = None  # of a hybrid pace, at the end
    skipped: int = 0


@dataclass(slots=True)
class _Lines:
    counts: dict[str, Counter[int]] = field(default_factory=dict)

    def add(self, line: str) -> None:
        words = line.split()
        if len(words) != 3 or not (words[1] + words[2]).isdecimal():
            raise ValueError(f"not a line of counts: {line!r}")
        self.counts.setdefault(words[0], Counter())[int(words[1])] += int(words[2])


def _counted(text: str) -> dict[str, Counter[int]]:
    lines = _Lines()
    for line in text.splitlines():
        lines.add(line)
    return lines.counts


def _evenly(buckets: Mapping[int, int]) -> Latencies:
    """Spread what a bucket counted over it, so that its width favours nobody.

    A role's histogram has 32 buckets to each power of two, named by their largest value.
    """
    counts: Counter[int] = Counter()
    for top, count in buckets.items():
        width = max(1, 1 << (top.bit_length() - 6)) if top >= 64 else 1
        for index in range(count):
            counts[top - width + 1 + int((index + 0.5) * width / count)] += 1
    return Latencies(counts)


def of_role(text: str) -> Reading:
    """Read `NAME NS COUNT` of our role: its own histograms."""
    counts = _counted(text)
    if WAKEUP not in counts or TICKS not in counts:
        raise ValueError("no histogram of wake-up latency")
    [(_, skipped)] = counts[TICKS].items()
    [(_, margin)] = counts.get(MARGIN, Counter({0: 0})).items()
    return Reading(
        latency=_evenly(counts[WAKEUP]),
        execution=_evenly(counts.get(EXECUTION, Counter())),
        margin_ns=margin,
        skipped=skipped,
    )


def of_gaps(text: str) -> Reading:
    """Read what a spinning program missed."""
    counts = _counted(text)
    if "spun" not in counts:
        raise ValueError("no time that was watched")
    [spun] = counts["spun"]
    return Reading(latency=Gaps(counts.get("gap", Counter()), spun))


def _latencies(values: Sequence[int]) -> Latencies:
    if not values:
        raise ValueError("no period was measured")
    return Latencies(Counter(max(value, 0) for value in values))


def of_python(text: str, *, skip: int) -> Reading:
    """Read one latency in ns a line."""
    return Reading(latency=_latencies([int(line) for line in text.splitlines()][skip:]))


def of_cyclictest(text: str, *, skip: int) -> Reading:
    """Read `cyclictest --verbose --nsecs`: `thread: cycle: ns`, between lines of words."""
    values = []
    for line in text.splitlines():
        parts = [part.strip() for part in line.split(":")]
        is_sample = len(parts) == 3 and all(part.lstrip("-").isdigit() for part in parts)
        if is_sample and int(parts[1]) >= skip:
            values.append(int(parts[2]))
    return Reading(latency=_latencies(values))


def of_linuxcnc(text: str, *, period_ns: int, skip: int) -> Reading:
    """Read the times from call to call that halsampler wrote, one a line.

    The thread's releases are a grid without gaps, each call belongs to the next of them, but where
    the grid begins is not told: the earliest call after the first `skip` counts as on time.
    """
    between = [_whole(line) for line in text.splitlines() if line.strip()]
    times = itertools.accumulate(between)
    late = [time - number * period_ns for number, time in enumerate(times)][max(skip, 1) :]
    if not late:
        raise ValueError("no period was measured")
    zero = min(late)
    return Reading(latency=_latencies([one - zero for one in late]))


def _whole(line: str) -> int:
    try:
        return int(line)
    except ValueError:
        raise ValueError(f"halsampler says {line.strip()!r}") from None


def thread_time(text: str) -> int:
    """Return the ns on a core out of a thread's /proc schedstat."""
    return int(text.split(maxsplit=1)[0])


def cpu_share(samples: Iterable[tuple[float, int]], last_s: float) -> float | None:
    """Return the share of a core over the last seconds of (s, ns) samples."""
    ordered = sorted(samples)
    recent = [one for one in ordered if one[0] >= ordered[-1][0] - last_s - 1e-6]
    if len(recent) < 2:
        return None
    (began, before), (ended, after) = recent[0], recent[-1]
    return (after - before) / 1e9 / (ended - began)
