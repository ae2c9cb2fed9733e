"""What a role process is handed, and what it tells: over real pipes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict

import pytest

from amphost.errors import AmphostError
from amphost.plan.model import Plan
from amphost.roles import handover


def handed(text: str) -> int:
    """Return a descriptor from which `text` is read to its end."""
    read, write = os.pipe()
    os.write(write, text.encode())
    os.close(write)
    return read


def test_the_role_reads_the_very_plan_that_was_made(plan_of: Callable[..., Plan]) -> None:
    """It has no dataclasses and no pydantic there, and still every field of its RolePlan."""
    role = next(role for role in plan_of().roles if role.name == "control")
    facts = {"nonce": 1 << 55, "epoch": 2, "segments": [3, 4], "attachments": [["a", "b", 5]]}
    descriptor = handed(json.dumps({"role": asdict(role), "run": facts}))
    plan, run = handover.read(descriptor)
    assert role.control is not None
    assert plan.control is not None
    assert plan.name == role.name
    assert plan.segment.layout_hash == role.segment.layout_hash
    assert plan.control.inputs[0].max_age_ns == role.control.inputs[0].max_age_ns
    assert list(plan.control.program.parameters) == list(role.control.program.parameters)
    assert plan.telemetry is None
    assert (run.nonce, run.epoch, run.segments) == (1 << 55, 2, [3, 4])
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"role": {}}', "\x00"])
def test_what_is_no_handover_is_an_error_with_words(text: str) -> None:
    """A supervisor that dies in the middle leaves half a line behind: no traceback for that."""
    with pytest.raises(AmphostError, match="handover"):
        handover.read(handed(text))


def test_a_descriptor_that_is_not_open_is_an_error_with_words() -> None:
    """Who starts a role by hand and mistypes the number is told so."""
    descriptor = handed("")
    os.close(descriptor)
    with pytest.raises(AmphostError, match=f"handover on descriptor {descriptor}"):
        handover.read(descriptor)


def test_a_status_is_one_line_of_json() -> None:
    """The supervisor reads lines; a newline inside a text must not end one."""
    read, write = os.pipe()
    handover.status(write, "failed", error="first\nsecond", exit=77)
    os.close(write)
    with os.fdopen(read, encoding="utf-8") as stream:
        lines = stream.read().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"event": "failed", "error": "first\nsecond", "exit": 77}
    ]


def test_a_supervisor_that_is_gone_is_no_error() -> None:
    """A role must still take its outputs to safe, whoever is left to hear of it."""
    read, write = os.pipe()
    os.close(read)
    handover.status(write, "ended", end="supervisor_lost")
    os.close(write)


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        ([], 2, "usage: python -I -m amphost.roles NAME --plan-fd N"),
        (["io", "--plan-fd", "x"], 2, "usage:"),
        (["io", "--plan-fd", "0"], 1, "handover"),
        (["io", "--plan-fd", "999"], 1, "handover on descriptor 999"),
    ],
)
def test_a_role_that_gets_no_plan_leaves_with_a_word(
    words: list[str], code: int, text: str
) -> None:
    """Its log is what people look at: one line, no traceback."""
    done = subprocess.run(
        [sys.executable, "-I", "-m", "amphost.roles", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code
    assert text in done.stderr
    assert "Traceback" not in done.stderr
