"""Stop a run in order: outputs safe, then control, io, devices, observers.

Rules. The supervisor goes on turning meanwhile, so its heartbeat never stops and faults are still
seen. Each step has its own bound; what does not leave within it is killed. An observer leaves last,
because it records what the others do while they stop.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from amphost.lifecycle import Mode, ModeEvent, RoleEvent, RoleState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from amphost.supervisor.launch import DeviceRun, RoleRun
    from amphost.supervisor.supervisor import Supervisor

LIVE = frozenset({RoleState.STARTING, RoleState.RUNNING, RoleState.ENDING})
STEP_S = 0.5
DEVICE_S = 1.2
"""A loopback device ends a second after its lifeline closes, whatever its outputs do."""


def stop(supervisor: Supervisor) -> None:
    """End every process of the run; `plan.supervisor.stop_ns` bounds it where all is well."""
    for run in supervisor.roles.values():
        run.restart_at_ns = None
    if supervisor.modes.mode is Mode.ARMED:
        supervisor.modes.change(ModeEvent.DISARM)
    _turn_until(supervisor, lambda: _outputs_safe(supervisor), STEP_S)
    for kind in ("control", "io"):
        _end_kind(supervisor, kind, STEP_S)
    for device in supervisor.devices.values():
        device.release()
    observers_s = max(supervisor.plan.supervisor.stop_ns / 1e9 - 3 * STEP_S, STEP_S)
    _end_kind(supervisor, "telemetry", observers_s)
    _end_children(supervisor, supervisor.devices.values(), DEVICE_S)


def _outputs_safe(supervisor: Supervisor) -> bool:
    for run in supervisor.roles.values():
        if run.state is not RoleState.RUNNING:
            continue
        owner = supervisor.segments.mapped[run.plan.name].owner
        if run.plan.kind == "control" and not owner.gauge("at_safe"):
            return False
        if run.plan.kind == "io" and owner.gauge("device_armed"):
            return False
    return True


def _end_kind(supervisor: Supervisor, kind: str, within_s: float) -> None:
    runs = [run for run in supervisor.roles.values() if run.plan.kind == kind]
    for run in runs:
        run.restart_at_ns = None
        supervisor.unwatch(run)
        if run.state in LIVE:
            supervisor.move(run, RoleEvent.END)
            if run.child is not None and not run.handed_over:
                run.child.kill()
    _end_children(supervisor, runs, within_s)


def _end_children(
    supervisor: Supervisor, runs: Iterable[RoleRun | DeviceRun], within_s: float
) -> None:
    """Wait until these processes are gone; kill those that stay."""
    all_runs = list(runs)

    def gone() -> bool:
        return all(run.child is None for run in all_runs)

    if _turn_until(supervisor, gone, within_s):
        return
    for run in all_runs:
        if run.child is not None:
            run.child.kill()
    _turn_until(supervisor, gone, STEP_S)


def _turn_until(supervisor: Supervisor, done: Callable[[], bool], within_s: float) -> bool:
    deadline_s = time.monotonic() + within_s
    while not done():
        if time.monotonic() > deadline_s:
            return False
        supervisor.step()
    return True
