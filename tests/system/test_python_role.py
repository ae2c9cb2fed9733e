"""A python role in a system that runs: what it may do wrong, and that control never notices."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.system.live import PATIENT, LiveRun, undisturbed, wait_for

ROLE = """\
  pick:
    kind: python
    core: 0
    rate_hz: 50
    class: pick.py:Pick
    reads: {position: io.position}
    writes:
      goal: {unit: rad, range: [-1, 1], initial: 0.25}
      steps: {unit: "1", range: [0, 1.0e+9], initial: 0}
"""
STEP = "class Pick:\n    def step(self, role):\n        role.writes.steps += 1\n"


@pytest.fixture
def system(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a spec with a python role and its class."""

    def write(source: str, *keys: str) -> Path:
        path = tmp_path / "system.yaml"
        more = "".join(f"    {key}\n" for key in keys)
        path.write_text(PATIENT + ROLE + more, encoding="utf-8")
        (tmp_path / "pick.py").write_text(source, encoding="utf-8")
        return path

    return write


def whole(role: dict[str, Any]) -> bool:
    """Return whether every period of a role is accounted for."""
    return bool(role["ticks"] + role["skipped_ticks"] == role["expected_ticks"])


def log_of(run: LiveRun, role: str) -> str:
    """Return what a role has written into its log so far."""
    return "".join(path.read_text() for path in run.base.rglob(f"{role}.log"))


def test_the_example_runs_and_accounts_for_every_step(
    start: Callable[..., LiveRun], root: Path
) -> None:
    """The first python role that a user starts."""
    run = start("--for", "2s", spec=root / "examples" / "04_python_role.yaml")
    code, report, err = run.finish()
    undisturbed(code, report, err)
    pick = report["roles"]["pick"]
    assert whole(pick), pick
    assert pick["ticks"] > 20
    assert (pick["fault_class"], pick["step_errors"], pick["refused_writes"]) == ("B", 0, 0)
    assert pick["wakeup_latency_us"]["n"] == pick["ticks"]
    assert pick["uss_mb"] is None or pick["uss_mb"] < 8.0
    assert whole(report["roles"]["control"])
    assert "Traceback" not in err


def test_an_exception_ends_the_process_and_its_successor_goes_on(
    start: Callable[..., LiveRun], system: Callable[..., Path]
) -> None:
    """One line says where; nothing of that step is published; control never notices."""
    spec = system(STEP + "        if role.writes.steps == 5:\n            1 / 0\n")
    run = start("--for", "4s", spec=spec)
    run.armed()
    run.role("pick", "RUNNING", 3)
    assert run.state()["mode"] == "ARMED"
    log = log_of(run, "pick")
    code, report, err = run.finish()
    assert f"{spec.parent / 'pick.py'}:5: step: ZeroDivisionError: division by zero" in err
    assert "Traceback" not in err
    assert "in step" in log
    assert "amphost/roles" not in log
    assert report["roles"]["pick"]["step_errors"] >= 2
    assert report["roles"]["control"]["restarts"] == 0, err
    assert report["mode"] == "DISARMED"
    undisturbed(code, report, err)


def test_skipped_errors_are_counted_and_logged_once(
    start: Callable[..., LiveRun], system: Callable[..., Path]
) -> None:
    """A sensor that drops out for a while is no reason to lose what the class has learned."""
    source = STEP + "        role.writes.goal = 2.0 if role.tick % 2 else 0.5\n"
    run = start("--for", "2s", spec=system(source, "on_error: skip"))
    run.armed()
    text = "writes.goal = 2 is outside [-1, 1] rad"
    wait_for(lambda: text in log_of(run, "pick"), "the log of the refusal")
    code, report, err = run.finish()
    assert code == 0, err
    pick = report["roles"]["pick"]
    assert pick["restarts"] == 0
    assert pick["step_errors"] == pick["refused_writes"] >= 20
    grid = pick["ticks"] + pick["skipped_ticks"]  # it errs at the odd ones, which may be run alone
    assert grid >= 2 * pick["step_errors"] - 1
    assert whole(pick)


def test_a_hang_prints_its_stacks_and_is_restarted(
    start: Callable[..., LiveRun], system: Callable[..., Path]
) -> None:
    """The place where it hangs is what its author needs; the supervisor needs it gone."""
    source = (
        "import time\n" + STEP + "        if role.writes.steps == 5:\n            time.sleep(60)\n"
    )
    run = start(spec=system(source))
    run.armed()
    run.role("pick", "RUNNING", 2)
    log = log_of(run, "pick")
    assert "Fatal Python error: Aborted" in log
    assert 'pick.py", line 6 in step' in log
    assert run.state()["mode"] == "ARMED"
    os.kill(run.process.pid, signal.SIGINT)
    _, report, err = run.finish()
    assert "pick: heartbeat: no heartbeat for 1000 ms (last seen at law); killed" in err
    assert report["roles"]["control"]["restarts"] == 0


def test_a_role_that_is_not_to_be_restarted_stays_down(
    start: Callable[..., LiveRun], system: Callable[..., Path]
) -> None:
    """The system runs on without it, and says so."""
    source = "class Pick:\n    def setup(self, role):\n        role.parameters.x\n" + STEP[12:]
    run = start("--for", "1s", spec=system(source, "restart: never"))
    code, report, err = run.finish()
    assert (
        "pick.py:3: setup: AttributeError: there is no parameters.x: pick is given nothing" in err
    )
    assert "restart: never" in err
    assert report["roles"]["pick"]["restarts"] == 0
    assert code == 1


def test_a_killed_supervisor_leaves_no_user_code_behind(
    start: Callable[..., LiveRun], system: Callable[..., Path]
) -> None:
    """A step that never returns cannot look for its supervisor: Linux ends it."""
    source = "import time\n" + STEP + "        time.sleep(60)\n"
    run = start(spec=system(source))
    run.armed()
    run.state()
    os.kill(run.process.pid, signal.SIGKILL)
    run.process.wait()
    wait_for(run.gone, "every process of the run is gone", 10)


def test_no_collection_runs_within_a_step(
    start: Callable[..., LiveRun], system: Callable[..., Path]
) -> None:
    """A step that makes garbage is not stopped for it; between the steps it is taken away."""
    source = (
        "import gc\n\nclass Pick:\n    def setup(self, role):\n        self.runs = []\n"
        "        self.inside = False\n        gc.callbacks.append(self.saw)\n\n"
        "    def saw(self, phase, info):\n        self.runs.append(self.inside)\n\n"
        "    def step(self, role):\n        self.inside = True\n"
        "        for _ in range(500):\n            one = []\n            one.append(one)\n"
        "        self.inside = False\n        assert not any(self.runs)\n"
        "        role.writes.steps = len(self.runs)\n\n"
        "    def close(self):\n        assert len(self.runs) > 10 and not any(self.runs)\n"
        "        print('collected', len(self.runs), flush=True)\n"
    )
    run = start("--for", "2s", spec=system(source))
    run.armed()
    _, report, err = run.finish()
    assert report["roles"]["pick"]["step_errors"] == 0, err
    assert report["roles"]["pick"]["restarts"] == 0, err
