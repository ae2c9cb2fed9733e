from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from amphost.device import Session, step_us
from amphost.plan.model import AcceptPlan, DevicePlan, PlantPlan, SendPlan

LEASE_US = 30_000
RAMP_US = 5_000  # 6 V at 1200 V/s
STEP_US = 250
SCHEMA_HASH = 0xC0FFEE
DEADLINE_S = 10.0


def device_plan() -> DevicePlan:
    """Return the plan of a motor on any core."""
    return DevicePlan(
        name="mcu",
        board="loopback",
        cores=tuple(sorted(os.sched_getaffinity(0)))[:1],
        policy="other",
        priority=0,
        baud=1_000_000,
        schema="",
        schema_hash=SCHEMA_HASH,
        sends=(
            SendPlan(name="position", type="f32", scale=1.0, unit="rad", low=-100.0, high=100.0),
            SendPlan(name="current", type="f32", scale=1.0, unit="A", low=-20.0, high=20.0),
        ),
        accepts=(
            AcceptPlan(
                name="voltage",
                type="f32",
                scale=1.0,
                role="control",
                word=0,
                unit="V",
                low=-12.0,
                high=12.0,
                safe=0.0,
                ramp_per_s=1200.0,
            ),
        ),
        lease_us=LEASE_US,
        state_period_us=1000,
        skew_ppm=100.0,
        plant=PlantPlan(
            kind="dc_motor",
            parameters=(
                ("resistance_ohm", 2.4),
                ("inductance_h", 0.0012),
                ("torque_constant_nm_per_a", 0.5),
                ("inertia_kg_m2", 0.0075),
                ("viscous_friction_nm_s", 0.015),
                ("load_torque_nm", 0.0),
                ("initial_angle_rad", 0.25),
            ),
        ),
    )


class Device:
    """A real loopback process, started as the supervisor starts it."""

    def __init__(self, plan: DevicePlan, folder: Path) -> None:
        self.journal_path = folder / "journal.jsonl"
        handover_read, handover_write = os.pipe()
        status_read, status_write = os.pipe()
        lifeline_read, self.lifeline = os.pipe()
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-I", "-m", "amphost.link.loopback"),
                *("--plan-fd", str(handover_read)),
            ],
            pass_fds=(handover_read, status_write, lifeline_read),
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        for descriptor in (handover_read, status_write, lifeline_read):
            os.close(descriptor)
        facts = {
            "journal": str(self.journal_path),
            "lifeline_fd": lifeline_read,
            "status_fd": status_write,
            "boot_nonce": 4711,
            "firmware_version": [1, 0, 0],
            "reset_cause": "power",
        }
        with os.fdopen(handover_write, "w") as stream:
            json.dump({"device": asdict(plan), "run": facts}, stream)
        with os.fdopen(status_read) as stream:
            self.status: dict[str, Any] = json.loads(stream.readline())

    def release(self) -> None:
        """Let go of the lifeline."""
        if self.lifeline >= 0:
            os.close(self.lifeline)
            self.lifeline = -1

    def lines(self) -> list[dict[str, Any]]:
        """Return the journal's whole lines."""
        text = self.journal_path.read_text()
        return [json.loads(line) for line in text.splitlines(keepends=True) if line[-1] == "\n"]

    def events(self) -> list[str]:
        """Return the journal's events in order."""
        return [line["event"] for line in self.lines()]

    def line(self, event: str) -> dict[str, Any]:
        """Return the newest line of an event."""
        return next(line for line in reversed(self.lines()) if line["event"] == event)

    def end(self) -> None:
        """Leave nothing behind."""
        self.release()
        self.process.kill()
        self.process.wait()
        assert self.process.stderr is not None
        self.process.stderr.close()


