"""The devices of a run that are on this host: started, found under one name, started again.

Rules. A device has one name in the runtime directory for the whole run, `<device>.port`, whatever
pty it has now: the io role opens that name, as it would open one below /dev/serial/by-id. The name
goes as soon as the device is seen to be gone, because its pty may be anybody's next. A device that
died is started again like a role, ever later and not for ever; one that says itself why it cannot
be is not, and ends the run. A loopback's successor says that the watchdog has reset it. An emulated
device has a socket instead, `<device>.sock`, which is its name for the whole run by itself.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from amphost.lifecycle import restart_delay_ns
from amphost.supervisor.process import describe_exit
from amphost.supervisor.runs import DeviceRun

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from amphost.plan.model import DevicePlan, EmulatorPlan
    from amphost.supervisor.launch import Launcher
    from amphost.supervisor.listening import Listening
    from amphost.supervisor.runtime_dir import RuntimeDir

FIRST_RESET = "power"
LATER_RESET = "watchdog"
SOCKET = "unix://"


class Loopbacks:
    """Starts loopback and emulated devices, and their successors, in `runs`.

    Synchronization: one thread.
    """

    def __init__(
        self,
        launcher: Launcher,
        listening: Listening,
        runtime: RuntimeDir,
        runs: dict[str, DeviceRun],
        say: Callable[[str], None],
    ) -> None:
        self._launcher = launcher
        self._listening = listening
        self._runtime = runtime
        self._runs = runs
        self._say = say
        self._nonce = int.from_bytes(os.urandom(4), "little")

    def start(self, plan: DevicePlan | EmulatorPlan, reset_cause: str = FIRST_RESET) -> DeviceRun:
        """Exec a device with a boot nonce of its own, and listen to it."""
        self._nonce = (self._nonce + 1) & 0xFFFFFFFF
        device = self._launcher.start_device(plan, self._nonce, reset_cause)
        self._runs[plan.name] = device
        self._listening.add(device)
        return device

    def port(self, device: DeviceRun) -> str:
        """Return the name under which a device's port is found; empty while it has none."""
        if device.port.startswith(SOCKET):
            return device.port
        return str(self._runtime.port_path(device.plan.name)) if device.port else ""

    def hear(self, device: DeviceRun, statuses: Sequence[dict[str, Any]], code: int | None) -> bool:
        """Take what a device says, and its end; return whether it is ready now."""
        ready = device.hear(statuses)
        if ready and not device.port.startswith(SOCKET):
            self._runtime.set_port(device.plan.name, device.port)
        if code is not None:
            self._runtime.set_port(device.plan.name, "")
            if device.lifeline >= 0:
                self._died(device, code)
        return ready

    def turn(self, now_ns: int) -> None:
        """Start the successors whose time has come."""
        for device in list(self._runs.values()):
            if device.restart_at_ns is not None and now_ns >= device.restart_at_ns:
                self._say(f"device {device.plan.name}: starting again")
                successor = self.start(device.plan, LATER_RESET)
                successor.restarts_ns = [*device.restarts_ns, now_ns]

    def _died(self, device: DeviceRun, code: int) -> None:
        why = device.error or describe_exit(code)
        now_ns = time.monotonic_ns()
        delay_ns = restart_delay_ns(device.restarts_ns, now_ns)
        was_ready = bool(device.port)
        device.release()
        device.port = ""
        if device.error or not was_ready or delay_ns is None:
            device.error = why
            return
        self._say(f"device {device.plan.name}: it died: {why}")
        device.restart_at_ns = now_ns + delay_ns
