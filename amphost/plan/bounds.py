"""What a plan promises: every bound with its formula, and the chain of single faults.

Rules. Pure. Computed from the finished role plans, so that what is printed is what runs. A bound
whose value differs from its formula was set in the spec, and its row says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from amphost import timing
from amphost.plan.layout import SUPERVISOR
from amphost.plan.model import (
    AcceptPlan,
    BoundPlan,
    ChainRow,
    ControlPlan,
    InputPlan,
    IoPlan,
    RolePlan,
)
from amphost.plan.wiring import Wiring

WATCHDOG_PERIOD_NS = 2 * timing.NS_PER_MS
SET = "set in the spec"


def chain_rows(roles: Sequence[RolePlan], wiring: Wiring) -> tuple[ChainRow, ...]:
    """Compute the time to safe after every single fault that reaches an output."""
    by_name = {role.name: role for role in roles}
    direct = [
        _path(by_name.get(source), role, io, wiring)
        for role, io in _devices(roles)
        for source in dict.fromkeys(accept.role for accept in io.accepts)
    ]
    relayed = [
        _relayed(role, control, path, wiring)
        for role, control in _controls(roles)
        if _feeds_control(role.name, roles) and role.name not in {one.source for one in direct}
        for path in direct
        if path.blackout_ns is not None
    ]
    return timing.chain((*direct, *relayed))


def bound_rows(
    roles: Sequence[RolePlan], loopback: Sequence[str], wiring: Wiring, floor_ns: int
) -> tuple[BoundPlan, ...]:
    """List every bound that stands in the plan; `loopback` names the devices on this host."""
    rows: list[BoundPlan] = []
    for role in roles:
        if role.control is not None:
            rows += _control_rows(role.name, role.control, floor_ns)
            rows += _input_rows(role.name, role.control, wiring, floor_ns)
        if role.io is not None:
            rows += _io_rows(role.io, floor_ns, loopback=role.io.device in loopback)
        rows.append(_heartbeat_row(role))
    rows.append(
        _row("supervisor's heartbeat", timing.SUPERVISOR_NS, "100 ms", "control and io roles")
    )
    rows += _stop_rows(roles)
    return tuple(rows)


def _controls(roles: Sequence[RolePlan]) -> Iterator[tuple[RolePlan, ControlPlan]]:
    return ((role, role.control) for role in roles if role.control is not None)


def _devices(roles: Sequence[RolePlan]) -> Iterator[tuple[RolePlan, IoPlan]]:
    return ((role, role.io) for role in roles if role.io is not None)


def _feeds_control(name: str, roles: Sequence[RolePlan]) -> bool:
    return any(one.role == name for _, control in _controls(roles) for one in control.inputs)


def _path(source: RolePlan | None, role: RolePlan, io: IoPlan, wiring: Wiring) -> timing.OutputPath:
    """Return the way from a source to a device; None stands for the operator."""
    control = None if source is None else source.control
    name = SUPERVISOR if source is None else source.name
    words = {accept.word for accept in io.accepts if accept.role == name}
    device_ramp_ns = max(map(_accept_ramp_ns, io.accepts), default=0)
    own_ramp_ns = 0 if control is None else _longest_ramp_ns(control, words)
    return timing.OutputPath(
        source=name,
        io=role.name,
        relay_ns=None,
        period_ns=wiring.writers[name].period_ns,
        frame_period_ns=io.period_ns,
        lease_ns=io.lease_ns,
        blackout_ns=None if control is None else control.blackout_ns,
        device_ramp_ns=device_ramp_ns,
        trip_ramp_ns=max(device_ramp_ns, own_ramp_ns),
        inputs=() if control is None else _input_bounds(control, wiring),
    )


def _relayed(
    role: RolePlan, control: ControlPlan, path: timing.OutputPath, wiring: Wiring
) -> timing.OutputPath:
    """Return the way of a control role that feeds a device through the control role of `path`.

    Its trip reaches that role by the e-stop word: the watchdog's next pass, then a period.
    """
    return timing.OutputPath(
        source=role.name,
        io=path.io,
        relay_ns=WATCHDOG_PERIOD_NS + path.period_ns,
        period_ns=control.period_ns,
        frame_period_ns=path.frame_period_ns,
        lease_ns=path.lease_ns,
        blackout_ns=control.blackout_ns,
        device_ramp_ns=path.device_ramp_ns,
        trip_ramp_ns=path.trip_ramp_ns,
        inputs=_input_bounds(control, wiring),
    )


def _input_bounds(control: ControlPlan, wiring: Wiring) -> tuple[timing.InputBound, ...]:
    return tuple(
        timing.InputBound(
            name=_source_name(one, wiring),
            producer_period_ns=wiring.writers[one.role].period_ns,
            stale_ns=_stale_ns(one),
        )
        for one in control.inputs
    )


def _source_name(one: InputPlan, wiring: Wiring) -> str:
    writer = wiring.writers[one.role]
    role = "operator" if one.role == SUPERVISOR else one.role
    return f"{role}.{writer.signals[one.word].name}"


def _stale_ns(one: InputPlan) -> tuple[int, int] | None:
    if one.max_age_ns == 0:
        return None
    if one.stale == "trip" or one.trip_after_ns > 0:
        return one.max_age_ns, one.trip_after_ns
    return None


def _accept_ramp_ns(one: AcceptPlan) -> int:
    return timing.ramp_ns(one.low, one.high, one.safe, one.ramp_per_s)


def _longest_ramp_ns(control: ControlPlan, words: set[int]) -> int:
    """Return the longest way to safe of the outputs in `words`."""
    return max(
        timing.ramp_ns(one.low, one.high, one.safe, one.ramp_per_s)
        for one in control.outputs
        if one.word in words
    )


def _row(
    subject: str, bound_ns: int, formula: str, enforced_by: str, default_ns: int | None = None
) -> BoundPlan:
    return BoundPlan(
        subject=subject,
        bound_ns=bound_ns,
        formula=formula if default_ns in (None, bound_ns) else SET,
        enforced_by=enforced_by,
    )


def _control_rows(name: str, control: ControlPlan, floor_ns: int) -> Iterator[BoundPlan]:
    period_ns = control.period_ns
    default_ns = timing.budget_ns(period_ns)
    yield _row(f"{name}: budget", control.budget_ns, "0.5 T", "loop: overrun", default_ns)
    default_ns = timing.deadline_ns(period_ns)
    yield _row(f"{name}: deadline", control.deadline_ns, "T", "loop: deadline miss", default_ns)
    default_ns = timing.blackout_ns(period_ns, floor_ns)
    formula = "max(5 T, floor)"
    yield _row(f"{name}: blackout", control.blackout_ns, formula, "loop: trip", default_ns)


def _input_rows(
    name: str, control: ControlPlan, wiring: Wiring, floor_ns: int
) -> Iterator[BoundPlan]:
    for one in control.inputs:
        if one.max_age_ns == 0:
            continue
        subject = f"{name} reads {_source_name(one, wiring)}"
        default_ns = timing.max_age_ns(wiring.writers[one.role].period_ns, floor_ns)
        formula = "max(5 P, floor)"
        who = f"loop: {one.stale}"
        yield _row(f"{subject}: max age", one.max_age_ns, formula, who, default_ns)
        if one.trip_after_ns:
            default_ns = timing.trip_after_ns(floor_ns)
            formula = "max(20 ms, floor)"
            who = "loop: trip"
            yield _row(f"{subject}: trip after", one.trip_after_ns, formula, who, default_ns)


def _io_rows(io: IoPlan, floor_ns: int, *, loopback: bool) -> Iterator[BoundPlan]:
    default_ns = timing.lease_ns(io.period_ns, floor_ns, loopback=loopback)
    formula = f"max(5 F, {'floor' if loopback else '50 ms'})"
    if io.emulated:
        default_ns, formula = timing.emulated_ns(default_ns), "max(5 F, 250 ms)"
    if io.accepts:
        yield _row(f"{io.device}: lease", io.lease_ns, formula, "device: safe", default_ns)
    formula = f"max(5 F, 5 states, {250 if io.emulated else 50} ms)"
    yield _row(f"{io.device}: link lost", io.link_lost_ns, formula, "pump: trip")
    formula = f"20 % bad, {io.share_bytes} bytes"
    yield _row(f"{io.device}: babbles", timing.JUDGED_NS, formula, "pump: isolates it")
    if io.accepts:
        yield _row(f"{io.device}: reads nothing", io.lease_ns // 2, "L / 2", "pump: isolates it")


def stop_safe_ns(roles: Sequence[RolePlan]) -> int:
    """Return the time from the request to stop until every output is safe; 0 without control."""
    controls = [control for _, control in _controls(roles)]
    if not controls:
        return 0
    ramps_ns = [
        timing.ramp_ns(one.low, one.high, one.safe, one.ramp_per_s)
        for control in controls
        for one in control.outputs
    ]
    ramps_ns += [_accept_ramp_ns(one) for _, io in _devices(roles) for one in io.accepts]
    slowest_ns = max(control.period_ns for control in controls)
    return timing.stop_safe_ns(max(ramps_ns), slowest_ns)


def _stop_rows(roles: Sequence[RolePlan]) -> Iterator[BoundPlan]:
    safe_ns = stop_safe_ns(roles)
    if safe_ns:
        yield _row("stop: outputs safe", safe_ns, "ramp + 2 T", "control and io roles")
    last_ns = safe_ns + timing.STOP_NS
    yield _row("stop: last process gone", last_ns, "outputs safe + 2 s", "supervisor")


def _heartbeat_row(role: RolePlan) -> BoundPlan:
    subject = f"{role.name}: heartbeat"
    if role.telemetry is not None:
        return _row(subject, role.heartbeat_ns, "max(3 beats, 5 s)", "supervisor: restart")
    program = role.python or role.exec
    if program is not None:
        default_ns = timing.program_heartbeat_ns(program.period_ns)
        formula = "max(3 T, 1 s)"
        if role.kind == "worker":
            return _row(subject, role.heartbeat_ns, "within_ms", "supervisor: restart")
        return _row(subject, role.heartbeat_ns, formula, "supervisor: restart", default_ns)
    formula = "max(5 T, floor)" if role.control is not None else "max(5 F, floor)"
    return _row(subject, role.heartbeat_ns, formula, "watchdog thread: trip")
