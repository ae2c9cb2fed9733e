"""Tracking error: how far a signal was from its setpoint while its publisher was armed.

Rules. Pure: times are the samples' own. Samples of the two channels come in batches, in whatever
order a drain gives them; nothing is judged before `settle` says up to which time both have been
drained. A sample of the signal counts when it carries the armed flag, and is compared with the last
setpoint at or before it. A publisher that marks its setpoints as armed, as the operator's profile
does, gives setpoints only while it is: when a run disarms, its profile goes back before the
signal's publisher has heard of it. What cannot be judged (no setpoint, no finite number) is counted
as skipped, not guessed.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from struct import Struct

WAITING_MAX = 1 << 16  # samples of a channel; beyond that the oldest are skipped
MARK_ARMED = 1 << 32  # AMP_FLAG_ARMED: flags are the upper half of a mark
FORMATS = {"f64": "d", "i64": "q", "u64": "Q", "bool": "Q"}

Sample = tuple[int, int, float]  # t_ns, mark, value


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingResult:
    """The error in the signal's unit. Without a judged sample there is no root mean square."""

    count: int
    skipped: int
    square_sum: float
    max: float  # of the absolute error

    @property
    def rms(self) -> float | None:
        """Root of the mean square."""
        return math.sqrt(self.square_sum / self.count) if self.count else None


class Tracking:
    """Accumulate the tracking error of one signal.

    Synchronization: one thread.
    """

    def __init__(self) -> None:
        self._signals: deque[tuple[int, float]] = deque()
        self._setpoints: deque[tuple[int, float]] = deque()
        self._setpoint = math.nan
        self._marks_armed = False  # whether any setpoint was marked so
        self._count = 0
        self._skipped = 0
        self._square_sum = 0.0
        self._max = 0.0

    def add_signals(self, samples: Iterable[Sample]) -> None:
        """Add samples of the signal, in their order."""
        self._signals.extend((t_ns, value) for t_ns, mark, value in samples if mark & MARK_ARMED)
        while len(self._signals) > WAITING_MAX:
            self._signals.popleft()
            self._skipped += 1

    def add_setpoints(self, samples: Iterable[Sample]) -> None:
        """Add samples of the setpoint, in their order."""
        for t_ns, mark, value in samples:
            is_armed = bool(mark & MARK_ARMED)
            self._marks_armed |= is_armed
            counts = is_armed or not self._marks_armed
            self._setpoints.append((t_ns, value if counts else math.nan))
        while len(self._setpoints) > WAITING_MAX:
            self._setpoint = self._setpoints.popleft()[1]

    def settle(self, upto_ns: int) -> None:
        """Judge the signal up to `upto_ns`: what was published until then has been added."""
        while self._signals and self._signals[0][0] <= upto_ns:
            t_ns, value = self._signals.popleft()
            self._hold(t_ns)
            self._judge(self._setpoint - value)
        self._hold(upto_ns)

    def result(self) -> TrackingResult:
        """Return what was judged so far."""
        return TrackingResult(
            count=self._count, skipped=self._skipped, square_sum=self._square_sum, max=self._max
        )

    def _hold(self, t_ns: int) -> None:
        while self._setpoints and self._setpoints[0][0] <= t_ns:
            self._setpoint = self._setpoints.popleft()[1]

    def _judge(self, error: float) -> None:
        square = error * error
        if not math.isfinite(square):
            self._skipped += 1
            return
        self._count += 1
        self._square_sum += square
        self._max = max(self._max, abs(error))


def word_reader(words: int, word: int, kind: str) -> Callable[[bytes], Iterator[Sample]]:
    """Return what reads one word from whole records of a channel, as this machine wrote them."""
    before = word * 8
    after = (words - 1 - word) * 8
    record = Struct(f"=8xqQ{before}x{FORMATS[kind]}{after}x")
    return record.iter_unpack
