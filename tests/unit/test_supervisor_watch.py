"""The supervisor's eye on the roles that run: heartbeats, and trips of their own."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from amphost.lifecycle import Fault, Mode, ModeEvent, RoleState
from amphost.mailbox import Segment
from amphost.plan.model import Plan
from amphost.supervisor.faults import Faults
from amphost.supervisor.modes import Modes
from amphost.supervisor.process import Child
from amphost.supervisor.runs import RoleRun
from amphost.supervisor.watch import Watch
from amphost.watchdog import Watchdog
from tests.system.live import wait_for
from tests.unit.role_bench import RoleBench

LATER_NS = 3_600_000_000_000


class Victim:
    """A real process that only waits, in the place of a role's."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(["sleep", "600"])

    def kill(self) -> None:
        self.process.kill()

    def gone(self) -> bool:
        """Return whether it was killed."""
        return self.process.poll() is not None


class Bench(RoleBench):
    """The standard system, ARMED, each role with a process."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan, "control")
        self.watchdog = Watchdog(plan.supervisor, self.segments.mapped)
        self.watchdog.start(-1, 0)
        self.lines: list[str] = []
        self.modes = Modes(self.system, self.watchdog, self.lines.append)
        self.faults = Faults(self.lines.append)
        self.watch = Watch(self.watchdog, self.segments.mapped, self.modes, self.faults)
        self.victims = {role.name: Victim() for role in plan.roles}
        self.runs = {
            role.name: RoleRun(
                plan=role,
                state=RoleState.RUNNING,
                started_ns=time.monotonic_ns(),
                child=cast("Child", self.victims[role.name]),
            )
            for role in plan.roles
        }
        self.modes.change(ModeEvent.READY)
        self.modes.change(ModeEvent.ARM)

    def own(self, name: str) -> Segment:
        """Return a role's segment as that role has it."""
        return self.view[name] if name == "control" else self.writer(name)

    def close(self) -> None:
        """End everything."""
        for victim in self.victims.values():
            victim.kill()
            victim.process.wait()
        self.watchdog.stop()
        super().close()


@pytest.fixture
def bench(plan_of: Callable[..., Plan]) -> Iterator[Bench]:
    """A bench."""
    made = Bench(plan_of())
    yield made
    made.close()


def test_a_control_role_that_hangs_is_killed_once_and_the_mode_is_safe(bench: Bench) -> None:
    """Its successor cannot start before it is gone."""
    run = bench.runs["control"]
    bench.watch.begin(run)

    def killed() -> bool:
        bench.watch.judge(run, time.monotonic_ns())
        return run.killed

    wait_for(killed, "the verdict")
    for _ in range(5):
        bench.watch.judge(run, time.monotonic_ns())
    assert bench.modes.mode is Mode.SAFE
    wait_for(bench.victims["control"].gone, "its end")
    (fault,) = bench.faults.events
    assert (fault.fault, fault.kind) == ("heartbeat", "control")
    assert "killed" in fault.text


def test_a_fresh_successor_is_not_judged_by_its_predecessors_heart(bench: Bench) -> None:
    """It is READY before it beats for the first time."""
    run = bench.runs["control"]
    bench.watch.begin(run)
    wait_for(lambda: bench.watchdog.stopped_at_ns(run.plan.role_id), "the verdict")
    bench.watch.end(run)
    bench.watch.begin(run)
    bench.watch.judge(run, time.monotonic_ns())
    assert not run.killed
    assert bench.modes.mode is Mode.ARMED


def test_an_observer_that_hangs_is_killed_and_the_mode_stays(bench: Bench) -> None:
    """Telemetry hung: control must not notice."""
    run = bench.runs["telemetry"]
    now_ns = time.monotonic_ns()
    killed = []
    for after_ns in (0, run.plan.heartbeat_ns, run.plan.heartbeat_ns + 1):
        bench.watch.judge(run, now_ns + after_ns)
        killed.append(run.killed)
    assert killed == [False, False, True]
    assert bench.modes.mode is Mode.ARMED
    wait_for(bench.victims["telemetry"].gone, "its end")
    assert bench.faults.events[0].fault == "heartbeat"


