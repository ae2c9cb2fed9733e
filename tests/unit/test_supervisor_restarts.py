"""What follows from a death: a trip, a successor, or none; and what is said about it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from amphost.lifecycle import RESTARTS_MAX, Mode, ModeEvent
from amphost.plan.model import Plan
from amphost.supervisor.faults import Faults
from amphost.supervisor.modes import Modes
from amphost.supervisor.restarts import AWAY_NS, Restarts
from amphost.supervisor.runs import RoleRun
from amphost.watchdog import Watchdog
from tests.unit.role_bench import RoleBench

LATER_NS = 3_600_000_000_000


class Bench(RoleBench):
    """The standard system, ARMED, as far as its supervisor knows."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan, "control")
        self.lines: list[str] = []
        watchdog = Watchdog(plan.supervisor, self.segments.mapped)
        self.modes = Modes(self.system, watchdog, self.lines.append)
        self.modes.change(ModeEvent.READY)
        self.modes.change(ModeEvent.ARM)
        self.faults = Faults(self.lines.append)
        self.restarts = Restarts(self.modes, self.faults, self.lines.append)
        self.runs = {role.name: RoleRun(plan=role, epoch=1) for role in plan.roles}
        self.lines.clear()

    def texts(self) -> list[str]:
        """Return the texts of all faults."""
        return [fault.text for fault in self.faults.events]


@pytest.fixture
def bench(plan_of: Callable[..., Plan]) -> Iterator[Bench]:
    """A bench."""
    made = Bench(plan_of())
    yield made
    made.close()


@pytest.mark.parametrize(
    ("name", "mode"), [("control", Mode.SAFE), ("io", Mode.SAFE), ("telemetry", Mode.ARMED)]
)
def test_only_the_control_path_takes_the_mode_to_safe(bench: Bench, name: str, mode: Mode) -> None:
    """An observer's death must change nothing for control."""
    bench.restarts.died(bench.runs[name], "killed by SIGKILL")
    assert bench.modes.mode is mode
    (fault,) = bench.faults.events
    assert (fault.fault, fault.role, fault.text) == ("role_died", name, "killed by SIGKILL")


def test_a_successor_waits_longer_with_each_death_and_after_five_there_is_none(
    bench: Bench,
) -> None:
    """A role that crashes at its start must not keep a core busy for ever."""
    run = bench.runs["telemetry"]
    waits = []
    for _ in range(RESTARTS_MAX):
        bench.restarts.died(run, "exit status 1")
        assert run.restart_at_ns is not None
        waits.append(run.restart_at_ns - time.monotonic_ns())
        assert not bench.restarts.due(run, time.monotonic_ns())
        assert bench.restarts.due(run, run.restart_at_ns)
        assert not run.down
    assert waits == sorted(waits)
    assert waits[-1] > 8 * waits[0]
    bench.restarts.died(run, "exit status 1")
    assert run.restart_at_ns is None
    assert not bench.restarts.due(run, time.monotonic_ns() + LATER_NS)
    assert run.down == "exit status 1; it died too often and stays down"
    assert bench.lines[-1] == f"telemetry: {run.down}"


def test_a_port_that_is_away_is_tried_for_as_long_as_it_takes(bench: Bench) -> None:
    """A cable that is out over lunch must not need a person at the keyboard afterwards."""
    run = bench.runs["io"]
    for _ in range(100):
        run.away = True  # as each of its processes says at its end
        bench.restarts.died(run, "its port hung up")
        assert run.restart_at_ns is not None
        assert 0 < run.restart_at_ns - time.monotonic_ns() <= AWAY_NS
        assert bench.restarts.due(run, run.restart_at_ns)
    assert not run.down
    assert bench.texts() == ["its port hung up"]
    assert len(bench.lines) == 2  # the fault and the mode


def test_a_port_that_came_back_and_went_again_is_said_again(bench: Bench) -> None:
    """A loose contact is worth a line each time."""
    run = bench.runs["io"]
    for _ in range(3):
        run.away = True
        bench.restarts.died(run, "its port hung up")
        run.hear([{"event": "ready", "granted": {}}])
    assert bench.texts() == ["its port hung up"] * 3


def test_a_role_that_was_killed_because_it_hung_is_not_reported_twice(bench: Bench) -> None:
    """Its heartbeat was the fault; its death is our doing."""
    run = bench.runs["control"]
    run.killed = True
    bench.restarts.died(run, "killed by SIGKILL")
    assert bench.texts() == []
    assert run.restart_at_ns is not None


def test_while_the_run_stops_nothing_starts_again(bench: Bench) -> None:
    """A successor would outlive the run that it belongs to."""
    run = bench.runs["telemetry"]
    bench.restarts.died(run, "killed by SIGKILL")
    bench.restarts.over = True
    assert not bench.restarts.due(run, time.monotonic_ns() + LATER_NS)


def test_a_control_path_that_cannot_start_and_says_why_is_not_tried_again(
    plan_of: Callable[..., Plan],
) -> None:
    """A port that may not be opened does not mend itself within five tries: the run ends."""
    made = Bench(plan_of())
    made.modes.mode = Mode.BOOT
    run = made.runs["io"]
    run.exit_code = 77
    made.restarts.died(run, "this user may not open it")
    assert run.restart_at_ns is None
    observer = made.runs["telemetry"]
    observer.exit_code = 1
    made.restarts.died(observer, "no module named mcap")
    assert observer.restart_at_ns is not None
    made.close()
