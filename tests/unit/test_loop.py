"""The native loop as a control role sets it up: what is filled in, how it ends, what it does."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from amphost._native.amp import lib

from amphost.errors import MailboxError
from amphost.lifecycle import Fault, Mode
from amphost.loop import Loop, load_program
from amphost.mailbox import FLAG_ARMED, FLAG_AT_SAFE
from amphost.plan.model import ControlPlan, Plan
from tests.unit.role_bench import RoleBench

PATIENT = (
    ("rate_hz: 1000", "rate_hz: 100\n    blackout_ms: 5000"),
    ("safe_within_ms: 200", "safe_within_ms: 20000"),
    (
        "position: io.position",
        "position: {from: io.position, max_age_ms: 5000, trip_after_ms: 5000}",
    ),
)


@pytest.fixture
def bench(plan_of: Callable[..., Plan]) -> Iterator[RoleBench]:
    """The mailbox of the standard system, with bounds that a busy test machine keeps."""
    made = RoleBench(plan_of(*PATIENT), "control")
    yield made
    made.close()


def control_of(bench: RoleBench) -> ControlPlan:
    """Return the control plan of the role under test."""
    assert bench.role.control is not None
    return bench.role.control


def loop_of(bench: RoleBench, control: ControlPlan | None = None) -> Loop:
    """Set up a loop on the bench."""
    return Loop(bench.role, control or control_of(bench), bench.view, bench.origin_ns)


def test_every_figure_of_the_plan_reaches_the_loop(bench: RoleBench) -> None:
    """A bound that is planned and printed but not handed on would protect nobody."""
    control = control_of(bench)
    native = loop_of(bench, control).native
    timing = native.timing
    assert timing.origin_ns == bench.origin_ns
    assert timing.supervisor_ns == bench.role.supervisor_ns
    for name in ("period_ns", "offset_ns", "budget_ns", "deadline_ns", "blackout_ns"):
        assert getattr(timing, name) == getattr(control, name), name
    for name in ("overruns_in_row", "overruns_per_s"):
        assert getattr(timing, name) == getattr(control, name), name
    assert native.role == bench.role.role_id
    assert (native.tick_word, native.sensed_word) == (control.tick_word, control.sensed_word)
    assert native.output_count == len(control.outputs) == 1
    output, planned = native.outputs[0], control.outputs[0]
    for name in ("word", "low", "high", "slew_per_s", "safe", "ramp_per_s"):
        assert getattr(output, name) == getattr(planned, name), name
    assert planned.ramp_per_s == 2000


@pytest.mark.parametrize(
    ("wait", "kind"),
    [("sleep", lib.AMP_PACE_SLEEP), ("hybrid", lib.AMP_PACE_HYBRID), ("spin", lib.AMP_PACE_SPIN)],
)
def test_how_it_waits_reaches_the_loop(bench: RoleBench, wait: str, kind: int) -> None:
    """The margin is measured here and then, and its limit is the plan's."""
    loop = loop_of(bench, replace(control_of(bench), wait=wait, margin_most_ns=77_000))
    pace = loop.native.pace
    assert (pace.kind, pace.margin_most_ns) == (kind, 77_000)
    loop.calibrate()
    measured = pace.wakeup_ns > 0
    assert measured == (wait != "sleep")
    assert measured == (pace.margin_ns > 0)
    assert pace.margin_ns <= 77_000


def test_every_input_has_its_source_and_contract(bench: RoleBench) -> None:
    """An input wired to another role's word, or without its age, is read without a warning."""
    control = control_of(bench)
    by_name = {one.name: index for index, one in enumerate(control.inputs)}
    position = control.inputs[by_name["position"]]
    unbounded = replace(
        position,
        low=None,
        high=None,
        stale="ramp",
        stale_value=1.5,
        stale_ramp_per_s=3.0,
        max_age_ns=7,
        trip_after_ns=9,
    )
    inputs = tuple(unbounded if one is position else one for one in control.inputs)
    native = loop_of(bench, replace(control, inputs=inputs)).native
    assert native.input_count == len(inputs)
    assert native.source_count == len({one.role for one in inputs})
    for index, one in enumerate(inputs):
        channel = native.sources[native.inputs[index].source].channel
        expected = bench.view[one.role].native_channel
        assert channel.line == expected.line, one.name
        assert native.inputs[index].word == one.word
    ramped = native.inputs[by_name["position"]]
    assert (ramped.low, ramped.high) == (-math.inf, math.inf)
    assert (ramped.stale_value, ramped.stale_ramp_per_s) == (1.5, 3.0)
    assert (ramped.max_age_ns, ramped.trip_after_ns) == (7, 9)
    holding = loop_of(bench, control).native.inputs[by_name["position"]]
    assert ramped.stale != holding.stale


def test_a_program_that_would_read_outside_is_refused(bench: RoleBench) -> None:
    """The law runs without checks: it is checked once, here, and the place is named."""
    program = control_of(bench).program
    sources = tuple(10_000 for _ in program.sources)
    with pytest.raises(MailboxError, match="instruction 0"):
        load_program(replace(program, sources=sources))


def test_a_plan_out_of_range_is_refused_before_it_runs(bench: RoleBench) -> None:
    """A period of 0 would spin for ever at a real-time priority."""
    with pytest.raises(MailboxError, match="loop of control: a figure"):
        loop_of(bench, replace(control_of(bench), period_ns=0))


