"""What a start leaves out comes later, and piecewise."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from amphost.supervisor.later_imports import SETTLED_NS, LaterImports

NAMES = ("colorsys", "sndhdr_is_no_module")


def test_a_turn_imports_one_module_and_none_before_the_start_is_over() -> None:
    """The supervisor's heartbeat stands still meanwhile."""
    later = LaterImports(NAMES, began_ns=5)
    later.turn(5 + SETTLED_NS - 1)
    later.turn(5 + SETTLED_NS)  # the second would raise
    with pytest.raises(ModuleNotFoundError):
        later.turn(5 + SETTLED_NS)
    later.turn(5 + SETTLED_NS)


def test_nothing_is_left_to_the_first_set_of_a_law() -> None:
    """A module that came to be needed and is not listed would stall an armed system once."""
    text = """
import importlib, json, sys
from amphost.supervisor import settings, tuning
before = set(sys.modules)
for name in tuning.NEEDED_LATER:
    importlib.import_module(name)
    added = {one for one in set(sys.modules) - before if one.startswith("amphost.")}
    assert added <= {name, "amphost.laws"}, (name, added)
    before = set(sys.modules)
import amphost.laws.tuning, difflib
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    run = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == []
