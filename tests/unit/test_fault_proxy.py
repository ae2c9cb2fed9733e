"""The fault proxy's process, between a pty that is the device and a host that opens its port."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from amphost.link.serial_port import open_port
from amphost.plan.faults_model import FaultPlan, ProxyPlan

if TYPE_CHECKING:
    from amphost.link.serial_port import OpenPort

DEADLINE_S = 10.0
BAUD = 115200
FAULT = FaultPlan(
    name="one",
    kind="unplug",
    ways=("to_host", "to_device"),
    rate=1.0,
    by_byte=False,
    at_ns=0,
    for_ns=0,
    on_signal=True,
)


class Bench:
    """A proxy's process with a pty before it that stands for the device."""

    def __init__(self, folder: Path, *faults: FaultPlan, there: bool = True) -> None:
        self.journal = folder / "journal"
        self.name = folder / "mcu.port"
        self.master, self.slave = os.openpty()
        if there:
            self.plug_device()
        plan = ProxyPlan(
            name="mcu_faults",
            device="mcu",
            port="",
            baud=BAUD,
            schema_hash=1,
            cores=tuple(sorted(os.sched_getaffinity(0)))[:1],
            policy="other",
            priority=0,
            seed=1,
            faults=faults,
        )
        handover, handover_write = os.pipe()
        self.status, status_write = os.pipe()
        lifeline, self.lifeline = os.pipe()
        theirs = (handover, status_write, lifeline)
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-I", "-m", "amphost.link.fault_proxy"),
                *("--plan-fd", str(handover)),
            ],
            pass_fds=theirs,
            start_new_session=True,
        )
        for descriptor in theirs:
            os.close(descriptor)
        facts = {
            "journal": str(self.journal),
            "lifeline_fd": lifeline,
            "status_fd": status_write,
            "port": str(self.name),
        }
        with os.fdopen(handover_write, "w") as stream:
            json.dump({"proxy": asdict(plan), "run": facts}, stream)
        self._lines = os.fdopen(self.status)

    def plug_device(self) -> None:
        tty.setraw(self.slave)
        self.name.unlink(missing_ok=True)
        self.name.symlink_to(os.ttyname(self.slave))

    def pull_device(self) -> None:
        self.name.unlink()
        os.close(self.slave)
        os.close(self.master)
        self.master, self.slave = -1, -1

    def told(self, event: str) -> dict[str, Any]:
        """Return the next status of a kind."""
        for line in self._lines:
            status: dict[str, Any] = json.loads(line)
            if status["event"] == event:
                return status
        raise AssertionError(f"it ended without saying {event}")

    def rest(self) -> list[dict[str, Any]]:
        """Return every status up to its end."""
        return [json.loads(line) for line in self._lines]

    def host(self) -> OpenPort:
        return open_port(self.told("ready")["port"], BAUD)

    def lines(self) -> list[dict[str, Any]]:
        text = self.journal.read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines(keepends=True) if line[-1] == "\n"]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._lines.close()
        for descriptor in (self.master, self.slave, self.lifeline):
            with contextlib.suppress(OSError):
                os.close(descriptor)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Return a function that starts a proxy; it is ended afterwards."""
    made: list[Bench] = []

    def start(*faults: FaultPlan, there: bool = True) -> Bench:
        made.append(Bench(tmp_path, *faults, there=there))
        return made[-1]

    yield start
    for one in made:
        one.close()


def read(descriptor: int, size: int) -> bytes:
    """Read so many bytes."""
    came = b""
    end_s = time.monotonic() + DEADLINE_S
    while len(came) < size:
        left_s = end_s - time.monotonic()
        assert left_s > 0, f"only {came!r} came"
        if select.select([descriptor], [], [], left_s)[0]:
            came += os.read(descriptor, size - len(came))
    return came


def hung_up(descriptor: int) -> bool:
    """Wait until the port is gone, as the pump sees it."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return any(event & select.POLLHUP for _, event in poll.poll(DEADLINE_S * 1000))


def test_bytes_pass_both_ways_and_are_counted(bench: Callable[..., Bench]) -> None:
    """Without a fault that is on, it is a cable."""
    one = bench(FAULT)
    with one.host() as host:
        os.write(host.fileno(), b"to the device\0")
        assert read(one.master, 14) == b"to the device\0"
        os.write(one.master, b"to the host\0" * 300)
        assert read(host.fileno(), 3600) == b"to the host\0" * 300
    os.kill(one.process.pid, signal.SIGTERM)
    assert one.process.wait(DEADLINE_S) == 0
    end = one.lines()[-1]
    assert (end["event"], end["reason"]) == ("end", "terminated")
    assert end["counts"]["to_device"]["frames"] == 1
    assert end["counts"]["to_host"]["frames"] == 300
    assert end["counts"]["to_host"]["bytes_out"] == 3600
    told = [status for status in one.rest() if status["event"] == "injected"]
    assert told[-1]["counts"] == end["counts"]


