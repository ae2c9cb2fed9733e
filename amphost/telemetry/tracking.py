"""Tracking error: how far a signal was from its setpoint while the system was armed.

Rules. Pure: times are the samples' own. The three streams (signal, setpoint, armed or not) come in
batches, in whatever order a drain gives them; nothing is judged before `settle` says up to which
time all of them have been drained. A signal sample is compared with the last setpoint at or before
it, and counts when the last word about arming at or before it was "armed". What cannot be judged
(no setpoint yet, not a finite number, a stream that never goes on) is counted, not guessed.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from struct import Struct

WAITING_MAX = 1 << 16  # samples of a stream; beyond that the oldest are skipped
FLAG_ARMED = 1 << 32  # AMP_FLAG_ARMED, in the upper half of a mark
FORMATS = {"f64": "d", "i64": "q", "u64": "Q", "bool": "Q"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingResult:
    """The error, in the signal's unit; None without a single judged sample."""

    count: int
    rms: float | None
    max: float | None  # of the absolute error
    skipped: int


class Tracking:
    """Accumulate the tracking error of one signal.

    Synchronization: one thread.
    """

    def __init__(self) -> None:
        self._signals: deque[tuple[int, float]] = deque()
        self._setpoints: deque[tuple[int, float]] = deque()
        self._arming: deque[tuple[int, bool]] = deque()
        self._setpoint = math.nan
        self._armed = False
        self._count = 0
        self._squares = 0.0
        self._max = 0.0
        self._skipped = 0

    def add_signals(self, samples: Iterable[tuple[int, float]]) -> None:
        """Add (t_ns, value) of the signal, in their order."""
        self._signals.extend(samples)
        while len(self._signals) > WAITING_MAX:
            self._signals.popleft()
            self._skipped += 1

    def add_setpoints(self, samples: Iterable[tuple[int, float]]) -> None:
        """Add (t_ns, value) of the setpoint, in their order."""
        self._setpoints.extend(samples)
        while len(self._setpoints) > WAITING_MAX:
            self._setpoint = self._setpoints.popleft()[1]

    def add_arming(self, t_ns: int, armed: bool) -> None:
        """Say that from `t_ns` on the system was armed, or no longer."""
        self._arming.append((t_ns, armed))

    def settle(self, upto_ns: int) -> None:
        """Judge the signal's samples up to `upto_ns`: of that time every stream is complete."""
        while self._signals and self._signals[0][0] <= upto_ns:
            t_ns, value = self._signals.popleft()
            self._advance(t_ns)
            if self._armed:
                self._judge(self._setpoint - value)
        self._advance(upto_ns)

    def result(self) -> TrackingResult:
        """Return what was judged so far."""
        rms = math.sqrt(self._squares / self._count) if self._count else None
        peak = self._max if self._count else None
        return TrackingResult(count=self._count, rms=rms, max=peak, skipped=self._skipped)

    def _advance(self, t_ns: int) -> None:
        while self._setpoints and self._setpoints[0][0] <= t_ns:
            self._setpoint = self._setpoints.popleft()[1]
        while self._arming and self._arming[0][0] <= t_ns:
            self._armed = self._arming.popleft()[1]

    def _judge(self, error: float) -> None:
        square = error * error
        if not math.isfinite(square):
            self._skipped += 1
            return
        self._count += 1
        self._squares += square
        self._max = max(self._max, abs(error))


class ArmedFlag:
    """Follow the armed flag in the marks of one channel.

    Synchronization: one thread.
    """

    def __init__(self, words: int) -> None:
        self._record = Struct(f"=8xqQ{words * 8}x")
        self._armed = False
        self._last_armed_ns = 0

    def changes(self, records: bytes) -> Iterator[tuple[int, bool]]:
        """Yield (t_ns, armed) where the flag differs from the sample before."""
        for t_ns, mark in self._record.iter_unpack(records):
            armed = bool(mark & FLAG_ARMED)
            if armed:
                self._last_armed_ns = t_ns
            if armed != self._armed:
                self._armed = armed
                yield t_ns, armed

    def fell_silent(self) -> tuple[int, bool] | None:
        """Say what the death of an armed writer means: armed up to its last sample, then not."""
        if not self._armed:
            return None
        self._armed = False
        return self._last_armed_ns + 1, False


def word_reader(words: int, word: int, kind: str) -> Callable[[bytes], Iterator[tuple[int, float]]]:
    """Return what reads (t_ns, value) of one word from whole records of a channel."""
    after = (words - 1 - word) * 8
    record = Struct(f"=8xq8x{word * 8}x{FORMATS[kind]}{after}x")
    return record.iter_unpack
