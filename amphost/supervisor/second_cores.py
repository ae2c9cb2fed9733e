"""The second cores of a run: started before their ports are opened, stopped when all is safe.

Rules. A process of its own keeps each core, since what it does may take as long as Linux likes. A
core that crashed is started again like a role, ever later and not for ever; one that cannot be
started, and says why, ends the run. Nothing is armed by a core that comes back.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from amphost.lifecycle import restart_delay_ns
from amphost.supervisor.process import Child, describe_exit
from amphost.supervisor.second_core_run import SecondCoreRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from amphost.plan.model import SecondCorePlan
    from amphost.supervisor.listening import Listening
    from amphost.supervisor.runtime_dir import RuntimeDir


class SecondCores:
    """Starts the second cores of a plan, and starts them again. `runs` is by device.

    Synchronization: one thread.
    """

    def __init__(
        self, runtime: RuntimeDir, listening: Listening, say: Callable[[str], None], root: str = ""
    ) -> None:
        self.runs: dict[str, SecondCoreRun] = {}
        self._runtime = runtime
        self._listening = listening
        self._say = say
        self._root = root

    def start(self, plan: SecondCorePlan) -> SecondCoreRun:
        """Exec the process that starts the core, and listen to it."""
        theirs, ours = os.pipe()  # carries nothing but its own closing
        run = SecondCoreRun(plan, ours)
        try:
            self._exec(run, theirs)
        except BaseException:
            run.abandon()
            raise
        finally:
            os.close(theirs)
        self.runs[plan.name] = run
        self._listening.add(run)
        return run

    def port(self, device: str) -> str:
        """Return the address to open for a device; empty while its core does not run."""
        run = self.runs.get(device)
        return run.plan.port if run is not None and run.runs else ""

    def hear(
        self, run: SecondCoreRun, statuses: Sequence[dict[str, Any]], code: int | None
    ) -> bool:
        """Take what a core's process says, and its end; return whether the core runs now."""
        ready = False
        for status in statuses:
            event = status.get("event")
            if event == "ready":
                run.runs = ready = True
                self._say(f"{run.plan.name}: {run.plan.remoteproc} runs {run.plan.firmware}")
            elif event == "crashed":
                run.crash = str(status["error"])
            elif event == "failed":
                run.error, run.exit_code = str(status["error"]), int(status["exit"])
        if code is not None:
            if run.lifeline >= 0:
                self._died(run, code)
            elif code != 0:
                self._say(f"{run.plan.name}: {run.error or run.crash or describe_exit(code)}")
        return ready

    def turn(self, now_ns: int) -> None:
        """Start again those whose time has come."""
        for run in list(self.runs.values()):
            if run.restart_at_ns is not None and now_ns >= run.restart_at_ns:
                self._say(f"{run.plan.name}: starting {run.plan.remoteproc} again")
                self.start(run.plan).restarts_ns = [*run.restarts_ns, now_ns]

    def errors(self) -> Iterable[tuple[int, str]]:
        """Return exit code and reason of each core that cannot run."""
        return [
            (one.exit_code, f"{name}: {one.error}") for name, one in self.runs.items() if one.error
        ]

    def _died(self, run: SecondCoreRun, code: int) -> None:
        why = run.error or run.crash or describe_exit(code)
        now_ns = time.monotonic_ns()
        delay_ns = restart_delay_ns(run.restarts_ns, now_ns)
        was_running, run.runs = run.runs, False
        run.release()
        if run.error or not (was_running or run.restarts_ns) or delay_ns is None:
            run.error = why
            return
        self._say(f"{run.plan.name}: {why}")
        run.restart_at_ns = now_ns + delay_ns

    def _exec(self, run: SecondCoreRun, theirs: int) -> None:
        log = self._runtime.open_log(f"core_{run.plan.name}")
        try:
            child = run.child = Child("amphost.link.second_core", "", [theirs], log)
        finally:
            os.close(log)
        facts = {
            "lifeline_fd": theirs,
            "status_fd": child.child_status_fd,
            "root": self._root,
        }
        child.hand_over(json.dumps({"device": asdict(run.plan), "run": facts}))
