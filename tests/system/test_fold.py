"""A system for more cores than there are, folded: it runs, degraded, and says so."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.live import LiveRun

CORE = min(os.sched_getaffinity(0))
ELSEWHERE = ("core: 1", "core: 63")
FORBIDDEN = ("safe_within_ms: 20000", "safe_within_ms: 20000, allow_degraded: false")

pytestmark = pytest.mark.skipif(shutil.which("taskset") is None, reason="there is no taskset")


def test_a_folded_system_runs_and_its_report_says_who_went_where(
    start: Callable[..., LiveRun], patient: Callable[..., Path]
) -> None:
    """The first try on a small board is worth more than an error, as long as nobody is misled."""
    prefix = ("taskset", "-c", str(CORE))
    run = start("--for", "300ms", "--fold", spec=patient(ELSEWHERE), prefix=prefix)
    run.armed()
    code, report, err = run.finish()
    assert code in (0, 1), err  # 1: a busy machine may stall everything on one core past a bound
    assert {"role": "control", "asked": [63], "got": [CORE]} in report["folded"]
    assert report["roles"]["control"]["core_asked"] == [63]
    assert report["roles"]["control"]["core_got"] == [CORE]
    line = f"control: asked for core 63, folded onto core {CORE}"
    assert any(text.startswith(line) for text in report["degraded"])
    assert f"amphost: degraded: {line}" in err
    assert run.gone()


def test_where_degraded_is_forbidden_a_folded_system_does_not_arm(
    start: Callable[..., LiveRun], patient: Callable[..., Path]
) -> None:
    """`allow_degraded: false` is a promise about the real machine."""
    run = start("--fold", spec=patient(ELSEWHERE, FORBIDDEN))
    code, report, err = run.finish()
    assert code == 77
    assert report["armings"] == 0
    assert "not armed, since safety.allow_degraded is false" in err
    assert "asked for core 63, folded onto core" in err
