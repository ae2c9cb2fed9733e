"""The fault proxy's process: `python -I -m amphost.link.fault_proxy --plan-fd N`.

Rules. It stands between the host and one device, as a bad cable would: it opens the device's own
port, offers a pty in its place, and passes bytes on, spoilt as its plan says. It knows the line and
nothing of the system. An unplugged cable is a pty that is closed; what comes back is another one.
A device that goes takes the pty with it. SIGUSR1 begins the faults that wait for a signal. When the
supervisor lets go of the lifeline it ends with its device, 1 s later at the latest, so that a last
DISARM gets through. Imports stay thin.

The journal is JSON lines: `t_ms` since the line was first offered, `event`, fields, `host_ns`.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found] # signal itself makes enums: 4 ms
import gc
import os
import select
import sys
import time

from amphost import lean_json
from amphost.errors import AmphostError
from amphost.link.line_faults import NEVER_NS, Switch, Way
from amphost.link.loopback import Lifeline, Signals, settle, tell
from amphost.link.proxy_ports import Inner, Outer

TYPE_CHECKING = False  # typing's own costs a process 6 ms and 0.6 MB
if TYPE_CHECKING:
    from typing import Any

    from amphost.plan.faults_model import ProxyPlan

Namespace = type(sys.implementation)  # types.SimpleNamespace, without the import
LINGER_NS = 1_000_000_000
LOOK_NS = 100_000_000
TELL_NS = 500_000_000
WAITING_MAX = 1 << 16
"""Bytes that may wait in one direction; beyond them the sender is not read."""
FAILED = 1
USAGE = "usage: python -I -m amphost.link.fault_proxy --plan-fd N"


class Record:
    """The journal, and what the supervisor is told.

    Synchronization: one thread; it is the file's only writer.
    """

    def __init__(self, path: str, status_fd: int) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o640)
        self._status_fd = status_fd
        self.begun_ns = time.monotonic_ns()

    def write(self, event: str, **fields: object) -> None:
        """Write one line; one that cannot be written is missing."""
        now_ns = time.monotonic_ns()
        t_ms = round((now_ns - self.begun_ns) / 1e6, 3)
        line = lean_json.dumps({"t_ms": t_ms, "event": event, **fields, "host_ns": now_ns})
        try:
            os.write(self._descriptor, (line + "\n").encode())
        except OSError:
            return

    def tell(self, event: str, **fields: object) -> None:
        """Tell the supervisor."""
        tell(self._status_fd, event, **fields)


class Proxy:
    """One line between two ends.

    Synchronization: one thread.
    """

    def __init__(self, plan: ProxyPlan, port: str, record: Record, granted: object) -> None:
        self.plan = plan
        self.inner = Inner(port, plan.baud)
        self.outer = Outer()
        self.unplugs = 0
        self._record = record
        self._granted = granted
        self._begun = False
        self._switches: list[Switch] = []
        self._told: object = None
        self._tell_ns = 0
        self._unsent = {"to_host": b"", "to_device": b""}
        self._make_ways(NEVER_NS // 2)

    def _make_ways(self, begun_ns: int) -> None:
        self._switches = [Switch(one, begun_ns) for one in self.plan.faults]
        self.ways = {
            name: Way(name, self.plan, self._switches) for name in ("to_host", "to_device")
        }
        self._unplugs = [one for one in self._switches if one.plan.kind == "unplug"]
        self._speeds = any(one.plan.kind == "wrong_baud" for one in self._switches)

    def signal(self) -> None:
        """Take a signal."""
        now_ns = time.monotonic_ns()
        self._record.write("signal")
        for one in self._switches:
            one.signal(now_ns)

    def counts(self) -> dict[str, Any]:
        """Return everything that was done to the line."""
        ways: dict[str, Any] = {name: way.counts() for name, way in self.ways.items()}
        return ways | {"unplugs": self.unplugs}

    def turn(self, wake: int) -> None:
        """Wait for whatever comes first, and pass it on."""
        now_ns = time.monotonic_ns()
        self._switch(now_ns)
        self._plug(now_ns)
        readable = self._select(now_ns, wake)
        now_ns = time.monotonic_ns()
        self._read(readable, now_ns)
        self._write(now_ns)
        if now_ns >= self._tell_ns:
            self._tell_ns = now_ns + TELL_NS
            self.tell_counts()

    def tell_counts(self) -> None:
        """Say what has been done, if it has changed."""
        counts = self.counts()
        if counts != self._told:
            self._told = counts
            self._record.tell("injected", counts=counts)

    # The schedule and the cable

    def _switch(self, now_ns: int) -> None:
        for one in self._switches:
            if one.turn(now_ns):
                self._record.write(
                    "on" if one.on else "off", fault=one.plan.name, kind=one.plan.kind
                )
                for way in self.ways.values():
                    way.switched(one, now_ns)

    def _plug(self, now_ns: int) -> None:
        if not self.inner.is_open():
            if self.outer.is_in():
                self._take_out("device_gone")
            if not self.inner.open(now_ns):
                return
            self._record.write("device_open")
        out = any(one.on for one in self._unplugs)
        if out and self.outer.is_in():
            self.unplugs += 1
            self._take_out("unplugged")
        elif not out and not self.outer.is_in():
            self._put_in()

    def _take_out(self, event: str) -> None:
        self._record.tell("gone")
        self.outer.take_out()
        self._unsent["to_host"] = self._unsent["to_device"] = b""
        for way in self.ways.values():
            way.forget()
        self._record.write(event)

    def _put_in(self) -> None:
        port = self.outer.put_in()
        if not self._begun:
            self._begun = True
            self._record.begun_ns = time.monotonic_ns()
            self._make_ways(self._record.begun_ns)
        self._switch(time.monotonic_ns())
        self._record.write("plugged", port=port)
        self._record.tell("ready", port=port, granted=self._granted)

    # Bytes

    def _ends(self) -> tuple[tuple[str, int, int], ...]:
        """Return each direction's name, source and destination; -1: there is none."""
        inner, outer = self.inner.descriptor, self.outer.master
        return ("to_host", inner, outer), ("to_device", outer, inner)

    def _select(self, now_ns: int, wake: int) -> list[int]:
        reads, writes = [wake], []
        due_ns = now_ns + LOOK_NS
        for name, source, destination in self._ends():
            way = self.ways[name]
            if source >= 0 and not way.is_stalled() and way.waiting < WAITING_MAX:
                reads.append(source)
            if destination >= 0 and self._unsent[name]:
                writes.append(destination)
            else:
                due_ns = min(due_ns, way.next_ns(now_ns))
        for one in self._switches:
            due_ns = min(due_ns, one.next_ns(now_ns))
        if not self.inner.is_open():
            due_ns = min(due_ns, self.inner.next_ns)
        wait_s = max(due_ns - now_ns, 0) / 1e9
        return select.select(reads, writes, (), wait_s)[0]

    def _read(self, readable: list[int], now_ns: int) -> None:
        for name, source, destination in self._ends():
            if source < 0 or source not in readable:
                continue
            chunk = self.inner.read() if name == "to_host" else self.outer.read()
            if chunk and destination >= 0:
                if self._speeds:
                    self.ways[name].set_speed(self.outer.host_baud())
                self.ways[name].take(chunk, now_ns)

    def _write(self, now_ns: int) -> None:
        for name, _, destination in self._ends():
            unsent = self._unsent[name] or self.ways[name].give(now_ns)
            if not unsent or destination < 0:
                continue
            sent = self.outer.write(unsent) if name == "to_host" else self.inner.write(unsent)
            self._unsent[name] = unsent[sent:]


