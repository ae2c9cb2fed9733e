"""The lines that a process of a run says of itself, as the supervisor may believe them.

Rules. Pure. A role may run a user's code, which holds the same descriptor and may write anything on
it: what is not exactly a status of ours is no status, and is passed over. Fields that are not named
here are the process's own words, and nobody computes with them.
"""

from __future__ import annotations

import json
from typing import Any

__all__ = ["status_of"]

_WHOLE = int
FIELDS: dict[str, dict[str, type]] = {
    "ready": {"granted": dict},
    "report": {},
    "ended": {"end": str},
    "failed": {"error": str},
    "counted": {"counts": dict},
    "injected": {"counts": dict},
    "gone": {},
    "crashed": {"error": str},
    "held": {"pid": _WHOLE, "epoch": _WHOLE},
}
"""What each event has to say."""
OPTIONAL: dict[str, type] = {"exit": _WHOLE, "port": str}
GRANTED: dict[str, type] = {"cores": list, "policy": str, "priority": _WHOLE}
"""What Linux granted, as the readiness of a run compares it with the plan."""
LOCKED: dict[str, type] = {"memory_locked": bool}  # a device does not ask for it


def status_of(line: bytes) -> dict[str, Any] | None:
    """Return the status that a line holds; None for anything else."""
    try:
        status = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(status, dict):
        return None
    event = status.get("event")
    wanted = FIELDS.get(event) if isinstance(event, str) else None
    if wanted is None or not _has(status, wanted):
        return None
    if not _may_have(status, OPTIONAL):
        return None
    if event == "ready":
        granted = status["granted"]
        return status if _has(granted, GRANTED) and _may_have(granted, LOCKED) else None
    return status


def _has(fields: dict[str, Any], wanted: dict[str, type]) -> bool:
    return all(name in fields and _is(fields[name], kind) for name, kind in wanted.items())


def _may_have(fields: dict[str, Any], wanted: dict[str, type]) -> bool:
    return all(_is(fields[name], kind) for name, kind in wanted.items() if name in fields)


def _is(value: object, kind: type) -> bool:
    """Tell types as JSON has them: true is no number."""
    return type(value) is kind
