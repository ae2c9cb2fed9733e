"""Is the core that is to be measured that of a system which runs now?

Rules. Reads what runs have written and asks Linux where their processes are; a file that cannot be
read, or a process that has gone, occupies nothing. A measurement at a real-time priority takes its
core from whoever is there: a loop that is armed would trip.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

STATE = "state.json"


def occupants(base: Path, core: int) -> list[str]:
    """List the roles that run on `core`, each as `SYSTEM's ROLE`; `base` holds the runs."""
    found = []
    for state in _states(base):
        system = state.get("system", "?")
        for role, facts in state["roles"].items():
            if core in _cores(facts.get("pid")):
                found.append(f"{system}'s {role}")
    return found


def _states(base: Path) -> Iterator[dict[str, Any]]:
    try:
        paths = sorted(base.glob(f"*/{STATE}"))
    except OSError:
        return
    for path in paths:
        try:
            state = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(state, dict) and isinstance(state.get("roles"), dict):
            yield state


def _cores(pid: object) -> set[int]:
    """Return the cores that a process may use; none if it has gone."""
    if not isinstance(pid, int) or pid <= 0:
        return set()
    try:
        return os.sched_getaffinity(pid)
    except OSError:
        return set()
