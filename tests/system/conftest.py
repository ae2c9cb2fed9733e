"""Fixtures of the tests that run a whole system."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.system.live import PATIENT, LiveRun


@pytest.fixture
def start(tmp_path: Path, root: Path) -> Iterator[Callable[..., LiveRun]]:
    """Return a function that starts a run; every process of it is ended afterwards."""
    runs: list[LiveRun] = []

    def start_run(
        *arguments: str,
        spec: Path | None = None,
        base: Path | None = None,
        prefix: Sequence[str] = (),
    ) -> LiveRun:
        spec = spec or root / "examples" / "01_motor.yaml"
        run = LiveRun(spec, base or tmp_path, *arguments, prefix=prefix)
        runs.append(run)
        return run

    yield start_run
    for run in runs:
        run.end()


@pytest.fixture
def patient(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes the patient spec, some of its text changed."""

    def write(*changes: tuple[str, str]) -> Path:
        text = PATIENT
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        path = tmp_path / "motor.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write
