"""A plant in C in a system that runs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.live import LiveRun, wait_for

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler here")
FOLDER = Path(__file__).parents[1] / "c_code"


def built(to: Path, *changes: tuple[str, str, str]) -> Path:
    """Copy the example with some text of it changed, and build it as a user would."""
    for file in FOLDER.iterdir():
        shutil.copy(file, to)
    for name, old, new in changes:
        text = (to / name).read_text(encoding="utf-8")
        assert old in text
        (to / name).write_text(text.replace(old, new), encoding="utf-8")
    spec = to / "tank.yaml"
    subprocess.run([sys.executable, "-m", "amphost", "build", str(spec)], check=True)
    return spec


def test_a_plant_in_c_is_filled_by_the_loop(start: Callable[..., LiveRun], tmp_path: Path) -> None:
    """The board file's values go through the user's functions and back over the real line."""
    run = start(spec=built(tmp_path))
    run.armed()

    def level() -> float:
        code, out, err = run.ask("get", "io.level")
        assert code == 0, err
        return float(out.splitlines()[-1].split()[1])

    wait_for(lambda: level() > 0.3, "the tank fills from 0.1 m")
    code, _, err = run.ask("stop", "tank")
    assert code == 0, err
    _, report, err = run.finish()
    assert report["faults"] == [], err


def test_a_plant_of_another_shape_does_not_boot(
    start: Callable[..., LiveRun], tmp_path: Path
) -> None:
    """The person who wrote it reads which count is wrong, not that a value is out of range."""
    run = start(spec=built(tmp_path, ("tank.c", ".sensed_count = 2", ".sensed_count = 3")))
    code, _, err = run.finish()
    assert code == 1
    assert "tank.c: amp_user_plant has 3 sensed values, and the YAML 2 (level, outflow)" in err