class Host:
    """The other end of the line: the C session on the pty, in real time."""

    def __init__(self, port: str, number: int = 500) -> None:
        self.descriptor = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self.session = Session(
            board="loopback",
            schema_hash=SCHEMA_HASH,
            sends=device_plan().sends,
            accepts=device_plan().accepts,
            number=number,
            now_us=self.now_us(),
        )
        self.volts: float | None = None
        self.values: tuple[float, ...] = ()
        self.sampled_us = 0
        self.states = 0
        self.acks: list[tuple[int, str]] = []

    @staticmethod
    def now_us() -> int:
        return time.monotonic_ns() // 1000

    def turn(self) -> None:
        """Say what is due and hear what comes within a millisecond."""
        frames = self.session.pending(self.now_us())
        if self.volts is not None:
            frames += self.session.actuate([self.volts], self.sampled_us)
        with contextlib.suppress(BlockingIOError):
            os.write(self.descriptor, frames)
        select.select([self.descriptor], [], [], 0.001)
        line = b""
        with contextlib.suppress(BlockingIOError):
            line = os.read(self.descriptor, 4096)
        for heard in self.session.receive(line, self.now_us()):
            if heard.kind == "acked":
                self.acks.append((heard.verb, heard.result))
            if heard.state is not None:
                self.values = heard.values
                self.sampled_us = int(heard.state.sampled_us)
                self.states += 1

    def until(self, condition: Callable[[], object]) -> None:
        """Take turns until `condition`."""
        limit = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < limit
            self.turn()

    def up(self) -> None:
        """Take turns until the session stands and a state has come."""
        self.until(lambda: self.session.is_up() and self.states)

    def command(self, verb: str) -> None:
        """Have a command acknowledged."""
        count = len(self.acks)
        assert self.session.command(verb, self.now_us(), 1000) != 0
        self.until(lambda: len(self.acks) > count)
        assert self.acks[-1][1] == "done"

    def drive(self, volts: float) -> None:
        """Arm, and let actuations at `volts` move the motor."""
        self.up()
        self.command("arm")
        self.volts = volts
        states = self.states
        self.until(lambda: self.states > states + 50)

    def close(self) -> None:
        """Leave the line."""
        os.close(self.descriptor)


def wait_for(condition: Callable[[], object]) -> None:
    """Wait on a condition of another process, with a deadline."""
    limit = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.002)


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    """Return a running loopback device."""
    device = Device(device_plan(), tmp_path)
    yield device
    device.end()


@pytest.fixture
def host(device: Device) -> Iterator[Host]:
    """Return a host on its line."""
    host = Host(device.status["port"])
    yield host
    host.close()


def assert_safe_in_time(device: Device, ramp_us: int = RAMP_US) -> None:
    """Check the last way to safe against lease and ramp, by the device's own clock."""
    expired, reached = device.line("lease_expired"), device.line("safe_reached")
    late_us = max(expired["late_us"], reached["late_us"])
    assert expired["reason"] == "lease"
    assert expired["since_applied_us"] >= LEASE_US
    assert reached["since_applied_us"] >= LEASE_US + ramp_us - STEP_US
    assert reached["since_applied_us"] <= LEASE_US + ramp_us + 2 * STEP_US + late_us


def test_safe_within_the_lease_when_actuations_stop(device: Device, host: Host) -> None:
    """The promise of the whole system, on the one clock that no host process can influence."""
    host.drive(6.0)
    host.volts = None
    host.until(lambda: "safe_reached" in device.events())
    assert device.events() == [
        "boot",
        "session_up",
        "armed",
        "first_actuation",
        "lease_expired",
        "safe_reached",
    ]
    assert_safe_in_time(device)


def test_safe_when_the_host_is_gone_with_its_line(device: Device, host: Host) -> None:
    """A killed io role closes the line in the middle of everything."""
    host.drive(6.0)
    os.set_inheritable(host.descriptor, False)
    devnull = os.open("/dev/null", os.O_RDWR)
    os.dup2(devnull, host.descriptor)
    os.close(devnull)
    wait_for(lambda: "safe_reached" in device.events())
    assert_safe_in_time(device)


