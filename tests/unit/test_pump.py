"""The native pump as an io role sets it up: what is filled in, and how it ends."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from amphost._native.amp import ffi

from amphost.device import Session
from amphost.errors import MailboxError
from amphost.lifecycle import Fault
from amphost.plan.model import IoPlan, Plan
from amphost.pump import DEVICE_MODES, REFUSALS, SESSION_STATES, Pump, Pumps
from tests.unit.role_bench import RoleBench


@pytest.fixture
def bench(plan_of: Callable[..., Plan]) -> Iterator[RoleBench]:
    """The mailbox of the standard system, with a 10 ms period."""
    made = RoleBench(plan_of(("rate_hz: 1000", "rate_hz: 100")), "io")
    yield made
    made.close()


@pytest.fixture
def line() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A line: the pump's end and the device's."""
    near, far = socket.socketpair()
    near.setblocking(False)
    far.setblocking(False)
    with near, far:
        yield near, far


def io_of(bench: RoleBench) -> IoPlan:
    """Return the io plan of the role under test."""
    assert bench.role.io is not None
    return bench.role.io


def pump_of(bench: RoleBench, descriptor: int, io: IoPlan | None = None) -> Pump:
    """Set up a pump on the bench."""
    return Pump(bench.role, io or io_of(bench), bench.view, bench.facts, descriptor)


def test_every_figure_of_the_plan_reaches_the_pump(bench: RoleBench) -> None:
    """A lease or a bound that is planned and not handed on would protect nobody."""
    io = replace(io_of(bench), lease_ns=77_000_000, link_lost_ns=88_000_000, share_bytes=9001)
    native = pump_of(bench, 0, io).native
    timing, expected = native.timing, native.expected
    assert timing.period_ns == io.period_ns
    assert timing.origin_ns == bench.origin_ns
    assert timing.send_offset_ns == io.send_offset_ns
    assert timing.supervisor_ns == bench.role.supervisor_ns
    assert timing.lease_ns == io.lease_ns
    assert ffi.string(expected.board).decode() == io.board
    assert expected.schema_hash == io.schema_hash
    assert expected.lost_after_us == 88_000
    assert expected.lease_us_max == 77_000
    assert (native.share.bytes, native.share.frames) == (9001, io.share_frames)
    assert (expected.sends_count, expected.accepts_count) == (len(io.sends), len(io.accepts))
    assert native.role == bench.role.role_id
    assert native.sensed_word == io.sensed_word
    assert native.accept_words[0] == io.accepts[0].word
    assert native.source.line == bench.view["control"].native_channel.line
    assert native.channel.line == bench.view["io"].native_channel.line


@pytest.mark.parametrize(("nonce", "epoch"), [(0, 1), (0xFFFE, 1), (0xFFFF, 1), (1 << 55, 3)])
def test_every_run_has_a_session_number(bench: RoleBench, nonce: int, epoch: int) -> None:
    """0 means no session on the wire, and it has 16 bits."""
    facts = bench.facts
    facts.nonce, facts.epoch = nonce, epoch
    pump = Pump(bench.role, io_of(bench), bench.view, facts, 0)
    assert 1 <= pump.native.session_number <= 0xFFFF


def test_a_plan_out_of_range_is_refused_before_it_runs(bench: RoleBench) -> None:
    """A period of 0 would divide by it in a real-time loop."""
    with pytest.raises(MailboxError, match="pump of io: a figure"):
        pump_of(bench, 0, replace(io_of(bench), period_ns=0))


def test_it_ends_when_asked_and_accounts_for_every_period(
    bench: RoleBench, line: tuple[socket.socket, socket.socket]
) -> None:
    """ticks + skipped = expected, exactly; a device that never answers does not keep it."""
    pump = pump_of(bench, line[0].fileno())
    owner = bench.view["io"].owner
    assert bench.run(Pumps([pump]).run, lambda: owner.counter("ticks") >= 5) == "ended"
    expected = (owner.gauge("t_stop_ns") - owner.gauge("t0_ns")) // io_of(bench).period_ns
    assert owner.counter("ticks") + owner.counter("skipped") == expected
    assert owner.gauge("ready") == 0


def test_it_speaks_the_devices_language(
    bench: RoleBench, line: tuple[socket.socket, socket.socket]
) -> None:
    """What it sends first is an identify that a session of the same schema understands."""
    near, far = line
    pump = pump_of(bench, near.fileno())
    heard = bytearray()

    def meanwhile() -> bool:
        try:
            heard.extend(far.recv(4096))
        except BlockingIOError:
            return False
        return heard.count(0) >= 1

    assert bench.run(Pumps([pump]).run, meanwhile) == "ended"
    io = io_of(bench)
    session = Session(
        board=io.board,
        schema_hash=io.schema_hash,
        sends=io.sends,
        accepts=io.accepts,
        number=pump.native.session_number,
        now_us=0,
    )
    assert bytes(heard).startswith(session.pending(1))


def test_a_port_that_hangs_up_is_told_at_once_and_the_pump_goes_on(bench: RoleBench) -> None:
    """A cable that is out reads as an empty line for ever: the pump must not spin on it."""
    master, slave = os.openpty()
    os.set_blocking(slave, False)
    pump = pump_of(bench, slave)
    owner = bench.view["io"].owner

    def meanwhile() -> bool:
        if owner.counter("ticks") < 2:
            return False
        os.close(master)
        return True

    assert bench.run(Pumps([pump]).run, meanwhile, asks=False) == "port_lost"
    os.close(slave)
    assert owner.gauge("t_stop_ns") == 0
    assert Pumps([pump]).run() == "ended"  # the bench has asked for it meanwhile
    assert owner.faults()[1] == Fault.PORT
    assert SESSION_STATES[owner.gauge("link")] == "down"
    expected = (owner.gauge("t_stop_ns") - owner.gauge("t0_ns")) // io_of(bench).period_ns
    assert owner.counter("ticks") + owner.counter("skipped") == expected


def test_it_ends_by_itself_when_the_supervisor_is_gone(
    bench: RoleBench, line: tuple[socket.socket, socket.socket]
) -> None:
    """A killed supervisor must not leave a process at a real-time priority behind."""
    assert Pumps([pump_of(bench, line[0].fileno())]).run() == "supervisor_lost"


def test_a_pump_on_a_closed_segment_does_not_run(bench: RoleBench) -> None:
    """Its pointers would lead nowhere: an error of ours, not the end of the interpreter."""
    pump = pump_of(bench, 0)
    bench.view["control"].close()
    with pytest.raises(MailboxError, match="segment of control: it is closed"):
        Pumps([pump]).run()


def test_every_number_has_a_word_for_people() -> None:
    """A report that says `unknown` for a state that the C code has would hide it."""
    for words, enum in (
        (SESSION_STATES, "enum amp_session_state"),
        (REFUSALS, "enum amp_refusal"),
        (DEVICE_MODES, "enum amp_device_mode"),
    ):
        members = ffi.typeof(enum).relements
        numbers = {number for name, number in members.items() if not name.endswith("_COUNT")}
        assert set(words) == numbers, enum
