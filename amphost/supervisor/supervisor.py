"""The supervisor: starts roles and devices, watches them, trips, restarts.

Rules. One pass of `step` is one turn of its loop: its heartbeat moves there and nowhere else, so a
supervisor that hangs is seen by every loop within its bound. Modes and role states change only
through the tables of `lifecycle`. The native watchdog thread judges heartbeats of the control path;
here its verdicts become kills and restarts. What a user should see goes through `say`, one line for
each change of state.
"""

from __future__ import annotations

import os
import selectors
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from amphost.errors import AmphostError
from amphost.lifecycle import (
    CONTROL_PATH,
    Fault,
    Mode,
    ModeEvent,
    RoleEvent,
    RoleState,
    next_role_state,
    restart_delay_ns,
)
from amphost.roles.settle import pin, schedule
from amphost.supervisor import readiness
from amphost.supervisor.control_socket import ControlSocket
from amphost.supervisor.fault_text import describe
from amphost.supervisor.launch import DeviceRun, Launcher, RoleRun, Segments
from amphost.supervisor.modes import Modes
from amphost.supervisor.process import Child, describe_exit
from amphost.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from amphost.plan.model import Plan
    from amphost.supervisor.launch import Attachment
    from amphost.supervisor.runtime_dir import RuntimeDir

TURN_S = 0.01
START_NS = 5_000_000_000
VERBS = ("arm", "disarm", "acknowledge", "stop", "state")


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultEvent:
    """One fault as the supervisor saw it."""

    t_ns: int
    fault: str
    role: str
    text: str


