"""What is said of a link: one line for each change, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from amphost._native.amp import lib

from amphost.lifecycle import Fault
from amphost.plan.model import ParameterPlan, Plan
from amphost.supervisor.links import LinkEvent, LinkKind, Links
from amphost.supervisor.runs import RoleRun
from tests.unit.role_bench import RoleBench

MS = 1_000_000


class Bench(RoleBench):
    """An io role whose words a test sets, and what is said of them."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan, "io")
        self.lines: list[str] = []
        self.recorded: list[LinkEvent] = []
        self.links = Links(self.segments.mapped, self.lines.append, self.recorded.append)
        self.run_of_io = RoleRun(plan=self.role, epoch=1)
        self.owner = self.view["io"].owner

    def up(self, t_ms: int, nonce: int = 7, reset: int = 1) -> None:
        """A session comes up, as the pump tells it."""
        self.owner.set_gauge("device_nonce", nonce)
        self.owner.set_gauge("device_reset", reset)
        self.owner.set_gauge("link_up_ns", t_ms * MS)
        self.owner.set_gauge("link", lib.AMP_SESSION_UP)

    def lose(self, t_ms: int, fault: Fault, argument: int = 0) -> None:
        """The link is lost, as the pump tells it."""
        self.owner.set_gauge("link_cause", fault)
        self.owner.set_gauge("link_cause_argument", argument)
        self.owner.set_gauge("link_lost_ns", t_ms * MS)
        self.owner.set_gauge("link", lib.AMP_SESSION_DOWN)
        lib.amp_owner_add(self.owner.native, lib.AMP_COUNT_LINK_LOSSES, 1)

    def said(self) -> list[str]:
        """Look, and return what is said now."""
        self.lines.clear()
        self.links.look(self.run_of_io)
        return list(self.lines)


@pytest.fixture
def bench(plan_of: Callable[..., Plan]) -> Iterator[Bench]:
    """A bench."""
    made = Bench(plan_of())
    yield made
    made.close()


def test_the_first_session_is_no_news(bench: Bench) -> None:
    """A run that starts well says nothing about its links."""
    assert bench.said() == []
    bench.up(10)
    assert bench.said() == []


def test_a_loss_is_told_once_its_cause_is_there(bench: Bench) -> None:
    """The pump stores its words one after the other, and may be looked at in between."""
    bench.up(10)
    bench.said()
    lib.amp_owner_add(bench.owner.native, lib.AMP_COUNT_LINK_LOSSES, 1)
    assert bench.said() == []
    bench.owner.set_gauge("link_cause", Fault.PORT)
    bench.owner.set_gauge("link_cause_argument", 5)
    assert bench.said() == []
    bench.owner.set_gauge("link_lost_ns", 20 * MS)
    (line,) = bench.said()
    assert "link lost" in line
    assert bench.said() == []


def test_lost_and_back_is_told_with_cause_duration_and_boot(bench: Bench) -> None:
    """A person at the bench understands what happened without a manual."""
    bench.up(10)
    bench.said()
    bench.lose(1000, Fault.PORT)
    assert bench.said() == ["mcu: link lost: the port hung up"]
    assert bench.said() == []
    bench.up(2200, nonce=8, reset=3)
    assert bench.said() == [
        "mcu: link is back after 1.2 s: same device, new boot, reset cause watchdog"
    ]
    bench.lose(3000, Fault.LINK_LOST, 60 * MS)
    bench.up(3250, nonce=8, reset=3)
    assert bench.said() == [
        "mcu: link lost: no valid frame came from the device for 60 ms",
        "mcu: link is back after 0.25 s: same device, same boot",
    ]
    assert [event.text for event in bench.links.events] == [
        "link lost: the port hung up",
        "link is back after 1.2 s: same device, new boot, reset cause watchdog",
        "link lost: no valid frame came from the device for 60 ms",
        "link is back after 0.25 s: same device, same boot",
    ]
    kinds = [LinkKind.LOST, LinkKind.BACK]
    assert [event.kind for event in bench.recorded] == kinds * 2
    assert bench.recorded == bench.links.events


def test_an_isolated_device_is_told_once_with_what_it_did_and_how_long(bench: Bench) -> None:
    """One that babbles on is not told again every half second."""
    bench.up(10)
    bench.said()
    bench.lose(20, Fault.DEVICE_ISOLATED, lib.AMP_ISOLATED_BYTES)
    bench.owner.set_gauge("isolated_quiet_ns", 500 * MS)
    bench.owner.set_gauge("isolated", lib.AMP_ISOLATED_BYTES)
    bench.owner.add("isolated_bytes")
    lost, isolated = bench.said()
    why = "it sent more than its share of the line in 100 ms"
    assert lost == f"mcu: link lost: the device is isolated: {why}"
    assert isolated == (
        f"mcu: isolated: {why}; its bytes are dropped until it has been quiet for 0.5 s"
    )
    assert bench.said() == []
    assert [event.kind for event in bench.recorded] == [LinkKind.LOST, LinkKind.ISOLATED]


def garbage(bench: Bench, size: int, bad: int) -> None:
    """So many bytes come, and of what was made of them so much is bad."""
    lib.amp_owner_add(bench.owner.native, lib.AMP_COUNT_BYTES_IN, size)
    lib.amp_owner_add(bench.owner.native, lib.AMP_COUNT_BAD_FRAMES, bad)


