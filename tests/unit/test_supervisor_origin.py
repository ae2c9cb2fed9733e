"""The origin of a run on the machine that the tests have, with whatever tick it has."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace

from amphost import probe
from amphost.plan.model import Plan
from amphost.supervisor.origin import WATCH_NS_MOST, control_releases, find_origin, send_points


def test_origin_is_chosen_by_what_was_seen(plan_of: Callable[..., Plan]) -> None:
    """In the past, so that every role finds its first release ahead; and by our own cores after."""
    core = min(os.sched_getaffinity(0))
    plan = plan_of()
    roles = tuple(replace(role, cores=(core,)) if role.control else role for role in plan.roles)
    own = os.sched_getaffinity(0)
    before_ns = time.monotonic_ns()
    origin = find_origin(replace(plan, roles=roles))
    assert origin.origin_ns <= time.monotonic_ns()
    assert origin.core == core
    assert origin.jiffy_ns is not None
    assert origin.origin_ns > before_ns - origin.jiffy_ns
    assert (origin.tick is None) == (origin.clear_ns is None)
    assert os.sched_getaffinity(0) == own


def test_nothing_is_watched_for_a_plan_without_control(plan_of: Callable[..., Plan]) -> None:
    """Nobody there has a release that could be late."""
    plan = plan_of()
    alone = replace(plan, roles=tuple(role for role in plan.roles if role.control is None))
    origin = find_origin(alone)
    assert (origin.core, origin.jiffy_ns, origin.tick, origin.clear_ns) == (None, None, None, None)


def test_releases_are_those_of_the_plan(plan_of: Callable[..., Plan]) -> None:
    """Control at the start of its period, io at the end of control's budget."""
    plan = plan_of()
    assert [(one.period_ns, one.offset_ns) for one in control_releases(plan)] == [(1_000_000, 0)]
    assert [(one.period_ns, one.offset_ns) for one in send_points(plan)] == [(1_000_000, 500_000)]


def test_gaps_lie_within_the_watch_and_in_order() -> None:
    """What the native watch says is when and how long, in ns of the monotonic clock."""
    before_ns = time.monotonic_ns()
    found = probe.gaps(WATCH_NS_MOST)
    after_ns = time.monotonic_ns()
    assert after_ns - before_ns >= WATCH_NS_MOST
    begins = [begin_ns for begin_ns, _ in found]
    assert begins == sorted(begins)
    assert all(before_ns <= begin < after_ns and length >= 1000 for begin, length in found)
