"""The programs of native/model, built and run.

Rules. A program is built from the sources as they are and run in a process of its own: Relacy may
abort after it has reported, so the verdict is read from what it printed. A missing tool skips a
test by name, and fails it where `CI=true`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

MODEL = Path(__file__).resolve().parents[2] / "native" / "model"
BUILT = MODEL.parent / "build" / "model"
LIMIT_S = 300

_VERDICT = re.compile(
    r"^verdict: (?:(?P<clean>clean) after (\d+) schedules"
    r"|broken in schedule (?P<schedule>\d+): (?P<rule>.*))$",
    re.MULTILINE,
)
_COUNTER = re.compile(r"^([a-z_]+) (\d+)(?: (.+))?$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What Relacy said of a case.

    Synchronization: none required; a value.
    """

    clean: bool
    schedule: int  # the first that broke a rule; 0 for none
    rule: str
    counters: dict[str, int] = field(repr=False)
    executed: dict[str, int] = field(repr=False)
    deaths: dict[str, int] = field(repr=False)


def require(found: bool, what: str) -> None:
    """Skip the test when something is not installed; fail it in CI."""
    if found:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is not installed")
    pytest.skip(f"{what} is not installed")


def require_tool(name: str) -> None:
    """Want a program of that name."""
    require(shutil.which(name) is not None, name)


def build(target: str) -> None:
    """Make a target of native/model; what the compiler said is shown when it fails."""
    require_tool("make")
    jobs = f"-j{os.cpu_count() or 1}"
    done = subprocess.run(
        ["make", "-s", jobs, "-C", str(MODEL), target], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def output(program: str, *words: str) -> str:
    """Run one program to its end and return what it printed on stdout."""
    done = subprocess.run(
        [str(BUILT / program), *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )
    assert done.returncode in {0, 1} or done.returncode < 0, done.stderr
    return done.stdout


def judge(case: str, schedules: int, *options: str, program: str = "relacy") -> Verdict:
    """Play a case through so many schedules, or until one breaks a rule."""
    said = output(program, case, "--schedules", str(schedules), *options)
    match = _VERDICT.search(said)
    assert match is not None, f"{program} {case} gave no verdict: {said!r}"
    named: dict[str, dict[str, int]] = {"executed": {}, "deaths": {}}
    counters: dict[str, int] = {}
    for name, count, site in _COUNTER.findall(said):
        if site:
            named[name][site] = int(count)
        else:
            counters[name] = int(count)
    return Verdict(
        clean=match["clean"] is not None,
        schedule=int(match["schedule"] or 0),
        rule=match["rule"] or "",
        counters=counters,
        executed=named["executed"],
        deaths=named["deaths"],
    )


def cases(*kinds: str) -> list[str]:
    """List the cases of these kinds."""
    lines = (line.split() for line in output("relacy", "--cases").splitlines())
    return [name for name, kind in lines if kind in kinds]


def sites() -> list[str]:
    """List every place in the source that touches shared memory."""
    return output("relacy", "--sites").splitlines()
