"""A plant and a law in C in a system that runs, and laws that go wrong."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.live import LiveRun, undisturbed, wait_for

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler here")
FOLDER = Path(__file__).parents[1] / "c_code"


def built(to: Path, *changes: tuple[str, str, str], spec_name: str = "tank.yaml") -> Path:
    """Copy the example with some text of it changed, and build it as a user would."""
    for file in FOLDER.iterdir():
        shutil.copy(file, to)
    for name, old, new in changes:
        text = (to / name).read_text(encoding="utf-8")
        assert old in text
        (to / name).write_text(text.replace(old, new), encoding="utf-8")
    spec = to / spec_name
    subprocess.run([sys.executable, "-m", "amphost", "build", str(spec)], check=True)
    return spec


def level_of(run: LiveRun) -> float:
    """Return the level of the tank as the host has it."""
    code, out, err = run.ask("get", "io.level")
    assert code == 0, err
    return float(out.splitlines()[-1].split()[1])


def test_a_plant_in_c_is_filled_by_the_loop(start: Callable[..., LiveRun], tmp_path: Path) -> None:
    """The board file's values go through the user's functions and back over the real line."""
    run = start(spec=built(tmp_path))
    run.armed()
    wait_for(lambda: level_of(run) > 0.3, "the tank fills from 0.1 m")
    code, _, err = run.ask("stop", "tank")
    assert code == 0, err
    code, report, err = run.finish()
    undisturbed(code, report, err)
    assert report["roles"]["control"]["state"] == "ENDED", err


def test_a_plant_of_another_shape_does_not_boot(
    start: Callable[..., LiveRun], tmp_path: Path
) -> None:
    """The person who wrote it reads which count is wrong, not that a value is out of range."""
    run = start(spec=built(tmp_path, ("tank.c", ".sensed_count = 2", ".sensed_count = 3")))
    code, _, err = run.finish()
    assert code == 1
    assert "tank.c: amp_user_plant has 3 sensed values, and the YAML 2 (level, outflow)" in err


def test_a_law_in_c_holds_the_level(start: Callable[..., LiveRun], tmp_path: Path) -> None:
    """Law and plant in C, everything between them as with blocks."""
    run = start(spec=built(tmp_path, spec_name="tank_law.yaml"))
    run.armed()
    wait_for(lambda: level_of(run) > 0.3, "the tank fills from 0.1 m")
    code, _, err = run.ask("stop", "tank")
    assert code == 0, err
    code, report, err = run.finish()
    undisturbed(code, report, err)
    assert report["roles"]["control"]["state"] == "ENDED"


OUTPUT = "    outputs[0] = "
NULL = "    double *volatile nowhere = 0;\n    outputs[0] = *nowhere + "
CALL = '    extern int access(const char *, int);\n    outputs[0] = access("/", 0) + '


@pytest.mark.parametrize(
    ("statement", "killed_by"), [(NULL, "SIGSEGV"), (CALL, "SIGSYS")], ids=["null", "system_call"]
)
def test_a_law_that_crashes_ends_its_role_and_the_system_goes_safe(
    start: Callable[..., LiveRun], tmp_path: Path, statement: str, killed_by: str
) -> None:
    """A bug in a law is one dead process of class A, not a supervisor or a device that hangs."""
    change = (
        "level.c",
        OUTPUT,
        f"    if (inputs[0] > 0.12) {{\n{statement} 0.0;\n    }}\n{OUTPUT}",
    )
    run = start(spec=built(tmp_path, change, spec_name="tank_law.yaml"))
    run.armed()
    state = run.in_mode("SAFE")
    run.event("safe_reached", run.event("first_actuation")["t_us"])
    assert state["roles"]["io"]["state"] == "RUNNING"
    code, _, err = run.ask("stop", "tank")
    assert code == 0, err
    code, report, err = run.finish()
    assert code == 1
    assert killed_by in err
    assert report["faults"][0]["role"] == "control"


def test_a_law_whose_output_is_no_number_never_reaches_the_device(
    start: Callable[..., LiveRun], tmp_path: Path
) -> None:
    """The guard of the loop is behind a law in C as behind blocks."""
    change = (
        "level.c",
        OUTPUT,
        f"    level->integral_v += inputs[0] > 0.12 ? NAN : 0.0;\n{OUTPUT}",
    )
    run = start(
        spec=built(
            tmp_path,
            change,
            (
                "level.c",
                "fmin(fmax(KP_V_PER_M * error_m + level->integral_v, 0.0), MOST_V)",
                "KP_V_PER_M * error_m + level->integral_v",
            ),
            ("level.c", "40.0", "4.0"),
            spec_name="tank_law.yaml",
        )
    )
    run.armed()
    run.in_mode("SAFE")
    code, _, err = run.ask("stop", "tank")
    assert code == 0, err
    _, report, err = run.finish()
    assert [one["fault"] for one in report["faults"]] == ["output_invalid"], err
