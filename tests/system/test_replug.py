"""Cables that come out and devices that boot anew: the link comes back, motion does not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.live import LiveRun, wait_for
from tests.system.test_control import accounted, events

# A device that is no part of the run: its own process, behind a name that a cable gives and takes.


class Cable:
    """A loopback device started by hand, and the name under which the board file knows it."""

    def __init__(self, folder: Path, plan: dict[str, Any]) -> None:
        self.name = Path(f"/dev/shm/ttyMCU{os.getpid()}")  # a name below /dev that anybody may make
        self._folder = folder
        self.plan = plan
        self._process: subprocess.Popen[bytes] | None = None
        self._lifeline = -1
        self._boots = 0

    def plug_in(self, **changes: object) -> None:
        """Boot the device, perhaps another one than planned, and give it its name."""
        self._boots += 1
        handover, write = os.pipe()
        lifeline, self._lifeline = os.pipe()
        status, status_write = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-m", "amphost.link.loopback", "--plan-fd", str(handover)],
            pass_fds=[handover, lifeline, status_write],
        )
        facts = {
            "journal": str(self._folder / "device" / "cable.journal"),
            "lifeline_fd": lifeline,
            "status_fd": status_write,
            "boot_nonce": 1000 + self._boots,
            "firmware_version": [1, 0, 0],
            "reset_cause": "power",
        }
        (self._folder / "device").mkdir(exist_ok=True)
        os.write(write, json.dumps({"device": self.plan | changes, "run": facts}).encode())
        for descriptor in (handover, lifeline, status_write, write):
            os.close(descriptor)
        with os.fdopen(status, encoding="utf-8") as lines:
            said = json.loads(lines.readline())
        fresh = self.name.with_suffix(".new")
        fresh.symlink_to(said["port"])
        fresh.replace(self.name)

    def pull_out(self) -> None:
        """Take the device away, and its name."""
        self.name.unlink(missing_ok=True)
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            os.close(self._lifeline)


def shipped_motor(root: Path) -> dict[str, Any]:
    """Return the plan of the shipped motor, as a device that runs without any rights."""
    command = [sys.executable, "-m", "amphost", "plan", "motor", "--json"]
    plan = json.loads(subprocess.run(command, capture_output=True, check=True, cwd=root).stdout)
    (device,) = plan["devices"]
    return dict(device | {"lease_us": 50_000, "policy": "other", "priority": 0})


def wire(folder: Path, root: Path, port: Path) -> None:
    """Write the motor's board file with a port in the place of the loopback device."""
    board = (root / "boards" / "loopback.yaml").read_text(encoding="utf-8")
    before, _, after = board.partition("    loopback:\n")
    wired = before + f"    port: {port}\n" + after[after.index("    baud:") :]
    (folder / "bench.yaml").write_text(wired)


@pytest.fixture
def cable(tmp_path: Path, root: Path) -> Iterator[Cable]:
    """A cable with the shipped motor at its end."""
    made = Cable(tmp_path, shipped_motor(root))
    wire(tmp_path, root, made.name)
    yield made
    made.pull_out()


@pytest.mark.slow
def test_a_cable_that_is_out_and_in_again_needs_fresh_acts_only(
    start: Callable[..., LiveRun], patient: Callable[..., Path], cable: Cable
) -> None:
    """The same process opens the port anew: the link comes back by itself, motion does not."""
    cable.plug_in()
    run = start(spec=patient(("board: loopback", "board: bench.yaml")))
    run.armed()
    cable.pull_out()
    run.in_mode("SAFE")
    cable.plug_in()
    assert run.ask("acknowledge", "motor") == (0, "DISARMED", "")
    followed = events(run, "first_actuation")
    wait_for(lambda: run.ask("arm", "motor")[0] == 0, "the link is up again")
    wait_for(lambda: events(run, "first_actuation") > followed, "the device follows again")
    os.kill(run.process.pid, signal.SIGTERM)
    code, report, err = run.finish()
    assert code == 1, err
    assert report["mode"] == "DISARMED"
    assert report["link"]["mcu"]["handshakes"] >= 2
    assert report["roles"]["io"]["restarts"] == 0
    assert "mcu: link lost: the port hung up" in err
    assert "s: same device, new boot, reset cause power" in err
    assert accounted(report, "control", "io")


def arm_again(run: LiveRun) -> None:
    """Do the two acts that a person does after a fault, and wait for the device to follow."""
    assert run.ask("acknowledge", "motor") == (0, "DISARMED", "")
    followed = events(run, "first_actuation")
    wait_for(lambda: run.ask("arm", "motor")[0] == 0, "the link is up again")
    wait_for(lambda: events(run, "first_actuation") > followed, "the device follows again")


def of_another_board_file(cable: Cable) -> dict[str, Any]:
    """Return what differs in the plan of a device that was made for another board file."""
    schema = cable.plan["schema"].replace("position f32 1 rad", "position i16 0.05 rad")
    position, *others = cable.plan["sends"]
    return {
        "schema": schema,
        "schema_hash": zlib.crc32(schema.encode()),
        "sends": [position | {"type": "i16", "scale": 0.05}, *others],
        "state_period_us": 2000,
    }


