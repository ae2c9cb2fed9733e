"""What the documents show of a running system, against one: the report, the reader, the tutorial.

A machine that stops a real-time process for longer than its bound trips a healthy system; such a
run is made again, any other not.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import markdown
from tests.system.live import LiveRun, wait_for

ROOT = Path(__file__).resolve().parents[1]
MOTOR = ROOT / "examples" / "01_motor.yaml"
TRIES = 3
WITHIN_S = 30.0
TYPES: dict[str, Any] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: type(value) is int,
    "number": lambda value: type(value) in (int, float),
    "boolean": lambda value: isinstance(value, bool),
    "list of integers": lambda value: all(type(one) is int for one in value),
    "list of strings": lambda value: all(isinstance(one, str) for one in value),
    "list": lambda value: isinstance(value, list),
    "list of objects": lambda value: all(isinstance(one, dict) for one in value),
    "object": lambda value: isinstance(value, dict),
    "summary": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """Return the report of a run in which telemetry was killed, and what the reader printed."""
    for _ in range(TRIES):
        report, printed = _run_and_kill(tmp_path_factory.mktemp("run"))
        if report["tracking"]["n"]:
            return report, printed
    pytest.fail(f"the machine was away in each of {TRIES} runs")


def _run_and_kill(base: Path) -> tuple[dict[str, Any], str]:
    run = LiveRun(MOTOR, base, "--for", "3s")
    try:
        run.armed()
        printed = _reader()
        os.kill(run.pid("telemetry"), signal.SIGKILL)
        wait_for(lambda: _restarted(run.state()), "telemetry runs again")
        _, report, _ = run.finish(WITHIN_S)
    finally:
        run.end()
    return report, printed


def _restarted(state: dict[str, Any]) -> bool:
    return bool(state) and state["roles"]["telemetry"]["epoch"] == 2


def _reader() -> str:
    (code,) = markdown.blocks((ROOT / "docs/mailbox.md").read_text(encoding="utf-8"), "python")
    command = [sys.executable, "-I", "-S", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=WITHIN_S)
    return done.stdout


def test_the_reader_of_the_mailbox_page_reads_a_live_system(
    seen: tuple[dict[str, Any], str],
) -> None:
    """Whoever wants to look in from outside copies that page's program."""
    _, printed = seen
    labels = {tuple(line.split()[:2]) for line in printed.splitlines()}
    assert {("supervisor", "target"), ("io", "position"), ("control", "voltage")} <= labels


def test_every_key_of_the_report_is_documented_and_no_other(
    seen: tuple[dict[str, Any], str],
) -> None:
    """Programs are written against that page."""
    report, _ = seen
    documented, _ = _documented()
    assert {key for key, _ in _flat(report, "")} == set(documented)


def test_every_value_of_the_report_has_its_documented_type(
    seen: tuple[dict[str, Any], str],
) -> None:
    """A null where none was promised breaks whoever believed the page."""
    report, _ = seen
    documented, summary = _documented()
    for key, value in _flat(report, ""):
        kinds = documented[key].split(" or ")
        assert any(TYPES[kind](value) for kind in kinds), f"{key}: {value!r} is not {kinds}"
        if isinstance(value, dict) and key not in AS_A_WHOLE:
            assert set(value) == set(summary), key
            assert all(TYPES[summary[name]](one) for name, one in value.items()), key


def _documented() -> tuple[dict[str, str], dict[str, str]]:
    """Return type by key: those of the report, and those of a summary."""
    parts = markdown.sections((ROOT / "docs/reference/report.md").read_text(encoding="utf-8"))
    summary = _types(parts.pop("A summary"))
    keys: dict[str, str] = {}
    for part in parts.values():
        keys |= _types(part)
    return keys, summary


def _types(part: str) -> dict[str, str]:
    return {row[0].strip("`"): row[1] for row in markdown.rows(part) if row[0].startswith("`")}


AS_A_WHOLE = frozenset({"link.DEVICE.line"})
"""Objects that the page describes in a row: their keys are a port's."""


def _flat(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    """Yield every key of the report with its value, names of roles and devices replaced."""
    if isinstance(value, dict) and not key.endswith("_us") and key not in AS_A_WHOLE:
        for name, one in value.items():
            below = {"roles": "NAME", "link": "DEVICE"}.get(key, name)
            yield from _flat(one, f"{key}.{below}".lstrip("."))
    elif key == "faults":
        assert value, "the run was to have a fault"
        for one in value:
            yield from _flat(one, "faults[]")
    else:
        yield re.sub(r"\s", "", key), value
