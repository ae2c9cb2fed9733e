"""Check that the fuzzers took every branch of the functions that read what others wrote.

usage: python3 coverage.py EXPORT COVERAGE.TXT

Rules. EXPORT is what `llvm-cov export` printed. COVERAGE.TXT names one function a line, and each
branch of it that cannot be taken, with its reason: `  - LINE TEXT: true|false: REASON`, where LINE
TEXT is the source line as it stands. An exception that was taken, or that stands nowhere, fails.
"""

# ruff: noqa: INP001, T201 (a program that the Makefile runs, no module)

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TRUE_COUNT, FALSE_COUNT = 4, 5


def wanted(text: str) -> dict[str, dict[tuple[str, str], str]]:
    """Return function -> (line, side) -> reason."""
    functions: dict[str, dict[tuple[str, str], str]] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith("  - "):
            source, side, reason = line[4:].rsplit(": ", 2)
            functions[name][source, side] = reason
        elif line and not line.startswith("#"):
            name = line.strip()
            functions[name] = {}
    return functions


def untaken(
    function: dict[str, Any], sources: dict[str, list[str]]
) -> tuple[int, set[tuple[str, str, int]]]:
    """Count the sides of all branches; return those that were not taken."""
    lines = sources.setdefault(
        function["filenames"][0], Path(function["filenames"][0]).read_text().splitlines()
    )
    missed = set()
    for branch in function["branches"]:
        text = lines[branch[0] - 1].strip()
        for side, count in (("true", branch[TRUE_COUNT]), ("false", branch[FALSE_COUNT])):
            if count == 0:
                missed.add((text, side, branch[0]))
    return 2 * len(function["branches"]), missed


def judge(functions: dict[str, Any], expected: dict[str, dict[tuple[str, str], str]]) -> int:
    """Print what is wrong and how much was looked at; return the number of wrong things."""
    sources: dict[str, list[str]] = {}
    sides = wrong = excepted = 0
    for name, reasons in expected.items():
        if name not in functions:
            print(f"{name}: no such function was run")
            wrong += 1
            continue
        count, missed = untaken(functions[name], sources)
        sides += count
        for text, side, line in sorted(missed):
            if (text, side) not in reasons:
                print(f"{name}:{line}: never {side}: {text}")
                wrong += 1
        seen = {(text, side) for text, side, _ in missed}
        for stale in sorted(set(reasons) - seen):
            print(f"{name}: the exception was taken, or is gone: {': '.join(stale)}")
            wrong += 1
        excepted += len(reasons)
    print(f"{sides} sides of branches in {len(expected)} functions, {excepted} cannot be taken")
    return wrong


def main(export: Path, listed: Path) -> int:
    """Return the exit code."""
    functions: dict[str, Any] = {}
    for function in json.loads(export.read_text())["data"][0]["functions"]:
        name = function["name"].rsplit(":", 1)[-1]
        if function["count"] > 0 or name not in functions:
            functions[name] = function
    return 1 if judge(functions, wanted(listed.read_text())) else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