def test_garbage_alone_is_told_once_as_the_question_of_the_baud(bench: Bench) -> None:
    """The first thing to look at, where bytes come and no frame is ever good."""
    bench.owner.set_gauge("link", lib.AMP_SESSION_IDENTIFYING)
    assert bench.said() == []
    garbage(bench, 255, 9)
    assert bench.said() == []
    garbage(bench, 1, 0)
    baud = bench.role.io.baud if bench.role.io is not None else 0
    assert bench.said() == [f"mcu: only framing garbage at {baud} baud: wrong baud?"]
    garbage(bench, 5000, 50)
    assert bench.said() == []
    assert [event.kind for event in bench.recorded] == [LinkKind.GARBAGE]


def test_garbage_among_good_frames_is_no_wrong_baud(bench: Bench) -> None:
    """A noisy line is told by its counters: it must not send anybody after the baud."""
    bench.up(10)
    bench.said()
    garbage(bench, 5000, 50)
    assert bench.said() == []  # a link that is up has good frames, or is lost soon
    lib.amp_owner_add(bench.owner.native, lib.AMP_COUNT_FRAMES_IN, 1)
    bench.lose(20, Fault.LINK_LOST, 60 * MS)
    assert len(bench.said()) == 1
    lib.amp_owner_add(bench.owner.native, lib.AMP_COUNT_BYTES_DROPPED, 5000)
    garbage(bench, 5000, 50)
    assert bench.said() == []  # what was dropped was never looked at
    garbage(bench, 5000, 0)
    assert len(bench.said()) == 1


def test_parameters_that_were_set_again_are_told_by_name_and_value(bench: Bench) -> None:
    """After a reboot a person must not wonder which gain the device runs with."""
    io = bench.run_of_io.plan.io
    assert io is not None
    kp = ParameterPlan(name="kp", unit="V/rad", low=0, high=50, initial=9, value=9)
    limit = replace(kp, name="limit", unit="A")

    def keep(*parameters: ParameterPlan) -> None:
        bench.run_of_io.plan = replace(bench.role, io=replace(io, parameters=parameters))

    keep(kp, limit)
    bench.owner.add("parameters_restored", 2)
    assert bench.said() == []  # the first session
    bench.owner.add("parameters_restored", 2)
    assert bench.said() == []  # as the board file has them
    keep(replace(kp, value=12.5), limit)
    bench.owner.add("parameters_restored")
    bench.owner.set_gauge("parameters_unset", 1)
    assert bench.said() == []
    bench.owner.add("parameters_restored")
    bench.owner.set_gauge("parameters_unset", 0)
    assert bench.said() == ["mcu: parameters set again: kp = 12.5 V/rad"]
    assert bench.recorded[-1].kind is LinkKind.RESTORED


def test_a_refused_device_is_told_once_by_field(bench: Bench) -> None:
    """Another firmware behind the same port: which field, and what to do."""
    bench.up(10)
    bench.said()
    bench.lose(20, Fault.DEVICE_REBOOT, 8)
    bench.owner.set_gauge("refusal", lib.AMP_REFUSAL_SCHEMA)
    bench.owner.set_gauge("link", lib.AMP_SESSION_REFUSED)
    (lost,) = bench.said()
    assert lost == "mcu: link lost: the device has rebooted"
    assert bench.said() == []  # its dictionary is being read
    io = bench.run_of_io.plan.io
    assert io is not None
    bench.run_of_io.reports["refused"] = {
        "refusal": lib.AMP_REFUSAL_SCHEMA,
        "state": "whole",
        "dictionary": io.schema.replace("position f32 1", "position i16 0.001"),
        "lease_us": 10 * io.lease_ns // 1000,
        "state_period_us": io.state_period_ns // 2000,
        "board": "other",
    }
    (refused,) = bench.said()
    period_hz = 1e9 / io.state_period_ns
    assert refused == (
        "mcu: link refused: the device differs in the schema hash: signals, types, units or ranges:"
        " position: the firmware says i16, scale 0.001, the board file says f32, scale 1"
        f" ({dict(io.places)['send position']});"
        f" lease: the firmware says {io.lease_ns / 1e5:g} ms, the plan relies on"
        f" {io.lease_ns / 1e6:g} ms;"
        f" state rate: the firmware says {2 * period_hz:g} Hz, the board file says {period_hz:g} Hz"
        f" ({dict(io.places)['state_rate_hz']});"
        f" board: the firmware is for other, the board file is {io.board};"
        " build the firmware anew from the board file (amphost firmware new) and load it"
    )
    assert bench.said() == []


def test_what_a_firmware_says_is_recorded_and_not_shouted(bench: Bench) -> None:
    """It is for `amphost events` and the recording; the run's own output is the system's."""
    said = bench.view["mcu.said"]
    said.attach_writer(1)
    text = int.from_bytes(b"homing\x1b!", "little")
    said.publish(5, 0, (200, 51966, 1000, 0, 0, 0, 0, 0, 0, 0, 0, 0))
    said.publish(6, 0, (0, 0, 1001, 7, 0, 8, text, 0, 0, 0, 0, 0))
    assert bench.said() == []
    assert [(event.kind, event.text) for event in bench.recorded] == [
        (LinkKind.SAID, "event 200, argument 51966"),
        (LinkKind.SAID, "says: homing?! (7 came too fast and were dropped)"),
    ]
    assert bench.links.events == []
    bench.said()
    assert len(bench.recorded) == 2


def test_a_successor_of_the_io_role_makes_the_link_without_a_duration(bench: Bench) -> None:
    """Nobody knows when the link of a killed process was lost."""
    bench.up(10)
    bench.said()
    bench.up(500)
    assert bench.said() == ["mcu: link is back: same device, same boot"]
