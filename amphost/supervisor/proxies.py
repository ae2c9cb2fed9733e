"""The fault proxies of a run: lines that are spoilt on purpose, and what was done to them.

Rules. The host opens a proxy's pty under a name of its own, `<device>.faults.port`, whatever pty it
is; the name goes as soon as the proxy says that the cable is out. A proxy that died is started
again like a loopback device; one that says itself why it cannot be ends the run. A system with
proxies is degraded for as long as it runs, and its report has what was done.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from amphost.lifecycle import restart_delay_ns
from amphost.supervisor.process import Child, describe_exit
from amphost.supervisor.proxy_run import ProxyRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from amphost.plan.model import ProxyPlan
    from amphost.supervisor.listening import Listening
    from amphost.supervisor.runtime_dir import RuntimeDir


class Proxies:
    """Starts the proxies of a plan, and their successors. `runs` is by device.

    Synchronization: one thread.
    """

    def __init__(
        self, runtime: RuntimeDir, listening: Listening, say: Callable[[str], None]
    ) -> None:
        self.runs: dict[str, ProxyRun] = {}
        self._runtime = runtime
        self._listening = listening
        self._say = say

    def start(self, plan: ProxyPlan) -> ProxyRun:
        """Exec a proxy and listen to it; its handover follows, with the port of its device."""
        theirs, ours = os.pipe()  # carries nothing but its own closing
        run = ProxyRun(plan=plan, child=None, lifeline=ours)
        try:
            self._exec(run, theirs)
        except BaseException:
            run.abandon()
            raise
        finally:
            os.close(theirs)
        self.runs[plan.device] = run
        self._listening.add(run)
        if plan.port:
            self.stand_before(plan.device, plan.port)
        return run

    def stand_before(self, device: str, port: str) -> None:
        """Say where the device of a proxy is; one that stands before another port starts anew."""
        run = self.runs.get(device)
        if run is None or not port or run.inner == port or run.child is None:
            return
        anew, run.inner = bool(run.inner), port
        if anew:
            run.child.kill()
            return
        facts = {
            "journal": str(self._runtime.journal_path(_name(device))),
            "lifeline_fd": run.lifeline_fd,
            "status_fd": run.child.child_status_fd,
            "port": port,
        }
        run.child.hand_over(json.dumps({"proxy": asdict(run.plan), "run": facts}))

    def announce(self) -> None:
        """Say which lines are spoilt: nobody may find out by accident."""
        for line in self.lacks():
            self._say(line)

    def lacks(self) -> list[str]:
        """Return what stands in every report of a system with proxies."""
        return [
            f"{device}: FAULTS ARE INJECTED into its line, on purpose"
            f" ({', '.join(fault.name for fault in run.plan.faults)})"
            for device, run in self.runs.items()
        ]

    def port(self, device: str) -> str | None:
        """Return the name to open for a device; empty while there is none, None: no proxy."""
        run = self.runs.get(device)
        if run is None:
            return None
        return str(self._runtime.port_path(_name(device))) if run.port else ""

    def hear(self, run: ProxyRun, statuses: Sequence[dict[str, Any]], code: int | None) -> bool:
        """Take what a proxy says, and its end; return whether it is ready now."""
        ready = False
        for status in statuses:
            event = status.get("event")
            if event == "ready":
                run.port, run.granted, ready = status["port"], status["granted"], True
                self._runtime.set_port(_name(run.plan.device), run.port)
            elif event == "gone":
                self._runtime.set_port(_name(run.plan.device), "")
            elif event == "injected":
                run.counts = status["counts"]
            elif event == "failed":
                run.error = str(status["error"])
        if code is not None:
            self._runtime.set_port(_name(run.plan.device), "")
            if run.lifeline >= 0:
                self._died(run, code)
        return ready

    def turn(self, now_ns: int) -> None:
        """Start the successors whose time has come."""
        for run in list(self.runs.values()):
            if run.restart_at_ns is not None and now_ns >= run.restart_at_ns:
                self._say(f"fault proxy of {run.plan.device}: starting again")
                self.start(run.plan).restarts_ns = [*run.restarts_ns, now_ns]
                self.stand_before(run.plan.device, run.inner)

    def errors(self) -> Iterable[str]:
        """Return why proxies cannot be."""
        return [
            f"fault proxy of {name}: {one.error}" for name, one in self.runs.items() if one.error
        ]

    def _died(self, run: ProxyRun, code: int) -> None:
        why = run.error or describe_exit(code)
        now_ns = time.monotonic_ns()
        delay_ns = restart_delay_ns(run.restarts_ns, now_ns)
        run.release()
        if run.error or not run.port or delay_ns is None:
            run.error = why
            return
        run.port = ""
        self._say(f"fault proxy of {run.plan.device}: it died: {why}")
        run.restart_at_ns = now_ns + delay_ns

    def _exec(self, run: ProxyRun, theirs: int) -> None:
        plan = run.plan
        log = self._runtime.open_log(plan.name)
        try:
            run.child = Child("amphost.link.fault_proxy", "", [theirs], log)
            run.lifeline_fd = theirs
        finally:
            os.close(log)


def _name(device: str) -> str:
    """Return what stands for a device's proxy in the runtime directory."""
    return f"{device}.faults"
