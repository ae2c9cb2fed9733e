"""However a run ends, nothing of it is left: process, zombie, descriptor, memory, socket, file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.proc import descriptors
from tests.system.live import LiveRun, wait_for

MINE = os.geteuid()


def left(run: LiveRun) -> list[str]:
    """Return what is left of a run in its folder, but for the spec and the recordings."""
    paths = run.base.rglob("*")
    names = {str(path.relative_to(run.base)) for path in paths}
    return sorted(name for name in names if not name.startswith(("motor.yaml", "runs")))


def accounted(report: dict[str, Any]) -> bool:
    """Return whether every period of both loops is accounted for."""
    roles = [report["roles"][name] for name in ("control", "io")]
    return all(r["ticks"] + r["skipped_ticks"] == r["expected_ticks"] for r in roles)


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("for", 0),
        ("stop", 0),
        (signal.SIGINT, 130),
        (signal.SIGTERM, 0),
        (signal.SIGHUP, 0),
    ],
)
def test_an_orderly_end_leaves_nothing(
    start: Callable[..., LiveRun],
    patient: Callable[..., Path],
    how: str | signal.Signals,
    code: int,
) -> None:
    """Every way that people and service managers end a program."""
    words = ["--for", "300ms"] if how == "for" else []
    run = start(*words, spec=patient())
    run.armed()
    memory = [path for path in descriptors(run.process.pid).values() if "memfd:amphost" in path]
    assert len(memory) >= 4
    if how == "stop":
        assert run.ask("stop", "motor")[0] == 0
    elif isinstance(how, signal.Signals):
        os.kill(run.process.pid, how)
    ended, report, err = run.finish()
    assert ended == code, err
    assert report["mode"] == "DISARMED"
    assert accounted(report)
    assert run.gone()
    assert run.strays() == []
    assert left(run) == []
    assert "Traceback" not in err


def test_two_ctrl_c_end_everything_at_once(
    start: Callable[..., LiveRun], patient: Callable[..., Path]
) -> None:
    """Impatience leaves nothing behind either; the next start knows that it was not clean."""
    run = start(spec=patient())
    run.armed()
    os.kill(run.pid("telemetry"), signal.SIGSTOP)  # the orderly way would wait for it
    os.kill(run.process.pid, signal.SIGINT)
    run.in_mode("DISARMED")
    for _ in range(3):
        os.kill(run.process.pid, signal.SIGINT)
    code, report, err = run.finish()
    assert code == 130
    assert "interrupted twice" in err
    assert "Traceback" not in err
    assert report["armings"] == 1
    assert run.gone()
    assert run.strays() == []
    again = start("--for", "1ms", spec=patient())
    again.in_mode("DISARMED")
    os.kill(again.process.pid, signal.SIGTERM)
    assert "did not end cleanly" in again.finish()[2]


def test_a_signal_in_the_middle_of_the_start_leaves_nothing(
    start: Callable[..., LiveRun], patient: Callable[..., Path]
) -> None:
    """Before the first process, between two of them, before they are ready."""
    spec = patient()
    seen: list[Callable[[LiveRun], object]] = [
        lambda run: list(run.base.glob("motor/lock")),
        lambda run: run.state(),
        lambda run: run.state().get("devices"),
        lambda run: len(run.state().get("roles", {})) and run.state()["roles"]["telemetry"]["pid"],
        lambda run: run.state().get("mode") == "DISARMED",
    ]
    for moment in seen:
        run = start(spec=spec)
        wait_for(lambda moment=moment, run=run: moment(run), "the moment")  # type: ignore[misc]
        os.kill(run.process.pid, signal.SIGINT)
        code, report, err = run.finish()
        assert code == 130, err
        assert report["mode"] in ("BOOT", "DISARMED")
        assert run.gone()
        assert run.strays() == []
        assert left(run) == []


def test_ctrl_c_while_a_role_still_waits_for_its_device_is_130(
    start: Callable[..., LiveRun], patient: Callable[..., Path]
) -> None:
    """A role that never had a plan to carry out has not failed."""
    run = start(spec=patient())
    wait_for(lambda: run.state().get("devices", {}).get("mcu", {}).get("pid"), "the device")
    os.kill(run.pid("mcu"), signal.SIGSTOP)  # before it can say its port
    wait_for(lambda: run.state()["roles"]["io"]["pid"], "the role that waits")
    os.kill(run.process.pid, signal.SIGINT)
    code, report, err = run.finish()
    assert code == 130, err
    assert report["armings"] == 0
    assert run.gone()
    assert run.strays() == []


def test_a_killed_supervisor_takes_everything_with_it(
    start: Callable[..., LiveRun], patient: Callable[..., Path]
) -> None:
    """Its roles miss its heartbeat, take their outputs to safe and leave by themselves."""
    run = start(spec=patient())
    run.armed()
    os.kill(run.process.pid, signal.SIGKILL)
    run.process.wait()
    wait_for(lambda: run.gone() and not run.strays(), "everything is gone", 10)
    assert {event["event"] for event in run.journal()} >= {"safe_reached", "end"}
    assert "motor/lock" in left(run)  # a stale lock: the next start takes it
    again = start("--for", "1ms", spec=patient())
    again.in_mode("DISARMED")
    os.kill(again.process.pid, signal.SIGTERM)
    assert again.finish()[0] == 0


def test_a_supervisor_killed_before_it_hands_over_leaves_nothing(
    start: Callable[..., LiveRun], patient: Callable[..., Path]
) -> None:
    """Interpreters that wait for their plan must not wait for ever."""
    run = start(spec=patient())
    wait_for(lambda: run.state().get("roles", {}).get("control", {}).get("pid"), "a role")
    os.kill(run.process.pid, signal.SIGKILL)
    run.process.wait()
    wait_for(lambda: not run.strays(), "everything is gone", 10)


def test_a_role_that_ignores_its_end_is_killed_and_that_is_said(
    start: Callable[..., LiveRun], patient: Callable[..., Path]
) -> None:
    """A stop has its bound, whoever hangs; the run did not go well."""
    run = start(spec=patient())
    run.armed()
    victim = run.pid("telemetry")
    os.kill(victim, signal.SIGSTOP)
    os.kill(run.process.pid, signal.SIGTERM)
    code, report, err = run.finish()
    assert code == 1, err
    assert report["roles"]["telemetry"]["state"] == "DEAD"
    assert any("did not leave within" in fault["text"] for fault in report["faults"])
    assert report["mode"] == "DISARMED"
    assert accounted(report)
    assert run.gone()
    assert run.strays() == []


SWEEP = """
import json, os, sys
from pathlib import Path
from amphost.cli.prepare import prepare
from amphost.errors import AmphostError
from amphost.supervisor.runtime_dir import RuntimeDir
from amphost.supervisor.supervisor import Supervisor
from tests.proc import children, descriptors, memfds, room_for
plan, attachments = prepare(sys.argv[1])
refused, left, room = [], [], 0
def held():
    return [sorted(descriptors().items()), memfds(), children()]
before = held()
while True:
    runtime = RuntimeDir(Path(sys.argv[2]), "motor")
    supervisor = None
    try:
        with room_for(room):
            supervisor = Supervisor(plan, runtime, attachments, lambda line: None)
            supervisor.start()
    except AmphostError as error:
        refused.append(str(error))
    finally:
        started = supervisor is not None and supervisor.granted != {}
        if supervisor is not None:
            supervisor.close()
            supervisor.close()
        runtime.close(clean=True)
    threads = len(os.listdir("/proc/self/task"))
    if held() != before or threads != 1:
        left.append([room, held(), threads])
    if started:
        break
    room += 1
print(json.dumps({"refused": refused, "left": left, "before": before}))
"""


def test_a_start_that_fails_at_any_point_leaves_nothing(
    tmp_path: Path, patient: Callable[..., Path], root: Path
) -> None:
    """Each descriptor that a start opens in turn is the one too many."""
    command = [sys.executable, "-c", SWEEP, str(patient()), str(tmp_path / "run")]
    environment = os.environ | {"PYTHONPATH": str(root)}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["left"] == []
    assert len(found["refused"]) >= 20
    assert all("Too many open files" in text for text in found["refused"]), found["refused"]
