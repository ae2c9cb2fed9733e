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


# What each process has imported when it is ready: a name that comes in here is paid at every start,
# and kept for as long as the system runs.
EVERY_ROLE = {
    *("amphost", "amphost._native", "amphost._native.amp", "amphost._native.amp.lib"),
    *("amphost.blocks", "amphost.channel", "amphost.errors", "amphost.identity"),
    *("amphost.lean_json", "amphost.mailbox", "amphost.platform", "amphost.waiting"),
    *("amphost.roles", "amphost.roles.context", "amphost.roles.entry", "amphost.roles.handover"),
    *("amphost.roles.settle", "gc", "resource"),
}
PYSERIAL = {
    *("serial", "serial.serialposix", "serial.serialutil", "array", "collections", "contextlib"),
    *("collections.abc", "errno", "fcntl", "functools", "itertools", "keyword", "operator"),
    *("reprlib", "select", "struct", "termios", "types", "warnings"),
}
SOCKET = {
    *("socket", "_socket", "selectors", "enum", "select", "math", "array", "errno", "types"),
    *("collections", "collections.abc", "functools", "itertools", "keyword", "operator"),
    *("reprlib", "os", "io", "sys"),
}
ALLOWED = {
    "control": EVERY_ROLE | {"amphost.loop", "amphost.roles.control", "math"},
    "io": EVERY_ROLE
    | {"amphost.link", "amphost.link.reopening", "amphost.link.serial_port"}
    | {"amphost.clock_watch", "amphost.port_address", "amphost.pump", "amphost.roles.io"}
    | {"amphost.wire_values"},
    "python": EVERY_ROLE
    | {
        "amphost.role_api",
        "amphost.roles.python",
        "amphost.roles.stage",
        "amphost.user_code",
        "math",
    }
    | {"collections", "collections.abc", "enum", "faulthandler", "functools", "itertools"}
    | {"keyword", "operator", "reprlib", "signal", "types"},
}
DEVICE = {
    *("amphost", "amphost._native", "amphost._native.amp", "amphost._native.amp.lib"),
    *("amphost.device", "amphost.errors", "amphost.lean_json", "amphost.link"),
    *("amphost.plan", "amphost.plan.plants"),
    *("amphost.link.loopback", "amphost.platform", "amphost.wire_values", "gc", "select"),
    *("termios", "tty"),
}
TELEMETRY_MOST = 95  # modules: it has no period to keep, and no exact list


def named(modules: set[str]) -> set[str]:
    """Leave out what belongs to the interpreter itself and differs from version to version."""
    own = ("importlib", "__future__")
    return {
        name for name in modules if name.startswith("amphost") or not name.startswith(("_", *own))
    }


@pytest.mark.parametrize("kind", ALLOWED)
def test_role_imports_what_is_on_its_list_and_nothing_else(kind: str) -> None:
    """Each module costs start-up time and memory that a real-time role has no use for."""
    modules = named(imported_by("amphost.roles.entry", f"amphost.roles.{kind}"))
    assert modules - ALLOWED[kind] == set()
    assert modules >= EVERY_ROLE


@pytest.mark.parametrize(
    ("kind", "theirs"), [("tty_port", PYSERIAL), ("socket_port", SOCKET)], ids=["tty", "socket"]
)
def test_a_port_costs_the_io_role_what_its_kind_needs(kind: str, theirs: set[str]) -> None:
    """Who has a socket does without pyserial, and the other way round."""
    role = imported_by("amphost.roles.entry", "amphost.roles.io")
    modules = named(imported_by("amphost.roles.entry", "amphost.roles.io", f"amphost.link.{kind}"))
    assert modules - role - theirs - {"amphost.tty_identity"} == {f"amphost.link.{kind}"}


def test_loopback_device_imports_what_is_on_its_list_and_nothing_else() -> None:
    """The io role waits for its port."""
    modules = named(imported_by("amphost.link.loopback"))
    assert modules - DEVICE == set()
    assert "amphost.device" in modules


def test_observer_stays_inside_its_import_budget() -> None:
    """It starts while the control path does, and takes its CPU time from there."""
    modules = imported_by("amphost.roles.entry", "amphost.roles.telemetry")
    assert tops(modules) & DEAR == set()
    assert len(modules) <= TELEMETRY_MOST, sorted(modules)


@pytest.mark.parametrize("kind", ["control", "io"])
def test_periodic_role_knows_neither_spec_nor_plan(kind: str) -> None:
    """It gets its RolePlan by descriptor; the code that decided it has no place there."""
    modules = imported_by("amphost.roles.entry", f"amphost.roles.{kind}")
    decided = ("amphost.spec", "amphost.plan", "amphost.laws", "amphost.supervisor", "amphost.cli")
    assert [name for name in modules if name.startswith(decided)] == []


def test_measuring_process_is_as_lean_as_a_role() -> None:
    """What it measures is to be what a control role meets, not its own weight."""
    modules = imported_by("amphost.latency.prober")
    assert tops(modules) & DEAR == set()
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


def test_supervisor_runs_without_what_reads_a_spec() -> None:
    """With the plan of an earlier start nothing else would import pydantic and yaml."""
    modules = imported_by(
        "amphost.cli.run",
        "amphost.cli.kept",
        "amphost.plan.stored",
        "amphost.supervisor.supervisor",
        "amphost.supervisor.report",
        "amphost.supervisor.stopping",
    )
    assert tops(modules) & (DEAR - {"argparse"}) == set()
    assert "amphost.spec.load" not in modules


def test_budget_notices_what_it_forbids() -> None:
    """A check that cannot fail would let pydantic back in."""
    assert tops(imported_by("amphost.spec.load")) & DEAR >= {"pydantic", "yaml"}


def test_a_start_from_a_kept_plan_reads_no_spec_and_no_law() -> None:
    """What judges and compiles files is for who changes a running law, then and not before."""
    modules = imported_by("amphost.supervisor.supervisor")
    unwanted = ("amphost.spec", "amphost.laws", "pydantic", "yaml", "difflib")
    assert [name for name in modules if name.startswith(unwanted)] == []
