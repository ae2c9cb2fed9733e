"""Fixtures of the tests that run a whole system."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system.live import LiveRun


@pytest.fixture
def start(tmp_path: Path, root: Path) -> Iterator[Callable[..., LiveRun]]:
    """Return a function that starts a run; every process of it is ended afterwards."""
    runs: list[LiveRun] = []

    def start_run(*arguments: str, spec: Path | None = None) -> LiveRun:
        run = LiveRun(spec or root / "examples" / "01_motor.yaml", tmp_path, *arguments)
        runs.append(run)
        return run

    yield start_run
    for run in runs:
        run.end()
