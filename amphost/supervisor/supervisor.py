"""The supervisor: starts roles and devices, watches them, arms, trips, restarts, stops in order.

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
    next_mode,
    next_role_state,
    restart_delay_ns,
)
from amphost.pump import REFUSALS
from amphost.roles.settle import pin, schedule
from amphost.supervisor.fault_text import describe
from amphost.supervisor.launch import DeviceRun, Launcher, RoleRun, Segments
from amphost.supervisor.process import Child, describe_exit
from amphost.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from amphost.plan.model import Plan
    from amphost.supervisor.launch import Attachment
    from amphost.supervisor.runtime_dir import RuntimeDir

TURN_S = 0.01
START_NS = 5_000_000_000
LIVE = frozenset({RoleState.STARTING, RoleState.RUNNING, RoleState.ENDING})
SUPERVISOR_PRIORITY = 1
"""SCHED_FIFO, below every role: an idle-class process on the same core cannot starve it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultEvent:
    """One fault as the supervisor saw it."""

    t_ns: int
    fault: str
    role: str
    text: str


class Supervisor:
    """One run of one plan, from the first process to the last.

    Use: `start`, then `step` until done, `stop`, `close`. `close` leaves nothing behind, whatever
    went before.

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
        self.mode = Mode.BOOT
        self.arming = 0
        self.armed_ns = 0
        self.faults: list[FaultEvent] = []
        self.refusal = ""
        self.segments = Segments(plan, int.from_bytes(os.urandom(7), "little"))
        self.roles = {role.name: RoleRun(plan=role) for role in plan.roles}
        self.devices: dict[str, DeviceRun] = {}
        self._own = self.segments.mapped["supervisor"]
        self._system = self._own.system()
        self._selector = selectors.DefaultSelector()
        self._origin_ns = time.monotonic_ns()
        self._launcher = Launcher(self.segments, runtime, attachments, self._origin_ns)
        self._watchdog = Watchdog(plan.supervisor, self.segments.mapped)
        self.watchdog_priority = 0
        self._watching = False
        self.granted: dict[str, Any] = {}

    # Starting

    def start(self) -> None:
        """Settle this process, start the watchdog, every device and every role."""
        cores = pin(self.plan.supervisor.cores)
        policy, priority = schedule("fifo", SUPERVISOR_PRIORITY, 0)
        self.granted = {"cores": cores, "policy": policy, "priority": priority}
        self._beat()
        for number, device in enumerate(self.plan.devices):
            boot_nonce = (self.segments.nonce + number) & 0xFFFFFFFF
            run = self._launcher.start_device(device, boot_nonce)
            self.devices[device.name] = run
            self._listen(run.child, run)
        for run_ in self.roles.values():
            self._start_role(run_)
        core = self.plan.supervisor.cores[0] if self.plan.supervisor.cores else -1
        self.watchdog_priority = self._watchdog.start(
            core, self.plan.supervisor.watchdog_priority
        )
        self._watching = True

    def _start_role(self, run: RoleRun) -> None:
        self._launcher.start_role(run, time.monotonic_ns())
        self._to(run, RoleEvent.START)
        self._listen(run.child, run)
        port = self._port_of(run)
        if port is not None:
            self._launcher.hand_over_role(run, port)

    def _port_of(self, run: RoleRun) -> str | None:
        """Return the port to hand over: empty if the role has its own, None if not known yet."""
        io = run.plan.io
        device = self.devices.get(io.device) if io is not None else None
        if device is None:
            return ""
        return device.port or None

    def _listen(self, child: Child | None, run: RoleRun | DeviceRun) -> None:
        assert child is not None
        self._selector.register(child.pidfd, selectors.EVENT_READ, (run, child, "end"))
        self._selector.register(child.status_fd, selectors.EVENT_READ, (run, child, "status"))

    # One turn

    def step(self) -> None:
        """Wait a turn at most, take what happened, judge, act."""
        self._beat()
        events = self._selector.select(TURN_S)
        for key, _ in events:
            run, child, what = key.data
            if what == "status":
                self._take_statuses(run, child)
        for key, _ in events:
            run, child, what = key.data
            if what == "end":
                self._take_end(run, child)
        self._beat()
        now_ns = time.monotonic_ns()
        for run in self.roles.values():
            self._judge(run, now_ns)
            if run.restart_at_ns is not None and now_ns >= run.restart_at_ns:
                self.say(f"{run.plan.name}: starting again (epoch {run.epoch + 1})")
                self._start_role(run)
        if self.mode is Mode.BOOT and self._all(RoleState.RUNNING):
            self._change_mode(ModeEvent.READY)

    def _beat(self) -> None:
        self._own.owner.beat(time.monotonic_ns())

    def _take_statuses(self, run: RoleRun | DeviceRun, child: Child) -> None:
        statuses = child.statuses()
        if not statuses:
            with suppress(KeyError):
                self._selector.unregister(child.status_fd)  # its other end is closed
        for status in statuses:
            if isinstance(run, DeviceRun):
                self._take_device_status(run, status)
            else:
                self._take_role_status(run, status)

    def _take_device_status(self, run: DeviceRun, status: dict[str, Any]) -> None:
        if status["event"] == "ready":
            run.port = status["port"]
            run.granted = status.get("granted", {})
            for role in self.roles.values():
                io = role.plan.io
                waits = role.state is RoleState.STARTING and not role.handed_over
                if io is not None and io.device == run.plan.name and waits:
                    self._launcher.hand_over_role(role, run.port)
        elif status["event"] == "failed":
            run.error = str(status.get("error", ""))

    def _take_role_status(self, run: RoleRun, status: dict[str, Any]) -> None:
        event = status.pop("event", "")
        if event == "ready":
            run.granted = status["granted"]
            self._to(run, RoleEvent.READY)
            self._watchdog.enable(run.plan.role_id, enabled=run.plan.kind in CONTROL_PATH)
        elif event == "report":
            run.reports.update(status)
        elif event == "failed":
            run.error = str(status["error"])
            run.exit_code = int(status["exit"])

    def _take_end(self, run: RoleRun | DeviceRun, child: Child) -> None:
        self._take_statuses(run, child)
        self._selector.unregister(child.pidfd)
        with suppress(KeyError):
            self._selector.unregister(child.status_fd)
        code = child.reap()
        run.child = None
        if isinstance(run, DeviceRun):
            if run.lifeline >= 0:
                self._fault(Fault.ROLE_DIED, run.plan.name, run.error or describe_exit(code))
            return
        self._watchdog.enable(run.plan.role_id, enabled=False)
        asked = run.state is RoleState.ENDING
        self._to(run, RoleEvent.EXIT if code == 0 else RoleEvent.DIE)
        if run.state is RoleState.DEAD and not asked:
            self._role_died(run, run.error or describe_exit(code))

    def _role_died(self, run: RoleRun, why: str) -> None:
        self._fault(Fault.ROLE_DIED, run.plan.name, why)
        if self.mode is Mode.BOOT and run.exit_code:
            return  # it could not start and has said why: `trouble` ends the run
        if run.plan.kind in CONTROL_PATH:
            self._trip()
        now_ns = time.monotonic_ns()
        delay_ns = restart_delay_ns(run.restarts_ns, now_ns)
        if delay_ns is None:
            self.say(f"{run.plan.name}: died too often, it stays down")
            return
        run.restarts_ns.append(now_ns)
        run.restart_at_ns = now_ns + delay_ns

    # Judging

    def _judge(self, run: RoleRun, now_ns: int) -> None:
        if run.state is not RoleState.RUNNING:
            return
        if run.plan.kind not in CONTROL_PATH:
            self._judge_observer(run, now_ns)
            return
        if self._watchdog.stopped_at_ns(run.plan.role_id):
            self._watchdog.enable(run.plan.role_id, enabled=False)
            self._fault(Fault.HEARTBEAT, run.plan.name, self._where(run))
            self._trip()
            self._kill(run)
            return
        owner = self.segments.mapped[run.plan.name].owner
        if self.mode is Mode.ARMED and owner.gauge("refused_arming") == self.arming:
            _, fault, argument, _ = owner.faults()
            self._fault(Fault(fault), run.plan.name, describe(fault, argument, run.plan))
            self._trip()

    def _judge_observer(self, run: RoleRun, now_ns: int) -> None:
        beats = self.segments.mapped[run.plan.name].owner.heartbeat()[0]
        if beats != run.beat[0] or run.beat[1] < run.started_ns:
            run.beat = (beats, now_ns)
        elif now_ns - run.beat[1] > run.plan.heartbeat_ns:
            self._fault(Fault.HEARTBEAT, run.plan.name, self._where(run))
            self._kill(run)

    def _where(self, run: RoleRun) -> str:
        _, checkpoint, _ = self.segments.mapped[run.plan.name].owner.heartbeat()
        bound_ms = run.plan.heartbeat_ns / 1e6
        return f"no heartbeat for {bound_ms:g} ms (last seen at {checkpoint}); killed"

    def _kill(self, run: RoleRun) -> None:
        if run.child is not None:
            run.child.kill()

    def _fault(self, fault: Fault, role: str, text: str) -> None:
        event = FaultEvent(t_ns=time.monotonic_ns(), fault=fault.name.lower(), role=role, text=text)
        self.faults.append(event)
        self.say(f"{role}: {fault.name.lower()}: {text}")

    # Modes

    def _change_mode(self, event: ModeEvent) -> None:
        before = self.mode
        self.mode = next_mode(self.mode, event)
        self._system.set_mode(self.mode, self.arming)
        if self.mode is not before:
            self.say(f"mode {before.name} -> {self.mode.name}")

    def _trip(self) -> None:
        was_armed = self.mode is Mode.ARMED
        self._change_mode(ModeEvent.TRIP)
        if was_armed:
            self._watchdog.run_profiles(0)

    def arm(self) -> None:
        """Arm: a new act. AmphostError says what stands in the way."""
        missing = self.not_ready()
        if missing:
            raise AmphostError("not armed: " + "; ".join(missing))
        self.arming += 1
        self.armed_ns = time.monotonic_ns()
        self._watchdog.run_profiles(self.armed_ns)
        self._change_mode(ModeEvent.ARM)
        self.runtime.mark_unclean()

    def disarm(self) -> None:
        """Disarm: outputs go to their safe values."""
        self._change_mode(ModeEvent.DISARM)
        self._watchdog.run_profiles(0)

    def acknowledge(self) -> None:
        """Leave SAFE for DISARMED."""
        self._change_mode(ModeEvent.ACKNOWLEDGE)

    def not_ready(self) -> list[str]:
        """Return what still keeps the system from being armed; empty when nothing does."""
        missing = []
        for run in self.roles.values():
            if run.plan.kind not in CONTROL_PATH:
                continue
            owner = self.segments.mapped[run.plan.name].owner
            if run.state is not RoleState.RUNNING:
                missing.append(f"{run.plan.name} is {run.state.name.lower()}")
            elif not owner.gauge("ready"):
                missing.append(self._why_not_ready(run))
        if self.degraded() and not self.plan.allow_degraded:
            missing += [f"{what} (safety.allow_degraded is false)" for what in self.degraded()]
        return missing

    def _why_not_ready(self, run: RoleRun) -> str:
        owner = self.segments.mapped[run.plan.name].owner
        if run.plan.io is None:
            return f"{run.plan.name} waits for its inputs"
        refusal = owner.gauge("refusal")
        if refusal:
            self.refusal = (
                f"{run.plan.io.device}: the device differs in {REFUSALS[refusal]}; "
                "load the firmware made for this board file"
            )
            return self.refusal
        return f"{run.plan.name} has no answer from {run.plan.io.device}"

    def degraded(self) -> list[str]:
        """Return what a role or the supervisor asked for and did not get."""
        lacks = []
        for run in self.roles.values():
            if run.granted:
                lacks += _lacks(run.plan.name, run.plan, run.granted)
        for device in self.devices.values():
            if device.granted:
                lacks += _lacks(f"device {device.plan.name}", device.plan, device.granted)
        if self._watching and self.watchdog_priority == 0:
            lacks.append("watchdog: runs without real-time priority")
        return lacks

    # Ending

    def trouble(self) -> tuple[int, str] | None:
        """Return exit code and reason when the run cannot go on; None while it can."""
        for run in self.roles.values():
            if self.mode is Mode.BOOT and run.state is RoleState.DEAD and run.exit_code:
                return run.exit_code, run.error
        for device in self.devices.values():
            if device.error:
                return 1, f"device {device.plan.name}: {device.error}"
        if self.armed_ns == 0 and time.monotonic_ns() - self._origin_ns > START_NS:
            missing = self.not_ready()
            if missing:
                return 1, f"not ready within {START_NS // 10**9} s: " + "; ".join(missing)
        return None

    def stop(self) -> None:
        """Stop in order: outputs safe, then control, io, observers, devices; at most `stop_ns`."""
        deadline_ns = time.monotonic_ns() + self.plan.supervisor.stop_ns
        for run in self.roles.values():
            run.restart_at_ns = None
        if self.mode is Mode.ARMED:
            self.disarm()
        self._step_until(self._outputs_safe, min(deadline_ns, _in(0.5)))
        self._end_kind("control", min(deadline_ns, _in(0.5)))
        self._end_kind("io", min(deadline_ns, _in(0.5)))
        for device in self.devices.values():
            os.close(device.lifeline)
            device.lifeline = -1
        self._end_kind("telemetry", max(deadline_ns, _in(0.5)))
        gone = self._step_until(
            lambda: all(device.child is None for device in self.devices.values()), _in(1.2)
        )
        if not gone:
            self._kill_all()

    def _outputs_safe(self) -> bool:
        for run in self.roles.values():
            if run.state is not RoleState.RUNNING:
                continue
            owner = self.segments.mapped[run.plan.name].owner
            if run.plan.kind == "control" and not owner.gauge("at_safe"):
                return False
            if run.plan.kind == "io" and owner.gauge("device_armed"):
                return False
        return True

    def _end_kind(self, kind: str, deadline_ns: int) -> None:
        runs = [run for run in self.roles.values() if run.plan.kind == kind]
        for run in runs:
            run.restart_at_ns = None
            self._watchdog.enable(run.plan.role_id, enabled=False)
            if run.state in LIVE:
                self._to(run, RoleEvent.END)
                if run.child is not None and not run.handed_over:
                    run.child.kill()
        if not self._step_until(lambda: all(run.child is None for run in runs), deadline_ns):
            for run in runs:
                self._kill(run)
            self._step_until(lambda: all(run.child is None for run in runs), _in(0.5))

    def _step_until(self, done: Callable[[], bool], deadline_ns: int) -> bool:
        while not done():
            if time.monotonic_ns() > deadline_ns:
                return False
            self.step()
        return True

    def _kill_all(self) -> None:
        children = [run.child for run in self.roles.values()]
        children += [device.child for device in self.devices.values()]
        for child in children:
            if child is not None:
                child.kill()
                child.reap()

    def close(self) -> None:
        """Leave nothing behind: no process, thread, descriptor or mapping."""
        if self._watching:
            self._watchdog.stop()
            self._watching = False
        self._kill_all()
        for device in self.devices.values():
            if device.lifeline >= 0:
                os.close(device.lifeline)
        self._selector.close()
        self._launcher.close()
        self.segments.close()

    # Role states

    def _all(self, state: RoleState) -> bool:
        return all(run.state is state for run in self.roles.values())

    def _to(self, run: RoleRun, event: RoleEvent) -> None:
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
        """Return what `state.json` shows: who runs, as which process, in which mode."""
        return {
            "system": self.plan.system,
            "pid": os.getpid(),
            "mode": self.mode.name,
            "arming": self.arming,
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


def _in(seconds: float) -> int:
    return time.monotonic_ns() + int(seconds * 1e9)


def _lacks(who: str, plan: Any, granted: dict[str, Any]) -> list[str]:
    lacks = []
    if plan.cores and granted["cores"] != sorted(plan.cores):
        lacks.append(f"{who}: asked for cores {list(plan.cores)}, runs on {granted['cores']}")
    if plan.policy == "fifo" and (granted["policy"], granted["priority"]) != (
        plan.policy,
        plan.priority,
    ):
        lacks.append(
            f"{who}: asked for SCHED_FIFO {plan.priority}, runs as {granted['policy']} "
            "(no real-time rights: run as root, or give CAP_SYS_NICE and an rtprio limit)"
        )
    if getattr(plan, "lock_memory", False) and not granted["memory_locked"]:
        lacks.append(
            f"{who}: its memory is not locked (run as root, or give CAP_IPC_LOCK "
            "and a memlock limit)"
        )
    return lacks
