"""The io role, the twin of its device, and what telemetry is told."""

from __future__ import annotations

from collections.abc import Callable

from amphost.plan.model import Plan, RolePlan

MS = 1_000_000
Planning = Callable[..., Plan]
Changes = tuple[tuple[str, str], ...]

VOLTAGE = "      voltage: {unit: V, range: [-12, 12], safe: 0, ramp_per_s: 4000}\n"


def role(plan: Plan, name: str) -> RolePlan:
    """Return a role's plan."""
    return next(one for one in plan.roles if one.name == name)


def test_io_follows_the_control_role_that_feeds_its_device(plan_of: Planning) -> None:
    """F is that role's period, and io sends where its budget ends."""
    io = role(plan_of(), "io").io
    assert io is not None
    assert (io.period_ns, io.send_offset_ns, io.state_period_ns) == (MS, 500_000, 2 * MS)
    assert (io.lease_ns, io.link_lost_ns) == (20 * MS, 50 * MS)
    assert io.share_frames == 50
    assert (io.port, io.baud, io.board, io.device) == ("", 1_000_000, "bench", "mcu")
    accept = io.accepts[0]
    assert (accept.low, accept.high, accept.safe, accept.ramp_per_s) == (-12, 12, 0, 4000)


def test_the_twin_has_the_same_schema_and_lease(plan_of: Planning) -> None:
    """They shake hands like strangers; a difference would be refused."""
    plan = plan_of()
    io, device = role(plan, "io").io, plan.devices[0]
    assert io is not None
    assert (device.schema, device.schema_hash) == (io.schema, io.schema_hash)
    assert (device.sends, device.accepts) == (io.sends, io.accepts)
    assert (device.lease_us, device.state_period_us) == (20_000, 2_000)
    assert (device.name, device.board, device.baud) == ("mcu", "bench", 1_000_000)
    assert device.skew_ppm == 25
    assert device.plant.kind == "dc_motor"
    assert dict(device.plant.parameters)["torque_constant_nm_per_a"] == 0.1


def test_a_device_that_accepts_nothing_is_paced_by_its_states(
    plan_of: Planning, plan_serial: Changes
) -> None:
    """There is no actuation, so no lease is promised and no fault row ends in one."""
    plan = plan_of(
        ("    reads:\n      voltage: control.voltage\n", ""),
        board=((f"    accepts:\n{VOLTAGE}", ""), *plan_serial),
    )
    io = role(plan, "io").io
    assert io is not None
    assert (io.period_ns, io.send_offset_ns, io.sensed_word) == (2 * MS, 0, -1)
    assert plan.chain == ()
    assert [load.direction for load in plan.line_loads] == ["to_host"]
    assert "mcu: lease" not in {row.subject for row in plan.bounds}


def test_an_operator_value_may_drive_a_device_directly(plan_of: Planning) -> None:
    """A jog without a law: bounded by the lease alone."""
    plan = plan_of(
        ("voltage: control.voltage", "voltage: operator.volts"),
        ("operator:\n", "operator:\n  volts: {unit: V, range: [-3, 3], initial: 0}\n"),
    )
    io = role(plan, "io").io
    assert io is not None
    assert (io.period_ns, io.send_offset_ns, io.sensed_word) == (5 * MS, 0, -1)
    assert [(one.role, one.word) for one in io.accepts] == [("supervisor", 0)]
    assert [row.fault for row in plan.chain] == [
        "supervisor dies or hangs, or the host dies",
        "io dies, or the cable is out",
    ]


def test_recordings_go_below_the_base(plan_of: Planning) -> None:
    """A plan holds absolute paths: a role has another working directory."""
    telemetry = role(plan_of(), "telemetry").telemetry
    assert telemetry is not None
    assert telemetry.directory == "/srv/motor/runs"
    assert telemetry.max_bytes == 8_000_000
    assert (telemetry.drain_period_ns, telemetry.flush_period_ns) == (100 * MS, 500 * MS)
    up = role(plan_of(("to: runs", "to: ../x/./runs")), "telemetry").telemetry
    assert up is not None
    assert up.directory == "/srv/x/runs"


def test_tracking_names_its_words(plan_of: Planning) -> None:
    """Telemetry measures, and knows no names."""
    telemetry = role(plan_of(), "telemetry").telemetry
    assert telemetry is not None
    assert telemetry.tracking is not None
    tracking = telemetry.tracking
    assert (tracking.signal_role, tracking.signal_word) == ("io", 0)
    assert (tracking.setpoint_role, tracking.setpoint_word) == ("supervisor", 0)
    assert (tracking.unit, tracking.rms_max) == ("rad", 0.2)


def test_without_record_nothing_is_written(plan_of: Planning) -> None:
    """Empty means no recording, not the root folder."""
    telemetry = role(plan_of(("    record: {to: runs, max_mb: 8}\n", "")), "telemetry").telemetry
    assert telemetry is not None
    assert (telemetry.directory, telemetry.max_bytes) == ("", 0)


def test_a_device_without_ramp_is_safe_at_once(plan_of: Planning) -> None:
    """0 in the plan, in the schema and in the chain."""
    plan = plan_of(board=((", ramp_per_s: 4000", ""),))
    io = role(plan, "io").io
    assert io is not None
    assert io.accepts[0].ramp_per_s == 0
    assert io.schema.splitlines()[-1] == "accept voltage f32 1 V -12 12 0 0"
    assert {row.fault: row.total_ns for row in plan.chain}["io dies, or the cable is out"] == (
        io.lease_ns
    )
