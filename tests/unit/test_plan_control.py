"""Bounds of control and io: formulas, what the spec sets, and the floor that follows."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from amphost.plan.model import Plan, RolePlan

MS = 1_000_000
Planning = Callable[..., Plan]
ISOLATED = (("    core: 1\n", "    core: 3\n"),)


def role(plan: Plan, name: str) -> RolePlan:
    """Return a role's plan."""
    return next(one for one in plan.roles if one.name == name)


def test_floor_is_low_on_an_isolated_core_with_preempt_rt(plan_of: Planning) -> None:
    """The only place where 5 ms can be promised."""
    plan = plan_of(*ISOLATED)
    assert plan.floor_ns == 5 * MS
    assert plan.floor_reason == "PREEMPT_RT, and control on an isolated core"
    control = role(plan, "control").control
    assert control is not None
    assert control.blackout_ns == 5 * MS
    assert role(plan, "control").heartbeat_ns == 5 * MS


def test_floor_says_what_is_missing(plan_of: Planning) -> None:
    """The user can do something about either."""
    assert plan_of().floor_reason == "not isolated: control on core 1"
    virtual = plan_of(machine="vm2")
    assert virtual.floor_ns == 20 * MS
    assert virtual.floor_reason == "no PREEMPT_RT; not isolated: control on core 1"


def test_defaults_of_a_control_role_are_the_formulas(plan_of: Planning) -> None:
    """T = 1 ms, P = 2 ms, floor = 20 ms."""
    control = role(plan_of(), "control").control
    assert control is not None
    assert (control.period_ns, control.offset_ns) == (MS, 0)
    assert (control.budget_ns, control.deadline_ns, control.blackout_ns) == (
        500_000,
        MS,
        20 * MS,
    )
    assert (control.overruns_in_row, control.overruns_per_s) == (3, 10)
    position, target = control.inputs
    assert (position.max_age_ns, position.stale, position.trip_after_ns) == (
        20 * MS,
        "hold",
        20 * MS,
    )
    assert (target.max_age_ns, target.trip_after_ns) == (0, 0)


def test_what_the_spec_sets_wins(plan_of: Planning) -> None:
    """Every bound that may be set is taken as it stands."""
    plan = plan_of(
        (
            "    rate_hz: 1000\n",
            "    rate_hz: 1000\n    budget_ms: 0.3\n    deadline_ms: 0.9\n    blackout_ms: 30\n",
        ),
        (
            "position: io.position",
            (
                "position: {from: io.position, max_age_ms: 25, stale: ramp, stale_value: 2,"
                " stale_ramp_per_s: 8, trip_after_ms: 40}"
            ),
        ),
        board=(("    state_rate_hz: 500\n", "    state_rate_hz: 500\n    lease_ms: 35\n"),),
    )
    control, io = role(plan, "control").control, role(plan, "io").io
    assert control is not None
    assert io is not None
    assert (control.budget_ns, control.deadline_ns, control.blackout_ns) == (
        300_000,
        900_000,
        30 * MS,
    )
    position = control.inputs[0]
    assert (position.max_age_ns, position.trip_after_ns) == (25 * MS, 40 * MS)
    assert (position.stale, position.stale_value, position.stale_ramp_per_s) == ("ramp", 2, 8)
    assert io.lease_ns == 35 * MS
    assert io.send_offset_ns == 300_000
    rows = {row.subject: (row.bound_ns, row.formula) for row in plan.bounds}
    assert rows["control: blackout"] == (30 * MS, "set in the spec")
    assert rows["mcu: lease"] == (35 * MS, "set in the spec")
    assert rows["control: heartbeat"] == (20 * MS, "max(5 T, floor)")


@pytest.mark.parametrize(
    ("policy", "stale", "trip_after_ns"),
    [("stale: trip", "trip", 0), ("stale: value, stale_value: 1", "value", 0)],
)
def test_policies_that_do_not_wait_have_no_trip_after(
    plan_of: Planning, policy: str, stale: str, trip_after_ns: int
) -> None:
    """`trip` trips at expiry, `value` never by age."""
    plan = plan_of(("position: io.position", f"position: {{from: io.position, {policy}}}"))
    control = role(plan, "control").control
    assert control is not None
    assert (control.inputs[0].stale, control.inputs[0].trip_after_ns) == (stale, trip_after_ns)


def test_heartbeats_are_watched_with_their_bounds(plan_of: Planning) -> None:
    """The watchdog's table is the roles' own bounds."""
    plan = plan_of(("rate_hz: 1000", "rate_hz: 100"))
    assert [(one.role, one.role_id, one.bound_ns) for one in plan.supervisor.watches] == [
        ("io", 1, 50 * MS),
        ("control", 2, 50 * MS),
        ("telemetry", 3, 5000 * MS),
    ]
    assert plan.supervisor.watchdog_period_ns == 2 * MS
    (safe,) = (one for one in plan.bounds if one.subject == "stop: outputs safe")
    assert plan.supervisor.stop_safe_ns == safe.bound_ns > 20 * MS  # two periods and the ramp
    assert plan.supervisor.stop_ns == safe.bound_ns + 2000 * MS
    assert {one.supervisor_ns for one in plan.roles[:2]} == {100 * MS}


def test_an_outputs_guard_is_the_specs(plan_of: Planning) -> None:
    """0 stands for unlimited slew; the way to safe is the device's where the spec names none."""
    control = role(plan_of(), "control").control
    assert control is not None
    (free,) = control.outputs
    assert (free.low, free.high, free.safe) == (-12, 12, 0)
    assert (free.slew_per_s, free.ramp_per_s) == (0, 2000)
    guarded = role(
        plan_of(("safe: 0, ramp_per_s: 2000", "safe: -1, slew_per_s: 900")), "control"
    ).control
    assert guarded is not None
    (output,) = guarded.outputs
    assert (output.safe, output.slew_per_s, output.ramp_per_s) == (-1, 900, 4000)  # the device's
