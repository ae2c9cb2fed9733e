"""The final report of a run, read from the segments before they go.

Rules. Keys are stable and documented in docs/reference/report.md; a figure that was not measured is
null, never 0. Nothing is computed here that a role could have miscounted in its favour: expected
periods come from the loop's own first and last clock readings.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from amphost.lifecycle import CONTROL_PATH
from amphost.plan.program_model import WORK_COUNTS
from amphost.pump import DEVICE_MODES, session_word
from amphost.supervisor.readiness import cores_asked
from amphost.supervisor.usage import SAMPLED
from amphost.telemetry.recording import LIMIT_REACHED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from amphost.blocks import Owner
    from amphost.plan.model import TrackingPlan
    from amphost.supervisor.origin import Origin
    from amphost.supervisor.runs import RoleRun
    from amphost.supervisor.supervisor import Supervisor

NEAR_NS = 1_000_000_000
FOLLOWED = 2
WAITS = {1: "sleep", 2: "hybrid", 3: "spin"}


def build(supervisor: Supervisor) -> dict[str, Any]:
    """Return the report of a run that has stopped and not yet been closed."""
    plan = supervisor.plan
    recording = _recording(supervisor)
    started_ns, armed_ns = supervisor.startup.began_ns, _first_armed_ns(supervisor)
    roles = {name: _role(supervisor, run) for name, run in supervisor.roles.items()}
    return {
        "system": plan.system,
        "board": plan.board,
        "mode": supervisor.modes.mode.name,
        "armings": supervisor.modes.arming,
        "startup_ms": None if armed_ns is None else (armed_ns - started_ns) / 1e6,
        "startup_from_exec_ms": supervisor.startup.from_exec_ms(armed_ns),
        "plan_kept": supervisor.startup.plan_kept,
        "startup_phases_ms": supervisor.startup.phases_ms(armed_ns),
        "time_to_safe_ms": _time_to_safe_ms(supervisor),
        "safe_within_ms": plan.safe_within_ns / 1e6,
        "grid": _grid(supervisor.origin),
        "roles": roles,
        "link": {
            run.plan.io.device: _link(supervisor, run, started_ns)
            for run in supervisor.roles.values()
            if run.plan.io is not None
        },
        "recording": recording,
        "stream": _stream(supervisor),
        "tracking": _tracking(supervisor),
        "supervisor": {
            "cores": supervisor.granted.get("cores"),
            "policy": supervisor.granted.get("policy"),
            "priority": supervisor.granted.get("priority"),
            "watchdog_priority": supervisor.watchdog_priority,
            "watchdog_wakeup_latency_us": _own(supervisor).summary_us("wakeup"),
            "watchdog_put_off": supervisor.watchdog.put_off(),
            "idle_states_held_off": supervisor.idle.was_held,
        },
        "faults": [
            {
                "after_ms": (fault.t_ns - started_ns) / 1e6,
                "fault": fault.fault,
                "role": fault.role,
                "kind": fault.kind,
                "text": fault.text,
            }
            for fault in supervisor.faults.events
        ],
        "folded": [
            {"role": one.role, "asked": list(one.asked), "got": list(one.got)}
            for one in plan.folded
        ],
        "degraded": [*supervisor.degraded(), *_unrecorded(recording)],
    }


def _grid(origin: Origin) -> dict[str, Any]:
    """Return where the grid lies beside Linux's timer tick."""
    tick = origin.tick
    after_ns = None if tick is None else (tick.at_ns - origin.origin_ns) % tick.jiffy_ns
    return {
        "jiffy_ms": _over(origin.jiffy_ns, 1e6),
        "watched_core": origin.core,
        "tick_after_origin_us": _over(after_ns, 1e3),
        "tick_gap_us": None if tick is None else tick.length_ns / 1e3,
        "clear_us": _over(origin.clear_ns, 1e3),
    }


def _over(value_ns: int | None, unit_ns: float) -> float | None:
    return None if value_ns is None else value_ns / unit_ns


def _own(supervisor: Supervisor) -> Any:
    return supervisor.segments.mapped["supervisor"].owner


def _role(supervisor: Supervisor, run: RoleRun) -> dict[str, Any]:
    owner = supervisor.segments.mapped[run.plan.name].owner
    figures: dict[str, Any] = {
        "kind": run.plan.kind,
        "fault_class": run.plan.fault_class,
        "pid": run.pid,
        "state": run.state.name,
        "restarts": run.epoch - 1,
        "held": run.held,
        "core_asked": cores_asked(supervisor.plan, run.plan),
        "core_got": run.granted.get("cores"),
        "policy": run.granted.get("policy"),
        "priority": run.granted.get("priority"),
        "memory_locked": run.granted.get("memory_locked"),
        "sandboxed": not run.granted["sandbox"] if "sandbox" in run.granted else None,
        **_waiting(owner),
        **_pacing(run, owner),
        "ticks": owner.counter("ticks"),
        "expected_ticks": _expected_ticks(supervisor, run),
        "skipped_ticks": owner.counter("skipped"),
        "overruns": owner.counter("overruns"),
        "deadline_misses": owner.counter("deadline_misses"),
        "wakeup_latency_us": owner.summary_us("wakeup"),
        "execution_us": owner.summary_us("execution"),
        "response_us": owner.summary_us("response"),
        "period_us": owner.summary_us("period"),
        **dict.fromkeys(SAMPLED),
        "stale_ticks": owner.counter("stale"),
        "step_errors": owner.counter("step_errors"),
        "refused_writes": owner.counter("refused_writes"),
        "work": _work(supervisor, run),
    }
    figures.update(run.usage)
    return figures


