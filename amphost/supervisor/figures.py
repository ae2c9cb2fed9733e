"""What a running system is doing now, as `amphost ps` and `amphost top` show it.

Rules. Read from the mailbox and from what the supervisor knows anyway: no role does anything for
it. A figure that is not there is null, never 0. A role's own names for its figures are those of the
final report.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol

from amphost.lifecycle import Mode
from amphost.pump import DEVICE_MODES, session_word
from amphost.supervisor.fault_text import fault_name
from amphost.supervisor.readiness import cores_asked

if TYPE_CHECKING:
    from amphost.blocks import Owner
    from amphost.plan.model import Plan
    from amphost.supervisor.launch import Segments
    from amphost.supervisor.modes import Modes
    from amphost.supervisor.runs import RoleRun
    from amphost.supervisor.startup import Startup

NS_PER_MS = 1e6
NS_PER_S = 1_000_000_000
FAULT_BITS = 64
LINK_COUNTERS = (
    "frames_in",
    "frames_out",
    "bad_frames",
    "sequence_gaps",
    "foreign",
    "repeated",
    "replaced",
    "link_losses",
    "isolated_bad_frames",
    "isolated_bytes",
    "isolated_blocked",
    "bytes_dropped",
)


class System(Protocol):
    """What is looked at: a supervisor."""

    plan: Plan
    modes: Modes
    roles: dict[str, RoleRun]
    segments: Segments
    startup: Startup

    def not_ready(self) -> list[str]: ...
    def degraded(self) -> list[str]: ...


def build(supervisor: System) -> dict[str, Any]:
    """Return the figures of this moment."""
    now_ns = time.monotonic_ns()
    armed_ns = supervisor.modes.armed_ns
    return {
        "system": supervisor.plan.system,
        "board": supervisor.plan.board,
        "mode": supervisor.modes.mode.name,
        "armings": supervisor.modes.arming,
        "armed_s": (now_ns - armed_ns) / NS_PER_S
        if armed_ns and supervisor.modes.mode is Mode.ARMED
        else None,
        "running_s": (now_ns - supervisor.startup.began_ns) / NS_PER_S,
        "not_ready": supervisor.not_ready(),
        "degraded": supervisor.degraded(),
        "roles": {name: _role(supervisor, run, now_ns) for name, run in supervisor.roles.items()},
        "link": {
            run.plan.io.device: _link(supervisor.segments.mapped[name].owner)
            for name, run in supervisor.roles.items()
            if run.plan.io is not None
        },
    }


def _role(supervisor: System, run: RoleRun, now_ns: int) -> dict[str, Any]:
    segment = supervisor.segments.mapped[run.plan.name]
    owner = segment.owner
    beats, checkpoint, beat_ns = owner.heartbeat()
    mask, first, *_ = owner.faults()
    return {
        "kind": run.plan.kind,
        "pid": run.pid if run.process.child is not None else None,
        "state": run.state.name,
        "restarts": max(run.epoch - 1, 0),
        "core_asked": cores_asked(supervisor.plan, run.plan),
        "core_got": run.granted.get("cores"),
        "policy": run.granted.get("policy"),
        "priority": run.granted.get("priority"),
        "rate_hz": _rate_hz(run),
        "ticks": owner.counter("ticks"),
        "skipped_ticks": owner.counter("skipped"),
        "overruns": owner.counter("overruns"),
        "deadline_misses": owner.counter("deadline_misses"),
        "stale_ticks": owner.counter("stale"),
        "wakeup_latency_us": owner.summary_us("wakeup"),
        "execution_us": owner.summary_us("execution"),
        "heartbeat_age_ms": (now_ns - beat_ns) / NS_PER_MS if beats else None,
        "checkpoint": checkpoint if beats else None,
        "published": segment.count() if run.plan.segment.channel is not None else None,
        "lost": _lost(supervisor, run),
        "torn": owner.counter("torn"),
        "faults": [fault_name(bit) for bit in range(FAULT_BITS) if mask >> bit & 1],
        "first_fault": fault_name(first) if mask else None,
        "cpu_percent": run.usage.get("cpu_percent"),
        "uss_mb": run.usage.get("uss_mb"),
        "pss_mb": run.usage.get("pss_mb"),
    }


def _rate_hz(run: RoleRun) -> float | None:
    plan = run.plan.control or run.plan.io or run.plan.python
    return None if plan is None else NS_PER_S / plan.period_ns


def _lost(supervisor: System, run: RoleRun) -> int | None:
    """Return the publications that an observer could not read any more; other roles count none."""
    channel = run.plan.segment.channel
    if run.plan.telemetry is None or channel is None:
        return None
    latest = supervisor.segments.mapped[run.plan.name].latest()
    names = [signal.name for signal in channel.signals]
    return None if latest is None or "lost" not in names else latest[3][names.index("lost")]


def _link(owner: Owner) -> dict[str, Any]:
    return {
        "session": session_word(owner),
        "device_mode": DEVICE_MODES.get(owner.gauge("device_mode"), "unknown"),
        **{name: owner.counter(name) for name in LINK_COUNTERS},
        "sense_to_actuate_us": owner.summary_us("sense_to_actuate"),
    }