class Supervisor:
    """One run of one plan, from the first process to the last.

    Use: `start`, then `step` until done, `stopping.stop`, `close`. `close` leaves nothing behind,
    whatever went before.

    Synchronization: one thread, the main one.
    """

    def __init__(
        self,
        plan: Plan,
        runtime: RuntimeDir,
        attachments: Sequence[Attachment],
        say: Callable[[str], None],
    ) -> None:
        self.plan = plan
        self.runtime = runtime
        self.say = say
        self.faults: list[FaultEvent] = []
        self.segments = Segments(plan, int.from_bytes(os.urandom(7), "little"))
        self.roles = {role.name: RoleRun(plan=role) for role in plan.roles}
        self.devices: dict[str, DeviceRun] = {}
        self.granted: dict[str, Any] = {}
        self.watchdog_priority = 0
        self.stop_asked = False
        self._was_ready = False
        self._own = self.segments.mapped["supervisor"]
        self._system = self._own.system()
        self._watchdog = Watchdog(plan.supervisor, self.segments.mapped)
        self._watching = False
        self.modes = Modes(self._system, self._watchdog, self._mode_changed)
        self._selector = selectors.DefaultSelector()
        self._origin_ns = time.monotonic_ns()
        self._launcher = Launcher(self.segments, runtime, attachments, self._origin_ns)
        self._socket = ControlSocket(runtime.path / "control.sock", self._answer)

    # Starting

    def start(self) -> None:
        """Settle this process, start the watchdog, every device and every role."""
        supervisor = self.plan.supervisor
        cores = pin(supervisor.cores)
        policy, priority = schedule(supervisor.policy, supervisor.priority, 0)
        self.granted = {"cores": cores, "policy": policy, "priority": priority}
        self._beat()
        for number, plan in enumerate(self.plan.devices):
            device = self._launcher.start_device(plan, (self.segments.nonce + number) & 0xFFFFFFFF)
            self.devices[plan.name] = device
            self._listen(device)
        for run in self.roles.values():
            self._start_role(run)
        core = supervisor.cores[0] if supervisor.cores else -1
        self.watchdog_priority = self._watchdog.start(core, supervisor.watchdog_priority)
        self._watching = True

    def _start_role(self, run: RoleRun) -> None:
        self._launcher.start_role(run, time.monotonic_ns())
        self.move(run, RoleEvent.START)
        self._listen(run)
        io = run.plan.io
        device = self.devices.get(io.device) if io is not None else None
        if device is None or device.port:
            self._launcher.hand_over_role(run, device.port if device is not None else "")

    def _listen(self, run: RoleRun | DeviceRun) -> None:
        child = run.child
        assert child is not None
        self._selector.register(child.pidfd, selectors.EVENT_READ, (run, child, "end"))
        self._selector.register(child.status_fd, selectors.EVENT_READ, (run, child, "status"))

    # One turn

    def step(self) -> None:
        """Wait a turn at most, take what happened, judge, act."""
        self._beat()
        events = [key.data for key, _ in self._selector.select(TURN_S)]
        for run, child, what in sorted(events, key=lambda event: str(event[2]), reverse=True):
            if what == "status":
                self._take_statuses(run, child)
            else:
                self._take_end(run, child)
        self._beat()
        now_ns = time.monotonic_ns()
        for run in self.roles.values():
            self._judge(run, now_ns)
            if run.restart_at_ns is not None and now_ns >= run.restart_at_ns:
                self.say(f"{run.plan.name}: starting again (epoch {run.epoch + 1})")
                self._start_role(run)
        if self.modes.mode is Mode.BOOT and self._control_path_runs():
            self.modes.change(ModeEvent.READY)
        self._socket.poll()

    def _mode_changed(self, line: str) -> None:
        self.say(line)
        self.runtime.write_state(self.state())

    def _control_path_runs(self) -> bool:
        """Return whether every role that arming needs runs: it waits for no observer."""
        needed = [run for run in self.roles.values() if run.plan.kind in CONTROL_PATH]
        return all(run.state is RoleState.RUNNING for run in needed)

    def _beat(self) -> None:
        self._own.owner.beat(time.monotonic_ns())

    def _take_statuses(self, run: RoleRun | DeviceRun, child: Child) -> None:
        statuses = child.statuses()
        if child.hung_up:
            with suppress(KeyError):
                self._selector.unregister(child.status_fd)
        for status in statuses:
            if isinstance(run, DeviceRun):
                self._take_device_status(run, status)
            else:
                self._take_role_status(run, status)

    def _take_device_status(self, device: DeviceRun, status: dict[str, Any]) -> None:
        if status["event"] == "failed":
            device.error = str(status["error"])
        if status["event"] != "ready":
            return
        device.port = status["port"]
        device.granted = status["granted"]
        for run in self.roles.values():
            io = run.plan.io
            waits = run.state is RoleState.STARTING and not run.handed_over
            if io is not None and io.device == device.plan.name and waits:
                self._launcher.hand_over_role(run, device.port)

    def _take_role_status(self, run: RoleRun, status: dict[str, Any]) -> None:
        event = status.pop("event", "")
        if event == "ready":
            run.granted = status["granted"]
            self.move(run, RoleEvent.READY)
            watched = run.plan.kind in CONTROL_PATH and run.state is RoleState.RUNNING
            self._watchdog.enable(run.plan.role_id, enabled=watched)
        elif event == "report":
            run.reports.update(status)
        elif event == "failed":
            run.error = str(status["error"])
            run.exit_code = int(status["exit"])

    def _take_end(self, run: RoleRun | DeviceRun, child: Child) -> None:
        self._take_statuses(run, child)
        for descriptor in (child.pidfd, child.status_fd):
            with suppress(KeyError):
                self._selector.unregister(descriptor)
        code = child.reap()
        run.child = None
        if isinstance(run, DeviceRun):
            if run.lifeline >= 0:
                run.error = run.error or describe_exit(code)
            return
        self.unwatch(run)
        asked = run.state is RoleState.ENDING
        self.move(run, RoleEvent.EXIT if code == 0 else RoleEvent.DIE)
        if not asked:
            self._role_died(run, run.error or describe_exit(code))

    def _role_died(self, run: RoleRun, why: str) -> None:
        self._fault(Fault.ROLE_DIED, run, why)
        if self.modes.mode is Mode.BOOT and run.exit_code:
            return  # it could not start and has said why: `trouble` ends the run
        if run.plan.kind in CONTROL_PATH:
            self.modes.change(ModeEvent.TRIP)
        now_ns = time.monotonic_ns()
        delay_ns = restart_delay_ns(run.restarts_ns, now_ns)
        if delay_ns is None:
            self.say(f"{run.plan.name}: died too often, it stays down")
            return
        run.restarts_ns.append(now_ns)
        run.restart_at_ns = now_ns + delay_ns

    # Judging

    def _judge(self, run: RoleRun, now_ns: int) -> None:
        if run.state is not RoleState.RUNNING or run.killed:
            return
        owner = self.segments.mapped[run.plan.name].owner
        if run.plan.kind in CONTROL_PATH:
            if self._watchdog.stopped_at_ns(run.plan.role_id):
                self.modes.change(ModeEvent.TRIP)
                self._end_hung(run)
            elif (
                self.modes.mode is Mode.ARMED and owner.gauge("refused_arming") == self.modes.arming
            ):
                _, fault, argument, _ = owner.faults()
                self._fault(Fault(fault), run, describe(fault, argument, run.plan))
                self.modes.change(ModeEvent.TRIP)
            return
        beats = owner.heartbeat()[0]
        if beats != run.beat[0] or run.beat[1] < run.started_ns:
            run.beat = (beats, now_ns)
        elif now_ns - run.beat[1] > run.plan.heartbeat_ns:
            self._end_hung(run)

    def _end_hung(self, run: RoleRun) -> None:
        _, checkpoint, _ = self.segments.mapped[run.plan.name].owner.heartbeat()
        bound_ms = run.plan.heartbeat_ns / 1e6
        text = f"no heartbeat for {bound_ms:g} ms (last seen at {checkpoint}); killed"
        self._fault(Fault.HEARTBEAT, run, text)
        self.unwatch(run)
        if run.child is not None:
            run.child.kill()
            run.killed = True

    def unwatch(self, run: RoleRun) -> None:
        """Judge the role's heartbeat no longer."""
        self._watchdog.enable(run.plan.role_id, enabled=False)

    def _fault(self, fault: Fault, run: RoleRun, text: str) -> None:
        name = fault.name.lower()
        event = FaultEvent(t_ns=time.monotonic_ns(), fault=name, role=run.plan.name, text=text)
        self.faults.append(event)
        self.say(f"{run.plan.name}: {name}: {text}")

    # What a person may ask

    def arm(self) -> None:
        """Arm: a new act. AmphostError says what stands in the way."""
        missing = self.not_ready()
        if missing:
            raise AmphostError("not armed: " + "; ".join(missing))
        self.modes.change(ModeEvent.ARM)
        self.runtime.mark_unclean()

    def _answer(self, verb: str) -> dict[str, Any]:
        if verb == "arm":
            self.arm()
        elif verb == "disarm":
            self.modes.change(ModeEvent.DISARM)
        elif verb == "acknowledge":
            self.modes.change(ModeEvent.ACKNOWLEDGE)
        elif verb == "stop":
            self.stop_asked = True
        elif verb != "state":
            raise AmphostError(f"{verb!r} is no verb; there are {', '.join(VERBS)}")
        return self.state()

    def not_ready(self) -> list[str]:
        """Return what keeps the system from being armed; empty when nothing does."""
        missing = readiness.not_ready(self.roles.values(), self.segments.mapped)
        if not self.plan.allow_degraded:
            missing += [f"{what} (safety.allow_degraded is false)" for what in self.degraded()]
        return missing

    def degraded(self) -> list[str]:
        """Return what was asked for and not got."""
        return readiness.degraded(
            self.roles.values(), self.devices.values(), self.watchdog_priority
        )

    def trouble(self) -> tuple[int, str] | None:
        """Return exit code and reason when the run cannot go on; None while it can."""
        for run in self.roles.values():
            if self.modes.mode is Mode.BOOT and run.state is RoleState.DEAD and run.exit_code:
                return run.exit_code, run.error
        for device in self.devices.values():
            if device.error:
                return 1, f"device {device.plan.name}: {device.error}"
        if not self._was_ready:
            missing = self.not_ready()
            self._was_ready = not missing
            if missing and time.monotonic_ns() - self._origin_ns > START_NS:
                return 1, f"not ready within {START_NS // 10**9} s: " + "; ".join(missing)
        return None

    # Role states

    def move(self, run: RoleRun, event: RoleEvent) -> None:
        """Move a role's state and write its line of the role table."""
        run.state = next_role_state(run.state, event)
        self._system.set_role(
            run.plan.role_id,
            state=run.state,
            pid=run.pid,
            epoch=run.epoch,
            end=run.state is RoleState.ENDING,
        )
        self.runtime.write_state(self.state())

    def state(self) -> dict[str, Any]:
        """Return who runs, as which process, in which mode: `state.json` and the socket show it."""
        return {
            "system": self.plan.system,
            "pid": os.getpid(),
            "mode": self.modes.mode.name,
            "arming": self.modes.arming,
            "roles": {
                run.plan.name: {"pid": run.pid, "state": run.state.name, "epoch": run.epoch}
                for run in self.roles.values()
            },
            "devices": {
                device.plan.name: {
                    "pid": device.child.pid if device.child is not None else 0,
                    "port": device.port,
                }
                for device in self.devices.values()
            },
        }

    def close(self) -> None:
        """Leave nothing behind: no process, thread, descriptor or mapping."""
        if self._watching:
            self._watchdog.stop()
            self._watching = False
        runs: list[RoleRun | DeviceRun] = [*self.roles.values(), *self.devices.values()]
        for run in runs:
            if run.child is not None:
                run.child.kill()
                run.child.reap()
                run.child = None
        for device in self.devices.values():
            device.release()
        self._socket.close()
        self._selector.close()
        self._launcher.close()
        self.segments.close()