def _work(supervisor: Supervisor, run: RoleRun) -> dict[str, int] | None:
    """Return the counts of a role that hands out work, as it published them last."""
    if run.plan.python is None or run.plan.python.work is None:
        return None
    words = _words(supervisor, run)
    return {name.removeprefix("items_"): words.get(name, 0) for name in WORK_COUNTS}


def _waiting(owner: Owner) -> dict[str, Any]:
    """Return how a control role waited for its releases; nothing is known of others."""
    wait = WAITS.get(owner.gauge("wait"))
    wakeup_ns = owner.gauge("wakeup_ns")
    return {
        "wait": wait,
        "margin_us": None if wait is None else owner.gauge("margin_ns") / 1e3,
        "calibrated_wakeup_us": wakeup_ns / 1e3 if wakeup_ns else None,
    }


def _pacing(run: RoleRun, owner: Owner) -> dict[str, Any]:
    """Return whose clock paced a loop last, and by how much."""
    plan = run.plan.control or run.plan.io
    follows = owner.gauge("follows")
    return {
        "paced_by": None if plan is None else "device" if follows == FOLLOWED else "host",
        "trim_ppm": owner.signed("trim_ppm") if follows else None,
    }


def _expected_ticks(supervisor: Supervisor, run: RoleRun) -> int | None:
    """Return floor((t_stop - t0) / T) of the role's last process, and the ticks before it."""
    owner = supervisor.segments.mapped[run.plan.name].owner
    period_ns = _period_ns(run)
    t_stop_ns = owner.gauge("t_stop_ns")
    if period_ns is None or t_stop_ns == 0:
        return None
    return owner.gauge("base_ticks") + (t_stop_ns - owner.gauge("t0_ns")) // period_ns


def _period_ns(run: RoleRun) -> int | None:
    if run.plan.control is not None:
        return run.plan.control.period_ns
    if run.plan.python is not None and run.plan.python.worker is None:
        return run.plan.python.period_ns
    return run.plan.io.period_ns if run.plan.io is not None else None


def _link(supervisor: Supervisor, run: RoleRun, started_ns: int) -> dict[str, Any]:
    assert run.plan.io is not None
    owner = supervisor.segments.mapped[run.plan.name].owner
    counters = owner.counters()
    names = (
        "frames_in",
        "frames_out",
        "bad_frames",
        "sequence_gaps",
        "foreign",
        "repeated",
        "replaced",
        "bytes_in",
        "bytes_out",
        "handshakes",
        "link_losses",
        "reboots",
        "ports_opened",
        "retransmissions",
        "commands_expired",
        "isolated_bad_frames",
        "isolated_bytes",
        "isolated_blocked",
        "bytes_dropped",
    )
    return {
        **{name: counters[name] for name in names},
        "session": session_word(owner),
        "line": run.reports.get("line"),
        "device_mode": DEVICE_MODES.get(owner.gauge("device_mode"), "unknown"),
        "sense_to_actuate_us": owner.summary_us("sense_to_actuate"),
        "clock": _clock(owner),
        **supervisor.links.tallies.result(run.plan.io, started_ns),
        "at_device": _counted(supervisor, run),
        "injected": _injected(supervisor, run),
        "events": [
            {"after_ms": (event.t_ns - started_ns) / 1e6, "text": event.text}
            for event in supervisor.links.events
            if event.device == run.plan.io.device
        ],
    }


def _counted(supervisor: Supervisor, run: RoleRun) -> dict[str, int] | None:
    """Return what a loopback device counted of its line; nobody asks others."""
    device = supervisor.devices.get(run.plan.io.device) if run.plan.io is not None else None
    return device.counts or None if device is not None else None


def _injected(supervisor: Supervisor, run: RoleRun) -> dict[str, Any] | None:
    """Return what a fault proxy did to the line; None: nobody did anything on purpose."""
    proxy = supervisor.proxies.runs.get(run.plan.io.device) if run.plan.io is not None else None
    return None if proxy is None else proxy.counts


