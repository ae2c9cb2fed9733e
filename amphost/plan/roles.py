"""The plan of each role: what its process gets, and its segment.

Rules. Pure. Only native roles are real-time: control and io run under SCHED_FIFO with their memory
locked, everything else runs under SCHED_OTHER, a little nicer than a shell, but for a user's role
that asks for a priority. RLIMIT_RTTIME ends a real-time role that never sleeps. A role is handed
the segments that it reads, the supervisor's first, because mode and e-stop stand there.
"""

from __future__ import annotations

import os.path
from pathlib import Path
from typing import Any

from amphost import timing
from amphost.plan import layout
from amphost.plan.control import control_plan
from amphost.plan.device import io_plan
from amphost.plan.link_segments import (
    link_segments,
    recorded_names,
    said_name,
    tally_name,
    tap_name,
)
from amphost.plan.model import RolePlan, SegmentPlan, StreamPlan, TelemetryPlan, TrackingPlan
from amphost.plan.programs import exec_plan, fault_class, python_plan
from amphost.plan.supervision import commands_name, has_commands, supervision_segments
from amphost.plan.wiring import (
    DRAIN_PERIOD_NS,
    FLUSH_PERIOD_NS,
    Wiring,
    frame_source,
    role_period_ns,
)
from amphost.plan.workers import queue_name, queue_segments, results_depth
from amphost.spec.load import LoadedSpec
from amphost.spec.model import (
    ControlRole,
    ExecRole,
    IoRole,
    PythonRole,
    RoleSpec,
    TelemetryRole,
    WorkerRole,
)
from amphost.spec.program_roles import cores_of, worker_names

RTTIME_US = 200_000
TIMER_SLACK_NS = 1
OBSERVER_TIMER_SLACK_NS = 50_000
OBSERVER_NICE = 5
MB = 1_000_000


def segment_plans(loaded: LoadedSpec, wiring: Wiring, page_size: int) -> dict[str, SegmentPlan]:
    """Lay out every segment, the supervisor's first."""
    roles = {
        name: layout.segment(
            role=name,
            role_id=writer.role_id,
            page_size=page_size,
            signals=writer.signals,
            writer_period_ns=writer.period_ns,
            follower_periods_ns=[
                role_period_ns(loaded, wiring, reader) for reader in wiring.readers(name)
            ],
            depth=results_depth(loaded, name),
        )
        for name, writer in wiring.writers.items()
    }
    queues = queue_segments(loaded, wiring, page_size)
    links = link_segments(loaded, wiring, page_size)
    return roles | supervision_segments(loaded, page_size) | queues | links


def role_plan(
    loaded: LoadedSpec,
    wiring: Wiring,
    segments: dict[str, SegmentPlan],
    name: str,
    *,
    floor_ns: int,
    shares: tuple[str, ...],
    base: Path,
) -> RolePlan:
    """Decide everything about one role."""
    role = loaded.spec.roles[name]
    native = isinstance(role, (ControlRole, IoRole))
    priority = getattr(role, "priority", None) or 0
    period_ns = role_period_ns(loaded, wiring, name)
    return RolePlan(
        system=loaded.spec.name,
        name=name,
        role_id=wiring.writers[name].role_id,
        kind=role.kind,
        cores=cores_of(role),
        policy="fifo" if priority else "other",
        priority=priority,
        nice=0 if priority else OBSERVER_NICE,
        lock_memory=native,
        timer_slack_ns=TIMER_SLACK_NS if native else OBSERVER_TIMER_SLACK_NS,
        rttime_us=RTTIME_US if priority else 0,
        heartbeat_ns=timing.heartbeat_ns(period_ns, floor_ns)
        if native
        else _bound_ns(role, period_ns),
        supervisor_ns=timing.SUPERVISOR_NS if native else timing.NS_PER_S,
        segment=segments[name],
        reads=tuple(segments[other] for other in (*wiring.reads[name], *_supervised(loaded, name))),
        control=control_plan(loaded, wiring, name, role, floor_ns, shares)
        if isinstance(role, ControlRole)
        else None,
        io=io_plan(loaded, wiring, name, floor_ns, _send_offset_ns(loaded, wiring, role, floor_ns))
        if isinstance(role, IoRole)
        else None,
        telemetry=_telemetry(loaded, wiring, name, role, base)
        if isinstance(role, TelemetryRole)
        else None,
        python=python_plan(loaded, wiring, name, role, floor_ns, base)
        if isinstance(role, PythonRole)
        else None,
        exec=exec_plan(loaded, wiring, name, role, base) if isinstance(role, ExecRole) else None,
        writes=tuple(segments[other] for other in _written(name, role)),
        fault_class=fault_class(loaded, name),
        shares=getattr(role, "shares", None) or "",
        **_lifecycle(role),
    )


