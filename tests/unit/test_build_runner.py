"""The runner of the C tests: what it counts, and that it cannot be fooled into a pass."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest


def run(root: Path, folder: Path, programs: dict[str, str], limit: str = "5") -> tuple[int, str]:
    """Write each program as a shell script, run them all, return the exit code and the output."""
    paths = []
    for name, body in programs.items():
        path = folder / name
        path.write_text(f"#!/bin/sh\n{body}\n", encoding="ascii")
        path.chmod(0o755)
        paths.append(str(path))
    done = subprocess.run(
        ["/bin/sh", str(root / "native/tests/run.sh"), "gcc", limit, "", *paths],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_counts_of_all_programs_are_added_up(root: Path, tmp_path: Path) -> None:
    """One line says it all, and the gate reads it from the file `total`."""
    code, out = run(
        root, tmp_path, {"a": "echo 2 passed, 0 failed", "b": "echo 3 passed, 0 failed"}
    )
    assert (code, out) == (0, "gcc: 5 passed, 0 failed\n")
    assert (tmp_path / "total").read_text(encoding="ascii") == out


def test_failure_is_counted_and_its_output_shown(root: Path, tmp_path: Path) -> None:
    """Whoever broke it sees why, without running it again."""
    code, out = run(
        root,
        tmp_path,
        {"a": "echo why; echo 1 passed, 2 failed; exit 1", "b": "echo 1 passed, 0 failed"},
    )
    assert code == 1
    assert "    why\n" in out
    assert out.endswith("gcc: 2 passed, 2 failed\n")


@pytest.mark.parametrize(
    "body",
    [
        "kill -SEGV $$",
        "echo 7 passed, 0 failed; exit 66",
        "exit 0",
        "echo 0 passed, 0 failed",
        "echo all is well",
    ],
    ids=["crash", "sanitizer", "silence", "no test", "no count"],
)
def test_program_that_ends_badly_or_says_nothing_fails(
    root: Path, tmp_path: Path, body: str
) -> None:
    """A test that did not run is not a test that passed."""
    code, out = run(root, tmp_path, {"a": body})
    assert code == 1
    assert out.splitlines()[-1].endswith(" passed, 1 failed")


def test_program_over_its_time_is_ended_and_fails(root: Path, tmp_path: Path) -> None:
    """A deadlock must end the run, not hang it."""
    code, out = run(root, tmp_path, {"a": "exec sleep 60"}, limit="0.2")
    assert code == 1
    assert "ended with 124" in out


def test_no_program_at_all_is_a_failure(root: Path, tmp_path: Path) -> None:
    """A wrong pattern would otherwise pass for ever."""
    code, _ = run(root, tmp_path, {})
    assert code == 1
