"""Firmware on an emulated microcontroller in a whole system: it runs, dies, comes back."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import ladder
from tests.firmware.building import need
from tests.system.live import LiveRun, undisturbed, wait_for

TRIES = 3

pytestmark = pytest.mark.slow


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """Return the built example of the emulated Cortex-M."""
    need("arm-none-eabi-gcc", "gcc-arm-none-eabi")
    need("qemu-system-arm", "qemu-system-arm")
    path = ladder.copied(tmp_path / "copy") / "11_cortex_m.yaml"
    ladder.build(path)
    return path


GAIN = """
    parameters:
      gain: {unit: A, range: [0, 20], initial: 1.0}
"""


@pytest.fixture
def with_gain(tmp_path: Path) -> Path:
    """Return the example with a parameter, which its firmware sends as the current."""
    need("arm-none-eabi-gcc", "gcc-arm-none-eabi")
    need("qemu-system-arm", "qemu-system-arm")
    path = ladder.copied(tmp_path / "copy") / "11_cortex_m.yaml"
    folder = path.parent / "cortex_m"
    board, motor = folder / "board.yaml", folder / "motor.c"
    board.write_text(board.read_text(encoding="utf-8") + GAIN, encoding="utf-8")
    text = motor.read_text(encoding="utf-8")
    assert "motor.current_a," in text
    read = "amp_device_parameter(&device, MCU_PARAMETER_GAIN),"
    motor.write_text(text.replace("motor.current_a,", read), encoding="utf-8")
    command = [sys.executable, "-m", "amphost", "firmware", "new", str(board)]
    subprocess.run([*command, "--to", str(tmp_path / "made")], check=True, capture_output=True)
    shutil.copy(tmp_path / "made" / "mcu_board.h", folder)
    ladder.build(path)
    return path


def current(run: LiveRun) -> float | None:
    """Return what the device says of its current."""
    code, shown, _ = run.ask("get", "io.current", "--json")
    value: float | None = json.loads(shown)[0]["value"] if code == 0 else None
    return value


def test_a_parameter_reaches_the_firmware_and_survives_its_reboot(
    start: Callable[..., LiveRun], with_gain: Path
) -> None:
    """The firmware itself says which number it works with, before and after."""
    run = start(spec=with_gain)
    first = run.in_mode("ARMED")["devices"]["mcu"]["pid"]
    wait_for(lambda: current(run) == 1.0, "it begins with the board file's")
    code, said, err = run.ask("set", "io.gain=2.5", "--wait")
    assert code == 0, err
    assert "acknowledged by the device of io at " in said
    wait_for(lambda: current(run) == 2.5, "it works with what was set")
    victim = wait_for(lambda: emulator(first), "the emulator runs")
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: run.ask("acknowledge", "cortex_m")[0] == 0, "acknowledged")
    wait_for(lambda: run.ask("arm", "cortex_m")[0] == 0, "armed again by an explicit act")
    wait_for(lambda: current(run) == 2.5, "the new boot works with it too")
    run.process.send_signal(signal.SIGINT)
    _, report, err = run.finish(30.0)
    assert report["link"]["mcu"]["reboots"] == 1
    assert "mcu: parameters set again: gain = 2.5 A" in err


def emulator(pid: int) -> int:
    """Return the emulator below a device's process."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return int(children[0]) if children else 0


def gone(pid: int) -> bool:
    """Return whether a process has ended."""
    return not Path(f"/proc/{pid}").exists()


def test_emulator_that_is_killed_comes_back_and_nothing_arms(
    start: Callable[..., LiveRun], example: Path
) -> None:
    """A microcontroller that reboots while the motor turns must find it at rest, and say so."""
    run = start(spec=example)
    state = run.in_mode("ARMED")
    first = state["devices"]["mcu"]["pid"]
    victim = wait_for(lambda: emulator(first), "the emulator runs")
    os.kill(victim, signal.SIGKILL)

    def back() -> bool:
        now = run.state()
        pid = now["devices"]["mcu"]["pid"]
        return pid not in (0, first) and emulator(pid) != 0 and now["mode"] != "ARMED"

    wait_for(back, "another emulator runs, and the system is not armed")
    wait_for(lambda: run.ask("acknowledge", "cortex_m")[0] == 0, "acknowledged")
    wait_for(lambda: run.ask("arm", "cortex_m")[0] == 0, "armed again by an explicit act")
    run.in_mode("ARMED")
    run.process.send_signal(signal.SIGINT)
    _, report, err = run.finish(30.0)
    assert report, err
    assert gone(victim)


