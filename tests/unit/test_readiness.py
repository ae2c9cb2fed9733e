"""What keeps a system from being armed, and what it was not granted, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from amphost.lifecycle import RoleState
from amphost.plan.model import Plan
from amphost.supervisor import readiness
from amphost.supervisor.runs import DeviceRun, RoleRun
from tests.unit.role_bench import RoleBench


class Bench(RoleBench):
    """The mailbox of the standard system, and what the supervisor knows of each role."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan, "control")
        self.runs = {role.name: RoleRun(plan=role, state=RoleState.RUNNING) for role in plan.roles}
        self.io = self.writer("io")

    def not_ready(self) -> list[str]:
        """Ask."""
        return readiness.not_ready(self.runs.values(), self.segments.mapped)

    def gauge(self, role: str, **values: int) -> None:
        """Write a role's gauges in its place."""
        owner = {"control": self.view["control"], "io": self.io}[role].owner
        for name, value in values.items():
            owner.set_gauge(name, value)


@pytest.fixture
def bench(plan_of: Callable[..., Plan]) -> Iterator[Bench]:
    """A bench on which both roles of the control path say that they are ready."""
    made = Bench(plan_of())
    made.gauge("control", ready=1)
    made.gauge("io", ready=1, link=2)
    yield made
    made.close()


def test_nothing_is_missing_when_the_control_path_is_ready(bench: Bench) -> None:
    """Arming waits for no observer."""
    bench.runs["telemetry"].state = RoleState.STARTING
    assert bench.not_ready() == []


@pytest.mark.parametrize("state", [state for state in RoleState if state != RoleState.RUNNING])
def test_a_role_that_does_not_run_is_named_with_its_state(bench: Bench, state: RoleState) -> None:
    """Its last word `ready` does not count: it may be its predecessor's."""
    bench.runs["control"].state = state
    assert bench.not_ready() == [f"control is {state.name.lower()}"]


def test_a_role_that_stays_down_says_why(bench: Bench) -> None:
    """Whoever arms must hear what to mend, not only that something is dead."""
    run = bench.runs["control"]
    run.state = RoleState.DEAD
    run.down = "killed by SIGKILL; it died too often and stays down"
    assert bench.not_ready() == [f"control is dead ({run.down})"]


def test_a_law_without_its_inputs_is_not_ready(bench: Bench) -> None:
    """Armed it would trip at once."""
    bench.gauge("control", ready=0)
    assert bench.not_ready() == ["control waits for its inputs"]


def test_a_device_that_does_not_answer_is_named(bench: Bench) -> None:
    """The usual case: it is not plugged in, or has no firmware."""
    bench.gauge("io", ready=0, link=1)
    assert bench.not_ready() == [
        "io has no answer from mcu (not one byte has come: power, wiring, or another baud?)"
    ]


def test_a_device_of_another_make_is_named_with_the_difference(bench: Bench) -> None:
    """Wrong firmware: the field that differs, and what to do."""
    bench.gauge("io", ready=0, link=3, refusal=2)
    (text,) = bench.not_ready()
    assert text.startswith("mcu: the device differs in the schema hash")
    assert text.endswith("from the board file (amphost firmware new) and load it")


def test_a_device_that_babbles_is_named_with_what_it_did(bench: Bench) -> None:
    """Nothing is to be mended on this host: the person has to know who is at fault."""
    bench.gauge("io", ready=0, isolated=2)
    (text,) = bench.not_ready()
    assert text.startswith("mcu is isolated: it sent more than its share of the line in 100 ms; ")


def test_a_device_that_still_takes_its_parameters_is_not_ready(bench: Bench) -> None:
    """Armed with a gain of its last boot it would move as nobody expects."""
    bench.gauge("io", ready=0, link=2, parameters_unset=2)
    assert bench.not_ready() == ["mcu has not yet taken 2 of its parameters"]


def test_a_refusal_that_is_over_is_not_quoted(bench: Bench) -> None:
    """The right device was plugged in since: it is only not there yet."""
    bench.gauge("io", ready=0, link=2, refusal=2)
    (text,) = bench.not_ready()
    assert text.startswith("io has no answer from mcu")


def test_a_refusal_without_a_name_does_not_end_the_supervisor(bench: Bench) -> None:
    """The number is another process's word."""
    bench.gauge("io", ready=0, link=3, refusal=77)
    (text,) = bench.not_ready()
    assert "77" in text


def granted(**changes: Any) -> dict[str, Any]:
    """Return a grant of all that the control role of the standard system asks for."""
    whole = {"cores": [1], "policy": "fifo", "priority": 80, "memory_locked": True}
    return whole | changes


def lacks(bench: Bench, **changes: Any) -> list[str]:
    """Return what is degraded when control got this and everything else all."""
    bench.runs["control"].granted = granted(**changes)
    return readiness.degraded_roles([bench.runs["control"]])


def test_a_grant_of_everything_is_not_degraded(bench: Bench) -> None:
    """A warning that always stands is read by nobody."""
    assert lacks(bench) == []
    assert lacks(bench, sandbox="") == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cores": [0, 1]}, "control: asked for cores [1], runs on [0, 1]"),
        (
            {"policy": "other", "priority": 0},
            "control: asked for SCHED_FIFO 80, runs as other (no real-time rights",
        ),
        ({"priority": 10}, "control: asked for SCHED_FIFO 80, runs as fifo 10"),
        ({"memory_locked": False}, "control: its memory is not locked"),
        (
            {"sandbox": "Function not implemented"},
            "control: its system calls are not confined (Function not implemented)",
        ),
    ],
)
def test_each_lack_is_named_with_what_was_got(
    bench: Bench, changes: dict[str, Any], words: str
) -> None:
    """Rule and remedy: what was asked for, what stands, how to get it."""
    (text,) = lacks(bench, **changes)
    assert text.startswith(words)


def test_who_has_said_nothing_yet_is_not_degraded(bench: Bench) -> None:
    """A role that is still starting has lost nothing."""
    device = DeviceRun(plan=bench.plan.devices[0], child=None, lifeline=-1)
    assert readiness.degraded_roles([bench.runs["io"]]) == []
    assert readiness.degraded_devices([device]) == []
    assert readiness.degraded_supervisor(bench.plan.supervisor, {}, 0) == []


def test_devices_supervisor_and_watchdog_are_named_too(bench: Bench) -> None:
    """The supervisor's heartbeat and the watchdog's verdict hang on their own priority."""
    device = DeviceRun(plan=bench.plan.devices[0], child=None, lifeline=-1)
    device.granted = {"cores": list(device.plan.cores), "policy": "other", "priority": 0}
    (text,) = readiness.degraded_devices([device])
    assert text.startswith("device mcu: asked for SCHED_FIFO")
    plan = bench.plan.supervisor
    whole = {"cores": list(plan.cores), "policy": plan.policy, "priority": plan.priority}
    assert readiness.degraded_supervisor(plan, whole, plan.watchdog_priority) == []
    got = {"cores": list(plan.cores), "policy": "other", "priority": 0}
    texts = readiness.degraded_supervisor(plan, got, 0)
    assert [text.split(":")[0] for text in texts] == ["supervisor", "watchdog"]


def test_an_observer_that_stays_down_is_degraded(bench: Bench) -> None:
    """The system goes on without it, and every report says so."""
    run = bench.runs["telemetry"]
    run.state = RoleState.DEAD
    run.down = "killed by SIGKILL; it died too often and stays down"
    assert readiness.degraded_roles([run]) == [f"telemetry: {run.down}"]