def test_a_second_host_finds_the_device_disarmed(device: Device, host: Host) -> None:
    """The line survives its hosts; being armed does not."""
    host.drive(6.0)
    second = Host(device.status["port"], number=900)
    second.until(lambda: "new_session" in device.events())
    second.up()
    second.volts = 6.0
    states = second.states
    second.until(lambda: second.states > states + 30)
    second.close()
    wait_for(lambda: "safe_reached" in device.events())
    assert device.events().count("armed") == 1
    assert device.line("session_up")["session"] == 900


def test_the_motor_is_driven_and_sensed(device: Device, host: Host) -> None:
    """Volts go in, radians come out, from the angle that the plan gives."""
    host.up()
    assert host.values[0] == pytest.approx(0.25)
    host.drive(6.0)
    assert host.values[0] > 0.3
    assert host.values[1] > 0.0
    assert device.process.poll() is None


def test_ctrl_c_does_not_end_the_device(device: Device, host: Host) -> None:
    """Ctrl-C reaches the whole foreground group: the device has to outlive the host's stop."""
    host.drive(6.0)
    os.kill(device.process.pid, signal.SIGINT)
    os.kill(device.process.pid, signal.SIGHUP)
    states = host.states
    host.until(lambda: host.states > states + 100)
    assert device.process.poll() is None


def test_a_mark_is_stamped_on_the_devices_clock(device: Device, host: Host) -> None:
    """A test marks the instant of a kill; the bound of its error is stated in the module."""
    host.up()
    before_ns = time.monotonic_ns()
    os.kill(device.process.pid, signal.SIGUSR1)
    after_ns = time.monotonic_ns()
    host.until(lambda: "mark" in device.events())
    mark, boot = device.line("mark"), device.line("boot")
    assert mark["host_ns"] >= before_ns
    assert (mark["host_ns"] - after_ns) / 1e3 <= 2 * STEP_US + mark["late_us"]
    assert mark["number"] == 1
    elapsed_us = (mark["host_ns"] - boot["host_ns"]) / 1e3
    assert mark["t_us"] == pytest.approx(elapsed_us * (1 + 100e-6), abs=2)
    os.kill(device.process.pid, signal.SIGUSR1)
    host.until(lambda: device.line("mark")["number"] == 2)


def test_sigterm_ends_it(device: Device, host: Host) -> None:
    """It ends at once, and its journal says in what condition."""
    host.drive(6.0)
    device.process.terminate()
    assert device.process.wait(DEADLINE_S) == 0
    end = device.line("end")
    assert (end["reason"], end["at_safe"]) == ("terminated", False)
    assert end["steps"] + end["skipped_steps"] >= 200
    assert end["port_errors"] == end["events_lost"] == end["lines_lost"] == 0


def test_it_ends_when_the_supervisor_is_gone_and_outputs_are_safe(device: Device) -> None:
    """Nothing is left behind, even when the supervisor was killed."""
    device.release()
    assert device.process.wait(DEADLINE_S) == 0
    end, boot = device.line("end"), device.line("boot")
    assert (end["reason"], end["at_safe"]) == ("lifeline", True)
    assert end["host_ns"] - boot["host_ns"] < 1_000_000_000


def test_it_lingers_while_outputs_are_not_safe(tmp_path: Path) -> None:
    """First safe, then gone; and gone after a second, however long its lease still runs."""
    device = Device(replace(device_plan(), lease_us=5_000_000), tmp_path)
    host = Host(device.status["port"])
    try:
        host.drive(6.0)
        released_ns = time.monotonic_ns()
        device.release()
        wait_for(lambda: device.process.poll() is not None)
        end = device.line("end")
        assert (end["reason"], end["at_safe"]) == ("lifeline", False)
        assert end["host_ns"] - released_ns >= 1_000_000_000
    finally:
        host.close()
        device.end()


def test_a_host_that_does_not_read_delays_nothing(device: Device, host: Host) -> None:
    """A full line costs the device its old states, not its time."""
    host.up()
    os.kill(device.process.pid, signal.SIGUSR1)
    limit_ns = time.monotonic_ns() + 400_000_000
    wait_for(lambda: time.monotonic_ns() > limit_ns)
    os.kill(device.process.pid, signal.SIGUSR1)
    wait_for(lambda: device.events().count("mark") == 2)
    newest_us = device.line("mark")["t_us"]
    host.until(lambda: host.sampled_us > newest_us)
    host.drive(3.0)
    assert host.session.native.counters.bad_crc == 0