def _clock(owner: Owner) -> dict[str, Any] | None:
    """Return how the device's clock stood to this machine's at the newest answer."""
    at_ns = owner.gauge("clock_at_ns")
    if at_ns == 0:
        return None
    return {
        "offset_ns": owner.signed("clock_offset_ns"),
        "at_ns": at_ns,
        "skew_ppm": owner.signed("clock_skew_ppb") / 1e3,
        "bound_us": owner.gauge("clock_bound_ns") / 1e3,
        "round_trip_us": owner.gauge("clock_round_trip_ns") / 1e3,
    }


def _first_armed_ns(supervisor: Supervisor) -> int | None:
    """Return when the last control role began its first armed period."""
    firsts = [
        supervisor.segments.mapped[run.plan.name].owner.gauge("first_armed_ns")
        for run in supervisor.roles.values()
        if run.plan.kind == "control"
    ]
    if not firsts or not all(firsts):
        return None
    return max(firsts)


def _time_to_safe_ms(supervisor: Supervisor) -> float | None:
    """Return the longest time from a last applied actuation to safe outputs, by device clocks.

    A loopback device's own journal is preferred: it is written even while nobody reads the link.
    """
    faults_ns = [one.t_ns for one in supervisor.faults.events if one.kind in CONTROL_PATH]
    times: list[float] = []
    for run in supervisor.roles.values() if faults_ns else ():
        if run.plan.io is None:
            continue
        device = supervisor.devices.get(run.plan.io.device)
        if device is not None and not run.plan.io.emulated:
            times += journal_safe_ms(supervisor.runtime.journal_path(device.plan.name), faults_ns)
        else:
            raw = supervisor.segments.mapped[run.plan.name].owner.gauge("device_safe_us")
            times += [(raw - 1) / 1e3] if raw else []
    return max(times, default=None)


def journal_safe_ms(journal: Path, faults_ns: Sequence[int]) -> list[float]:
    """Return, for each time a loopback device went safe because of a fault, how long it took.

    That is from its last applied actuation, on its own clock. A fault is noticed a little before or
    after the device is safe, so what lies within a second of one belongs to it. A line that was cut
    off is no event.
    """
    try:
        lines = journal.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    times = []
    for line in lines:
        try:
            event = json.loads(line)
            if event["event"] != "safe_reached" or event["since_applied_us"] is None:
                continue
            if any(abs(event["host_ns"] - fault_ns) < NEAR_NS for fault_ns in faults_ns):
                times.append(event["since_applied_us"] / 1e3)
        except (ValueError, KeyError, TypeError):
            continue
    return times


def _telemetry(supervisor: Supervisor) -> RoleRun | None:
    for run in supervisor.roles.values():
        if run.plan.telemetry is not None:
            return run
    return None


def _recording(supervisor: Supervisor) -> dict[str, Any] | None:
    run = _telemetry(supervisor)
    if run is None or run.plan.telemetry is None or not run.plan.telemetry.directory:
        return None
    words = _words(supervisor, run)
    return {
        "path": run.reports.get("path"),
        "samples": words.get("samples"),
        # What went by between two processes of the role was counted by neither of them.
        "lost": words.get("lost") if run.epoch == 1 else None,
        "complete": bool(run.reports.get("complete")),
        "reason": run.reports.get("reason"),
    }


def _stream(supervisor: Supervisor) -> dict[str, Any] | None:
    run = _telemetry(supervisor)
    if run is None or run.plan.telemetry is None or run.plan.telemetry.stream is None:
        return None
    streamed = run.reports.get("streamed") or {}
    return {"sent": streamed.get("sent"), "dropped": streamed.get("dropped")}


def _unrecorded(recording: dict[str, Any] | None) -> list[str]:
    if recording is None or not recording["lost"] or recording["reason"] == LIMIT_REACHED:
        return []
    why = f" ({recording['reason']})" if recording["reason"] else ""
    return [f"recording: {recording['lost']} samples are missing from it{why}"]


def _tracking(supervisor: Supervisor) -> dict[str, Any] | None:
    run = _telemetry(supervisor)
    plan: TrackingPlan | None = run.plan.telemetry.tracking if run and run.plan.telemetry else None
    if run is None or plan is None:
        return None
    words = _words(supervisor, run)
    count = words.get("tracking_count", 0)
    mean_square = words["tracking_square_sum"] / count if count else math.nan
    rms = math.sqrt(mean_square) if math.isfinite(mean_square) and mean_square >= 0 else None
    largest = words.get("tracking_max", math.nan)
    return {
        "n": count,
        "rms": rms,
        "max": largest if count and math.isfinite(largest) else None,
        "bound": plan.rms_max,
        "unit": plan.unit,
        "ok": rms is not None and rms <= plan.rms_max,
    }


def _words(supervisor: Supervisor, run: RoleRun) -> dict[str, Any]:
    """Return what a role published last, by the names of its signals."""
    latest = supervisor.segments.mapped[run.plan.name].latest()
    channel = run.plan.segment.channel
    if latest is None or channel is None:
        return {}
    names = [signal.name for signal in channel.signals]
    return dict(zip(names, latest[3], strict=True))