def test_an_observer_that_beats_is_left_alone(bench: Bench) -> None:
    """However long the run."""
    run = bench.runs["telemetry"]
    own = bench.own("telemetry").owner
    now_ns = time.monotonic_ns()
    for turn in range(20):
        own.beat(now_ns)
        bench.watch.judge(run, now_ns + turn * run.plan.heartbeat_ns)
    assert not run.killed


def test_an_observers_successor_gets_its_whole_bound(bench: Bench) -> None:
    """What its predecessor's heart did last says nothing about it."""
    run = bench.runs["telemetry"]
    bench.watch.judge(run, time.monotonic_ns())
    run.started_ns = time.monotonic_ns() + LATER_NS
    bench.watch.judge(run, run.started_ns + 1)
    bench.watch.judge(run, run.started_ns + run.plan.heartbeat_ns)
    assert not run.killed


@pytest.mark.parametrize("name", ["control", "io"])
def test_a_trip_of_this_act_is_taken_once_with_its_own_words(bench: Bench, name: str) -> None:
    """The loop has gone safe by itself; the mode follows and the report says why."""
    owner = bench.own(name).owner
    owner.set_gauge("trip_fault", Fault.LINK_LOST)
    owner.set_gauge("trip_argument", 52_000_000)
    owner.set_gauge("refused_arming", 1)
    for _ in range(3):
        bench.watch.judge(bench.runs[name], time.monotonic_ns())
    assert bench.modes.mode is Mode.SAFE
    (fault,) = bench.faults.events
    assert (fault.fault, fault.role) == ("link_lost", name)
    assert "52 ms" in fault.text


def test_a_trip_of_an_earlier_act_is_over(bench: Bench) -> None:
    """Acknowledged and armed again: the old word must not end the new act."""
    bench.own("control").owner.set_gauge("refused_arming", 1)
    for event in (ModeEvent.TRIP, ModeEvent.ACKNOWLEDGE, ModeEvent.ARM):
        bench.modes.change(event)
    bench.watch.judge(bench.runs["control"], time.monotonic_ns())
    assert bench.modes.mode is Mode.ARMED
    assert bench.faults.events == []


def test_words_that_no_role_should_write_do_not_end_the_supervisor(bench: Bench) -> None:
    """A role that runs wild spoils its own words and nothing else."""
    owner = bench.own("control").owner
    wild: dict[str, Any] = {"trip_fault": (1 << 64) - 1, "trip_argument": 1 << 63}
    for name, value in wild.items():
        owner.set_gauge(name, value)
    owner.set_gauge("refused_arming", 1)
    bench.watch.judge(bench.runs["control"], time.monotonic_ns())
    assert bench.modes.mode is Mode.SAFE
    assert bench.faults.events[0].fault == f"fault_{(1 << 64) - 1}"


@pytest.mark.parametrize("name", ["control", "telemetry"])
def test_a_role_that_hangs_while_it_starts_is_killed(bench: Bench, name: str) -> None:
    """A library that waits for a network: nobody would ever look at it again."""
    run = bench.runs[name]
    run.state = RoleState.STARTING
    killed = []
    within_ns = run.plan.ready_within_ns
    for after_ns in (0, within_ns, within_ns + 1, within_ns + 2):
        bench.watch.judge(run, run.started_ns + after_ns)
        killed.append(run.killed)
    assert killed == [False, False, True, True]
    wait_for(bench.victims[name].gone, "its end")
    (fault,) = bench.faults.events
    assert (fault.fault, fault.text) == ("heartbeat", "it was not ready within 5 s; killed")


@pytest.mark.parametrize("state", [RoleState.ENDING, RoleState.DEAD])
def test_only_a_role_that_starts_or_runs_is_judged(bench: Bench, state: RoleState) -> None:
    """Who leaves has a bound of its own."""
    run = bench.runs["telemetry"]
    run.state = state
    now_ns = time.monotonic_ns()
    bench.watch.judge(run, now_ns)
    bench.watch.judge(run, now_ns + LATER_NS)
    assert not run.killed
