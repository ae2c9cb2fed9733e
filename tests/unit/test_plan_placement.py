"""Where everything runs, and what the machine lacks for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amphost.errors import HardwareMissingError, PlanError
from amphost.machine import read_machine
from amphost.plan.model import Plan, RolePlan
from amphost.plan.placement import core_list, cores_text

MACHINES = Path(__file__).parents[1] / "fake_machines"
MS = 1_000_000
Planning = Callable[..., Plan]
Changes = tuple[tuple[str, str], ...]


def role(plan: Plan, name: str) -> RolePlan:
    """Return a role's plan."""
    return next(one for one in plan.roles if one.name == name)


def refused(planning: Planning, *changes: tuple[str, str], **where: Any) -> list[str]:
    """Return the problems for which a plan is refused."""
    with pytest.raises(PlanError) as caught:
        planning(*changes, **where)
    return caught.value.problems


def test_roles_run_where_the_spec_says(plan_of: Planning) -> None:
    """A plan adds to the spec and never changes it."""
    plan = plan_of()
    assert {one.name: (one.cores, one.policy, one.priority) for one in plan.roles} == {
        "io": ((0,), "fifo", 70),
        "control": ((1,), "fifo", 80),
        "telemetry": ((0,), "other", 0),
    }


def test_only_native_roles_are_real_time(plan_of: Planning) -> None:
    """An observer with a real-time priority could stop what it observes."""
    plan = plan_of()
    for name in ("io", "control"):
        one = role(plan, name)
        assert (one.lock_memory, one.rttime_us, one.timer_slack_ns, one.nice) == (
            True,
            200_000,
            1,
            0,
        )
    telemetry = role(plan, "telemetry")
    assert (telemetry.lock_memory, telemetry.rttime_us, telemetry.nice) == (False, 0, 5)


def test_supervisor_takes_the_lowest_core_that_no_control_role_uses(plan_of: Planning) -> None:
    """Its watchdog thread must not share a core with the loop that it watches."""
    assert plan_of().supervisor.cores == (0,)
    moved = plan_of(("    core: 1\n", "    core: 0\n"))
    assert moved.supervisor.cores == (1,)


def test_supervisor_avoids_isolated_cores(plan_of: Planning) -> None:
    """Those are the control roles'."""
    machine = read_machine(MACHINES / "pi5", allowed={1})
    plan = plan_of(
        ("    core: 0\n", "    core: 1\n"),
        ("    core: 1\n    priority: 80", "    core: 2\n    priority: 80"),
        machine=machine,
    )
    assert plan.supervisor.cores == (1,)


def test_supervisor_core_of_the_spec_wins(plan_of: Planning) -> None:
    """A person may know better; where it hurts, a note says so."""
    plan = plan_of(("roles:\n", "supervisor: {core: 1}\nroles:\n"))
    assert plan.supervisor.cores == (1,)
    assert plan.devices[0].cores == (0,)
    assert any("the supervisor shares core 1 with control" in note for note in plan.notes)


def test_watchdog_and_device_stand_above_what_they_must(plan_of: Planning) -> None:
    """The device keeps its own time, and no role can hide behind a priority."""
    plan = plan_of()
    assert plan.devices[0].priority == 71
    assert plan.supervisor.watchdog_priority == 72
    assert plan.devices[0].cores == plan.supervisor.cores == (0,)


def test_one_core_carries_everything(plan_of: Planning) -> None:
    """The order of priorities is then all there is."""
    plan = plan_of(("core: 1", "core: 0"), machine="core1")
    assert {one.cores for one in plan.roles} == {(0,)}
    assert plan.supervisor.cores == plan.devices[0].cores == (0,)
    assert plan.devices[0].priority == 71
    assert plan.supervisor.watchdog_priority == 81


def test_a_core_that_is_not_there_is_missing_hardware(plan_of: Planning) -> None:
    """Exit 69, with what this machine has."""
    with pytest.raises(HardwareMissingError) as caught:
        plan_of(("    core: 1\n", "    core: 7\n"))
    assert caught.value.exit_code == 69
    assert caught.value.problems == [
        (
            "motor.yaml:16:11: roles.control.core: 7: this machine has cores 0-3 (isolated: 2, 3);"
            " give one of 0-3, or fold the roles onto these (--fold)"
        )
    ]


