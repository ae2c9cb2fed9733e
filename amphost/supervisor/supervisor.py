"""The supervisor: starts roles and devices, turns, arms, answers; leaves nothing behind.

Rules. One pass of `step` is one turn of its loop: its heartbeat moves there and nowhere else, so a
supervisor that hangs is seen by every loop within its bound. Modes and role states change only
through the tables of `lifecycle`. Who hangs or trips is `watch`'s to see, who starts again is
decided by `restarts`. What a user should see goes through `say`, one line for each change of state.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from amphost.errors import AmphostError, NoPermissionError
from amphost.lifecycle import (
    CONTROL_PATH,
    ROLE_STATES,
    Mode,
    ModeEvent,
    RoleEvent,
    RoleState,
    next_mode,
)
from amphost.roles.settle import pin, schedule
from amphost.supervisor import figures, line_readers, readiness
from amphost.supervisor.control_socket import ControlSocket, Request
from amphost.supervisor.events import EventCode, Events
from amphost.supervisor.faults import Faults
from amphost.supervisor.idle_hold import IdleHold
from amphost.supervisor.launch import Launcher, Segments
from amphost.supervisor.links import Links
from amphost.supervisor.listening import Heard, Listening
from amphost.supervisor.loopbacks import Loopbacks
from amphost.supervisor.modes import Modes
from amphost.supervisor.origin import Origin, find_origin
from amphost.supervisor.process import describe_exit
from amphost.supervisor.proxies import Proxies
from amphost.supervisor.proxy_run import ProxyRun
from amphost.supervisor.restarts import Restarts
from amphost.supervisor.role_table import RoleTable
from amphost.supervisor.runs import DeviceRun, RoleRun, end_now, role_runs
from amphost.supervisor.second_core_run import SecondCoreRun
from amphost.supervisor.second_cores import SecondCores
from amphost.supervisor.settings import VERBS as SETTING_VERBS
from amphost.supervisor.settings import Settings
from amphost.supervisor.startup import Startup
from amphost.supervisor.usage import Usage
from amphost.supervisor.watch import Watch
from amphost.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from amphost.plan.model import Plan
    from amphost.supervisor.launch import Attachment
    from amphost.supervisor.runtime_dir import RuntimeDir

TURN_S = 0.01
HELD_END_NS = 200_000_000  # to leave, once it has said that it ends: pdb would begin again
VERBS = ("arm", "disarm", "acknowledge", "stop", "state", "figures", "link", *SETTING_VERBS)


@contextmanager
def _in_words(what: str) -> Iterator[None]:
    """Say what Linux refused: a start that fails for want of something is no error of ours."""
    try:
        yield
    except OSError as error:
        raise AmphostError(f"the run could not be {what}: {error}") from error


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
        startup: Startup | None = None,
        hold: str = "",
    ) -> None:
        self.plan = plan
        self.startup = startup or Startup(time.monotonic_ns())
        self.runtime = runtime
        self.say = say
        self.roles = role_runs(plan.roles, hold)
        self.devices: dict[str, DeviceRun] = {}
        self.granted: dict[str, Any] = {}
        self.usage = Usage()
        self.watchdog_priority = 0
        self.stop_asked = self.stopping = self._was_ready = False
        self._began_ns = time.monotonic_ns()
        self.origin = Origin(origin_ns=self._began_ns)
        with _in_words("set up"), ExitStack() as opened:
            self.segments = Segments(plan, int.from_bytes(os.urandom(7), "little"))
            opened.callback(self.segments.close)
            self._own = self.segments.mapped["supervisor"]
            self.events = Events(
                self.segments.mapped["events"], {role.name: role.role_id for role in plan.roles}
            )
            system = self._own.system()
            self._launcher = Launcher(self.segments, runtime, attachments, self._began_ns, say)
            opened.callback(self._launcher.close)
            self._listening = Listening()
            opened.callback(self._listening.close)
            self.proxies = Proxies(runtime, self._listening, say)
            self.second_cores = SecondCores(runtime, self._listening, say)
            self._socket = ControlSocket(runtime.path / "control.sock", self._answer)
            opened.callback(self._socket.close)
            opened.callback(self._end_processes)
            self.watchdog = Watchdog(plan.supervisor, self.segments.mapped)
            opened.callback(self.watchdog.stop)
            self.idle = IdleHold(plan.supervisor.hold_cpu_dma_latency)
            opened.callback(self.idle.close)
            self.settings = Settings(
                plan, self.segments.mapped, self.roles, self.watchdog, self.events
            )
            self._opened = opened.pop_all()
        self.faults = Faults(say, self.events.fault)
        self.table = RoleTable(
            plan.system, system, runtime, self.roles, self.devices, self.proxies.runs
        )
        self.modes = Modes(system, self.watchdog, self._mode_changed)
        self.watch = Watch(self.watchdog, self.segments.mapped, self.modes, self.faults)
        self.restarts = Restarts(self.modes, self.faults, say)
        self.links = Links(self.segments.mapped, say, self.events.link)
        self._loopbacks = Loopbacks(self._launcher, self._listening, runtime, self.devices, say)

    # Starting

    def start(self) -> None:
        """Settle this process, start the watchdog, every device and every role."""
        self.startup.execs()
        with _in_words("started"):
            self._start()
        self.startup.done("exec")

    def _start(self) -> None:
        supervisor = self.plan.supervisor
        self.idle.follow(self.modes.mode)
        cores = pin(supervisor.cores)
        policy, priority = schedule(supervisor.policy, supervisor.priority, 0, children_too=True)
        granted = {"cores": cores, "policy": policy, "priority": priority}
        for plan in self.plan.devices:
            self._beat()
            self._loopbacks.start(plan)
        for emulator in self.plan.emulators:
            self._beat()
            self._loopbacks.start(emulator)
        self._start_proxies()
        for core_plan in self.plan.second_cores:
            self._beat()
            self.second_cores.start(core_plan)
        for run in self._processes():
            self._start_role(run)
        self.origin = find_origin(self.plan)
        self._launcher.origin_ns = self.origin.origin_ns
        for run in self._processes():
            self._hand_over(run)
        core = supervisor.cores[0] if supervisor.cores else -1
        self.watchdog_priority = self.watchdog.start(core, supervisor.watchdog_priority)
        self.granted = granted
        self._say_degraded(
            readiness.degraded_supervisor(supervisor, granted, self.watchdog_priority)
        )
        self._say_degraded([f"supervisor: {self.idle.lack}"] if self.idle.lack else [])
        self._say_degraded(readiness.degraded_fold(self.plan))

    def _start_proxies(self) -> None:
        for plan in self.plan.proxies:
            self._beat()
            self.proxies.start(plan)
        self.proxies.announce()

    def _start_role(self, run: RoleRun) -> None:
        self._beat()
        self._launcher.start_role(run, time.monotonic_ns())
        for one in run.together:
            self.table.move(one, RoleEvent.START)
            if not run.held:
                self.events.role(one.plan.name, one.epoch, one.pid)
        self._listening.add(run)

    def _processes(self) -> list[RoleRun]:
        """Return the roles that have a process of their own."""
        return [run for run in self.roles.values() if run.host is None]

    def _hand_over(self, run: RoleRun) -> None:
        """Hand a role its plan, as soon as every device of its process is there."""
        self._beat()
        ports: dict[str, str] = {}
        for one in run.together:
            io = one.plan.io
            if io is not None and not self._is_plain(io.device):
                ports[one.plan.name] = self._port(io.device)
        if all(ports.values()):
            self._launcher.hand_over_role(run, ports)

    def _is_plain(self, device: str) -> bool:
        """Return whether a device is there without any process of ours."""
        kept = (self.devices, self.proxies.runs, self.second_cores.runs)
        return not any(device in runs for runs in kept)

    def _port(self, name: str) -> str:
        """Return where a device's io role finds it; empty while it is not there, or is plain."""
        proxied = self.proxies.port(name)
        return self._own_port(name) if proxied is None else proxied

    def _own_port(self, name: str) -> str:
        """Return where a device itself is; empty while it is not there, or is plain."""
        device = self.devices.get(name)
        return self._loopbacks.port(device) if device else self.second_cores.port(name)

    # One turn

    def step(self) -> None:
        """Wait a turn at most, take what happened, judge, act."""
        self._beat()
        for heard in self._listening.wait(TURN_S):
            self._take(heard)
        self._beat()
        now_ns = time.monotonic_ns()
        for run in self.roles.values():
            self.watch.judge(run, now_ns)
            self.links.look(run)
            if self.restarts.due(run, now_ns):
                self._start_again(run)
        if not self.stopping:
            self._loopbacks.turn(now_ns)
            self.proxies.turn(now_ns)
            self.second_cores.turn(now_ns)
        if self.modes.mode is Mode.BOOT and self._control_path_runs():
            self.startup.done("settle")
            self.modes.change(ModeEvent.READY)
        self.settings.turn()
        self._socket.poll()

    def _take(self, heard: Heard) -> None:
        if isinstance(heard.run, DeviceRun):
            self._take_device(heard.run, heard.statuses, heard.code)
        elif isinstance(heard.run, ProxyRun):
            if self.proxies.hear(heard.run, heard.statuses, heard.code):
                self._hand_over_waiting(heard.run.plan.device)
                self.table.write()
        elif isinstance(heard.run, SecondCoreRun):
            if self.second_cores.hear(heard.run, heard.statuses, heard.code):
                self._hand_over_waiting(heard.run.plan.name)
        else:
            self._take_role(heard.run, heard.statuses, heard.code)

    def _start_again(self, run: RoleRun) -> None:
        try:
            self._start_role(run)
            self._hand_over(run)
        except OSError as error:
            self._listening.forget(run)
            end_now(run)
            self.restarts.died(run, f"it could not be started ({error})")

    def _mode_changed(self, line: str) -> None:
        self.idle.follow(self.modes.mode)
        self.say(line)
        self.events.mode(self.modes.mode, self.modes.arming)
        if self.modes.mode is Mode.ARMED:
            self.settings.armed()
        self.table.write()

    def _control_path_runs(self) -> bool:
        """Return whether every role that arming needs runs: it waits for no observer."""
        needed = [run for run in self.roles.values() if run.plan.kind in CONTROL_PATH]
        return all(run.state is RoleState.RUNNING for run in needed)

    def _beat(self) -> None:
        self._own.owner.beat(time.monotonic_ns())

    def _take_device(
        self, device: DeviceRun, statuses: Sequence[dict[str, Any]], code: int | None
    ) -> None:
        if self._loopbacks.hear(device, statuses, code):
            self.table.write()
            self._say_degraded(readiness.degraded_devices([device]))
            self._hand_over_waiting(device.plan.name)

    def _hand_over_waiting(self, device: str) -> None:
        """Give the io role of a device that is there now what it waits for."""
        self.proxies.stand_before(device, self._own_port(device))
        for run in self.roles.values():
            io = run.plan.io
            waits = run.state is RoleState.STARTING and not run.handed_over
            if io is not None and io.device == device and waits:
                self._hand_over(run.process)

    def _take_role(
        self, run: RoleRun, statuses: Sequence[dict[str, Any]], code: int | None
    ) -> None:
        if run.child is not None and run.child.pid != run.pid:
            self.say(f"{run.plan.name}: process {run.child.pid} has taken its place")
            for one in run.together:
                one.pid = run.child.pid
                self.events.role(one.plan.name, one.epoch, one.pid)
            self.table.write()
        if run.held and any(status.get("event") == "ended" for status in statuses):
            run.kill_at_ns = time.monotonic_ns() + HELD_END_NS
        if run.hear(statuses) and (run.state, RoleEvent.READY) in ROLE_STATES:
            for one in run.together:
                self.table.move(one, RoleEvent.READY)
                self.watch.begin(one)
            self._say_degraded(readiness.degraded_roles([run]))
        if code is not None:
            self._role_ended(run, code)

    def _role_ended(self, run: RoleRun, code: int) -> None:
        for one in run.together:
            self.watch.end(one)
            self.settings.tuning.ended(one)
        asked = run.state is RoleState.ENDING
        well = code == 0 or (asked and not run.handed_over)  # it never had a plan to carry out
        well |= asked and run.plan.exec is not None and code == -signal.SIGTERM
        for one in run.together:
            self.table.move(one, RoleEvent.EXIT if well else RoleEvent.DIE)
        if not asked:
            log = (
                f" (see {self.runtime.log_path(run.plan.name)})"
                if code > 0 and not run.held
                else ""
            )
            self.restarts.died(run, run.error or describe_exit(code) + log)

    def _say_degraded(self, lacks: Sequence[str]) -> None:
        for lack in lacks:
            self.say(f"degraded: {lack}")

    # What a person may ask

    def arm(self) -> None:
        """Arm: a new act. AmphostError says what stands in the way."""
        next_mode(self.modes.mode, ModeEvent.ARM)
        if self.stopping:
            raise AmphostError("not armed: the system is stopping")
        missing = self.not_ready()
        if missing:
            raise AmphostError("not armed: " + "; ".join(missing))
        lacks = self.degraded()
        if lacks and not self.plan.allow_degraded:
            raise NoPermissionError(
                "not armed, since safety.allow_degraded is false: " + "; ".join(lacks)
            )
        self.startup.done("link")  # readiness may have come since the last look at it
        self.runtime.mark_unclean()
        self.usage.begin(self.pids())
        self.modes.change(ModeEvent.ARM)

    def _answer(self, request: Request) -> dict[str, Any]:
        with self.events.asked_by(request.peer):
            return self._do(request)

    def _do(self, request: Request) -> dict[str, Any]:
        verb = request.verb
        if verb == "arm":
            self.arm()
        elif verb == "disarm":
            self.modes.change(ModeEvent.DISARM)
        elif verb == "acknowledge":
            self.modes.change(ModeEvent.ACKNOWLEDGE)
        elif verb == "stop":
            self.stop_asked = True
            self.events.record(EventCode.STOP, "asked to stop")
        elif verb == "figures":
            return figures.build(self)
        elif verb == "link":
            return line_readers.answer(self.plan, self.segments, self.roles, request.fields)
        elif verb in SETTING_VERBS:
            return self.settings.answer(request)
        elif verb != "state":
            raise AmphostError(f"{verb!r} is no verb; there are {', '.join(VERBS)}")
        return self.table.state()

    def not_ready(self) -> list[str]:
        """Return what keeps the control path from being armed; empty when nothing does."""
        return readiness.not_ready(self.roles.values(), self.segments.mapped)

    def pids(self) -> dict[str, int]:
        """Return the roles that have a process, and its number."""
        return {name: run.pid for name, run in self.roles.items() if run.child and run.pid}

    def degraded(self) -> list[str]:
        """Return what was asked for and not got."""
        return [
            *readiness.degraded_roles(self.roles.values()),
            *readiness.degraded_devices(self.devices.values()),
            *readiness.degraded_supervisor(
                self.plan.supervisor, self.granted, self.watchdog_priority
            ),
            *([f"supervisor: {self.idle.lack}"] if self.idle.lack else []),
            *readiness.degraded_fold(self.plan),
            *self.proxies.lacks(),
        ]

    def trouble(self) -> tuple[int, str] | None:
        """Return exit code and reason when the run cannot go on; None while it can."""
        for run in self.roles.values():
            starts = run.plan.kind in CONTROL_PATH  # who only observes may be down
            failed = starts and run.state is RoleState.DEAD and run.exit_code
            if self.modes.mode is Mode.BOOT and failed and run.restart_at_ns is None:
                return run.exit_code, f"{run.plan.name}: {run.error}"
        for device in self.devices.values():
            if device.error:
                return device.exit_code, f"device {device.plan.name}: {device.error}"
        for error in self.proxies.errors():
            return 1, error
        for trouble in self.second_cores.errors():
            return trouble
        if not self._was_ready:
            missing = self.not_ready()
            self._was_ready = not missing
            if self._was_ready:
                self.startup.done("link")
            within_ns = readiness.start_bound_ns(self.plan)
            held = any(run.held for run in self.roles.values())  # a person takes their time
            if missing and not held and time.monotonic_ns() - self._began_ns > within_ns:
                return 1, f"not ready within {within_ns / 1e9:g} s: " + "; ".join(missing)
        return None

    # The end

    def _end_processes(self) -> None:
        for run in self.roles.values():
            end_now(run)
        for device in self.devices.values():
            device.abandon()
        for proxy in self.proxies.runs.values():
            proxy.abandon()
        for second_core in self.second_cores.runs.values():
            second_core.abandon()

    def close(self) -> None:
        """Leave nothing behind: no process, thread, descriptor or mapping. Once is enough."""
        self._opened.close()
