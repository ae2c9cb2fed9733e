"""The loopback device's process: `python -I -m amphost.link.loopback --plan-fd N`.

Rules. This is the microcontroller's side: it knows its plan and its line, not the system. It boots
at once, never waits for anybody, and outlives the roles: Ctrl-C is ignored, and when the supervisor
lets go of the lifeline it ends as soon as its outputs are safe, 1 s later at the latest. Bytes and
clock are native; Python wakes every 20 ms to serve the lifeline, signals and the journal. Imports
stay thin.

The journal is the device's own record, JSON lines: `t_us` (device clock), `event`, fields,
`since_applied_us` (since an actuation was last applied; null before the first), `late_us` (how late
its own loop woke at worst since the line before: a measurement over a late line is void) and
`host_ns`, the same instant on CLOCK_MONOTONIC, which no other device could know. `t_us` is never
before its cause and at most one step (250 us) plus `late_us` after it. SIGUSR1 stamps a `mark`
within the same bound.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found] # signal itself makes enums: 4 ms
import gc
import os
import select
import sys
import time
import tty

from amphost import lean_json, platform
from amphost.device import REASONS, Twin, TwinEvent
from amphost.errors import AmphostError

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from typing import Any

    from amphost.plan.faults_model import ProxyPlan
    from amphost.plan.model import DevicePlan

Namespace = type(sys.implementation)  # types.SimpleNamespace, without the import
SERVE_NS = 20_000_000
LINGER_NS = 1_000_000_000
FAILED = 1
USAGE = "usage: python -I -m amphost.link.loopback --plan-fd N"

_POLICIES = {os.SCHED_FIFO: "fifo", os.SCHED_RR: "rr", os.SCHED_OTHER: "other"}
_FIELDS = {
    "boot": "boot_nonce",
    "session_up": "session",
    "armed": "session",
    "mark": "number",
}


def parameter_of(argument: int) -> tuple[int, float]:
    """Return which parameter has which value, as a twin's event packs them."""
    import struct  # a device without parameters needs none

    (value,) = struct.unpack("<f", (argument & 0xFFFFFFFF).to_bytes(4, "little"))
    return argument >> 32, value


class Journal:
    """The device's record. A line that cannot be written is counted, and delays nothing.

    Synchronization: one thread; it is the file's only writer.
    """

    def __init__(self, path: str) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o640)
        self.lost = 0

    def happened(self, event: TwinEvent) -> None:
        """Write what happened to the device."""
        fields: dict[str, object] = {}
        if event.kind == "lease_expired":
            fields["reason"] = REASONS[event.argument]
        elif event.kind == "parameter":
            fields["index"], fields["value"] = parameter_of(event.argument)
        elif event.kind in _FIELDS:
            fields[_FIELDS[event.kind]] = event.argument
        fields["since_applied_us"] = event.since_applied_us
        fields["late_us"] = event.late_us
        self.write(event.t_us, event.kind, host_ns=event.host_ns, **fields)

    def write(self, t_us: int, event: str, **fields: object) -> None:
        """Write one line."""
        line = lean_json.dumps({"t_us": t_us, "event": event, **fields}) + "\n"
        try:
            os.write(self._descriptor, line.encode())
        except OSError:
            self.lost += 1


class Signals:
    """SIGTERM asks the process to end, SIGUSR1 for a mark; both come as bytes on a pipe.

    The number is written to the pipe by the signal handler of the interpreter itself, at once, and
    read by the device's loop in its next step.

    Synchronization: the main thread.
    """

    def __init__(self) -> None:
        self.descriptor, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.ended = False
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGUSR1, lambda *_: None)
        for ignored in (signal.SIGINT, signal.SIGHUP):
            signal.signal(ignored, signal.SIG_IGN)

    def taken(self) -> bytes:
        """Return the numbers of the signals that have come, where nobody else reads them."""
        try:
            return os.read(self.descriptor, 64)
        except BlockingIOError:
            return b""

    def _end(self, *_: object) -> None:
        self.ended = True