def test_the_same_firmware_runs_on_the_other_microcontroller(
    start: Callable[..., LiveRun], example: Path, tmp_path: Path
) -> None:
    """A second board file is what a user copies to change the chip."""
    text = example.read_text(encoding="utf-8")
    example.write_text(text.replace("cortex_m/board.yaml", "cortex_m/stm32f405.yaml"))
    ladder.build(example)
    err = ""
    for number in range(TRIES):
        base = tmp_path / str(number)
        base.mkdir()
        run = start("--for", "1s", spec=example, base=base)
        code, report, err = run.finish(60.0)
        assert report, err
        if undisturbed(code, report, err):
            return
    pytest.fail(f"the machine was away in each of {TRIES} runs: {err}")


TELLS = """        static uint8_t told;
        if (device.mode == AMP_DEVICE_ARMED && told < 2) {
            const bool heard = told == 0 ? amp_device_log(&device, "turning \\x1b[31mnow")
                                         : amp_device_event(&device, AMP_EVENT_USER + 6, 17);
            told = (uint8_t)(told + (heard ? 1 : 0));
        }
        if (sent == size) {
"""


def test_what_the_firmware_tells_stands_among_the_events(
    start: Callable[..., LiveRun], example: Path
) -> None:
    """A line and an event of the firmware's own reach whoever looks, and steer no terminal."""
    motor = example.parent / "cortex_m" / "motor.c"
    text = motor.read_text(encoding="utf-8")
    assert text.count("        if (sent == size) {\n") == 1
    motor.write_text(text.replace("        if (sent == size) {\n", TELLS), encoding="utf-8")
    ladder.build(example)
    run = start(spec=example)
    run.in_mode("ARMED")

    def told() -> bool:
        code, shown, err = run.ask("events")
        assert code == 0, err
        assert "\x1b" not in shown
        return "says: turning ?[31mnow" in shown and "event 70, argument 17" in shown

    wait_for(told, "the line and the event")


def test_emulator_dies_with_its_system(start: Callable[..., LiveRun], example: Path) -> None:
    """An orphan emulator keeps a core busy for ever."""
    run = start(spec=example)
    state = run.in_mode("ARMED")
    pid = state["devices"]["mcu"]["pid"]
    below = wait_for(lambda: emulator(pid), "the emulator runs")
    os.kill(run.process.pid, signal.SIGKILL)
    wait_for(lambda: gone(pid) and gone(below), "both are gone")


def test_firmware_that_is_no_firmware_ends_the_run(
    start: Callable[..., LiveRun], example: Path
) -> None:
    """An emulator that cannot begin would be started again until the patience of a person ends."""
    board = example.parent / "cortex_m" / "board.yaml"
    text = board.read_text(encoding="utf-8")
    text = text.replace("source: motor.c", "elf: motor.elf").replace(
        "      beside: [plant.c]\n", ""
    )
    board.write_text(text, encoding="utf-8")
    shutil.copy("/bin/true", example.parent / "cortex_m" / "motor.elf")
    run = start("--for", "1s", spec=example)
    code, _, err = run.finish(30.0)
    assert code == 1
    assert "device mcu: qemu-system-arm ended by itself" in err


def test_without_the_emulator_the_exit_code_says_what_is_missing(
    tmp_path: Path, example: Path
) -> None:
    """A person who reads the last line must be able to go on."""
    alone = tmp_path / "bin"
    alone.mkdir()
    for tool in ("sh",):
        (alone / tool).symlink_to(str(shutil.which(tool)))
    command = [sys.executable, "-m", "amphost", "run", str(example), "--for", "1s"]
    done = subprocess.run(
        [*command, "--runtime-dir", str(tmp_path / "run")],
        env=os.environ | {"PATH": str(alone)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 69, done.stderr
    assert "qemu-system-arm is not in PATH; install it (apt install qemu-system-arm)" in done.stderr
