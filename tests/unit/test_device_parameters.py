"""Parameters of a device: from the board file to the pump, and from a person to the device."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from amphost._native.amp import ffi, lib

from amphost.errors import AmphostError
from amphost.lifecycle import RoleState
from amphost.link.loopback import parameter_of
from amphost.plan.line import schema_hash
from amphost.plan.model import IoPlan, Plan
from amphost.pump import Pump
from amphost.spec.parameters import PARAMETERS_MAX
from amphost.supervisor.control_socket import Peer, Request
from amphost.supervisor.events import Events
from amphost.supervisor.runs import RoleRun
from amphost.supervisor.settings import Settings
from amphost.watchdog import Watchdog
from tests.unit.role_bench import RoleBench

PEER = Peer(uid=1000, pid=4242)
ACCEPTS = "    accepts:\n"
PARAMETERS = """\
    parameters:
      kp: {unit: V/rad, range: [0, 50], initial: 9}
      limit: {unit: A, range: [0, 20], initial: 10}
    accepts:
"""


@pytest.fixture
def plan(plan_of: Callable[..., Plan]) -> Plan:
    """The standard system, its device with two parameters."""
    return plan_of(board=((ACCEPTS, PARAMETERS),))


def io_of(plan: Plan) -> IoPlan:
    """Return the plan of the link."""
    io = next(role.io for role in plan.roles if role.name == "io")
    assert io is not None
    return io


class Bench(RoleBench):
    """An io role's queue and answers, with the supervisor's settings at the other end.

    Synchronization: one thread.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan, "io")
        self.watchdog = Watchdog(plan.supervisor, self.segments.mapped)
        ids = {role.name: role.role_id for role in plan.roles}
        self.events = Events(self.segments.mapped["events"], ids)
        self.runs = {
            role.name: RoleRun(plan=role, state=RoleState.RUNNING, epoch=1) for role in plan.roles
        }
        self.settings = Settings(plan, self.segments.mapped, self.runs, self.watchdog, self.events)
        self.inbox = ffi.new("struct amp_inbox *")
        channel = ffi.addressof(self.view["io.commands"].native_channel, 0)
        owner = self.view["io"].owner.native
        assert lib.amp_inbox_open(self.inbox, owner, channel, 1) == 0

    def set(self, **values: float) -> dict[str, Any]:
        """Set as a client does; `__` stands for the dot of a name."""
        named = {key.replace("__", "."): value for key, value in values.items()}
        return self.settings.answer(Request(verb="set", fields={"values": named}, peer=PEER))

    def answer(self, result: int, device_us: int) -> tuple[int, float]:
        """Take a message as the pump does, and answer it; return which parameter, and its value."""
        words = ffi.new("const uint64_t **")
        now_ns = time.monotonic_ns()
        assert lib.amp_inbox_next(self.inbox, now_ns, words) == lib.AMP_TUNING_APPLIED
        bits = ffi.new("uint64_t *", words[0][2])
        asked = int(words[0][1]), float(ffi.cast("double *", bits)[0])
        lib.amp_inbox_answer(self.inbox, result, device_us, now_ns)
        self.settings.turn()
        return asked

    def shown(self, name: str) -> dict[str, Any]:
        """Return what `amphost get` shows of a name."""
        fields = {"names": [name]}
        reply = self.settings.answer(Request(verb="get", fields=fields, peer=PEER))
        return dict(reply["values"][0])


@pytest.fixture
def bench(plan: Plan) -> Iterator[Bench]:
    """A bench."""
    made = Bench(plan)
    yield made
    made.close()


def test_they_are_part_of_the_schema(plan: Plan, plan_of: Callable[..., Plan]) -> None:
    """A firmware with other parameters, or other ranges of them, is refused by name."""
    io, without = io_of(plan), io_of(plan_of())
    assert io.schema.endswith("parameter kp V/rad 0 50 9\nparameter limit A 0 20 10\n")
    assert io.schema.startswith(without.schema)
    assert io.schema_hash == schema_hash(io.schema) != without.schema_hash


def test_a_device_without_any_has_no_queue(plan_of: Callable[..., Plan]) -> None:
    """A segment that nobody uses would be there for nothing."""
    plan = plan_of()
    assert io_of(plan).commands == ""
    assert plan.supervisor.commands == ()


