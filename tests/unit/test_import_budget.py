"""What each process imports: a role starts soon and small because it imports little."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

COUNT = """
import sys, json
before = set(sys.modules)
for name in sys.argv[1:]:
    __import__(name)
print(json.dumps(sorted(set(sys.modules) - before)))
"""

# Dear to import, and none of a role's business before it is ready.
DEAR = {"argparse", "asyncio", "cffi", "mcap", "multiprocessing", "psutil", "pydantic", "yaml"}


def imported_by(*names: str) -> set[str]:
    """Import `names` in a process of their own, started as a role is; return what came in."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", COUNT, *names], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


def tops(modules: set[str]) -> set[str]:
    """Return the packages that the modules belong to."""
    return {name.partition(".")[0] for name in modules}


@pytest.mark.parametrize(
    ("kind", "most"), [("control", 70), ("io", 85), ("telemetry", 95), ("python", 75)]
)
def test_role_stays_inside_its_import_budget(kind: str, most: int) -> None:
    """Each module costs start-up time and memory that the control role's figure would show."""
    modules = imported_by("amphost.roles.entry", f"amphost.roles.{kind}")
    assert tops(modules) & DEAR == set()
    assert len(modules) <= most, sorted(modules)


@pytest.mark.parametrize("kind", ["control", "io"])
def test_periodic_role_knows_neither_spec_nor_plan(kind: str) -> None:
    """It gets its RolePlan by descriptor; the code that decided it has no place there."""
    modules = imported_by("amphost.roles.entry", f"amphost.roles.{kind}")
    decided = ("amphost.spec", "amphost.plan", "amphost.laws", "amphost.supervisor", "amphost.cli")
    assert [name for name in modules if name.startswith(decided)] == []


def test_roles_do_not_import_one_another() -> None:
    """They share the mailbox and nothing else."""
    kinds = {"amphost.roles.control", "amphost.roles.io", "amphost.roles.telemetry"}
    for kind in kinds:
        assert imported_by(kind) & kinds == {kind}


def test_importing_the_package_imports_none_of_it() -> None:
    """Its public names are looked up when they are asked for."""
    modules = imported_by("amphost")
    assert [name for name in modules if name.startswith("amphost.")] == []


def test_verbs_are_parsed_before_anything_dear_is_imported() -> None:
    """`amphost --help` and a mistyped verb answer at once."""
    assert tops(imported_by("amphost.cli.main")) & (DEAR - {"argparse"}) == set()


def test_budget_notices_what_it_forbids() -> None:
    """A check that cannot fail would let pydantic back in."""
    assert tops(imported_by("amphost.spec.load")) & DEAR >= {"pydantic", "yaml"}
