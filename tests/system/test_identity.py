"""A device that comes back under another name, under a whole run; a fake /sys says who it is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fake_ttys import FakeTtys
from tests.system.live import LiveRun
from tests.system.test_replug import Cable, arm_again
from tests.system.test_second_core import FAKE_SYS

IDENTITY = 'port: {usb: "2e8a:000a", serial: "E6614C"}'


class UsbCable:
    """A cable with the motor at its end, whose name below /dev/shm is another one each time.

    Synchronization: one thread.
    """

    def __init__(self, cable: Cable, ttys: FakeTtys) -> None:
        self._cable = cable
        self._ttys = ttys
        self._tty = ""
        self._number = 0

    def plug_in(self) -> None:
        """Boot the device and give it the next name."""
        self._tty = f"ttyACM{os.getpid()}{self._number}"
        self._cable.name = Path(f"/dev/shm/{self._tty}")  # anybody may make a name there
        self._number += 1
        self._cable.plug_in()
        self._ttys.plug_in(f"shm!{self._tty}")

    def pull_out(self) -> None:
        """Take device and name away."""
        self._ttys.pull_out(f"shm!{self._tty}")
        self._cable.pull_out()


@pytest.fixture
def cable(tmp_path: Path, root: Path) -> Iterator[UsbCable]:
    """A cable that is out; the board file knows the device by its identity."""
    command = [sys.executable, "-m", "amphost", "plan", "motor", "--json"]
    plan = json.loads(subprocess.run(command, capture_output=True, check=True, cwd=root).stdout)
    device = plan["devices"][0] | {"lease_us": 50_000, "policy": "other", "priority": 0}
    board = (root / "boards" / "loopback.yaml").read_text(encoding="utf-8")
    before, _, after = board.partition("    loopback:\n")
    wired = before + f"    {IDENTITY}\n" + after[after.index("    baud:") :]
    (tmp_path / "bench.yaml").write_text(wired)
    inner = Cable(tmp_path, device)
    yield UsbCable(inner, FakeTtys(tmp_path))
    inner.pull_out()


@pytest.mark.slow
def test_a_device_that_comes_back_under_another_name_is_found_again(
    start: Callable[..., LiveRun],
    patient: Callable[..., Path],
    cable: UsbCable,
    tmp_path: Path,
) -> None:
    """The same process opens it, and motion takes a fresh act."""
    if subprocess.run(["unshare", "-m", "true"], check=False).returncode != 0:
        pytest.skip("this user may not mount")
    cable.plug_in()
    prefix = (*FAKE_SYS, str(tmp_path / "sys/class"))
    run = start(spec=patient(("board: loopback", "board: bench.yaml")), prefix=prefix)
    run.armed()
    cable.pull_out()
    run.in_mode("SAFE")
    cable.plug_in()
    arm_again(run)
    os.kill(run.process.pid, signal.SIGTERM)
    code, report, err = run.finish()
    assert (code, report["mode"]) == (1, "DISARMED"), err
    assert report["link"]["mcu"]["ports_opened"] == 1
    assert report["roles"]["io"]["restarts"] == 0
    assert "mcu: link lost: the port hung up" in err
