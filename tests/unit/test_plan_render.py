"""The plan as people and as programs read it, through the verb itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from amphost.cli.main import main
from amphost.machine import read_machine
from amphost.plan.encode import role_plan_json, to_json
from amphost.plan.model import Plan
from amphost.plan.render import render

ROOT = Path(__file__).parents[2]
MACHINES = ROOT / "tests/fake_machines"
GOLDEN = Path(__file__).parent / "golden/plan_motor_pi5.txt"
Planning = Callable[..., Plan]
Changes = tuple[tuple[str, str], ...]


def test_the_example_on_a_pi_reads_as_documented(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first thing that a user sees of a plan; a change of it is meant, or it is a fault."""
    monkeypatch.chdir(ROOT)
    assert main(["plan", "examples/01_motor.yaml", "--root", str(MACHINES / "pi5")]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out == GOLDEN.read_text()


def test_the_text_fits_a_screen(plan_of: Planning) -> None:
    """What has to be scrolled is not compared."""
    lines = render(plan_of(), read_machine(MACHINES / "pi5")).splitlines()
    assert len(lines) <= 60
    assert max(map(len, lines)) <= 120


def test_the_largest_row_is_marked_once(plan_of: Planning) -> None:
    """The row that safe_within_ms is held against."""
    text = render(plan_of(), read_machine(MACHINES / "pi5"))
    marked = [line for line in text.splitlines() if line.startswith("  * ")]
    assert len(marked) == 1
    assert "supervisor dies" in marked[0]


def test_an_unknown_machine_is_said_to_be_one(plan_of: Planning, tmp_path: Path) -> None:
    """No fact is printed as if it were known."""
    machine = read_machine(tmp_path / "nothing")
    head = render(plan_of(machine=machine), machine).splitlines()[1]
    assert head == "unknown machine, cores unknown"


def test_a_system_without_outputs_promises_nothing(plan_of: Planning, plan_serial: Changes) -> None:
    """There is no output that could be unsafe, and the text says so."""
    accepts = "      voltage: {unit: V, range: [-12, 12], safe: 0, ramp_per_s: 4000}\n"
    plan = plan_of(
        ("    reads:\n      voltage: control.voltage\n", ""),
        board=((f"    accepts:\n{accepts}", ""), *plan_serial),
    )
    assert "no role reaches an output" in render(plan, read_machine(MACHINES / "pi5"))


def test_json_has_every_field_in_the_order_of_its_declaration(plan_of: Planning) -> None:
    """Stable keys: scripts read them, and recordings carry them for years."""
    plan = plan_of()
    assert_same_shape(plan, json.loads(to_json(plan)))


def test_equal_plans_are_equal_bytes(plan_of: Planning) -> None:
    """Two runs of one file can be compared by their hashes."""
    assert to_json(plan_of()) == to_json(plan_of())
    assert to_json(plan_of()) != to_json(plan_of(("priority: 80", "priority: 81")))


def test_a_roles_json_is_its_part_of_the_plan(plan_of: Planning) -> None:
    """What a process is handed is what `--json` shows."""
    plan = plan_of()
    shown = json.loads(to_json(plan))["roles"]
    assert [json.loads(role_plan_json(one)) for one in plan.roles] == shown


def test_the_verb_prints_that_json(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One object on one line of stdout."""
    monkeypatch.chdir(ROOT)
    words = ["plan", "motor", "--json", "--root", str(MACHINES / "pi5")]
    assert main(words) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["system"] == "motor"


def test_the_verb_exits_69_on_a_machine_without_the_core(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The example needs two cores; the reason goes to stderr and nothing to stdout."""
    monkeypatch.chdir(ROOT)
    code = main(["plan", "examples/01_motor.yaml", "--root", str(MACHINES / "core1")])
    printed = capsys.readouterr()
    assert code == 69
    assert printed.out == ""
    assert printed.err == (
        "examples/01_motor.yaml:24:11: roles.control.core: 1: this machine has core 0;"
        " give one of 0, or fold the roles onto these (--fold)\n"
    )


def test_the_verb_plans_for_this_host(
    capsys: pytest.CaptureFixture[str], plan_load: Callable[..., Any]
) -> None:
    """Without --root it reads the machine that it runs on."""
    loaded = plan_load(("    core: 1\n", "    core: 0\n"))
    assert main(["plan", str(loaded.path)]) == 0
    assert "TIME TO SAFE" in capsys.readouterr().out


def assert_same_shape(value: Any, shown: Any) -> None:
    """Compare a value with its JSON, key order included."""
    if is_dataclass(value):
        names = [one.name for one in fields(value)]
        assert list(shown) == names
        for name in names:
            assert_same_shape(getattr(value, name), shown[name])
    elif isinstance(value, tuple):
        assert len(value) == len(shown)
        for one, other in zip(value, shown, strict=True):
            assert_same_shape(one, other)
    else:
        assert value == shown