def test_the_pump_begins_with_the_plans_values(plan: Plan) -> None:
    """A successor is handed what was set, and not what the board file says."""
    io = io_of(plan)
    kp, limit = io.parameters
    io = replace(io, parameters=(replace(kp, value=12.5), limit))
    bench = RoleBench(plan, "io")
    native = Pump(bench.role, io, bench.view, bench.facts, 0).native
    found = [
        (one.low, one.high, one.value) for one in native.parameters[0 : native.parameter_count]
    ]
    assert found == [(0, 50, 12.5), (0, 20, 10)]
    assert native.epoch == 1
    bench.close()


def test_the_limit_is_that_of_the_native_code() -> None:
    """Else `check` would accept what the pump refuses."""
    assert PARAMETERS_MAX == lib.AMP_PUMP_PARAMETERS_MAX


def test_a_value_holds_once_the_device_has_acknowledged_it(bench: Bench) -> None:
    """Nothing is shown as set that is only on its way."""
    sent = bench.set(io__kp=12.5)
    assert sent["state"] == "sent"
    bench.settings.turn()
    assert bench.shown("io.kp")["value"] == 9
    assert bench.answer(lib.AMP_TUNING_APPLIED, 4_522_800) == (0, 12.5)
    outcome = bench.settings.tuning.outcome(sent["id"])
    assert outcome == {"state": "applied", "role": "io", "device_us": 4_522_800}
    shown = bench.shown("io.kp")
    assert (shown["value"], shown["by"], shown["pid"]) == (12.5, "set", PEER.pid)
    io = bench.runs["io"].plan.io
    assert io is not None
    assert [one.value for one in io.parameters] == [12.5, 10]
    assert [one.initial for one in io.parameters] == [9, 10]


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (lib.AMP_TUNING_ABSENT, "its device is not there"),
        (lib.AMP_TUNING_EXPIRED, "the device did not acknowledge it in time"),
        (lib.AMP_TUNING_RANGE, "it is out of the range that the device keeps"),
        (lib.AMP_TUNING_UNKNOWN, "the device knows no such parameter"),
    ],
)
def test_a_refusal_says_why_and_changes_nothing(bench: Bench, result: int, reason: str) -> None:
    """The person at the keyboard learns whether to try again, and what to mend."""
    sent = bench.set(io__limit=3)
    assert bench.answer(result, 0) == (1, 3.0)
    outcome = bench.settings.tuning.outcome(sent["id"])
    assert outcome == {"state": "refused", "role": "io", "reason": reason}
    assert bench.shown("io.limit")["value"] == 10


def test_what_cannot_be_is_refused_before_it_is_sent(bench: Bench) -> None:
    """By range with its unit, and more than one at once, since each is acknowledged by itself."""
    with pytest.raises(AmphostError, match=r"io\.kp: 51 is not within 0 to 50 V/rad"):
        bench.set(io__kp=51)
    with pytest.raises(AmphostError, match="a device takes its parameters one at a time"):
        bench.set(io__kp=5, io__limit=5)
    bench.set(io__kp=5)
    with pytest.raises(AmphostError, match=r"io\.kp is being changed already; try again"):
        bench.set(io__kp=6)
    bench.set(io__limit=5)  # another one may be on its way as well
    assert bench.answer(lib.AMP_TUNING_APPLIED, 0) == (0, 5.0)
    assert bench.answer(lib.AMP_TUNING_APPLIED, 0) == (1, 5.0)


def test_the_event_says_who_set_what_and_when(bench: Bench) -> None:
    """A recording tells which number the device ran with from when on."""
    bench.set(io__kp=12.5)
    bench.answer(lib.AMP_TUNING_APPLIED, 4_522_800)
    (event,) = bench.events.page(0)["events"]
    said = "io.kp 9 -> 12.5, acknowledged by io's device at 4.522800 s of its clock"
    assert event["text"] == said
    assert event["tick"] == 4_522_800


def test_a_twins_event_tells_which_and_what() -> None:
    """The device's own journal is what a test believes."""
    assert parameter_of(1 << 32 | 0xBF000000) == (1, -0.5)
