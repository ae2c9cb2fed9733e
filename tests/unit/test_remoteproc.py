"""A second core: found, started, watched, stopped; on a fake /sys that a thread answers for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from amphost.errors import AmphostError, HardwareMissingError
from amphost.link.remoteproc import RemoteCore
from amphost.link.second_core import bring_up
from tests.fake_remoteproc import FakeCore
from tests.rights import without_rights

FIRMWARE = "motor.elf"


@pytest.fixture
def core(tmp_path: Path) -> Iterator[FakeCore]:
    """A core that is offline, and whose tty is there while it runs."""
    tty = tmp_path / "ttyRPMSG0"

    def when(word: str) -> None:
        tty.unlink(missing_ok=True)
        if word in ("start", "recover"):
            tty.touch()

    with FakeCore(tmp_path, when=when) as made:
        yield made


def test_an_offline_core_gets_its_firmware_and_is_started(core: FakeCore, tmp_path: Path) -> None:
    """Linux takes another firmware only while the core is offline."""
    bring_up(RemoteCore("m4", str(tmp_path)), FIRMWARE)
    assert core.words == ["start"]
    assert (core.read("state"), core.read("firmware")) == ("running", FIRMWARE)
    assert core.read("recovery") == "disabled"


def test_a_core_that_an_earlier_run_left_running_boots_anew(core: FakeCore, tmp_path: Path) -> None:
    """Its firmware is ours: nobody else needs it, and a boot begins safe."""
    core.put("state", "running")
    core.put("firmware", FIRMWARE)
    bring_up(RemoteCore("m4", str(tmp_path)), FIRMWARE)
    assert core.words == ["stop", "start"]


@pytest.mark.parametrize("state", ["running", "attached"])
def test_a_core_that_runs_something_else_is_left_alone(
    core: FakeCore, tmp_path: Path, state: str
) -> None:
    """The boot loader may have given it the job of keeping the board alive."""
    core.put("state", state)
    core.put("firmware", "power.elf")
    with pytest.raises(AmphostError, match="if nothing needs that, stop it first"):
        bring_up(RemoteCore("m4", str(tmp_path)), FIRMWARE)
    assert (core.words, core.read("firmware")) == ([], "power.elf")


def test_a_core_that_crashed_is_brought_out_of_it_and_boots_anew(
    core: FakeCore, tmp_path: Path
) -> None:
    """Linux starts no core that it holds for crashed."""
    core.put("firmware", FIRMWARE)
    core.crash()
    bring_up(RemoteCore("m4", str(tmp_path)), FIRMWARE)
    assert core.words == ["recover", "stop", "start"]


def test_a_core_that_is_not_there_is_missing_hardware(core: FakeCore, tmp_path: Path) -> None:
    """Exit 69, and which ones there are."""
    assert core.read("name") == "m4"
    with pytest.raises(HardwareMissingError) as caught:
        RemoteCore("m7", str(tmp_path))
    assert str(caught.value).startswith("there is no second core m7 (there: m4); it needs a node")
    with pytest.raises(HardwareMissingError, match="there: none"):
        RemoteCore("m4", str(tmp_path / "nowhere"))


class Keeper:
    """The process that keeps the core, as the supervisor starts it.

    Synchronization: one thread.
    """

    def __init__(self, root: Path, *prefix: str, **changes: Any) -> None:
        plan = {
            "name": "mcu",
            "remoteproc": "m4",
            "firmware": FIRMWARE,
            "port": str(root / "ttyRPMSG0"),
            "cores": [0],
        }
        handover, write = os.pipe()
        lifeline, self.lifeline = os.pipe()
        self._status, status = os.pipe()
        command = [sys.executable, "-m", "amphost.link.second_core", "--plan-fd", str(handover)]
        self.process = subprocess.Popen(
            [*prefix, *command],
            pass_fds=[handover, lifeline, status],
            stderr=subprocess.DEVNULL,
        )
        facts = {"lifeline_fd": lifeline, "status_fd": status, "root": str(root)}
        os.write(write, json.dumps({"device": plan | changes, "run": facts}).encode())
        for descriptor in (handover, lifeline, status, write):
            os.close(descriptor)
        self._lines = os.fdopen(self._status, encoding="utf-8")

    def says(self) -> dict[str, Any]:
        """Return what it says next."""
        said: dict[str, Any] = json.loads(self._lines.readline())
        return said

    def ends(self) -> int:
        """Let go of it and wait for its end."""
        if self.lifeline >= 0:
            os.close(self.lifeline)
            self.lifeline = -1
        code = self.process.wait(20)
        self._lines.close()
        return code


def test_the_keeper_starts_the_core_says_where_its_port_is_and_stops_it(
    core: FakeCore, tmp_path: Path
) -> None:
    """The supervisor lets go of the lifeline after the outputs are safe."""
    keeper = Keeper(tmp_path)
    said = keeper.says()
    assert (said["event"], said["port"]) == ("ready", str(tmp_path / "ttyRPMSG0"))
    assert core.read("state") == "running"
    assert keeper.ends() == 0
    assert core.read("state") == "offline"
    assert core.words == ["start", "stop"]


def test_a_killed_supervisor_leaves_no_core_running(core: FakeCore, tmp_path: Path) -> None:
    """Linux closes the lifeline with the process that held it."""
    keeper = Keeper(tmp_path)
    assert keeper.says()["event"] == "ready"
    os.close(keeper.lifeline)
    keeper.lifeline = -1
    assert keeper.ends() == 0
    assert core.read("state") == "offline"


def test_a_crash_is_told_and_the_successor_brings_the_core_back(
    core: FakeCore, tmp_path: Path
) -> None:
    """Reported by its cause, not as an exit status."""
    keeper = Keeper(tmp_path)
    assert keeper.says()["event"] == "ready"
    core.crash()
    assert keeper.says() == {"event": "crashed", "error": "the second core m4 crashed"}
    assert keeper.ends() == 1
    successor = Keeper(tmp_path)
    assert successor.says()["event"] == "ready"
    assert successor.ends() == 0
    assert core.words == ["start", "recover", "stop", "start", "stop"]


def test_a_core_that_somebody_else_stops_is_told_too(core: FakeCore, tmp_path: Path) -> None:
    """`echo stop` in another terminal."""
    keeper = Keeper(tmp_path)
    assert keeper.says()["event"] == "ready"
    core.put("state", "offline")
    assert keeper.says()["error"] == "the second core m4 was taken away: it is offline"
    assert keeper.ends() == 1


def test_a_missing_core_ends_the_keeper_with_69(tmp_path: Path) -> None:
    """As any other missing hardware, with its remedy."""
    keeper = Keeper(tmp_path)
    said = keeper.says()
    assert (said["event"], said["exit"], keeper.ends()) == ("failed", 69, 69)


def test_files_that_may_not_be_written_end_it_with_77(core: FakeCore, tmp_path: Path) -> None:
    """They are root's until a udev rule says otherwise."""
    if os.geteuid() != 0:
        pytest.skip("the other user is made by root")
    keeper = Keeper(tmp_path, *without_rights())
    said = keeper.says()
    assert (said["event"], said["exit"], keeper.ends()) == ("failed", 77, 77)
    assert "udev rule" in said["error"]
    assert core.words == []
