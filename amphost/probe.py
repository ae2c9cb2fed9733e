"""The native probe of this machine's wake-ups, and the replay of what it has recorded.

Rules. Between the call of `run` or `watch` and its return no Python runs; what comes back is a
copy, counted since the probe was made. Whoever makes one has settled on its core before.
"""

from __future__ import annotations

from amphost import platform
from amphost._native.amp import ffi, lib
from amphost.errors import AmphostError

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from array import array
    from collections.abc import Sequence
    from typing import Any

WAITS: dict[str, int] = {
    "sleep": lib.AMP_PACE_SLEEP,
    "hybrid": lib.AMP_PACE_HYBRID,
    "spin": lib.AMP_PACE_SPIN,
}
BOUNDS_NS: tuple[int, ...] = tuple(
    int(lib.amp_probe_bound(index)) for index in range(lib.AMP_PROBE_BOUNDS)
)
SKIPPED: int = lib.AMP_PROBE_SKIPPED
"""In a trace: this release passed without a wake-up of its own."""
_START_NS = 1_000_000_000
_GAPS_ROOM = 1024


class Probe:
    """Waits as a control role does, with nothing else to do.

    Synchronization: one thread.
    """

    def __init__(self, wait: str, period_ns: int) -> None:
        self._native = ffi.new("struct amp_probe *")
        self._native.platform = platform.linux()
        self._native.pace.kind = WAITS[wait]
        self._native.pace.period_ns = period_ns
        _init(self._native)

    def calibrate(self) -> int:
        """Let the pace measure what it needs; return its margin in ns, 0 for `sleep`."""
        lib.amp_pace_calibrate(ffi.addressof(self._native.pace), self._native.platform)
        return int(self._native.pace.margin_ns)

    def run(self, periods: int, trace: array[int] | None = None) -> None:
        """Wait for so many releases; `trace` has room for as many and gets each latency."""
        room = ffi.NULL if trace is None else ffi.from_buffer("amp_ns[]", trace)
        assert trace is None or len(trace) >= periods
        lib.amp_probe_run(self._native, periods, room)

    def watch(self, duration_ns: int) -> None:
        """Look for gaps without ever sleeping."""
        lib.amp_probe_watch(self._native, duration_ns)

    @property
    def margin_ns(self) -> int:
        """How long before its release a sleep ends now."""
        return int(self._native.pace.margin_ns)

    def wakeups(self) -> dict[str, Any]:
        """Return ticks, skipped and the tally of the wake-ups."""
        native = self._native
        return {
            "ticks": int(native.ticks),
            "skipped": int(native.skipped),
            **_tally(native.wakeups),
        }

    def gaps(self) -> dict[str, Any]:
        """Return watched_ns, gone_ns and the tally of the gaps."""
        native = self._native
        watched = {"watched_ns": int(native.watched_ns), "gone_ns": int(native.gone_ns)}
        return {**watched, **_tally(native.gaps)}


def gaps(watch_ns: int) -> list[tuple[int, int]]:
    """Look at the clock for so long and never sleep; return begin and length of each gap in ns."""
    found = ffi.new("struct amp_probe_gap[]", _GAPS_ROOM)
    noted = lib.amp_probe_gaps(platform.linux(), watch_ns, found, _GAPS_ROOM)
    return [(int(found[index].begin_ns), int(found[index].length_ns)) for index in range(noted)]


def replay(trace: Sequence[int], period_ns: int, periods: int) -> dict[str, Any]:
    """Run a probe in virtual time on a machine that is late as `trace` says; return its wake-ups.

    It waits by sleeping alone; a trace that is shorter than `periods` begins again.
    """
    machine = ffi.new("struct amp_replay *")
    latencies = ffi.new("amp_ns[]", list(trace))
    if lib.amp_replay_open(machine, latencies, len(trace), period_ns, _START_NS) < 0:
        raise AmphostError("a trace needs a period and one wake-up or more")
    native = ffi.new("struct amp_probe *")
    native.platform = ffi.addressof(machine, "platform")
    native.pace.kind = lib.AMP_PACE_SLEEP
    native.pace.period_ns = period_ns
    _init(native)
    lib.amp_probe_run(native, periods, ffi.NULL)
    return {"ticks": int(native.ticks), "skipped": int(native.skipped), **_tally(native.wakeups)}


def _init(native: ffi.CData) -> None:
    if lib.amp_probe_init(native) < 0:
        raise AmphostError(f"a period of {native.pace.period_ns} ns cannot be waited for")


def _tally(native: ffi.CData) -> dict[str, Any]:
    """Return max_ns, over (a count for each of BOUNDS_NS) and counts: [top of bucket, count]."""
    counts = ffi.unpack(native.buckets, lib.AMP_BUCKETS)
    return {
        "max_ns": int(native.max_ns),
        "over": [int(native.over[index]) for index in range(len(BOUNDS_NS))],
        "counts": [
            [int(lib.amp_bucket_top(bucket)), count] for bucket, count in enumerate(counts) if count
        ],
    }
