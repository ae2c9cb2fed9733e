"""What the seconds of a line say, in words: for the monitor, and for the report of a run.

Rules. Pure: publications of a tally (plan.link_segments) in, plain values out. Counts go on, so an
errors-of-this-second is a difference of two publications; the first one there is stands for itself.
What was not measured is None, never 0. Times become microseconds here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from amphost.device import MODES, REASONS, REFUSALS, RESETS, SESSION_STATES
from amphost.plan.link_segments import COUNTS, ERRORS, PARTS, TALLY_WORDS, TIMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NAMES = tuple(name for name, _, _ in TALLY_WORDS)
NS_PER_US = 1e3
BOARD_WORDS = ("board_0", "board_1", "board_2", "board_3")
ISOLATIONS = {
    1: "more than a fifth of its frames were bad",
    2: "it sent more than its share",
    3: "it took no byte",
}

Words = dict[str, Any]


def words_of(values: Sequence[Any]) -> Words:
    """Name the words of a publication."""
    return dict(zip(NAMES, values, strict=True))


def counts_since(words: Mapping[str, Any], before: Mapping[str, Any] | None) -> dict[str, int]:
    """Return what was counted between two publications."""
    return {name: words[name] - (before[name] if before else 0) for name in COUNTS}


def errors_of(counts: Mapping[str, int]) -> dict[str, int]:
    """Return what was wrong with what came, by kind."""
    return {name: counts[name] for name in ERRORS}


def identity_of(words: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return who the device says it is; None before it has said so."""
    if not words["protocol"]:
        return None
    board = b"".join(words[name].to_bytes(8, "little") for name in BOARD_WORDS)
    firmware = words["firmware"]
    return {
        "board": board.rstrip(b"\0").decode("ascii", "replace"),
        "firmware": f"{firmware >> 16}.{firmware >> 8 & 255}.{firmware & 255}",
        "protocol": f"{words['protocol'] >> 8}.{words['protocol'] & 255}",
        "boot_nonce": words["boot_nonce"],
        "reset_cause": RESETS.get(words["reset_cause"], str(words["reset_cause"])),
        "schema_hash": f"{words['schema_hash']:08x}",
        "baud": words["device_baud"],
        "lease_ms": words["device_lease_us"] / 1e3,
        "state_rate_hz": _rate_hz(words["device_state_period_us"]),
    }


def _rate_hz(period_us: int) -> float | None:
    return 1e6 / period_us if period_us else None


def standing_of(words: Mapping[str, Any]) -> dict[str, Any]:
    """Return how session and device stand."""
    return {
        "session": SESSION_STATES.get(words["session"], "unknown"),
        "isolated": ISOLATIONS.get(words["isolated"], "unknown") if words["isolated"] else None,
        "session_number": words["session_number"],
        "refusal": REFUSALS.get(words["refusal"], "unknown") if words["refusal"] else None,
        "device_mode": MODES.get(words["device_mode"], "unknown") if words["states"] else None,
        "device_reason": REASONS.get(words["device_reason"], "unknown"),
    }


def clock_of(words: Mapping[str, Any], round_trip_us: float | None = None) -> Words | None:
    """Return how the device's clock stands to this one's; None while it is not known."""
    if not words["clock_bound_ns"]:
        return None
    return {
        "offset_ns": words["clock_offset_ns"],
        "skew_ppm": words["clock_skew_ppb"] / 1e3,
        "bound_us": words["clock_bound_ns"] / NS_PER_US,
        "round_trip_us": round_trip_us,
    }


def share(value: float) -> float | None:
    """Return a share of the line; None where its speed is not known."""
    return None if math.isnan(value) else value


class Span:
    """How long something took: how many, least, mean and most.

    Synchronization: one thread.
    """

    def __init__(self) -> None:
        self.count = 0
        self.sum_ns = 0
        self.least_ns: int | None = None
        self.most_ns: int | None = None

    def add(self, words: Mapping[str, Any], name: str) -> None:
        """Add what a second has of it."""
        if not words[f"{name}_count"]:
            return
        least_ns, most_ns = words[f"{name}_min_ns"], words[f"{name}_max_ns"]
        self.count += words[f"{name}_count"]
        self.sum_ns += words[f"{name}_sum_ns"]
        self.least_ns = least_ns if self.least_ns is None else min(self.least_ns, least_ns)
        self.most_ns = most_ns if self.most_ns is None else max(self.most_ns, most_ns)

    def result(self) -> dict[str, Any]:
        """Return it in microseconds; None for what there was not."""
        some = self.least_ns is not None and self.most_ns is not None
        return {
            "n": self.count,
            "min_us": _us(self.least_ns),
            "mean_us": self.sum_ns / self.count / NS_PER_US if some else None,
            "max_us": _us(self.most_ns),
        }


def _us(value_ns: int | None) -> float | None:
    return None if value_ns is None else value_ns / NS_PER_US


def times_of(words: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the times of one second."""
    return {name: _span_of(words, name) for name in TIMES}


def _span_of(words: Mapping[str, Any], name: str) -> dict[str, Any]:
    span = Span()
    span.add(words, name)
    return span.result()


class Totals:
    """A line over many seconds: its times, its loads, and its worst second.

    The worst second is the one with the most errors; of several, the one with the longest round
    trip.

    Synchronization: one thread.
    """

    def __init__(self) -> None:
        self.seconds = 0
        self.newest: Words | None = None
        self.worst: dict[str, Any] | None = None
        self._badness = (-1, -1.0)
        self._times = {name: Span() for name in TIMES}
        self._loads: dict[str, list[float]] = {"in": [0.0, 0.0], "out": [0.0, 0.0]}
        self._interval_ns = 0

    def add(self, t_ns: int, words: Words) -> None:
        """Add the next second."""
        counts = counts_since(words, self.newest)
        self.seconds += 1
        self.newest = words
        for name, span in self._times.items():
            span.add(words, name)
        self._add_loads(words)
        errors = errors_of(counts)
        badness = (sum(errors.values()), float(words["round_trip_max_ns"]))
        if badness > self._badness:
            self._badness = badness
            self.worst = {
                "t_ns": t_ns,
                "errors": errors,
                "frames_in": counts["frames_in"],
                "frames_out": counts["frames_out"],
                "load_in": share(words["load_in"]),
                "load_out": share(words["load_out"]),
                **{f"{name}_max_us": _span_of(words, name)["max_us"] for name in TIMES[:2]},
            }

    def times(self) -> dict[str, dict[str, Any]]:
        """Return the times of all seconds."""
        return {name: span.result() for name, span in self._times.items()}

    def parts(self) -> dict[str, dict[str, Any]]:
        """Return the parts of sense-to-actuate, one after the other."""
        return {name: self._times[name].result() for name in PARTS}

    def loads(self) -> dict[str, float | None]:
        """Return what share of the line was used each way: mean, and in the fullest second."""
        known = self._interval_ns > 0
        return {
            name: value if known else None
            for way, (total, most) in self._loads.items()
            for name, value in (
                (f"{way}_mean", total / (self._interval_ns or 1)),
                (f"{way}_max", most),
            )
        }

    def _add_loads(self, words: Words) -> None:
        if math.isnan(words["load_in"]):
            return
        self._interval_ns += words["interval_ns"]
        for way, sums in self._loads.items():
            load = words[f"load_{way}"]
            sums[0] += load * words["interval_ns"]
            sums[1] = max(sums[1], load)