def _supervised(loaded: LoadedSpec, name: str) -> tuple[str, ...]:
    """Return what else a role reads: commands, or the events of the run and how its links do."""
    role = loaded.spec.roles[name]
    if isinstance(role, TelemetryRole):
        return (layout.EVENTS, *recorded_names(loaded))
    if isinstance(role, WorkerRole):
        return (queue_name(name),)
    return (commands_name(name),) if has_commands(loaded, name) else ()


def _written(name: str, role: RoleSpec) -> tuple[str, ...]:
    """Return what a role writes beside its own segment: queues, or what it tells of its lines."""
    if isinstance(role, IoRole):
        return tuple(name(role.device) for name in (tally_name, tap_name, said_name))
    if isinstance(role, PythonRole):
        return tuple(queue_name(worker) for worker in worker_names(name, role))
    return ()


def _bound_ns(role: RoleSpec, period_ns: int) -> int:
    """Return the supervisor's bound on the heartbeat of a role off the control path."""
    if isinstance(role, TelemetryRole):
        return timing.observer_heartbeat_ns(period_ns)
    if isinstance(role, WorkerRole):
        return timing.ms_ns(role.work.within_ms)
    if isinstance(role, ExecRole) and role.heartbeat_ms is not None:
        return timing.ms_ns(role.heartbeat_ms)
    return timing.program_heartbeat_ns(period_ns)


def _lifecycle(role: RoleSpec) -> dict[str, Any]:
    """Return what a user's code may set about its own start and restart."""
    if isinstance(role, ExecRole):
        return {"restart": role.restart}
    if not isinstance(role, PythonRole):
        return {}
    return {"restart": role.restart, "ready_within_ns": timing.ms_ns(role.ready_within_ms)}


def _send_offset_ns(loaded: LoadedSpec, wiring: Wiring, role: IoRole, floor_ns: int) -> int:
    """Return when io sends within the grid: where the budget of its control role ends."""
    source = frame_source(loaded, wiring, role)
    feeding = None if source is None else loaded.spec.roles.get(source.role)
    if source is None or not isinstance(feeding, ControlRole):
        return 0
    control = control_plan(loaded, wiring, source.role, feeding, floor_ns)
    return control.offset_ns + control.budget_ns


def _telemetry(
    loaded: LoadedSpec, wiring: Wiring, name: str, role: TelemetryRole, base: Path
) -> TelemetryPlan:
    record = role.record
    observers = [
        one for one, other in loaded.spec.roles.items() if isinstance(other, TelemetryRole)
    ]
    return TelemetryPlan(
        directory="" if record is None else os.path.normpath(base / record.to),
        max_bytes=0 if record is None else record.max_mb * MB,
        drain_period_ns=DRAIN_PERIOD_NS,
        flush_period_ns=FLUSH_PERIOD_NS,
        stream=_stream(role),
        tracking=_tracking(loaded, wiring) if name == observers[0] else None,
    )


def _stream(role: TelemetryRole) -> StreamPlan | None:
    if role.stream is None:
        return None
    address, _, port = role.stream.to.rpartition(":")
    return StreamPlan(
        address=address.strip("[]"),
        port=int(port),
        rate_hz=role.stream.rate_hz,
        batch=role.stream.batch,
    )


def _tracking(loaded: LoadedSpec, wiring: Wiring) -> TrackingPlan | None:
    tracking = loaded.spec.report.tracking
    if tracking is None:
        return None
    signal = wiring.source(tracking.signal)
    setpoint = wiring.source(tracking.setpoint)
    return TrackingPlan(
        signal_role=signal.writer.role,
        signal_word=signal.word,
        setpoint_role=setpoint.writer.role,
        setpoint_word=setpoint.word,
        unit=setpoint.signal.unit,
        rms_max=tracking.rms_max,
    )