def test_it_ends_when_asked_and_accounts_for_every_period(bench: RoleBench) -> None:
    """ticks + skipped = expected, exactly, whatever the host did meanwhile."""
    loop = loop_of(bench)
    owner = bench.view["control"].owner
    assert bench.run(loop.run, lambda: owner.counter("ticks") >= 5) == "ended"
    period_ns = control_of(bench).period_ns
    expected = (owner.gauge("t_stop_ns") - owner.gauge("t0_ns")) // period_ns
    assert owner.counter("ticks") + owner.counter("skipped") == expected
    assert owner.heartbeat()[1] == "end"
    assert (owner.gauge("t0_ns") - bench.origin_ns - control_of(bench).offset_ns) % period_ns == 0


def test_releases_lie_at_its_phase_of_the_grid(bench: RoleBench) -> None:
    """Roles that read each other count on who goes first."""
    control = replace(control_of(bench), offset_ns=137_000)
    loop = loop_of(bench, control)
    owner = bench.view["control"].owner
    assert bench.run(loop.run, lambda: owner.counter("ticks") >= 5) == "ended"
    behind_ns = (owner.gauge("t0_ns") - bench.origin_ns) % control.period_ns
    assert behind_ns == 137_000
    expected = (owner.gauge("t_stop_ns") - owner.gauge("t0_ns")) // control.period_ns
    assert owner.counter("ticks") + owner.counter("skipped") == expected


def test_it_ends_by_itself_when_the_supervisor_is_gone(bench: RoleBench) -> None:
    """A killed supervisor must not leave a process at a real-time priority behind."""
    loop = loop_of(bench)
    began_ns = time.monotonic_ns()
    assert loop.run() == "supervisor_lost"
    assert time.monotonic_ns() - began_ns >= bench.role.supervisor_ns


def test_armed_it_runs_the_law_and_safe_again_it_says_so(bench: RoleBench) -> None:
    """The whole way: an act of arming, inputs, the compiled law, the guarded output, its flags."""
    loop = loop_of(bench)
    io = bench.writer("io")
    assert io.plan.channel is not None
    names = [signal.name for signal in io.plan.channel.signals]
    bench.supervisor.publish(time.monotonic_ns(), 0, [1.5])
    seen: list[tuple[int, float]] = []

    def meanwhile() -> bool:
        values = dict.fromkeys(names, 0) | {"position": 0.25}
        io.publish(time.monotonic_ns(), 0, [values[name] for name in names])
        own = bench.view["control"]
        latest = own.latest()
        if latest is not None and own.owner.gauge("ready") and not bench.system.mode()[1]:
            bench.system.set_mode(Mode.ARMED, 1)
        if latest is None:
            return False
        voltage = latest[3][control_of(bench).outputs[0].word]
        seen.append((latest[2] >> 32, voltage))
        return bool(voltage == pytest.approx(2.5))  # gain 2.0 of 1.5 - 0.25

    assert bench.run(loop.run, meanwhile) == "ended"
    armed = [voltage for flags, voltage in seen if flags & FLAG_ARMED]
    assert armed
    assert armed[-1] == pytest.approx(2.5)
    assert all(voltage == 0 for flags, voltage in seen if not flags & FLAG_ARMED)
    latest = bench.view["control"].latest()
    assert latest is not None
    assert latest[2] >> 32 & FLAG_AT_SAFE
    assert bench.view["control"].owner.gauge("first_armed_ns") > 0


def test_each_trip_says_what_it_was(bench: RoleBench) -> None:
    """The latch keeps the first fault of all; who asks why this act ended must hear this one."""
    loop = loop_of(bench)
    io = bench.writer("io")
    owner = bench.view["control"].owner
    names = [signal.name for signal in io.plan.channel.signals] if io.plan.channel else []
    trips: list[tuple[int, int]] = []

    def publish(position: float) -> None:
        values: dict[str, float] = dict.fromkeys(names, 0) | {"position": position}
        io.publish(time.monotonic_ns(), 0, list(values.values()))
        bench.supervisor.publish(time.monotonic_ns(), 0, [0.0])

    def meanwhile() -> bool:
        act = len(trips) + 1
        if owner.gauge("refused_arming") == act:
            trips.append(owner.trip())
            bench.system.set_mode(Mode.ARMED, act + 1)  # at once: the input is still invalid
        elif act == 1 and owner.gauge("ready"):
            bench.system.set_mode(Mode.ARMED, 1)
        publish(math.nan if owner.gauge("armed") or trips else 0.0)
        return len(trips) == 2

    assert bench.run(loop.run, meanwhile) == "ended"
    position = [one.name for one in control_of(bench).inputs].index("position")
    assert trips == [(Fault.INPUT_INVALID, position), (Fault.INPUT_STALE, -1)]
    assert owner.faults()[1] == Fault.INPUT_INVALID


def test_a_loop_on_a_closed_segment_does_not_run(bench: RoleBench) -> None:
    """Its pointers would lead nowhere: an error of ours, not the end of the interpreter."""
    loop = loop_of(bench)
    bench.view["io"].close()
    with pytest.raises(MailboxError, match="segment of io: it is closed"):
        loop.run()
