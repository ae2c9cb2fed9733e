"""Fault proxies as the supervisor holds them: found under one name, started again, counted."""

from __future__ import annotations

import os
import signal
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from amphost.plan.model import Plan
from amphost.supervisor.listening import Listening
from amphost.supervisor.proxies import Proxies
from amphost.supervisor.proxy_run import ProxyRun
from amphost.supervisor.runtime_dir import RuntimeDir
from tests.system.live import wait_for

FAULTS = """\
    faults:
      seed: 3
      inject:
        noise: {kind: flip, way: to_host, rate: 1.0e-4}
        cable: {kind: unplug, on_signal: true, for_s: 0.1}
        late: {kind: delay, delay_ms: [1, 2], at_s: 2}
        junk: {kind: babble, on_signal: true}
    baud:"""


@pytest.fixture
def plan(plan_of: Callable[..., Plan]) -> Plan:
    """The standard system, its line spoilt."""
    return plan_of(board=(("    baud:", FAULTS),))


class Bench:
    """The proxies of a run without the run, and a pty that is the device."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.said: list[str] = []
        self.runtime = RuntimeDir(folder / "run", "motor")
        self.listening = Listening()
        self.proxies = Proxies(self.runtime, self.listening, self.said.append)
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.proxies.start(plan.proxies[0])

    @property
    def run(self) -> ProxyRun:
        return self.proxies.runs["mcu"]

    def turn(self) -> bool:
        """Do what a supervisor does in a turn; return whether a proxy has become ready."""
        ready = False
        for heard in self.listening.wait(0.01):
            assert isinstance(heard.run, ProxyRun)
            ready |= self.proxies.hear(heard.run, heard.statuses, heard.code)
        self.proxies.turn(time.monotonic_ns())
        return ready

    def close(self) -> None:
        for run in self.proxies.runs.values():
            run.abandon()
        self.listening.close()
        self.runtime.close(clean=True)
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def bench(tmp_path: Path, plan: Plan) -> Iterator[Bench]:
    """A bench; nothing is left of it."""
    made = Bench(tmp_path, plan)
    yield made
    made.close()


def test_the_plan_has_every_number_of_a_fault(plan: Plan) -> None:
    """What the file leaves out is decided before anything runs."""
    (proxy,) = plan.proxies
    assert (proxy.device, proxy.seed, proxy.port) == ("mcu", 3, "")
    noise, cable, late, junk = proxy.faults
    assert (noise.name, noise.ways, noise.rate, noise.by_byte) == (
        "noise",
        ("to_host",),
        1e-4,
        True,
    )
    assert (cable.on_signal, cable.for_ns, len(cable.ways)) == (True, 100_000_000, 2)
    assert (late.at_ns, late.least_ns, late.most_ns) == (2_000_000_000, 1_000_000, 2_000_000)
    assert junk.size == 100_000  # a tenth of the baud
    assert plan.notes[0].startswith("FAULTS ARE INJECTED into the line of mcu, on purpose (seed 3)")


def test_a_proxy_does_not_stand_above_its_io_role(plan: Plan) -> None:
    """What spoils a line may make nothing else late."""
    (io,) = (role for role in plan.roles if role.kind == "io")
    (proxy,) = plan.proxies
    assert proxy.priority == io.priority
    assert set(proxy.cores).isdisjoint(*(r.cores for r in plan.roles if r.kind == "control"))


def test_a_line_is_found_under_one_name_once_its_device_is_there(bench: Bench) -> None:
    """The io role must not open the device itself, past the proxy, because it is not there yet."""
    assert bench.proxies.port("other") is None
    assert bench.proxies.port("mcu") == ""
    bench.proxies.stand_before("mcu", "")
    bench.proxies.stand_before("other", "/dev/null")
    bench.proxies.stand_before("mcu", os.ttyname(bench.slave))
    wait_for(bench.turn, "the proxy is ready")
    name = bench.proxies.port("mcu")
    assert name == str(bench.runtime.port_path("mcu.faults"))
    assert str(Path(name or "").readlink()) == bench.run.port


def test_the_name_goes_with_the_cable_and_comes_back_with_it(bench: Bench) -> None:
    """The pty that was closed may be anybody's next."""
    bench.proxies.stand_before("mcu", os.ttyname(bench.slave))
    wait_for(bench.turn, "the proxy is ready")
    before = bench.run.port
    assert bench.run.child is not None
    os.kill(bench.run.child.pid, signal.SIGUSR1)
    name = bench.runtime.port_path("mcu.faults")
    wait_for(lambda: bench.turn() or not name.is_symlink(), "the cable is out")
    wait_for(lambda: bench.turn() or name.is_symlink(), "the cable is in")
    assert str(name.readlink()) != before
    wait_for(lambda: bench.turn() or bench.run.counts.get("unplugs") == 1, "it is counted")


def test_a_proxy_that_dies_starts_again_before_the_same_device(bench: Bench) -> None:
    """It is the instrument, not the system under test: it must not end the run."""
    bench.proxies.stand_before("mcu", os.ttyname(bench.slave))
    wait_for(bench.turn, "the proxy is ready")
    first = bench.run
    assert first.child is not None
    first.child.kill()
    wait_for(bench.turn, "its successor is ready")
    assert bench.run is not first
    assert bench.run.inner == os.ttyname(bench.slave)
    assert bench.said[-2:] == [
        "fault proxy of mcu: it died: killed by SIGKILL",
        "fault proxy of mcu: starting again",
    ]
    assert list(bench.proxies.errors()) == []


def test_a_device_that_is_somewhere_else_now_is_followed(bench: Bench) -> None:
    """An emulator that died may serve another socket."""
    bench.proxies.stand_before("mcu", os.ttyname(bench.slave))
    wait_for(bench.turn, "the proxy is ready")
    master, slave = os.openpty()
    try:
        bench.proxies.stand_before("mcu", os.ttyname(slave))
        wait_for(bench.turn, "it stands before the other")
        assert bench.run.inner == os.ttyname(slave)
    finally:
        os.close(slave)
        os.close(master)


def test_a_spoilt_line_is_said_at_the_start_and_is_a_lack_for_ever(bench: Bench) -> None:
    """Nobody drives a machine through it by accident."""
    bench.proxies.announce()
    assert bench.said == bench.proxies.lacks()
    assert bench.said == [
        "mcu: FAULTS ARE INJECTED into its line, on purpose (noise, cable, late, junk)"
    ]


@pytest.mark.parametrize("there", [True, False])
def test_a_proxy_ends_when_it_is_asked_to_handed_over_or_not(bench: Bench, there: bool) -> None:
    """A run whose device never came has to stop like any other."""
    if there:
        bench.proxies.stand_before("mcu", os.ttyname(bench.slave))
        wait_for(bench.turn, "the proxy is ready")
    run = bench.run
    run.release()
    wait_for(lambda: bench.turn() or run.child is None, "it has ended", 5)
    assert bench.run is run
    assert not run.error
