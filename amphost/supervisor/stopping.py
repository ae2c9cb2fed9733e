"""Stop a run in order: outputs safe, then control, io, devices, observers.

Rules. The supervisor goes on turning meanwhile, so its heartbeat never stops and faults are still
seen. Each step has its own bound; what does not leave within it is killed, and that is a fault. An
observer leaves last, because it records what the others do while they stop. Nothing is armed or
started again from the first moment on. Who asks for the end at once gets it: every process is
killed, and the devices go safe by their leases.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from amphost.lifecycle import Fault, Mode, ModeEvent, RoleEvent, RoleState
from amphost.supervisor.proxy_run import ProxyRun
from amphost.supervisor.runs import DeviceRun, RoleRun
from amphost.supervisor.second_core_run import SecondCoreRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from amphost.supervisor.supervisor import Supervisor

Run = TypeVar("Run", RoleRun, DeviceRun, ProxyRun, SecondCoreRun)
LIVE = frozenset({RoleState.STARTING, RoleState.RUNNING, RoleState.ENDING})
STEP_S = 0.5
PROGRAM_S = 1.0
"""A user's code leaves between two steps; it is asked once no loop reads it any more."""
SECOND_CORE_S = 5.0
"""A second core is stopped by Linux, which asks its firmware first and may wait for the answer."""
DEVICE_S = 1.2
"""A loopback device ends a second after its lifeline closes, whatever its outputs do."""


def stop(supervisor: Supervisor, at_once: Callable[[], bool] = lambda: False) -> None:
    """End every process of the run; `plan.supervisor.stop_ns` bounds it where all is well."""
    supervisor.stopping = supervisor.restarts.over = True
    if supervisor.modes.mode is Mode.ARMED:
        supervisor.modes.change(ModeEvent.DISARM)
    _Stop(supervisor, at_once).run()


class _Stop:
    """One stop. It is over as soon as `at_once` says so.

    Synchronization: one thread, the supervisor's main one.
    """

    def __init__(self, supervisor: Supervisor, at_once: Callable[[], bool]) -> None:
        self._supervisor = supervisor
        self._at_once = at_once

    def run(self) -> None:
        supervisor, plan = self._supervisor, self._supervisor.plan.supervisor
        deadline_s = time.monotonic() + plan.stop_ns / 1e9
        self._turn_until(lambda: _outputs_safe(supervisor), plan.stop_safe_ns / 1e9 + STEP_S)
        for kind in ("control", "io"):
            self._end_kind(kind, STEP_S)
        for device in supervisor.devices.values():
            device.release()
        for proxy in supervisor.proxies.runs.values():
            proxy.release()
        for core in supervisor.second_cores.runs.values():
            core.release()
        for kind in ("python", "worker", "exec"):
            self._end_kind(kind, PROGRAM_S)
        self._end_kind("telemetry", max(deadline_s - time.monotonic(), STEP_S))
        self._end_children(supervisor.devices.values(), DEVICE_S)
        self._end_children(supervisor.proxies.runs.values(), STEP_S)
        self._end_children(supervisor.second_cores.runs.values(), SECOND_CORE_S)

    def _end_kind(self, kind: str, within_s: float) -> None:
        runs = [run for run in self._supervisor.roles.values() if run.plan.kind == kind]
        for run in runs:
            self._supervisor.watch.end(run)
            if run.state in LIVE:
                self._supervisor.table.move(run, RoleEvent.END)
                if run.child is not None and not (run.handed_over and run.pid):
                    run.child.kill()
                elif run.child is not None and run.plan.exec is not None:
                    run.child.terminate()  # it may not look at the role table
        for run in self._end_children(runs, within_s):
            text = f"it did not leave within {within_s * 1e3:g} ms; killed"
            self._supervisor.faults.record(Fault.ROLE_DIED, run, text)

    def _end_children(self, runs: Iterable[Run], within_s: float) -> list[Run]:
        """Wait until these processes are gone; kill those that stay, and return them."""
        all_runs = list(runs)

        def gone() -> bool:
            return all(run.child is None for run in all_runs)

        if self._turn_until(gone, within_s):
            return []
        stayed = [run for run in all_runs if run.child is not None]
        for run in stayed:
            if run.child is not None:
                run.child.kill()
        self._turn_until(gone, STEP_S)
        return [] if self._at_once() else stayed

    def _turn_until(self, done: Callable[[], bool], within_s: float) -> bool:
        deadline_s = time.monotonic() + within_s
        while not done():
            if self._at_once() or time.monotonic() > deadline_s:
                return False
            self._supervisor.step()
        return True


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
