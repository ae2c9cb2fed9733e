"""A line that the monitor opens by itself: the very io role, in a thread, with nothing to arm.

Rules. What runs is `roles.io` on a mailbox of this process alone: the same handshake, counting and
reopening as in a system. Nobody arms it (plan.own_line). It ends as a role does, by being asked.
"""

from __future__ import annotations

import os
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from amphost.errors import AmphostError
from amphost.link.tally import Words, words_of
from amphost.link.tap import TapReader
from amphost.mailbox import Segment
from amphost.plan.own_line import ROLE_ID, own_role
from amphost.roles import io
from amphost.supervisor.refusal_text import refusal_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Self

    from amphost.link.trace import Record
    from amphost.plan.model import RolePlan
    from amphost.spec.model import DeviceSpec
    from amphost.spec.positions import Positions

BATCH = 512
JOIN_S = 5.0
STATE = 2  # AMP_ROLE_RUNNING


class _Context:
    """What an io role has at hand, for one without a supervisor.

    Synchronization: the thread of the role, once it runs.
    """

    shares_process = False

    def __init__(self, plan: RolePlan, told: Callable[[dict[str, Any]], None]) -> None:
        self.plan = plan
        self.guests: list[_Context] = []
        nonce = int.from_bytes(os.urandom(7), "little")
        self.run = SimpleNamespace(
            nonce=nonce, epoch=1, origin_ns=time.monotonic_ns(), port="", status_fd=-1
        )
        self.segments: dict[str, Segment] = {}
        for segment in (plan.segment, *plan.writes, *plan.reads):
            descriptor = Segment.create(segment, nonce)
            try:
                self.segments[segment.role] = Segment.attach(
                    descriptor, segment, nonce=nonce, writable=True
                )
            finally:
                os.close(descriptor)
        self.segments[plan.name].attach_writer(1)
        self._told = told

    def now(self) -> int:
        """Return CLOCK_MONOTONIC in ns."""
        return time.monotonic_ns()

    def report(self, **fields: Any) -> None:
        """Pass on what an io role tells its supervisor."""
        self._told(fields)


class OwnLine:
    """A device behind a port of this machine, opened until `close`.

    Synchronization: one thread; the io role in its own thread shares the mailbox with it.
    """

    def __init__(
        self,
        device: str,
        spec: DeviceSpec,
        board: str,
        port: str,
        where: Positions,
        told: Callable[[dict[str, Any]], None],
    ) -> None:
        plan = own_role(device, spec, board, port, os.sysconf("SC_PAGESIZE"), where)
        assert plan.io is not None
        self.device = device
        self.about = {
            "device": device,
            "board": board,
            "baud": spec.baud,
            "port": port,
            "schema": plan.io.schema,
            "schema_hash": plan.io.schema_hash,
        }
        self.error: Exception | None = None
        self._io = plan.io
        self._refused: object = None
        self._told = told
        self._context = _Context(plan, self._hear)
        segments = self._context.segments
        self._tally = segments[plan.io.tally].reader(oldest=True)
        self._tap = TapReader(segments[plan.io.tap].follow(BATCH, oldest=True))
        self._opened = threading.Event()
        self._thread = threading.Thread(target=self._work, name=device, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        try:
            io.run(self._context, self._opened.set)  # type: ignore[arg-type] # stands in for one
        except (AmphostError, OSError) as error:
            self.error = error
        finally:
            self._opened.set()

    def _hear(self, fields: dict[str, Any]) -> None:
        self._refused = fields.get("refused", self._refused)
        self._told(fields)

    def refusal(self) -> str | None:
        """Say in what a refused device differs, once that is known, field by field."""
        if not isinstance(self._refused, dict):
            return None
        return refusal_text(self._io, int(self._refused["refusal"]), self._refused)

    def seconds(self) -> Iterator[tuple[int, Words]]:
        """Yield the seconds that have been told since the last call, with their times."""
        while (record := self._tally.next()) is not None:
            yield record[1], words_of(record[3:])

    def records(self) -> Iterator[Record]:
        """Yield the bytes that have gone over the line since the last call."""
        return self._tap.drain()

    def check(self) -> None:
        """Raise what has ended the role, if anything did."""
        if self.error is not None:
            raise self.error
        if not self._thread.is_alive():
            raise AmphostError(f"{self.device}: what read its line has ended")

    def wait_open(self, within_s: float) -> bool:
        """Wait until the port is open, or could not be; return whether one of them came."""
        return self._opened.wait(within_s)

    def end(self) -> None:
        """Ask the role to leave, and wait until it has: its last second is told by then."""
        system = self._context.segments["supervisor"].system()
        system.set_role(ROLE_ID, state=STATE, pid=os.getpid(), epoch=1, end=True)
        self._thread.join(JOIN_S)

    def close(self) -> None:
        """End it; nothing may be read afterwards."""
        self.end()
        if not self._thread.is_alive():
            for segment in self._context.segments.values():
                segment.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
