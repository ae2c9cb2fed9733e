"""Io roles that share a process: what they have together, and what stays each one's own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from amphost.cli.main import main
from amphost.lifecycle import Fault
from amphost.machine import read_machine
from amphost.mailbox import Segment
from amphost.plan.model import Plan, RolePlan
from amphost.plan.resolve import resolve
from amphost.roles import io
from amphost.roles.context import Context
from amphost.spec.load import load
from amphost.supervisor.runs import RoleRun, role_runs
from tests.unit.role_bench import NONCE, RoleBench
from tests.unit.test_io_role import Cable

ROOT = Path(__file__).parents[2]
MACHINES = ROOT / "tests/fake_machines"


def plan_on(machine: str, *, fold: bool = False) -> Plan:
    """Return the plan of the shipped example with two devices in one process."""
    loaded = load(ROOT / "examples/07_two_devices.yaml", boards=[ROOT / "boards"])
    return resolve(loaded, read_machine(MACHINES / machine), base=Path("/srv"), fold=fold)


@pytest.fixture
def plan() -> Plan:
    """The plan on a Raspberry Pi 5."""
    return plan_on("pi5")


def roles(plan: Plan) -> dict[str, RolePlan]:
    """Return the roles by name."""
    return {role.name: role for role in plan.roles}


def test_who_shares_has_the_core_and_the_priority_of_the_process(plan: Plan) -> None:
    """And a segment, a number, a link and a heartbeat of its own."""
    left, right = roles(plan)["left_io"], roles(plan)["right_io"]
    assert (right.shares, left.shares) == ("left_io", "")
    assert (right.cores, right.policy, right.priority) == (left.cores, left.policy, left.priority)
    assert right.role_id != left.role_id
    assert right.segment.role == "right_io"
    watched = [watch.role for watch in plan.supervisor.watches]
    assert {"left_io", "right_io"} <= set(watched)


def test_folding_keeps_together_who_shares() -> None:
    """One process cannot be on two cores, nor at two priorities."""
    folded = roles(plan_on("core1", fold=True))
    left, right = folded["left_io"], folded["right_io"]
    assert (left.cores, right.cores) == ((0,), (0,))
    assert left.priority == right.priority < folded["control"].priority


def test_what_a_process_says_goes_to_the_role_that_it_is_said_of(plan: Plan) -> None:
    """A port that is away is one device's, what Linux granted is the process's."""
    runs = role_runs(plan.roles, "")
    left, right = runs["left_io"], runs["right_io"]
    assert (right.host, left.guests, right.process) == (left, [right], left)
    said: list[dict[str, Any]] = [
        {"event": "ready", "granted": {"cores": [0]}},
        {"event": "report", "role": "right_io", "port": "no such port"},
    ]
    assert left.hear(said)
    assert right.reports["port"] == "no such port"
    assert "port" not in left.reports
    assert right.granted == left.granted == {"cores": [0]}


def test_who_is_held_is_held_with_all_in_its_process(plan: Plan) -> None:
    """A debugger stops them together: none may be judged by its silence."""
    runs = role_runs(plan.roles, "left_io")
    assert [name for name, run in runs.items() if run.held] == ["left_io", "right_io"]


def facts_of(bench: RoleBench, role: RolePlan) -> SimpleNamespace:
    """Return a role's facts, as a handover has them: every descriptor is there once."""
    plans = [role.segment, *role.writes, *role.reads]
    return SimpleNamespace(
        nonce=NONCE,
        epoch=1,
        origin_ns=bench.origin_ns,
        segments=[bench.segments.descriptors[one.role] for one in plans],
        status_fd=-1,
        port="",
        attachments=[],
        guests=[],
    )


@pytest.fixture
def bench(plan: Plan) -> Iterator[RoleBench]:
    """The mailbox of the example."""
    made = RoleBench(plan, "left_io")
    yield made
    made.close()


@pytest.fixture
def cables(tmp_path: Path) -> Iterator[tuple[Cable, Cable]]:
    """Two cables, plugged in."""
    made = (Cable(tmp_path / "ttyLEFT"), Cable(tmp_path / "ttyRIGHT"))
    for cable in made:
        cable.plug_in()
    yield made
    for cable in made:
        cable.pull_out()


class Shared:
    """Both roles of the process as it has them, from one handover, and what it says.

    Synchronization: one thread, but for the roles' own.
    """

    def __init__(self, bench: RoleBench, cables: tuple[Cable, Cable], epoch: int = 1) -> None:
        plans = roles(bench.plan)
        left, right = (facts_of(bench, plans[name]) for name in ("left_io", "right_io"))
        descriptors = {one: os.dup(one) for one in (*left.segments, *right.segments)}
        self.said, left.status_fd = os.pipe()
        right.status_fd = left.status_fd
        for facts, cable in ((left, cables[0]), (right, cables[1])):
            facts.segments = [descriptors[one] for one in facts.segments]
            facts.port = cable.address
            facts.epoch = epoch
        left.guests = [SimpleNamespace(role=plans["right_io"], run=right)]
        self.context = Context(plans["left_io"], left)
        os.set_blocking(self.said, False)

    def owner(self, name: str) -> Any:
        """Return a role's own block."""
        of = self.context if name == "left_io" else self.context.guests[0]
        return of.segment.owner

    def close(self) -> None:
        """Give back what a process would give back by its end."""
        segments: dict[int, Segment] = self.context.attached
        for segment in segments.values():
            segment.close()
        os.close(self.said)
        os.close(self.context.run.status_fd)