def test_the_cable_comes_out_at_a_signal_and_goes_in_under_another_name(
    bench: Callable[..., Bench],
) -> None:
    """The host sees a port that hung up, and must find the new one by its stable name."""
    one = bench(FAULT)
    before = one.told("ready")["port"]
    with open_port(before, BAUD) as host:
        os.kill(one.process.pid, signal.SIGUSR1)
        one.told("gone")
        assert hung_up(host.fileno())
    assert not Path(before).exists()
    os.kill(one.process.pid, signal.SIGUSR1)
    after = one.told("ready")["port"]
    assert after != before
    with open_port(after, BAUD) as host:
        os.write(one.master, b"again\0")
        assert read(host.fileno(), 6) == b"again\0"
    assert [line["event"] for line in one.lines() if "plugged" in line["event"]] == [
        "plugged",
        "unplugged",
        "plugged",
    ]


def test_a_device_that_goes_takes_the_port_with_it(bench: Callable[..., Bench]) -> None:
    """A proxy that stayed would hide from the host that its device has gone."""
    one = bench(FAULT)
    with one.host() as host:
        one.pull_device()
        one.told("gone")
        assert hung_up(host.fileno())
    one.master, one.slave = os.openpty()
    one.plug_device()
    with one.host() as host:
        os.write(one.master, b"back\0")
        assert read(host.fileno(), 5) == b"back\0"


def test_a_wrong_speed_is_what_the_host_has_set(bench: Callable[..., Bench]) -> None:
    """The host that sets the device's real speed gets through; any other gets garbage."""
    one = bench(replace(FAULT, kind="wrong_baud", on_signal=False, baud=9600))
    with one.host() as host:
        os.write(one.master, b"hello device\0" * 20)
        assert b"hello device" not in read(host.fileno(), 13 * 20 * 12)
        settings = termios.tcgetattr(host.fileno())
        settings[4] = settings[5] = termios.B9600
        termios.tcsetattr(host.fileno(), termios.TCSANOW, settings)
        os.write(one.master, b"\0")
        os.write(one.master, b"hello device\0")
        assert read(host.fileno(), 14).endswith(b"hello device\0")


def filled(descriptor: int) -> int:
    """Write until a port takes no more; return how much it took."""
    sent = 0
    with contextlib.suppress(BlockingIOError):
        while sent < 1 << 20:
            sent += os.write(descriptor, b"x" * 511 + b"\0")
    return sent


def test_a_reader_that_stops_reading_fills_the_senders_port(bench: Callable[..., Bench]) -> None:
    """The host's write must not block: what does not fit is refused by the port."""
    one = bench(replace(FAULT, kind="stall", ways=("to_device",)))
    with one.host() as host:
        os.kill(one.process.pid, signal.SIGUSR1)
        while one.lines()[-1]["event"] != "on":
            time.sleep(0.01)
        sent = filled(host.fileno())
        assert sent < 1 << 20
        os.kill(one.process.pid, signal.SIGUSR1)
        assert len(read(one.master, sent)) == sent


def test_it_ends_with_whoever_started_it(bench: Callable[..., Bench]) -> None:
    """No process is left of a supervisor that was killed; a last DISARM still has its second."""
    one = bench(FAULT)
    with one.host() as host:
        os.close(one.lifeline)
        os.write(host.fileno(), b"disarm\0")
        assert read(one.master, 7) == b"disarm\0"
        assert one.process.wait(DEADLINE_S) == 0
    assert one.lines()[-1]["reason"] == "lifeline"


def test_a_device_that_was_never_there_is_named(bench: Callable[..., Bench]) -> None:
    """A proxy must not turn a missing port into a start that never comes."""
    one = bench(FAULT, there=False)
    failed = one.told("failed")
    assert failed["exit"] == 69
    assert failed["error"].startswith(f"{one.name}: there is no such port")
    assert one.process.wait(DEADLINE_S) == 69


def test_it_wants_a_handover() -> None:
    """It is started by a supervisor, not by hand."""
    command = [sys.executable, "-I", "-m", "amphost.link.fault_proxy"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: ")
