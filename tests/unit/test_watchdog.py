"""The supervisor's watchdog thread as Python holds it: what it sees, says and publishes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from amphost.lifecycle import Fault, Mode
from amphost.plan.model import OperatorValue, Plan
from amphost.watchdog import Watchdog
from tests.system.live import wait_for
from tests.unit.role_bench import RoleBench


@pytest.fixture
def bench(plan_of: Callable[..., Plan]) -> Iterator[RoleBench]:
    """The mailbox of the standard system."""
    made = RoleBench(plan_of(), "control")
    yield made
    made.close()


@pytest.fixture
def watchdog(bench: RoleBench) -> Iterator[Watchdog]:
    """A watchdog that runs."""
    made = Watchdog(bench.plan.supervisor, bench.segments.mapped)
    made.start(-1, 0)
    yield made
    made.stop()


def threads() -> int:
    """Count the threads of this process."""
    return len(list(Path("/proc/self/task").iterdir()))


def test_a_heartbeat_that_stops_latches_the_estop_word(
    bench: RoleBench, watchdog: Watchdog
) -> None:
    """Every loop reads that word in its next period: nothing waits for Python."""
    role_id = bench.role.role_id
    bench.system.set_mode(Mode.ARMED, 4)
    began_ns = time.monotonic_ns()
    watchdog.enable(role_id, enabled=True)
    stopped_ns = wait_for(lambda: watchdog.stopped_at_ns(role_id), "the verdict")
    bound_ns = next(w.bound_ns for w in bench.plan.supervisor.watches if w.role == "control")
    assert stopped_ns - began_ns >= bound_ns
    assert bench.system.tripped(4) == (Fault.HEARTBEAT, role_id)
    assert bench.system.tripped(5) is None


def test_a_role_that_beats_is_left_alone_and_one_that_is_not_enabled_too(
    bench: RoleBench, watchdog: Watchdog
) -> None:
    """A false alarm would take a healthy machine down."""
    own = bench.view["control"].owner
    watchdog.enable(bench.role.role_id, enabled=True)
    end_s = time.monotonic() + 0.2
    while time.monotonic() < end_s:
        own.beat(time.monotonic_ns())
        time.sleep(0.001)
    io_id = next(role.role_id for role in bench.plan.roles if role.name == "io")
    assert watchdog.stopped_at_ns(io_id) == 0
    if watchdog.stopped_at_ns(bench.role.role_id):  # this test itself was kept from beating
        assert own.heartbeat()[2] < watchdog.stopped_at_ns(bench.role.role_id) - 10_000_000


def test_enabling_again_takes_the_verdict_back(bench: RoleBench, watchdog: Watchdog) -> None:
    """A successor must not be killed for what its predecessor did."""
    role_id = bench.role.role_id
    watchdog.enable(role_id, enabled=True)
    wait_for(lambda: watchdog.stopped_at_ns(role_id), "the verdict")
    watchdog.enable(role_id, enabled=False)
    watchdog.enable(role_id, enabled=True)
    assert watchdog.stopped_at_ns(role_id) == 0


def operator(bench: RoleBench) -> float:
    """Return the newest operator value."""
    latest = bench.supervisor.latest()
    return float(latest[3][0]) if latest is not None else -1.0


def test_it_publishes_the_values_that_people_set(bench: RoleBench, watchdog: Watchdog) -> None:
    """Control reads them as any other input: with a time, and again and again."""
    wait_for(lambda: operator(bench) == 1.5, "the initial value")
    watchdog.set_values({0: -2.25})
    wait_for(lambda: operator(bench) == -2.25, "the value that was set")
    count = bench.supervisor.count()
    wait_for(lambda: bench.supervisor.count() > count + 2, "further publications")


@pytest.mark.parametrize("index", [-1, 1, 64])
def test_a_value_that_the_plan_does_not_have_is_refused(
    bench: RoleBench, watchdog: Watchdog, index: int
) -> None:
    """The C code asserts: a wrong index would take the supervisor down."""
    with pytest.raises(IndexError, match="operator value"):
        watchdog.set_values({0: 1.0, index: 1.0})
    assert bench.plan.supervisor.operator.values[0].initial == 1.5


def test_a_profile_runs_from_its_start_and_holds_before(bench: RoleBench) -> None:
    """The target moves with the act of arming, not with the process's start."""
    plan = bench.plan.supervisor
    value = OperatorValue(
        name="target",
        unit="rad",
        low=-6,
        high=6,
        initial=0.5,
        profile=((0.0, 1.0), (0.001, 3.0), (3600.0, 3.0)),
    )
    moved = replace(plan, operator=replace(plan.operator, values=(value,)))
    watchdog = Watchdog(moved, bench.segments.mapped)
    watchdog.start(-1, 0)
    try:
        wait_for(lambda: operator(bench) == 1.0, "the profile's first value")
        watchdog.run_profiles(time.monotonic_ns())
        wait_for(lambda: operator(bench) == 3.0, "the profile has moved")
        watchdog.run_profiles(0)
        wait_for(lambda: operator(bench) == 1.0, "held where it began")
    finally:
        watchdog.stop()


def test_it_says_which_priority_it_got(bench: RoleBench) -> None:
    """A request is not a grant: without rights the report must say 0."""
    watchdog = Watchdog(bench.plan.supervisor, bench.segments.mapped)
    try:
        assert watchdog.start(-1, 0) == 0
    finally:
        watchdog.stop()


def test_its_thread_begins_once_and_ends_with_stop(bench: RoleBench) -> None:
    """A second thread would write the same words; one that stays would write freed memory."""
    before = threads()
    watchdog = Watchdog(bench.plan.supervisor, bench.segments.mapped)
    watchdog.stop()
    watchdog.start(-1, 0)
    assert threads() == before + 1
    with pytest.raises(RuntimeError, match="runs already"):
        watchdog.start(-1, 0)
    watchdog.stop()
    watchdog.stop()
    wait_for(lambda: threads() == before, "its thread to leave /proc")


def test_a_core_that_is_not_there_is_an_error(bench: RoleBench) -> None:
    """The plan has checked it; a cpuset may have changed since."""
    watchdog = Watchdog(bench.plan.supervisor, bench.segments.mapped)
    before = threads()
    with pytest.raises(OSError, match="watchdog"):
        watchdog.start(1023, 0)
    watchdog.stop()
    wait_for(lambda: threads() == before, "its thread to leave /proc")
