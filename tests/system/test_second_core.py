"""A second core under a whole run: a fake /sys/class, and the device's own C behind its tty."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fake_remoteproc import FakeCore
from tests.system.live import LiveRun, wait_for
from tests.system.test_replug import Cable, arm_again

FAKE_SYS = ("unshare", "-m", "sh", "-c", 'mount --bind "$0" /sys/class && exec "$@"')


@pytest.fixture
def core(tmp_path: Path, root: Path) -> Iterator[FakeCore]:
    """A core whose tty leads to the shipped motor while it runs; the board file starts it."""
    command = [sys.executable, "-m", "amphost", "plan", "motor", "--json"]
    plan = json.loads(subprocess.run(command, capture_output=True, check=True, cwd=root).stdout)
    device = plan["devices"][0] | {"lease_us": 50_000, "policy": "other", "priority": 0}
    cable = Cable(tmp_path, device)

    def when(word: str) -> None:
        cable.pull_out()
        if word in ("start", "recover"):
            cable.plug_in()

    board = (root / "boards" / "loopback.yaml").read_text(encoding="utf-8")
    before, _, after = board.partition("    loopback:\n")
    wired = f"    port: {cable.name}\n    remoteproc: {{name: m4, firmware: motor.elf}}\n"
    (tmp_path / "bench.yaml").write_text(before + wired + after[after.index("    baud:") :])
    with FakeCore(tmp_path, when=when) as made:
        yield made
    cable.pull_out()


@pytest.mark.slow
def test_a_second_core_is_started_brought_back_and_stopped_with_the_run(
    start: Callable[..., LiveRun], patient: Callable[..., Path], core: FakeCore, tmp_path: Path
) -> None:
    """Running before its port is opened, back after a crash without moving, offline at the end."""
    if subprocess.run(["unshare", "-m", "true"], check=False).returncode != 0:
        pytest.skip("this user may not mount")
    prefix = (*FAKE_SYS, str(tmp_path / "sys/class"))
    run = start(spec=patient(("board: loopback", "board: bench.yaml")), prefix=prefix)
    run.armed()
    assert (core.read("state"), core.words) == ("running", ["start"])
    core.crash()
    run.in_mode("SAFE")
    wait_for(lambda: core.words[1:] == ["recover", "stop", "start"], "the core is back")
    arm_again(run)
    os.kill(run.process.pid, signal.SIGTERM)
    code, report, err = run.finish()
    assert (code, report["mode"]) == (1, "DISARMED"), err
    assert core.read("state") == "offline"
    assert "mcu: m4 runs motor.elf" in err
    assert "mcu: the second core m4 crashed" in err
    assert report["roles"]["io"]["restarts"] == 0
