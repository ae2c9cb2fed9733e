"""What a supervisor believes of what a process says of itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from amphost.supervisor.status import status_of

GRANTED = {"cores": [1], "policy": "fifo", "priority": 80, "memory_locked": True}


def line(**status: Any) -> bytes:
    """Return a status line."""
    return json.dumps(status).encode()


@pytest.mark.parametrize(
    "status",
    [
        {"event": "ready", "granted": GRANTED},
        {"event": "ready", "granted": GRANTED | {"sandbox": "refused"}, "port": "/dev/pts/3"},
        {"event": "report", "path": None, "samples": 3},
        {"event": "ended", "end": "supervisor_lost"},
        {"event": "failed", "error": "no port", "exit": 69},
        {"event": "failed", "error": "no boot"},
        {"event": "held", "pid": 7, "epoch": 1},
        {"event": "counted", "counts": {"bad_crc": 1}},
        {"event": "injected", "counts": {"unplugs": 1}},
        {"event": "gone"},
        {"event": "crashed", "error": "the second core m4 crashed"},
    ],
)
def test_a_status_of_ours_is_taken_over(status: dict[str, Any]) -> None:
    """With every word of it."""
    assert status_of(line(**status)) == status


@pytest.mark.parametrize(
    "status",
    [
        {"event": "ready"},
        {"event": "ready", "granted": {}},
        {"event": "ready", "granted": GRANTED | {"priority": "80"}},
        {"event": "ready", "granted": GRANTED | {"priority": True}},
        {"event": "ready", "granted": GRANTED | {"memory_locked": 1}},
        {"event": "ready", "granted": GRANTED, "port": None},
        {"event": "ended"},
        {"event": "failed", "exit": 1},
        {"event": "failed", "error": "x", "exit": "one"},
        {"event": "held", "pid": 7},
        {"event": "counted", "counts": [1]},
        {"event": "injected"},
        {"event": "crashed"},
        {"event": ["ready"]},
        {"event": "progress", "done": 3},
        {"level": "info"},
    ],
)
def test_what_a_users_code_writes_there_is_no_status(status: dict[str, Any]) -> None:
    """It holds the descriptor: a log line in JSON must end no supervisor."""
    assert status_of(line(**status)) is None


@pytest.mark.parametrize(
    "text", [b"", b"nonsense", b"[1]", b"3", b'{"a": ', bytes([255, 254]), b"[" * 99999]
)
def test_what_is_no_object_is_no_status(text: bytes) -> None:
    """Nor whatever a library prints."""
    assert status_of(text) is None
