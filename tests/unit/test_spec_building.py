"""A spec is read with what it needs, and with nothing that happens to be installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from amphost.spec.board import DeviceSpec
from amphost.spec.building import built
from amphost.spec.program_roles import WorkersSpec

ROOT = Path(__file__).parents[2]
BAD = ROOT / "tests" / "bad_specs" / "105_everything_at_once.yaml"
CHECK = """
import contextlib, io, sys
from amphost.cli.main import main
with contextlib.redirect_stderr(io.StringIO()) as said:
    assert main(["check", sys.argv[1]]) == 78
assert said.getvalue()
print(*sys.modules)
"""
WORKERS = {"count": 1, "cores": [0], "item_bytes": 1, "writes": {}}


@pytest.fixture(scope="module")
def imported() -> set[str]:
    """Return what a process has imported that has refused a file."""
    done = subprocess.run(
        [sys.executable, "-c", CHECK, str(BAD)], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("name", ["importlib.metadata", "pydantic.plugin._loader", "email"])
def test_no_plugin_of_pydantic_is_looked_for(name: str, imported: set[str]) -> None:
    """One that is installed for another program must not change what a spec means."""
    assert "pydantic" in imported
    assert name not in imported


@pytest.mark.parametrize("name", ["amphost.plan.resolve", "amphost.spec.schema"])
def test_a_refused_file_needs_no_plan_and_no_new_schema(name: str, imported: set[str]) -> None:
    """Whoever corrects a file waits for this again and again."""
    assert name not in imported


@pytest.mark.parametrize("text", ["a.py:A\n", " a.py:A", "a.py:", "a b:A", "a.py:A B", "é.py:É"])
def test_a_class_is_one_whole_word(text: str) -> None:
    """Python's `$` lets a line end pass that the pattern of the schema does not."""
    with pytest.raises(ValidationError) as refused:
        built(WorkersSpec).model_validate({**WORKERS, "class": text})
    kinds = {one["loc"][0]: one["type"] for one in refused.value.errors()}
    assert kinds["class"] == "string_pattern_mismatch"


@pytest.mark.parametrize(("text", "good"), [("/dev/ttyACM0", True), ("/dev/ttyACM0\n", False)])
def test_a_port_is_one_whole_word(text: str, good: bool) -> None:
    """As above, for what the host opens."""
    kinds = {}
    try:
        built(DeviceSpec).model_validate({"port": text})
    except ValidationError as refused:
        kinds = {one["loc"][0]: one["type"] for one in refused.errors()}
    assert ("port" not in kinds) is good
