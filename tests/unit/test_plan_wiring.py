"""Words, depths and maps: every name of the spec becomes a number."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from amphost._native.amp import lib

from amphost.plan.model import Plan, RolePlan

MS = 1_000_000
Planning = Callable[..., Plan]


def role(plan: Plan, name: str) -> RolePlan:
    """Return a role's plan."""
    return next(one for one in plan.roles if one.name == name)


def test_channels_carry_signals_then_the_words_of_the_plan(plan_of: Planning) -> None:
    """Readers index by word: the order is the contract."""
    plan = plan_of()
    segments = [plan.supervisor.segment, *(one.segment for one in plan.roles)]
    words = {
        one.role: [(signal.name, signal.type, signal.unit) for signal in one.channel.signals]
        for one in segments
        if one.channel
    }
    assert words == {
        "supervisor": [("target", "f64", "rad")],
        "io": [
            ("position", "f64", "rad"),
            ("current", "f64", "A"),
            ("device_us", "u64", "us"),
            ("applied", "u64", "1"),
            ("sampled_ns", "i64", "ns"),
        ],
        "control": [("voltage", "f64", "V"), ("tick", "u64", "1"), ("sensed_ns", "i64", "ns")],
        "telemetry": [
            ("samples", "u64", "1"),
            ("lost", "u64", "1"),
            ("bytes", "u64", "B"),
            ("tracking_count", "u64", "1"),
            ("tracking_square_sum", "f64", "rad^2"),
            ("tracking_max", "f64", "rad"),
        ],
    }
    assert [one.role_id for one in segments] == [0, 1, 2, 3]


def test_inputs_outputs_and_accepts_name_their_words(plan_of: Planning) -> None:
    """From YAML names to indices, with the producer's range as the plausible one."""
    plan = plan_of(
        ("position: io.position", "amps: io.current\n      position: io.position"),
        (
            "target, position]",
            "target, position]}\n      spare: {gain: amps, by: 0.05",
        ),
        ("    writes:\n", "    writes:\n      spare: {unit: A, range: [-1, 1], safe: 0}\n"),
    )
    control, io = role(plan, "control").control, role(plan, "io").io
    assert control is not None
    assert io is not None
    assert [(one.name, one.role, one.word, one.low, one.high) for one in control.inputs] == [
        ("amps", "io", 1, -20, 20),
        ("position", "io", 0, -100, 100),
        ("target", "supervisor", 0, -6, 6),
    ]
    assert [(one.name, one.word) for one in control.outputs] == [("spare", 0), ("voltage", 1)]
    assert (control.tick_word, control.sensed_word) == (2, 3)
    assert [(one.name, one.role, one.word) for one in io.accepts] == [("voltage", "control", 1)]
    assert io.sensed_word == 3


def test_depths_hold_eight_periods_of_the_slowest_reader(plan_of: Planning) -> None:
    """Telemetry drains every 100 ms; without it io and control are all who read."""
    plan = plan_of()
    depths = {
        one.segment.role: one.segment.channel.depth for one in plan.roles if one.segment.channel
    }
    assert depths == {"io": 512, "control": 1024, "telemetry": 4}
    assert plan.supervisor.segment.channel is not None
    assert plan.supervisor.segment.channel.depth == 256
    assert role(plan, "control").segment.page_size == 16384


def test_without_telemetry_channels_are_shallow(plan_of: Planning) -> None:
    """Memory is for readers that exist."""
    plan = plan_of(
        ("  telemetry:\n    kind: telemetry\n    core: 0\n    record: {to: runs, max_mb: 8}\n", ""),
        (
            "report:\n  tracking: {signal: io.position, setpoint: operator.target, rms_max: 0.2}\n",
            "",
        ),
    )
    assert {one.segment.channel.depth for one in plan.roles if one.segment.channel} == {4, 8}


def test_everyone_maps_what_it_reads_and_the_supervisors(plan_of: Planning) -> None:
    """Mode and e-stop stand in the supervisor's segment: it comes first."""
    plan = plan_of()
    assert {one.name: [other.role for other in one.reads] for one in plan.roles} == {
        "io": ["supervisor", "control"],
        "control": ["supervisor", "io"],
        "telemetry": ["supervisor", "io", "control", "events", "mcu.link", "mcu.said"],
    }
    for one in plan.roles:
        for other in one.reads[1:]:
            beside = (plan.supervisor.events, *role(plan, "io").writes)
            assert other in beside or other is role(plan, other.role).segment


def test_a_role_with_something_to_tune_has_a_queue_that_the_supervisor_writes(
    plan_of: Planning,
) -> None:
    """One writer a channel: the operator's values are the watchdog thread's."""
    control = role(plan_of(), "control")
    assert control.control is not None
    assert (control.control.commands, control.control.tunables) == ("", ())
    plan = plan_of(("by: 2.0}", "by: 2.0, tunable: true}"))
    control = role(plan, "control")
    assert control.control is not None
    (commands,) = plan.supervisor.commands
    assert control.reads[-1] is commands
    assert (commands.role, commands.role_id) == ("control.commands", 0)
    assert control.control.commands == commands.role
    assert commands.channel is not None
    assert (commands.channel.words, commands.channel.depth) == (
        lib.AMP_TUNING_WORDS,
        lib.AMP_TUNING_DEPTH,
    )
    assert [one.name for one in control.control.tunables] == ["voltage"]
    readers = [one.name for one in plan.roles if commands in one.reads]
    assert readers == ["control"]


def test_operator_values_keep_range_and_profile(plan_of: Planning, tmp_path: Path) -> None:
    """The watchdog thread publishes them from these numbers alone."""
    (tmp_path / "steps.csv").write_text("t_s,target\n0,0\n1,2.5\n")
    plan = plan_of(("initial: 1.5", "initial: 1.5, profile: steps.csv"))
    operator = plan.supervisor.operator
    assert operator.period_ns == 5 * MS
    (value,) = operator.values
    assert (value.name, value.unit, value.low, value.high) == ("target", "rad", -6, 6)
    assert value.initial == 1.5
    assert value.profile == ((0.0, 0.0), (1.0, 2.5))
