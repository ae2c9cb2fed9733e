"""How each control role waits, and where spinning is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from amphost._native.amp import lib

from amphost import timing
from amphost.errors import PlanError
from amphost.plan.model import ControlPlan, Plan

Planning = Callable[..., Plan]
WAIT = "rate_hz: 1000\n    wait: "


def control(plan: Plan) -> ControlPlan:
    """Return the plan of its control role."""
    found = next(one.control for one in plan.roles if one.name == "control")
    assert found is not None
    return found


def waiting(by: str) -> tuple[str, str]:
    """Return the change of the spec by which control waits so."""
    return ("rate_hz: 1000", WAIT + by)


def test_a_role_alone_on_its_core_waits_by_the_clock(plan_of: Planning) -> None:
    """Nobody else needs the time that it takes."""
    assert control(plan_of()).wait == "hybrid"


@pytest.mark.parametrize(
    "change",
    [
        ("kind: telemetry\n    core: 0", "kind: telemetry\n    core: 1"),
        ("roles:\n", "supervisor: {core: 1}\nroles:\n"),
    ],
)
def test_a_role_that_shares_its_core_sleeps(plan_of: Planning, change: tuple[str, str]) -> None:
    """What it looks at the clock, another could have worked."""
    assert control(plan_of(change)).wait == "sleep"
    assert control(plan_of(change, waiting("hybrid"))).wait == "hybrid"


def test_a_machine_with_one_core_sleeps(plan_of: Planning) -> None:
    """Supervisor, device and control all run there."""
    changes = (("    core: 1\n", "    core: 0\n"),)
    assert control(plan_of(*changes, machine="core1")).wait == "sleep"


@pytest.mark.parametrize("by", ["sleep", "hybrid", "spin"])
def test_what_the_spec_says_stands(plan_of: Planning, by: str) -> None:
    """The user knows what the core is for."""
    assert control(plan_of(waiting(by))).wait == by


def test_spin_beside_the_supervisor_is_refused(plan_of: Planning) -> None:
    """Where the supervisor runs is this machine's affair: `check` alone cannot see it."""
    on_one_core = ("    core: 1\n", "    core: 0\n"), waiting("spin")
    with pytest.raises(PlanError) as caught:
        plan_of(*on_one_core, machine="core1")
    [line] = [one for one in caught.value.problems if "roles.control.wait" in one]
    assert "spin needs core 0 for itself" in line
    for rival in ("io", "telemetry", "the loopback device of io", "the supervisor"):
        assert rival in line


def test_spin_on_a_core_that_linux_uses_is_noted(plan_of: Planning) -> None:
    """It works, and starves what Linux runs there: the user should know."""
    [note] = [one for one in plan_of(waiting("spin")).notes if "spins" in one]
    assert note.startswith("control spins on core 1, which is not isolated")
    isolated = plan_of(waiting("spin"), ("    core: 1\n", "    core: 3\n"))
    assert not [one for one in isolated.notes if "spins" in one]


def test_the_largest_margin_is_the_native_one(plan_of: Planning) -> None:
    """The plan prints it, the loop keeps it: one formula in two languages."""
    for rate_hz in (1, 99, 100, 1000, 3000, 6000, 7000, 10_000, 20_000):
        period_ns = timing.period_ns(rate_hz)
        assert timing.margin_most_ns(period_ns) == lib.amp_pace_margin_most(period_ns)
    assert control(plan_of()).margin_most_ns == 50_000


def test_idle_states_are_held_off_for_control_alone(plan_of: Planning) -> None:
    """It costs power: nobody pays for it who has no loop, or who said so."""
    assert plan_of().supervisor.hold_cpu_dma_latency
    assert not plan_of(
        ("name: motor\n", "name: motor\ndeep_idle: true\n")
    ).supervisor.hold_cpu_dma_latency
    bare = plan_of(("    core: 1\n", "    core: 0\n"), machine="core1")
    assert not bare.supervisor.hold_cpu_dma_latency
