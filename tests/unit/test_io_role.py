"""The io role over the absences of its port: real pseudo-terminals and sockets under one name."""

from __future__ import annotations

import os
import socket
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from amphost.lifecycle import Fault
from amphost.plan.model import Plan
from amphost.roles import io
from tests.proc import descriptors
from tests.unit.role_bench import RoleBench


class Cable:
    """A name that leads to a pseudo-terminal while it is plugged in.

    Synchronization: one thread.
    """

    def __init__(self, name: Path) -> None:
        self.name = name
        self.address = str(name)
        self._ends: tuple[int, ...] = ()

    def plug_in(self) -> None:
        """Open a pty and give it the name; its slave stays unopened here."""
        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        fresh = self.name.with_suffix(".new")
        fresh.symlink_to(os.ttyname(slave))
        fresh.replace(self.name)
        self._ends = (master, slave)

    def pull_out(self) -> None:
        """Take name and terminal away."""
        self.name.unlink(missing_ok=True)
        while self._ends:
            os.close(self._ends[0])
            self._ends = self._ends[1:]

    def heard(self) -> bytes:
        """Return what has come since the last call."""
        try:
            return os.read(self._ends[0], 4096)
        except BlockingIOError:
            return b""


class Served:
    """A unix socket that an emulator serves while it runs.

    Synchronization: one thread.
    """

    def __init__(self, name: Path) -> None:
        self.name = name
        self.address = f"unix://{name}"
        self._open: list[socket.socket] = []

    def plug_in(self) -> None:
        """Listen under the name."""
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        server.bind(str(self.name))
        server.listen(1)
        server.setblocking(False)
        self._open = [server]

    def pull_out(self) -> None:
        """Take name, server and line away."""
        self.name.unlink(missing_ok=True)
        while self._open:
            self._open.pop().close()

    def heard(self) -> bytes:
        """Return what has come since the last call."""
        try:
            if len(self._open) == 1:
                self._open.append(self._open[0].accept()[0])
                self._open[1].setblocking(False)
            return self._open[1].recv(4096)
        except BlockingIOError:
            return b""


@pytest.fixture
def bench(plan_of: Callable[..., Plan]) -> Iterator[RoleBench]:
    """The mailbox of the standard system, with a 10 ms period."""
    made = RoleBench(plan_of(("rate_hz: 1000", "rate_hz: 100")), "io")
    yield made
    made.close()


@pytest.fixture(params=[Cable, Served])
def cable(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cable | Served]:
    """A cable, plugged in."""
    made = request.param(tmp_path / "ttyMCU")
    made.plug_in()
    yield made
    made.pull_out()


def context_of(bench: RoleBench, cable: Cable | Served, reports: list[str]) -> Any:
    """Return what the role has at hand, with a list for why its port is not open."""
    facts = bench.facts

    def report(**fields: Any) -> None:
        reports.extend([fields["port"]] if "port" in fields else [])
        granted.extend([fields["line"]] if "line" in fields else [])

    granted: list[dict[str, Any]] = []
    facts.port = cable.address
    return SimpleNamespace(
        plan=bench.role,
        run=facts,
        segments=bench.view,
        now=time.monotonic_ns,
        report=report,
        granted=granted,
        guests=[],
        shares_process=False,
    )


def test_the_port_is_opened_again_as_often_as_it_comes_back(
    bench: RoleBench, cable: Cable | Served
) -> None:
    """One process, one grid, every period accounted for; and it asks the device anew each time."""
    owner = bench.view["io"].owner
    reports: list[str] = []
    before = descriptors()
    steps = iter(("heard", "pull", "wait", "plug") * 2 + ("heard",))
    at: dict[str, Any] = {"step": next(steps), "ticks": 0}

    def meanwhile() -> bool:
        step = at["step"]
        if step == "heard" and not cable.heard():
            return False
        if step == "pull":
            at["ticks"] = owner.counter("ticks")
            cable.pull_out()
        if step == "wait" and (owner.counter("ticks") < at["ticks"] + 5 or not reports):
            return False
        if step == "plug":
            reports.clear()
            cable.plug_in()
        at["step"] = next(steps, "")
        return not at["step"]

    context = context_of(bench, cable, reports)
    assert bench.run(lambda: io.run(context, lambda: None), meanwhile) == "ended"
    assert owner.counter("ports_opened") == 2
    assert [bool(facts["port"]) for facts in context.granted] == [True] * 3
    assert owner.faults()[1] == Fault.PORT
    io_plan = bench.role.io
    assert io_plan is not None
    expected = (owner.gauge("t_stop_ns") - owner.gauge("t0_ns")) // io_plan.period_ns
    assert owner.counter("ticks") + owner.counter("skipped") == expected
    cable.pull_out()
    assert len(descriptors()) <= len(before)


def test_why_the_port_is_not_open_yet_is_told_once(bench: RoleBench, cable: Cable | Served) -> None:
    """A person at the keyboard sees the reason, not a line for each try."""
    owner = bench.view["io"].owner
    reports: list[str] = []
    pulled: list[int] = []

    def meanwhile() -> bool:
        if not pulled and owner.counter("ticks") > 2:
            cable.pull_out()
            pulled.append(owner.counter("ticks"))
        return bool(pulled) and owner.counter("ticks") > pulled[0] + 20

    context = context_of(bench, cable, reports)
    assert bench.run(lambda: io.run(context, lambda: None), meanwhile) == "ended"
    assert len(reports) == 1
    assert "there is no such port" in reports[0] or "nobody listens there" in reports[0]
