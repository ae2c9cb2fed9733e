"""The chain of single faults, and everything wrong at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amphost.errors import HardwareMissingError, PlanError
from amphost.machine import read_machine
from amphost.plan.model import Plan
from amphost.plan.resolve import problems, resolve
from amphost.spec.load import LoadedSpec

MACHINES = Path(__file__).parents[1] / "fake_machines"
MS = 1_000_000
Planning = Callable[..., Plan]
Changes = tuple[tuple[str, str], ...]
Loading = Callable[..., LoadedSpec]


def refused(planning: Planning, *changes: tuple[str, str], **where: Any) -> list[str]:
    """Return the problems for which a plan is refused."""
    with pytest.raises(PlanError) as caught:
        planning(*changes, **where)
    return caught.value.problems


def test_chain_of_the_motor(plan_of: Planning) -> None:
    """T = F = 1, P = 2, L = 20, floor 20; ramps 12 V / 4000 = 3 ms and 12 V / 2000 = 6 ms."""
    assert {row.fault: row.total_ns // MS for row in plan_of().chain} == {
        "control dies or hangs, or the host dies": 1 + 20 + 3,
        "io dies, or the cable is out": 20 + 3,
        "producer of io.position dies or freezes": 20 + 20 + 1 + 1 + 6,
        "bad values of io.position": 6 + 1 + 1 + 6,
        "bad values of operator.target": 15 + 1 + 1 + 6,
        "blackout of control's core": 20 + 20 + 3,
        "supervisor dies": 100 + 1 + 1 + 6,
    }


CASCADE = (
    (
        "  telemetry:\n",
        """  outer:
    kind: control
    core: 1
    priority: 60
    rate_hz: 100
    reads:
      position: io.position
      goal: operator.target
    law:
      step: {subtract: [goal, position]}
    writes:
      step: {unit: rad, range: [-6, 6], safe: 0, ramp_per_s: 1000}
  telemetry:
""",
    ),
    ("      target: operator.target\n    law", "      target: outer.step\n    law"),
)


def test_an_outer_loop_has_rows_of_its_own(plan_of: Planning) -> None:
    """Its trip travels by the e-stop word: 2 ms of the watchdog and T of the inner loop more."""
    chain = {row.fault: row.total_ns // MS for row in plan_of(*CASCADE).chain}
    assert chain["producer of outer.step dies or freezes"] == 50 + 20 + 1 + 1 + 6
    assert chain["producer of io.position dies or freezes"] == 20 + 20 + 10 + 3 + 1 + 6
    assert chain["bad values of operator.target"] == 3 * 10 + 10 + 3 + 1 + 6


def test_a_role_that_reaches_no_output_has_no_rows(plan_of: Planning) -> None:
    """Nobody reads the second one: whatever it does, no output moves."""
    idle = (
        "  telemetry:\n",
        CASCADE[0][1].replace("outer:", "idle:").replace("operator.target", "io.current"),
    )
    unit = ("{subtract: [goal, position]}", "{gain: goal, by: 1.0}")
    spare = (idle[0], idle[1].replace(*unit).replace("      position: io.position\n", ""))
    chain = {row.fault for row in plan_of(spare).chain}
    assert "bad values of io.current" not in chain
    assert not any("idle" in fault for fault in chain)


def test_the_slowest_way_to_safe_counts(plan_of: Planning, plan_serial: Changes) -> None:
    """Two values on one device: 12 V in 3 ms (6 ms in control), and 2 A in 40 ms (20 ms)."""
    brake = "brake: {unit: A, range: [0, 2], safe: 2"
    plan = plan_of(
        ("voltage: control.voltage", "voltage: control.voltage\n      brake: control.brake"),
        ("    law:\n", "    law:\n      brake: {constant: 0.0}\n      idle: {constant: 0.0}\n"),
        (
            "    writes:\n",
            (
                f"    writes:\n      {brake}, ramp_per_s: 100}}\n"
                "      idle: {unit: A, range: [0, 1], safe: 0, ramp_per_s: 1}\n"
            ),
        ),
        board=(
            *plan_serial,
            ("    accepts:\n", f"    accepts:\n      {brake}, ramp_per_s: 50}}\n"),
        ),
    )
    chain = {row.fault: row.total_ns // MS for row in plan.chain}
    assert chain["io dies, or the cable is out"] == 50 + 40
    assert chain["bad values of io.position"] == 6 + 1 + 1 + 40
    rows = {row.subject: row.bound_ns for row in plan.bounds}
    assert rows["stop: outputs safe"] == 1000 * MS + 2 * MS


def test_stop_waits_for_the_slowest_loop(plan_of: Planning) -> None:
    """2 T of 100 Hz, and the 6 ms of the output's ramp."""
    rows = {row.subject: row.bound_ns for row in plan_of(*CASCADE).bounds}
    assert rows["stop: outputs safe"] == 6 * MS + 2 * 10 * MS


def test_a_bound_that_cannot_be_kept_refuses_the_file(plan_of: Planning) -> None:
    """The largest row is named with its formula, and what would do."""
    assert refused(plan_of, ("safe_within_ms: 200", "safe_within_ms: 90")) == [
        (
            "motor.yaml:3:26: safety.safe_within_ms: 90 ms is less than 108 ms: supervisor dies,"
            " heartbeat + T + F + ramp = 100 + 1 + 1 + 6 ms; allow at least 108 ms,"
            " or shorten a term"
        )
    ]


def test_a_bound_kept_to_the_nanosecond_is_kept(plan_of: Planning) -> None:
    """At most means at most."""
    assert plan_of(("safe_within_ms: 200", "safe_within_ms: 108")).safe_within_ns == 108 * MS


def test_everything_wrong_is_raised_together(plan_of: Planning) -> None:
    """A missing core beside a wrong file: the file is wrong on every machine, so exit 78."""
    with pytest.raises(PlanError) as caught:
        plan_of(
            ("    core: 1\n", "    core: 7\n"),
            ("safe_within_ms: 200", "safe_within_ms: 90"),
            board=(("baud: 1000000", "baud: 115200"),),
        )
    assert caught.value.exit_code == 78
    assert not isinstance(caught.value, HardwareMissingError)
    assert [line.split(": ")[1] for line in caught.value.problems] == [
        "roles.control.core",
        "devices.mcu.baud",
        "devices.mcu.baud",
        "safety.safe_within_ms",
    ]


def test_check_takes_the_lowest_floor(plan_load: Loading) -> None:
    """What a PREEMPT_RT machine could keep must not be refused on a desk."""
    changes = (
        ("safe_within_ms: 200", "safe_within_ms: 109"),
        ("position: io.position", "position: {from: io.position, trip_after_ms: 85}"),
    )
    loaded = plan_load(*changes)
    assert problems(loaded) == []
    with pytest.raises(PlanError, match=r"producer of io\.position"):
        resolve(loaded, read_machine(MACHINES / "vm2"), base=Path("/"))


def test_check_refuses_what_no_machine_keeps(plan_load: Loading) -> None:
    """The supervisor's bound depends on nothing."""
    (line,) = problems(plan_load(("safe_within_ms: 200", "safe_within_ms: 100")))
    assert "supervisor dies" in line


def test_a_valid_file_has_no_problems(plan_load: Loading) -> None:
    """The control of the tests above."""
    assert problems(plan_load()) == []
