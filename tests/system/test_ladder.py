"""Every numbered example, built as its head says and run by the command that users type.

A machine that stops a real-time process for longer than its bound trips a healthy system; such a
run is made again, any other not.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests import ladder
from tests.firmware.building import need
from tests.system.live import LiveRun, undisturbed

TRIES = 3
WITHIN_S = 60.0

pytestmark = pytest.mark.slow


def whole(report: dict[str, Any]) -> bool:
    """Return whether every period of every role that has a grid is accounted for."""
    roles = [role for role in report["roles"].values() if role["expected_ticks"]]
    assert roles, "a system without a loop"
    return all(one["ticks"] + one["skipped_ticks"] == one["expected_ticks"] for one in roles)


@pytest.mark.parametrize("path", ladder.RUNGS, ids=lambda path: path.stem)
def test_every_rung_runs(path: Path, tmp_path: Path) -> None:
    """An example that is not run is wrong within a month."""
    if "own_program" in path.name and shutil.which("cc") is None:
        pytest.skip("there is no C compiler here")
    if "cortex_m" in path.name:
        need("arm-none-eabi-gcc", "gcc-arm-none-eabi")
        need("qemu-system-arm", "qemu-system-arm")
    example = ladder.copied(tmp_path) / path.name
    ladder.build(example)
    err = ""
    for number in range(TRIES):
        base = tmp_path / str(number)
        base.mkdir()
        run = LiveRun(example, base, "--for", "1s")
        try:
            code, report, err = run.finish(WITHIN_S)
        finally:
            run.end()
        assert report, err
        assert whole(report), report["roles"]
        if undisturbed(code, report, err):
            assert run.gone()
            return
    pytest.fail(f"{path.name}: the machine was away in each of {TRIES} runs: {err}")
