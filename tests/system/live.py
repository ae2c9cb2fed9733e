"""A system that really runs, for the tests of the whole: started by the command that users type.

Rules. Everything is read from outside: state.json, the device's journal, /proc, the exit code and
the report. Waiting is for a condition with a deadline, never for a time.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.proc import descriptors

DEADLINE_S = 20.0
PATIENT = """\
name: motor
board: loopback
safety: {safe_within_ms: 20000, arm: on_start}
operator:
  target: {unit: rad, range: [-6.3, 6.3], initial: 1.0}
roles:
  io:
    kind: io
    device: mcu
    core: 0
    priority: 70
    reads: {voltage: control.voltage}
  control:
    kind: control
    core: 1
    priority: 80
    rate_hz: 50
    blackout_ms: 5000
    reads:
      position: {from: io.position, max_age_ms: 3000, stale: hold, trip_after_ms: 3000}
      target: operator.target
    law:
      error: {subtract: [target, position]}
      voltage: {gain: error, by: 0.5}
    writes:
      voltage: {unit: V, range: [-12, 12], safe: 0.0}
  telemetry:
    kind: telemetry
    core: 0
    record: {to: runs/, max_mb: 8}
"""
"""A system whose bounds a busy test machine keeps: for tests of what follows, not of how soon."""


STALLS = frozenset(
    {
        *("heartbeat", "blackout", "overrun", "device_safe", "link_lost", "role_died"),
        *("device_isolated", "arm_refused"),  # an emulator stood still: no byte taken, ARM too late
    }
)
"""Faults that a test machine brings about which is away for tens of milliseconds."""


def undisturbed(code: int, report: dict[str, Any], err: str) -> bool:
    """Return whether a run ended well; fail unless a stall of this machine is all that it met."""
    assert "Traceback" not in err
    if code == 0:  # also when a role died that the machine does without for a moment
        return True
    assert code == 1, err
    faults = {fault["fault"] for fault in report["faults"]}
    assert faults, err
    assert faults <= STALLS, err
    return False


def wait_for(condition: Callable[[], Any], what: str, within_s: float = DEADLINE_S) -> Any:
    """Return the condition's first true value."""
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s:
        value = condition()
        if value:
            return value
        time.sleep(0.005)
    raise AssertionError(f"not within {within_s:g} s: {what}")


class LiveRun:
    """One `amphost run` with a runtime directory of its own; `prefix` stands before the command."""

    def __init__(self, spec: Path, base: Path, *arguments: str, prefix: Sequence[str] = ()) -> None:
        self.base = base
        self.begun_ns = time.monotonic_ns()
        command = [*prefix, sys.executable, "-m", "amphost", "run", str(spec), "--json"]
        command += ["--runtime-dir", str(base), *arguments]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=base
        )
        self.pids: set[int] = {self.process.pid}

    def state(self) -> dict[str, Any]:
        """Return state.json, or nothing before there is one."""
        for path in self.base.glob("*/state.json"):
            with contextlib.suppress(FileNotFoundError, ValueError):
                state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
                self.pids |= {role["pid"] for role in state["roles"].values()}
                for kind in ("devices", "fault_proxies"):
                    self.pids |= {one["pid"] for one in state[kind].values()}
                return state
        return {}

    def armed(self) -> dict[str, Any]:
        """Wait until the device itself says that it follows actuations."""
        self.event("first_actuation")
        return self.in_mode("ARMED")

    def role(self, name: str, state: str, epoch: int) -> dict[str, Any]:
        """Wait until a role is in a state, in its so-manieth process."""

        def there() -> dict[str, Any] | None:
            role = self.state().get("roles", {}).get(name, {})
            return role if (role.get("state"), role.get("epoch")) == (state, epoch) else None

        role: dict[str, Any] = wait_for(there, f"{name} is {state} in epoch {epoch}")
        return role

    def ask(self, *words: str) -> tuple[int, str, str]:
        """Ask the running system as a person does; return exit code, stdout and stderr."""
        command = [sys.executable, "-m", "amphost", *words, "--runtime-dir", str(self.base)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout.strip(), done.stderr.strip()

    def _in_mode(self, mode: str) -> dict[str, Any]:
        state = self.state()
        return state if state.get("mode") == mode else {}

    def in_mode(self, mode: str) -> dict[str, Any]:
        """Wait for a mode."""
        state: dict[str, Any] = wait_for(lambda: self._in_mode(mode), f"mode {mode}")
        return state

    def pid(self, role: str) -> int:
        """Return the process id of a role, a device or the supervisor."""
        state = self.state()
        if role == "supervisor":
            return int(state["pid"])
        return int((state["roles"].get(role) or state["devices"][role])["pid"])

    def journal(self) -> list[dict[str, Any]]:
        """Return the loopback device's own record so far."""
        for path in self.base.glob("*/*.journal"):
            if path.name.endswith(".faults.journal"):
                continue
            lines = path.read_text(encoding="utf-8").splitlines()
            return [json.loads(line) for line in lines if line.endswith("}")]
        return []

    def event(self, kind: str, after_us: int = 0) -> dict[str, Any]:
        """Wait for an event of the device later than `after_us` on its clock."""

        def found() -> dict[str, Any] | None:
            events = [e for e in self.journal() if e["event"] == kind and e["t_us"] > after_us]
            return events[0] if events else None

        event: dict[str, Any] = wait_for(found, f"device event {kind}")
        return event

    def strike(self, victim: str, number: int) -> dict[str, Any]:
        """Have the device stamp this instant on its own clock and send a signal to `victim`."""
        device, struck = self.pid("mcu"), self.pid(victim)
        before = [event["t_us"] for event in self.journal()]
        os.kill(device, signal.SIGUSR1)
        os.kill(struck, number)
        return self.event("mark", max(before, default=0))

    def finish(self, within_s: float = DEADLINE_S) -> tuple[int, dict[str, Any], str]:
        """Wait for the end; return exit code, report and what went to stderr."""
        out, err = self.process.communicate(timeout=within_s)
        return self.process.returncode, json.loads(out) if out.strip() else {}, err

    def strays(self) -> list[int]:
        """Return the processes, whoever's child, that hold a file of this run open."""
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and int(entry.name) != os.getpid():
                    held = descriptors(entry.name).values()
                    if any(path.startswith(f"{self.base}/") for path in held):
                        found.append(int(entry.name))
        return found

    def gone(self) -> bool:
        """Return whether no process of this run is left, not even a zombie."""
        return not any(Path(f"/proc/{pid}").exists() for pid in self.pids - {0})

    def end(self) -> None:
        """End everything that is still there, by its id."""
        self.state()
        for pid in self.pids - {0}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.communicate()