def test_all_missing_cores_are_named_at_once(plan_of: Planning) -> None:
    """Nobody should have to start three times."""
    found = refused(
        plan_of,
        ("core: 0", "core: 4"),
        ("core: 1", "core: 5"),
        ("roles:\n", "supervisor: {core: 6}\nroles:\n"),
    )
    assert [line.split(": ")[1] for line in found] == [
        "roles.io.core",
        "roles.control.core",
        "roles.telemetry.core",
        "supervisor.core",
    ]


def test_a_core_outside_the_mask_is_refused_with_its_remedy(plan_of: Planning) -> None:
    """It is there, but this process may not have it."""
    machine = read_machine(MACHINES / "vm2", allowed={0})
    assert refused(plan_of, machine=machine) == [
        (
            "motor.yaml:16:11: roles.control.core: 1: this process may use 0 only;"
            " give one of these, widen its affinity mask or cgroup cpuset, or use --fold"
        )
    ]


def test_a_machine_whose_cores_cannot_be_read_is_taken_at_its_word(
    plan_of: Planning, tmp_path: Path
) -> None:
    """The role reads back what it got; a plan made of ignorance must not refuse."""
    plan = plan_of(machine=read_machine(tmp_path / "nothing"))
    assert any("cores cannot be read" in note for note in plan.notes)
    assert any("page size cannot be read" in note for note in plan.notes)


@pytest.mark.parametrize(("priority", "most"), [(99, 97), (98, 97)])
def test_a_priority_must_leave_room_above_it(plan_of: Planning, priority: int, most: int) -> None:
    """Device and watchdog have to stand above the io role."""
    found = refused(plan_of, ("priority: 70", f"priority: {priority}"))
    assert found == [
        (
            f"motor.yaml:11:15: roles.io.priority: {priority} leaves no priority for the loopback"
            f" device and the watchdog thread above it; give at most {most}"
        )
    ]


def test_highest_priorities_are_free_where_nothing_stands_above(plan_of: Planning) -> None:
    """A control role on a core of its own may have all of them."""
    plan = plan_of(("priority: 80", "priority: 99"), ("priority: 70", "priority: 97"))
    assert role(plan, "control").priority == 99
    assert plan.supervisor.watchdog_priority == 99


def test_a_port_that_is_not_there_is_missing_hardware(
    plan_of: Planning, plan_serial: Changes
) -> None:
    """The ports that are there are most of the remedy."""
    with pytest.raises(HardwareMissingError) as caught:
        plan_of(machine="vm2", board=plan_serial)
    assert caught.value.problems == [
        (
            "bench.yaml:4:11: devices.mcu.port: /dev/ttyACM0: no such port on this machine"
            " (there: none); connect the device, or give one of these"
        )
    ]


def test_a_serial_device_has_no_twin_and_a_longer_lease(
    plan_of: Planning, plan_serial: Changes
) -> None:
    """A real line stalls otherwise than a pty."""
    plan = plan_of(board=plan_serial)
    io = role(plan, "io").io
    assert io is not None
    assert io.port == "/dev/ttyACM0"
    assert io.lease_ns == 50 * MS
    assert plan.devices == ()
    assert plan.supervisor.watchdog_priority == 71


@pytest.mark.parametrize(
    ("cores", "text"),
    [
        ((), ""),
        ((0,), "0"),
        ((0, 1), "0-1"),
        ((0, 1, 2, 5), "0-2, 5"),
        ((1, 3, 5, 6), "1, 3, 5-6"),
    ],
)
def test_cores_are_written_as_linux_does(cores: tuple[int, ...], text: str) -> None:
    """A machine may have 256 of them."""
    assert core_list(cores) == text


def test_a_machines_cores_say_how_many_and_which_are_isolated() -> None:
    """Half of every remedy."""
    assert cores_text(read_machine(MACHINES / "core1")) == "core 0"
    assert cores_text(read_machine(MACHINES / "vm2")) == "cores 0-1"
    assert cores_text(read_machine(MACHINES / "pi5")) == "cores 0-3 (isolated: 2, 3)"
