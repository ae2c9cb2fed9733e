"""Choose the origin of a run's grid: watch the timer tick of a control core, then decide.

Rules. Once a run, after its processes have been exec'd and before one is handed its plan: they load
their interpreters meanwhile. It never takes longer than `WATCH_NS_MOST`. One core is watched, that
of the fastest control role: Linux ticks on all cores at once, unless it was booted with
`skew_tick=1`. Without a tick that is seen, any origin is as good as another. What decides is
`grid`; here is what measures.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from amphost import probe
from amphost.grid import Gap, Release, TimerTick, choose_origin, clear_ns, find_tick
from amphost.roles.settle import pin

if TYPE_CHECKING:
    from amphost.plan.model import Plan

WATCH_NS_MOST = 13_000_000
JIFFIES = 3
_CLOCK_MONOTONIC_COARSE = 6  # moves once a jiffy: its resolution is the jiffy


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The origin of a grid and what it was chosen by; None is what is not known.

    Synchronization: none required; immutable.
    """

    origin_ns: int
    core: int | None = None
    jiffy_ns: int | None = None
    tick: TimerTick | None = None
    clear_ns: int | None = None


def find_origin(plan: Plan) -> Origin:
    """Watch and decide; this process runs on its own cores again afterwards."""
    controls = [role for role in plan.roles if role.control is not None and role.cores]
    jiffy_ns = _jiffy_ns()
    if not controls or jiffy_ns is None:
        return Origin(origin_ns=time.monotonic_ns())
    fastest = min(controls, key=lambda role: role.control.period_ns if role.control else 0)
    core = fastest.cores[0]
    own = sorted(os.sched_getaffinity(0))
    tick = _watch(jiffy_ns) if pin([core]) == [core] else None
    pin(own)
    releases = control_releases(plan)
    origin_ns = choose_origin(tick, releases, send_points(plan), before_ns=time.monotonic_ns())
    return Origin(
        origin_ns=origin_ns,
        core=core,
        jiffy_ns=jiffy_ns,
        tick=tick,
        clear_ns=None if tick is None else clear_ns(tick, releases, origin_ns),
    )


def control_releases(plan: Plan) -> list[Release]:
    """Return the release of every control role on the host's clock."""
    controls = [role.control for role in plan.roles if role.control is not None]
    return [
        Release(period_ns=one.period_ns, offset_ns=one.offset_ns)
        for one in controls
        if one.follow is None
    ]


def send_points(plan: Plan) -> list[Release]:
    """Return the send point of every io role on the host's clock."""
    pumps = [role.io for role in plan.roles if role.io is not None]
    return [
        Release(period_ns=one.period_ns, offset_ns=one.send_offset_ns)
        for one in pumps
        if one.follow is None
    ]


def _jiffy_ns() -> int | None:
    try:
        return round(time.clock_getres(_CLOCK_MONOTONIC_COARSE) * 1e9) or None
    except OSError:
        return None


def _watch(jiffy_ns: int) -> TimerTick | None:
    watch_ns = min(JIFFIES * jiffy_ns + jiffy_ns // 4, WATCH_NS_MOST)
    gaps = [Gap(begin_ns=begin, length_ns=length) for begin, length in probe.gaps(watch_ns)]
    return find_tick(gaps, jiffy_ns, watch_ns)