def test_what_was_granted_is_read_back(device: Device) -> None:
    """A request is not a grant."""
    granted = device.status["granted"]
    assert granted["cores"] == sorted(os.sched_getaffinity(device.process.pid))
    assert granted["cores"] == list(device_plan().cores)
    assert (granted["policy"], granted["priority"]) == ("other", 0)


def test_a_priority_that_is_refused_does_not_stop_it(tmp_path: Path) -> None:
    """Without rights it goes on and reports; with rights it reports those."""
    device = Device(replace(device_plan(), policy="fifo", priority=5, cores=(4095,)), tmp_path)
    try:
        pid = device.process.pid
        granted = device.status["granted"]
        assert granted["cores"] == sorted(os.sched_getaffinity(pid))
        assert (granted["policy"] == "fifo") == (os.sched_getscheduler(pid) == os.SCHED_FIFO)
        assert granted["priority"] == os.sched_getparam(pid).sched_priority
    finally:
        device.end()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"sends": (replace(device_plan().sends[0], name="force", unit="N"),)},
            (
                "device mcu: its plant has no force in N; "
                "it has current in A, speed in rad/s, position in rad"
            ),
        ),
        ({"accepts": ()}, "device mcu: nothing drives its plant; accept voltage in V"),
        ({"lease_us": 0}, "device mcu: a value of its plan is out of range"),
        (
            {"plant": PlantPlan(kind="pendulum", parameters=())},
            (
                "device mcu: there is no plant pendulum; use dc_motor, first_order, "
                "double_integrator, mass_spring_damper, thermal, cart_pole"
            ),
        ),
        (
            {"plant": PlantPlan(kind="dc_motor", parameters=())},
            (
                "device mcu: a dc_motor has the numbers resistance_ohm, inductance_h, "
                "torque_constant_nm_per_a, inertia_kg_m2, viscous_friction_nm_s, "
                "load_torque_nm, initial_angle_rad"
            ),
        ),
    ],
)
def test_a_plan_that_the_twin_cannot_be_is_refused(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    """The supervisor gets one line to show, not a traceback."""
    device = Device(replace(device_plan(), **change), tmp_path)
    try:
        assert device.status == {"event": "failed", "error": message, "exit": 1}
        assert device.process.wait(DEADLINE_S) == 1
        assert device.process.stderr is not None
        assert device.process.stderr.read().decode() == f"{message}\n"
    finally:
        device.end()


def test_wrong_usage_exits_2() -> None:
    """A person may start it by hand."""
    command = [sys.executable, "-I", "-m", "amphost.link.loopback"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")


def test_no_descriptor_leaks_into_a_child(device: Device) -> None:
    """Of the line and the journal, nothing survives an exec."""
    process = Path(f"/proc/{device.process.pid}")
    kept = []
    for entry in (process / "fdinfo").iterdir():
        fields = dict(
            line.split(":\t", 1) for line in entry.read_text().splitlines() if ":\t" in line
        )
        if int(entry.name) > 2 and not int(fields["flags"], 8) & os.O_CLOEXEC:
            kept.append(str((process / "fd" / entry.name).readlink()))
    assert all(target.startswith("pipe:") for target in kept)


@pytest.mark.parametrize(
    ("rate_hz", "step"),
    [
        (50_000, 50),
        (5000, 200),
        (1000, 250),
        (200, 250),
        (100, 500),
        (50, 1000),
        (1, 1000),
    ],
)
def test_a_device_wakes_as_often_as_its_states_need(rate_hz: int, step: int) -> None:
    """Sixteen that woke every 250 us would take a core; one of 5 kHz that did lost every fifth."""
    assert step_us(1_000_000 // rate_hz) == step
