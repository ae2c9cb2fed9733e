"""Several control roles on one grid: phases, send points, budgets on one core, the chain."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from amphost.errors import SpecError
from amphost.machine import read_machine
from amphost.plan.model import ControlPlan, Plan, RolePlan
from amphost.plan.render import render
from amphost.supervisor.origin import control_releases, send_points

MS = 1_000_000
PI5 = read_machine(Path(__file__).parents[1] / "fake_machines" / "pi5")
Planning = Callable[..., Plan]
OUTER = """\
  outer:
    kind: control
    core: {core}
    priority: 75
    rate_hz: {rate}
{more}    reads:
      position: io.position
      target: operator.target
    law:
      setpoint: {{subtract: [target, position]}}
    writes:
      setpoint: {{unit: rad, range: [-6, 6], safe: 0}}
  telemetry:
"""


def cascade(
    *, core: int = 1, rate: float = 250, more: str = "", inner: str = ""
) -> list[tuple[str, str]]:
    """Return the changes by which an outer loop sets the inner one's target."""
    return [
        ("      target: operator.target\n", "      target: outer.setpoint\n"),
        ("    rate_hz: 1000\n", f"    rate_hz: 1000\n{inner}"),
        ("  telemetry:\n", OUTER.format(core=core, rate=rate, more=more)),
    ]


def planned(plan: Plan, name: str) -> RolePlan:
    """Return a role's plan."""
    return next(one for one in plan.roles if one.name == name)


def control(plan: Plan, name: str) -> ControlPlan:
    """Return a control role's plan."""
    found = planned(plan, name).control
    assert found is not None
    return found


def test_each_role_has_its_rate_and_phase(plan_of: Planning) -> None:
    """On one grid: the phase is the offset that the loop is released at."""
    plan = plan_of(*cascade(rate=333, more="    phase_ms: 1.25\n", inner="    phase_ms: 0.1\n"))
    inner, outer = control(plan, "control"), control(plan, "outer")
    assert (inner.period_ns, inner.offset_ns) == (MS, 100_000)
    assert (outer.period_ns, outer.offset_ns) == (3_003_003, 1_250_000)
    text = render(plan, PI5)
    assert "1000 Hz + 0.1 ms" in text
    assert "333 Hz + 1.25 ms" in text


def test_without_a_phase_nothing_is_added(plan_of: Planning) -> None:
    """The default is the grid itself."""
    plan = plan_of()
    assert control(plan, "control").offset_ns == 0
    assert "1000 Hz  " in render(plan, PI5)


def test_io_sends_where_the_budget_of_its_own_control_role_ends(plan_of: Planning) -> None:
    """Phase and budget of who feeds the device; the other role moves nothing."""
    plan = plan_of(*cascade(more="    phase_ms: 3\n", inner="    phase_ms: 0.7\n"))
    io = planned(plan, "io").io
    assert io is not None
    assert (io.period_ns, io.send_offset_ns) == (MS, 1_200_000)


def test_freshness_of_a_role_that_reads_a_slower_one_follows_its_rate(plan_of: Planning) -> None:
    """Four of five periods of the faster see the same value: that is no fault."""
    plan = plan_of(*cascade(rate=100))
    target = next(one for one in control(plan, "control").inputs if one.name == "target")
    assert (target.role, target.max_age_ns) == ("outer", 50 * MS)
    assert (target.stale, target.trip_after_ns) == ("hold", 20 * MS)


def test_fault_of_the_outer_loop_has_its_rows(plan_of: Planning) -> None:
    """It reaches the device through the inner loop, by the e-stop word."""
    names = [row.fault for row in plan_of(*cascade(core=2)).chain]
    assert any("outer" in name for name in names), names
    assert not any("outer" in row.fault for row in plan_of().chain)


def test_faster_role_of_a_core_goes_first(plan_of: Planning) -> None:
    """Rate-monotonic: a slower role above it would make it late by its whole budget."""
    with pytest.raises(SpecError, match="would delay control on core 1"):
        plan_of(*cascade(), ("    priority: 75\n", "    priority: 85\n"))


def test_faster_budgets_must_leave_the_slower_some(plan_of: Planning) -> None:
    """A budget is wall time: what a faster role takes in between is part of it."""
    plan_of(*cascade(rate=900))  # 0.556 ms, of which the faster takes 0.5
    short = "    budget_ms: 0.5\n"
    with pytest.raises(SpecError, match=r"leave outer nothing: control may use 0\.5 ms of it"):
        plan_of(*cascade(rate=900, more=short))
    plan_of(*cascade(rate=900, core=2, more=short))  # on a core of its own


def test_slower_role_counts_every_release_of_the_faster(plan_of: Planning) -> None:
    """2 ms hold two releases of 1 kHz: 2 times 0.9 ms is within, 2 times 1.0 ms is not."""
    plan_of(*cascade(inner="    budget_ms: 0.9\n"))
    with pytest.raises(SpecError, match="may use 2 ms of it on core 1"):
        plan_of(*cascade(inner="    budget_ms: 1.0\n"))


def test_device_clock_paces_control_and_the_io_role_that_it_feeds(plan_of: Planning) -> None:
    """At the same places of the same grid: nothing drifts from one to the other."""
    plan = plan_of(
        ("    rate_hz: 1000\n", "    rate_hz: 1000\n    phase_ms: 0.2\n    clock: device\n")
    )
    follow, io = control(plan, "control").follow, planned(plan, "io").io
    assert follow is not None
    assert io is not None
    assert io.follow is not None
    assert (follow.io, follow.phase_ns, io.follow.phase_ns) == ("io", 200_000, 700_000)
    assert (follow.age_most_ns, follow.bound_most_ns) == (485_000_000, 500_000)
    assert (control_releases(plan), send_points(plan)) == ([], [])
    assert plan.roles[0].name == "io"
    assert control(plan_of(), "control").follow is None


def test_one_device_paces_a_role_and_no_other_is_fed_by_it(plan_of: Planning) -> None:
    """A clock between two devices is nobody's."""
    paced = ("    rate_hz: 1000\n", "    rate_hz: 1000\n    clock: device\n")
    with pytest.raises(SpecError, match="control reads from no device, so no one clock paces it"):
        plan_of(
            paced,
            ("      position: io.position\n", ""),
            ("{subtract: [target, position]}", "{gain: target, by: 1}"),
        )
