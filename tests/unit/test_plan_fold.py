"""Folding: a spec for more cores than there are, on those that are there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from amphost.cli.main import main
from amphost.errors import HardwareMissingError, PlanError
from amphost.machine import Machine, read_machine
from amphost.plan.model import Plan, RolePlan
from amphost.plan.resolve import resolve
from amphost.spec.load import LoadedSpec

MACHINES = Path(__file__).parents[1] / "fake_machines"
ROOT = MACHINES.parents[1]
FAR = (("core: 1", "core: 3"), ("core: 0\n    priority", "core: 2\n    priority"))
"""Control on core 3, io on core 2, telemetry on core 0."""
SECOND = (
    "  telemetry:\n",
    """  slow:
    kind: control
    core: 2
    priority: 75
    rate_hz: 100
    reads:
      position: io.position
      target: operator.target
    law:
      wanted: {subtract: [target, position]}
    writes:
      wanted: {unit: rad, range: [-12, 12], safe: 0}
  telemetry:
""",
)
Loading = Callable[..., LoadedSpec]


def machine(name: str) -> Machine:
    """Return a fake machine."""
    return read_machine(MACHINES / name)


def folded(loaded: LoadedSpec, name: str) -> Plan:
    """Return the plan folded onto a fake machine."""
    return resolve(loaded, machine(name), base=Path("/srv/motor"), fold=True)


def roles(plan: Plan) -> dict[str, RolePlan]:
    """Return the roles by name."""
    return {role.name: role for role in plan.roles}


def test_without_fold_the_error_names_it(plan_load: Loading) -> None:
    """Whoever carries a system to a smaller board learns of the remedy where it fails."""
    with pytest.raises(HardwareMissingError) as caught:
        resolve(plan_load(*FAR), machine("vm2"), base=Path("/srv"))
    assert "or fold the roles onto these (--fold)" in str(caught.value)


def test_a_spec_that_fits_is_left_alone(plan_load: Loading) -> None:
    """One command line for all machines: `--fold` changes nothing where nothing is missing."""
    loaded = plan_load()
    plan = folded(loaded, "vm2")
    assert plan == resolve(loaded, machine("vm2"), base=Path("/srv/motor"))
    assert plan.folded == ()


def test_control_and_io_keep_cores_of_their_own_where_there_are_two(plan_load: Loading) -> None:
    """The control path goes first; observers, supervisor and the loopback device share."""
    plan = folded(plan_load(*FAR), "vm2")
    got = {name: role.cores for name, role in roles(plan).items()}
    assert got == {"control": (1,), "io": (0,), "telemetry": (0,)}
    assert plan.supervisor.cores == (0,)
    assert plan.devices[0].cores == (0,)
    assert [(one.role, one.asked, one.got) for one in plan.folded] == [
        ("io", (2,), (0,)),
        ("control", (3,), (1,)),
    ]
    assert plan.notes[:2] == (
        "io: asked for core 2, folded onto core 0",
        "control: asked for core 3, folded onto core 1",
    )
    assert {name: role.priority for name, role in roles(plan).items()} == {
        "io": 70,
        "control": 80,
        "telemetry": 0,
    }


def test_who_names_a_core_that_is_there_keeps_it(plan_load: Loading) -> None:
    """Folding moves no more than it must."""
    plan = folded(plan_load(FAR[0]), "vm2")
    assert {name: role.cores for name, role in roles(plan).items()} == {
        "control": (1,),
        "io": (0,),
        "telemetry": (0,),
    }
    assert [one.role for one in plan.folded] == ["control"]


def test_everything_fits_one_core_and_control_stands_above(plan_load: Loading) -> None:
    """On one core the order of priorities is all that keeps the loop in time."""
    swapped = (
        ("priority: 70", "priority: 80"),
        ("priority: 80\n    rate", "priority: 79\n    rate"),
    )
    plan = folded(plan_load(*FAR, *swapped), "core1")
    got = roles(plan)
    assert {role.cores for role in got.values()} == {(0,)}
    io, control, device = got["io"].priority, got["control"].priority, plan.devices[0].priority
    assert io < device < control < plan.supervisor.watchdog_priority
    assert any("priority 82 instead of 79" in note for note in plan.notes), plan.notes


def test_priorities_that_end_too_high_leave_room_for_the_watchdog(plan_load: Loading) -> None:
    """The watchdog thread and the loopback device stand above what the spec names."""
    high = (("priority: 70", "priority: 97"), ("priority: 80", "priority: 98"))
    plan = folded(plan_load(*FAR, *high), "core1")
    got = roles(plan)
    order = [got["io"].priority, plan.devices[0].priority, got["control"].priority]
    assert order == [95, 96, 97]
    assert plan.supervisor.watchdog_priority == 98


def test_the_faster_of_two_control_roles_goes_first(plan_load: Loading) -> None:
    """Rate-monotonic, as the spec's own rule has it."""
    plan = folded(plan_load(*FAR, ("priority: 80", "priority: 72"), SECOND), "core1")
    got = roles(plan)
    assert got["io"].priority < got["slow"].priority < got["control"].priority


def test_two_control_roles_get_two_cores(plan_load: Loading) -> None:
    """A control role of its own core is worth more than an io role's."""
    plan = folded(plan_load(*FAR, SECOND), "vm2")
    got = roles(plan)
    assert {got["control"].cores, got["slow"].cores} == {(0,), (1,)}
    for core in ((0,), (1,)):
        here = [role.priority for role in plan.roles if role.cores == core and role.priority]
        assert len(set(here)) == len(here)


def test_a_loop_that_spins_sleeps_on_a_shared_core(plan_load: Loading) -> None:
    """Waiting by the clock would starve whoever has been folded onto its core."""
    spin = ("rate_hz: 1000", "rate_hz: 1000\n    wait: spin")
    alone = folded(plan_load(*FAR, spin), "vm2")
    assert roles(alone)["control"].control.wait == "spin"  # type: ignore[union-attr]
    shared = folded(plan_load(*FAR, spin), "core1")
    assert roles(shared)["control"].control.wait == "sleep"  # type: ignore[union-attr]
    assert any("waits by sleep instead of spin" in note for note in shared.notes)


def test_spin_beside_another_role_is_refused_as_without_fold(plan_load: Loading) -> None:
    """Folding mends what the machine lacks, not what the file has wrong."""
    changes = (("core: 0\n    priority", "core: 3\n    priority"), FAR[0])
    spin = ("rate_hz: 1000", "rate_hz: 1000\n    wait: spin")
    with pytest.raises(PlanError, match="spin needs core 0 for itself, and io"):
        folded(plan_load(*changes, spin), "core1")


def test_the_supervisor_is_folded_too(plan_load: Loading) -> None:
    """Its core may be missing as any other's."""
    asked = ("operator:", "supervisor: {core: 3}\noperator:")
    plan = folded(plan_load(asked), "vm2")
    assert plan.supervisor.cores == (0,)
    assert [(one.role, one.asked, one.got) for one in plan.folded] == [("supervisor", (3,), (0,))]


def test_the_plan_verb_folds_for_another_machine(capsys: pytest.CaptureFixture[str]) -> None:
    """What a board would make of a system is known before it is on the table."""
    example = str(ROOT / "examples" / "01_motor.yaml")
    root = str(MACHINES / "core1")
    assert main(["plan", example, "--root", root]) == 69
    assert "--fold" in capsys.readouterr().err
    assert main(["plan", example, "--root", root, "--fold"]) == 0
    assert "folded onto core 0" in capsys.readouterr().out