def end_both(bench: RoleBench) -> None:
    """Ask both roles to leave, as the supervisor does."""
    for role in roles(bench.plan).values():
        if role.io is not None:
            bench.system.set_role(role.role_id, state=3, pid=1, epoch=1, end=True)


def run_both(bench: RoleBench, shared: Shared, meanwhile: Callable[[], bool]) -> str:
    """Run the process's native loop until `meanwhile` is true, then ask for its end."""

    def over() -> bool:
        done = meanwhile()
        if done:
            end_both(bench)
        return done

    return bench.run(lambda: io.run(shared.context, lambda: None), over)


def test_what_both_read_is_mapped_once(bench: RoleBench, cables: tuple[Cable, Cable]) -> None:
    """Each reads the supervisor's segment and control's: one mapping is enough for a process."""
    shared = Shared(bench, cables)
    left, right = shared.context, shared.context.guests[0]
    assert left.segments["supervisor"] is right.segments["supervisor"]
    assert left.segments["left_io"] is not right.segments["right_io"]
    assert (left.shares_process, right.shares_process) == (True, True)
    shared.close()


def test_a_port_that_goes_and_comes_back_leaves_the_other_one_alone(
    bench: RoleBench, cables: tuple[Cable, Cable]
) -> None:
    """One process, two lines: the one that is there is asked for its device all the while."""
    shared = Shared(bench, cables)
    left, right = shared.owner("left_io"), shared.owner("right_io")
    steps = iter(("heard", "pull", "wait", "plug", "back"))
    at: dict[str, Any] = {"step": next(steps), "left": 0}

    def meanwhile() -> bool:
        step = at["step"]
        heard_left, heard_right = cables[0].heard(), b""
        if step not in ("wait", "plug"):
            heard_right = cables[1].heard()
        if step == "heard" and not (heard_left and heard_right):
            return False
        if step == "pull":
            at["left"] = left.counter("bytes_out")
            cables[1].pull_out()
        if step == "wait" and not (
            right.faults()[1] == Fault.PORT and left.counter("bytes_out") > at["left"] + 100
        ):
            return False
        if step == "plug":
            cables[1].plug_in()
        if step == "back" and not heard_right:
            return False
        at["step"] = next(steps, "")
        return not at["step"]

    assert run_both(bench, shared, meanwhile) == "ended"
    assert (left.counter("ports_opened"), right.counter("ports_opened")) == (0, 1)
    assert left.faults()[0] >> Fault.PORT & 1 == 0
    for name in ("left_io", "right_io"):
        owner = shared.owner(name)
        plan = roles(bench.plan)[name].io
        assert plan is not None
        expected = (owner.gauge("t_stop_ns") - owner.gauge("t0_ns")) // plan.period_ns
        assert owner.counter("ticks") + owner.counter("skipped") == expected
    assert b'"role": "right_io"' in os.read(shared.said, 4096).replace(b'":"', b'": "')
    shared.close()


def test_a_successor_begins_without_the_port_that_is_away(
    bench: RoleBench, cables: tuple[Cable, Cable]
) -> None:
    """The others must not wait for it; at the first start it is missing hardware."""
    cables[1].pull_out()
    shared = Shared(bench, cables, epoch=2)
    left, right = shared.owner("left_io"), shared.owner("right_io")
    plugged: list[bool] = []

    def meanwhile() -> bool:
        if not plugged and left.counter("ticks") > 5 and cables[0].heard():
            cables[1].plug_in()
            plugged.append(True)
        return bool(plugged) and bool(cables[1].heard())

    assert run_both(bench, shared, meanwhile) == "ended"
    assert (left.counter("ports_opened"), right.counter("ports_opened")) == (0, 1)
    shared.close()


def test_a_run_without_a_guest_is_a_process_of_its_own(plan: Plan) -> None:
    """The usual case: nothing is shared."""
    run = RoleRun(plan=roles(plan)["control"])
    assert run.together == [run]
    assert run.process is run


def test_the_plan_says_who_lives_in_whose_process(capsys: pytest.CaptureFixture[str]) -> None:
    """Two roles at one priority on one core would look like a fault else."""
    machine = str(MACHINES / "pi5")
    assert main(["plan", str(ROOT / "examples/07_two_devices.yaml"), "--root", machine]) == 0
    (line,) = [one for one in capsys.readouterr().out.splitlines() if "io in left_io" in one]
    assert line.split()[0] == "right_io"