def run(proxy: Proxy, lifeline: Lifeline, signals: Signals) -> str:
    """Be the line until its end; return why it has ended."""
    while True:
        proxy.turn(signals.descriptor)
        for number in signals.taken():
            if number == signal.SIGUSR1:
                proxy.signal()
        if signals.ended:
            return "terminated"
        over_ns = lifeline.over_ns(time.monotonic_ns())
        if over_ns is not None and (over_ns > LINGER_NS or not proxy.inner.is_open()):
            return "lifeline"


def serve(plan: ProxyPlan, facts: Any, signals: Signals) -> None:
    """Offer the line; `facts` are those of the handover's `run`."""
    record = Record(facts.journal, facts.status_fd)
    record.write("begin", seed=plan.seed, port=facts.port)
    proxy = Proxy(plan, facts.port, record, settle(plan))
    gc.collect()
    gc.freeze()
    gc.disable()
    reason = run(proxy, Lifeline(facts.lifeline_fd), signals)
    proxy.tell_counts()
    record.write("end", reason=reason, counts=proxy.counts())


def main(arguments: list[str]) -> int:
    """Read the handover and be the line; return the exit code."""
    signals = Signals()
    if len(arguments) != 2 or arguments[0] != "--plan-fd" or not arguments[1].isdigit():
        sys.stderr.write(f"{USAGE}\n")
        return 2
    with os.fdopen(int(arguments[1]), "rb") as stream:
        handover = lean_json.loads(stream.read(), lambda fields: Namespace(**fields))
    try:
        serve(handover.proxy, handover.run, signals)
    except (AmphostError, OSError) as error:
        code = error.exit_code if isinstance(error, AmphostError) else FAILED
        tell(handover.run.status_fd, "failed", error=str(error), exit=code)
        sys.stderr.write(f"{error}\n")
        return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
