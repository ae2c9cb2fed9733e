"""The origin of the grid: where every release of a run lies beside Linux's own timer tick.

Rules. Pure. The timer tick takes each core away for some microseconds, once a jiffy, always at the
same phase of CLOCK_MONOTONIC: a release that lies there is late each time that they meet. What was
seen of it is a list of gaps; which of them are the tick is what they have in common, a jiffy apart.
All roles share one origin. A release is clear of the tick by the least distance between the two,
whatever their periods: only what its period and the jiffy have in common decides. A release whose
period has next to nothing in common with it meets it sooner or later, whatever the origin.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TOLERANCE_NS = 50_000
"""Gaps of one tick are so close, folded by the jiffy; a hypervisor delivers some later."""
LONGEST = 32
"""So many gaps are looked at, the longest: the tick is none of the short ones."""
CLEAR_NS = 200_000
"""A release that is so far from the tick is well clear of it: its margin and its law fit."""
COMMON_NS = 4 * TOLERANCE_NS
"""Who has less in common with the jiffy cannot be kept clear of it."""
PLACES = 200
"""Origins that are compared, evenly over one jiffy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A time without a look at the clock.

    Synchronization: none required; immutable.
    """

    begin_ns: int
    length_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What a role does once a period: `offset_ns` behind the origin, and each period after that.

    Synchronization: none required; immutable.
    """

    period_ns: int
    offset_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerTick:
    """Linux's timer tick: `at_ns` is the middle of one of them on CLOCK_MONOTONIC.

    Synchronization: none required; immutable.
    """

    jiffy_ns: int
    at_ns: int
    length_ns: int


def find_tick(gaps: Sequence[Gap], jiffy_ns: int, watched_ns: int) -> TimerTick | None:
    """Return the timer tick among the gaps of `watched_ns`; None where none comes every jiffy.

    It is missing from one jiffy in four at most, and what is seen as often is longer than anything
    else that is.
    """
    longest = sorted(gaps, key=lambda gap: -gap.length_ns)[:LONGEST]
    needed = max(1, -(-3 * (watched_ns // jiffy_ns) // 4))
    best: list[Gap] = []
    for first in longest:
        alike = list(_once_a_jiffy(first, longest, jiffy_ns))
        if len(alike) >= needed and _weight(alike) > _weight(best):
            best = alike
    if not best:
        return None
    length_ns = sorted(gap.length_ns for gap in best)[len(best) // 2]
    return TimerTick(
        jiffy_ns=jiffy_ns, at_ns=best[0].begin_ns + length_ns // 2, length_ns=length_ns
    )


def _once_a_jiffy(first: Gap, gaps: Sequence[Gap], jiffy_ns: int) -> Iterator[Gap]:
    """Return `first` and, of each other jiffy, the longest gap at its phase."""
    seen = set()
    for gap in (first, *gaps):
        number, rest_ns = divmod(gap.begin_ns - first.begin_ns + TOLERANCE_NS, jiffy_ns)
        if number not in seen and rest_ns <= 2 * TOLERANCE_NS:
            seen.add(number)
            yield gap


def _weight(alike: Sequence[Gap]) -> tuple[int, int]:
    return len(alike), sum(gap.length_ns for gap in alike)


def choose_origin(
    tick: TimerTick | None,
    controls: Sequence[Release],
    sends: Sequence[Release],
    *,
    before_ns: int,
) -> int:
    """Return the origin, at most a jiffy before `before_ns`: any, where no tick is known.

    Every control release well clear comes first, then every send point, then the distance.
    """
    if tick is None:
        return before_ns
    known = [one for one in controls if _common_ns(one, tick) >= COMMON_NS]
    sent = [one for one in sends if _common_ns(one, tick) >= COMMON_NS]
    places = range(before_ns, before_ns - tick.jiffy_ns, -max(1, tick.jiffy_ns // PLACES))
    return max(places, key=lambda origin_ns: _merit(tick, known, sent, origin_ns))


def clear_ns(tick: TimerTick, releases: Sequence[Release], origin_ns: int) -> int | None:
    """Return the least distance of a release from the middle of a tick; None without a release."""
    return min((_distance_ns(tick, one, origin_ns) for one in releases), default=None)


def _merit(
    tick: TimerTick, controls: Sequence[Release], sends: Sequence[Release], origin_ns: int
) -> tuple[float, float, int]:
    return (
        min((_share(tick, one, origin_ns) for one in controls), default=1.0),
        min((_share(tick, one, origin_ns) for one in sends), default=1.0),
        clear_ns(tick, controls, origin_ns) or 0,
    )


def _share(tick: TimerTick, release: Release, origin_ns: int) -> float:
    """Return how much of the distance that it can have and needs a release has, [0, 1]."""
    enough_ns = min(CLEAR_NS, _common_ns(release, tick) // 2)
    return min(1.0, _distance_ns(tick, release, origin_ns) / enough_ns)


def _distance_ns(tick: TimerTick, release: Release, origin_ns: int) -> int:
    common_ns = _common_ns(release, tick)
    behind_ns = (origin_ns + release.offset_ns - tick.at_ns) % common_ns
    return min(behind_ns, common_ns - behind_ns)


def _common_ns(release: Release, tick: TimerTick) -> int:
    return gcd(release.period_ns, tick.jiffy_ns)