class Lifeline:
    """A pipe that carries nothing but its own closing.

    Synchronization: one thread.
    """

    def __init__(self, descriptor: int) -> None:
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)
        self._closed_ns: int | None = None

    def over_ns(self, now_ns: int) -> int | None:
        """Return for how long its other end has been closed; None while it is held."""
        if self._closed_ns is None and self._poll.poll(0):
            self._closed_ns = now_ns
        return None if self._closed_ns is None else now_ns - self._closed_ns


def settle(plan: DevicePlan | ProxyPlan) -> dict[str, object]:
    """Take the plan's place on the machine as far as it is granted; return what Linux says."""
    platform.set_name(plan.name)
    platform.set_timer_slack(1)
    try:
        os.sched_setaffinity(0, plan.cores)
    except OSError:
        pass  # the read-back says so
    try:
        if plan.policy == "fifo":
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(plan.priority))
    except OSError:
        pass  # the read-back says so
    return {
        "cores": sorted(os.sched_getaffinity(0)),
        "policy": _POLICIES.get(os.sched_getscheduler(0), "unknown"),
        "priority": os.sched_getparam(0).sched_priority,
    }


def open_line() -> tuple[int, int, str]:
    """Open a pty; return master, slave and the slave's name.

    The slave stays open here, so that the master never sees a hang-up between two hosts.
    """
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    return master, slave, os.ttyname(slave)


def run(twin: Twin, lifeline: Lifeline, signals: Signals, journal: Journal) -> None:
    """Be the device until its end."""
    reason = ""
    while not reason:
        twin.run(time.monotonic_ns() + SERVE_NS)
        for event in twin.drain():
            journal.happened(event)
        over_ns = lifeline.over_ns(time.monotonic_ns())
        if signals.ended:
            reason = "terminated"
        elif over_ns is not None and (twin.is_safe() or over_ns > LINGER_NS):
            reason = "lifeline"
    now_ns = time.monotonic_ns()
    journal.write(
        twin.clock_us(now_ns),
        "end",
        reason=reason,
        at_safe=twin.is_safe(),
        **twin.counters(),
        lines_lost=journal.lost,
        host_ns=now_ns,
    )


def serve(plan: DevicePlan, facts: Any, signals: Signals) -> None:
    """Boot the device, say where it is, and be it; `facts` are those of the handover's `run`."""
    journal = Journal(facts.journal)
    master, _slave, port = open_line()
    granted = settle(plan)
    twin = Twin(
        plan,
        descriptor=master,
        wake_descriptor=signals.descriptor,
        mark_byte=signal.SIGUSR1,
        boot_nonce=facts.boot_nonce,
        firmware=facts.firmware_version,
        reset_cause=facts.reset_cause,
    )
    tell(facts.status_fd, "ready", port=port, granted=granted)
    gc.collect()
    gc.freeze()
    gc.disable()
    run(twin, Lifeline(facts.lifeline_fd), signals, journal)
    tell(facts.status_fd, "counted", counts=twin.line_counters())


def tell(descriptor: int, event: str, **fields: object) -> None:
    """Tell the supervisor, as one line of JSON; a supervisor that is gone is no error here."""
    try:
        os.write(descriptor, (lean_json.dumps({"event": event, **fields}) + "\n").encode())
    except OSError:
        return


def main(arguments: list[str]) -> int:
    """Read the handover and be the device; return the exit code."""
    signals = Signals()
    if len(arguments) != 2 or arguments[0] != "--plan-fd" or not arguments[1].isdigit():
        sys.stderr.write(f"{USAGE}\n")
        return 2
    with os.fdopen(int(arguments[1]), "rb") as stream:
        handover = lean_json.loads(stream.read(), lambda fields: Namespace(**fields))
    try:
        serve(handover.device, handover.run, signals)
    except (AmphostError, OSError) as error:
        code = error.exit_code if isinstance(error, AmphostError) else FAILED
        tell(handover.run.status_fd, "failed", error=str(error), exit=code)
        sys.stderr.write(f"{error}\n")
        return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
