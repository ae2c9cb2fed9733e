"""The plan of a control role: its inputs with their freshness, its outputs with their guards.

Rules. Pure. What the spec leaves out is a formula of `amphost.timing`. An operator's value has no
freshness contract unless the spec sets one: it stands until somebody sets another, and when the
supervisor that publishes it is gone, its heartbeat says so.
"""

from __future__ import annotations

from amphost import timing
from amphost.laws.compile import compile_law
from amphost.laws.tuning import tunable_blocks
from amphost.plan.code import code_plan
from amphost.plan.follow import control_follow
from amphost.plan.layout import SUPERVISOR
from amphost.plan.model import ControlPlan, InputPlan, OutputPlan, ProgramPlan
from amphost.plan.supervision import commands_name, has_commands
from amphost.plan.wait import wait_of
from amphost.plan.wiring import SENSED, TICK, Wiring, device_of
from amphost.spec.load import LoadedSpec
from amphost.spec.model import ControlRole, IoRole, ReadSpec, WriteSpec

NO_PROGRAM = ProgramPlan(
    instructions=(),
    sources=(),
    outputs=(),
    parameters=(),
    state_count=0,
    registers=(),
    tunable=(),
)
"""Beside a law in C."""


def control_plan(
    loaded: LoadedSpec,
    wiring: Wiring,
    name: str,
    role: ControlRole,
    floor_ns: int,
    shares: tuple[str, ...] = (),
) -> ControlPlan:
    """Decide everything about a control role but where it runs; `shares` its core with it."""
    own = wiring.writers[name]
    period_ns = own.period_ns
    outputs = tuple(
        output_plan(key, own.word(key), one, _device_ramp(loaded, f"{name}.{key}"))
        for key, one in role.writes.items()
    )
    inputs = tuple(_input_plan(wiring, key, read, floor_ns) for key, read in role.reads.items())
    code = code_plan(loaded, "roles", name)
    program = NO_PROGRAM if code is not None else _program(loaded, name, role, outputs, period_ns)
    return ControlPlan(
        period_ns=period_ns,
        offset_ns=timing.ms_ns(role.phase_ms),
        budget_ns=_set(role.budget_ms, timing.budget_ns(period_ns)),
        deadline_ns=_set(role.deadline_ms, timing.deadline_ns(period_ns)),
        blackout_ns=_set(role.blackout_ms, timing.blackout_ns(period_ns, floor_ns)),
        overruns_in_row=timing.OVERRUNS_IN_ROW,
        overruns_per_s=timing.OVERRUNS_PER_S,
        wait=wait_of(role, shares),
        margin_most_ns=timing.margin_most_ns(period_ns),
        inputs=inputs,
        outputs=outputs,
        tick_word=own.word(TICK),
        sensed_word=own.word(SENSED),
        program=program,
        tunables=tunable_blocks(
            loaded.laws[name],
            program,
            {one.name: (one.low, one.high) for one in outputs},
            {one.name: one.unit for one in inputs} | {one.name: one.unit for one in outputs},
        ),
        commands=commands_name(name) if has_commands(loaded, name) else "",
        follow=control_follow(loaded, role, period_ns, timing.ms_ns(role.phase_ms)),
        code=code,
    )


def _program(
    loaded: LoadedSpec,
    name: str,
    role: ControlRole,
    outputs: tuple[OutputPlan, ...],
    period_ns: int,
) -> ProgramPlan:
    return compile_law(
        loaded.laws[name],
        tuple(role.reads),
        [(one.name, one.low, one.high) for one in outputs],
        dt_s=period_ns / 1e9,
    )


def output_plan(name: str, word: int, write: WriteSpec, device_ramp_per_s: float) -> OutputPlan:
    """Return an output with its guard; its way to safe is the device's unless it has its own."""
    low, high = write.range
    return OutputPlan(
        name=name,
        word=word,
        unit=write.unit,
        low=low,
        high=high,
        slew_per_s=write.slew_per_s or 0.0,
        safe=write.safe,
        ramp_per_s=write.ramp_per_s or device_ramp_per_s,
    )


def _device_ramp(loaded: LoadedSpec, source: str) -> float:
    """Return the slowest ramp of the device values that read `source`; 0: at once."""
    ramps = [
        device_of(loaded, role).accepts[accept].ramp_per_s or 0.0
        for role in loaded.spec.roles.values()
        if isinstance(role, IoRole)
        for accept, read in role.reads.items()
        if read.source == source
    ]
    return min((ramp for ramp in ramps if ramp > 0), default=0.0)


def _input_plan(wiring: Wiring, name: str, read: ReadSpec, floor_ns: int) -> InputPlan:
    source = wiring.source(read.source)
    producer = source.writer
    default_ns = (
        0 if producer.role == SUPERVISOR else timing.max_age_ns(producer.period_ns, floor_ns)
    )
    max_age_ns = _set(read.max_age_ms, default_ns)
    waits = max_age_ns > 0 and read.stale in ("hold", "ramp")
    return InputPlan(
        name=name,
        role=producer.role,
        word=source.word,
        type=source.signal.type,
        unit=source.signal.unit,
        low=source.signal.low,
        high=source.signal.high,
        max_age_ns=max_age_ns,
        stale=read.stale,
        stale_value=read.stale_value or 0.0,
        stale_ramp_per_s=read.stale_ramp_per_s or 0.0,
        trip_after_ns=_set(read.trip_after_ms, timing.trip_after_ns(floor_ns)) if waits else 0,
    )


def _set(milliseconds: float | None, default_ns: int) -> int:
    return default_ns if milliseconds is None else timing.ms_ns(milliseconds)