@pytest.mark.slow
def test_other_firmware_behind_the_same_name_is_refused_by_field_until_it_is_gone(
    start: Callable[..., LiveRun], patient: Callable[..., Path], cable: Cable
) -> None:
    """What comes back may be another board: no frame of it is believed, and arming says why."""
    cable.plug_in()
    run = start(spec=patient(("board: loopback", "board: bench.yaml")))
    run.armed()
    cable.pull_out()
    run.in_mode("SAFE")
    cable.plug_in(**of_another_board_file(cable))
    assert run.ask("acknowledge", "motor")[0] == 0
    wait_for(lambda: "the schema hash" in run.ask("arm", "motor")[2], "arming is refused by field")
    wait_for(lambda: "i16, scale 0.05" in run.ask("arm", "motor")[2], "the signal is named")
    assert run.state()["mode"] == "DISARMED"
    cable.pull_out()
    cable.plug_in()
    followed = events(run, "first_actuation")
    wait_for(lambda: run.ask("arm", "motor")[0] == 0, "the right device is back")
    wait_for(lambda: events(run, "first_actuation") > followed, "the device follows again")
    os.kill(run.process.pid, signal.SIGTERM)
    _, report, err = run.finish()
    assert "mcu: link refused: the device differs in the schema hash" in err
    assert (
        "position: the firmware says i16, scale 0.05, the board file says f32, scale 1 (bench.yaml:"
    ) in err
    assert "state rate: the firmware says 500 Hz, the board file says 1000 Hz" in err
    assert accounted(report, "control", "io")


def test_a_loopback_device_that_dies_boots_anew_behind_the_same_name(
    start: Callable[..., LiveRun], patient: Callable[..., Path]
) -> None:
    """Its death is a cable that comes out: SAFE, a successor, the link, and a person's two acts."""
    run = start(spec=patient())
    run.armed()
    killed = run.pid("mcu")
    os.kill(killed, signal.SIGKILL)
    run.in_mode("SAFE")
    wait_for(lambda: run.pid("mcu") != killed, "a successor of the device")
    booted = wait_for(lambda: events(run, "boot") == 2, "it has booted")
    assert booted
    assert run.state()["mode"] == "SAFE"
    arm_again(run)
    os.kill(run.process.pid, signal.SIGTERM)
    code, report, err = run.finish()
    assert code == 1, err
    assert report["roles"]["io"]["restarts"] == 0
    assert accounted(report, "control", "io")
    link = report["link"]["mcu"]
    assert (link["link_losses"], link["ports_opened"], link["reboots"]) == (1, 1, 1)
    lost, back = (event["text"] for event in link["events"])
    assert lost == "link lost: the port hung up"
    assert back.endswith("same device, new boot, reset cause watchdog")
    assert run.gone()


def test_the_clock_of_the_device_is_known_within_the_stated_bound(
    start: Callable[..., LiveRun], patient: Callable[..., Path]
) -> None:
    """The twin's journal knows both clocks: what the report says of them can be looked up there."""
    run = start(spec=patient())
    run.armed()

    def marked() -> dict[str, Any] | None:
        os.kill(run.pid("mcu"), signal.SIGUSR1)
        late = [event for event in run.journal() if event["t_us"] > 3_000_000]
        return next((event for event in late if event["event"] == "mark"), None)

    mark = wait_for(marked, "a mark, by a clock that has run for long enough to be known")
    os.kill(run.process.pid, signal.SIGTERM)
    _, report, err = run.finish()
    clock = report["link"]["mcu"]["clock"]
    assert clock is not None, err
    skew = 35e-6  # of the shipped board
    since_ns = clock["at_ns"] - mark["host_ns"]
    offset_ns = mark["t_us"] * 1000 - mark["host_ns"] + skew * since_ns
    assert abs(clock["offset_ns"] - offset_ns) <= clock["bound_us"] * 1000 + 2000
    assert abs(clock["skew_ppm"] - 35) < 2000
    assert clock["bound_us"] < 20_000


PARAMETERS = """
    parameters:
      kp: {unit: V/rad, range: [0, 50], initial: 9.0}
      limit: {unit: A, range: [0, 20], initial: 10.0}
"""


def test_parameters_that_were_set_are_set_again_before_a_rebooted_device_is_armed(
    start: Callable[..., LiveRun], patient: Callable[..., Path], root: Path, tmp_path: Path
) -> None:
    """The device's own journal says which value it had when it was armed."""
    board = (root / "boards" / "loopback.yaml").read_text(encoding="utf-8").rstrip()
    (tmp_path / "bench.yaml").write_text(board + PARAMETERS)
    run = start(spec=patient(("board: loopback", "board: bench.yaml")))
    run.armed()
    code, said, err = run.ask("set", "io.kp=12.5", "--wait")
    assert code == 0, err
    assert said.startswith("io.kp 12.5: acknowledged by the device of io")
    assert run.ask("set", "io.kp=51")[0] == 1
    os.kill(run.pid("mcu"), signal.SIGKILL)
    run.in_mode("SAFE")
    wait_for(lambda: events(run, "boot") == 2, "it has booted anew")
    arm_again(run)
    journal = run.journal()
    booted = max(n for n, event in enumerate(journal) if event["event"] == "boot")
    told = [event for event in journal[booted:] if event["event"] in ("parameter", "armed")]
    assert [event["event"] for event in told] == ["parameter", "armed"]
    assert (told[0]["index"], told[0]["value"]) == (0, 12.5)
    code, shown, err = run.ask("get", "io.kp", "--json")
    assert (code, json.loads(shown)[0]["value"]) == (0, 12.5), err
    os.kill(run.process.pid, signal.SIGTERM)
    _, report, err = run.finish()
    assert "mcu: parameters set again: kp = 12.5 V/rad" in err
    assert accounted(report, "control", "io")
