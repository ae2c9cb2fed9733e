"""The events of a run: every change that people or faults made, numbered, with time and author.

Rules. An event is published in the channel of the segment `events` as it happens, so that whoever
follows it (telemetry records it) has it in order and counts what it missed; its text stays here.
Numbers have no holes: a reader that misses one knows. The newest are kept for `amphost events`.
"""

from __future__ import annotations

import json
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from amphost.errors import AmphostError
from amphost.lifecycle import Mode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amphost.mailbox import Segment
    from amphost.supervisor.control_socket import Peer
    from amphost.supervisor.faults import FaultEvent
    from amphost.supervisor.links import LinkEvent

KEPT = 4096
TEXT_MAX = 1000
PAGE_BYTES = 60_000
EVENT_BYTES = 600  # of a line of JSON, without the text
NOBODY = -1


class EventCode(IntEnum):
    """What happened; the numbers stand in recordings and are never given anew."""

    MODE = 1  # old, new: modes; detail: the act of arming
    ROLE = 2  # a role was started: new: its epoch; detail: its process id
    FAULT = 3  # detail: number of the fault
    VALUE = 4  # an operator value was set: name, old, new
    PARAMETER = 5  # a law's number holds from `tick` on: name, old, new
    REFUSED = 6  # the loop refused a number: name, old, new; detail: enum amp_tuning_result
    STOP = 7  # somebody asked for the end
    LINK = 8  # of an io role; detail: the link's LinkKind (1 lost, 2 back, 3 refused, ...)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event. Nobody asked for it where `uid` is -1.

    Synchronization: none required; immutable.
    """

    number: int
    t_ns: int
    wall_ns: int
    event: str
    text: str
    role: str
    name: str
    old: float | None
    new: float | None
    tick: int | None
    detail: int
    uid: int
    pid: int


class Events:
    """Every event of a run.

    Synchronization: one thread, the supervisor's main one: it alone publishes them.
    """

    def __init__(self, segment: Segment, role_ids: dict[str, int]) -> None:
        self._segment = segment
        self._role_ids = role_ids
        self._kept: deque[Event] = deque(maxlen=KEPT)
        self._peer: Peer | None = None
        self._mode = Mode.BOOT
        self.newest = 0

    @contextmanager
    def asked_by(self, peer: Peer) -> Iterator[None]:
        """What happens meanwhile was asked for by this client."""
        self._peer = peer
        try:
            yield
        finally:
            self._peer = None

    def record(
        self,
        code: EventCode,
        text: str,
        *,
        role: str = "",
        name: tuple[str, int] = ("", 0),
        old: float | None = None,
        new: float | None = None,
        tick: int | None = None,
        detail: int = 0,
        peer: Peer | None = None,
    ) -> None:
        """Number an event, publish and keep it; `name` is that of a value, with its number."""
        author = peer or self._peer
        uid, pid = (NOBODY, NOBODY) if author is None else (author.uid, author.pid)
        now_ns = time.monotonic_ns()
        self.newest += 1
        self._segment.publish(
            now_ns,
            0,
            (
                int(code),
                self._role_ids.get(role, 0),
                name[1],
                old or 0.0,
                new or 0.0,
                tick or 0,
                detail,
                uid,
                pid,
            ),
        )
        self._kept.append(
            Event(
                number=self.newest,
                t_ns=now_ns,
                wall_ns=time.time_ns(),
                event=code.name.lower(),
                text=text[:TEXT_MAX],
                role=role,
                name=name[0],
                old=old,
                new=new,
                tick=tick,
                detail=detail,
                uid=uid,
                pid=pid,
            )
        )

    def mode(self, mode: Mode, arming: int) -> None:
        """The mode is another one now."""
        before, self._mode = self._mode, mode
        self.record(
            EventCode.MODE,
            f"mode {before.name} -> {mode.name}",
            old=float(before),
            new=float(mode),
            detail=arming,
        )

    def role(self, name: str, epoch: int, pid: int) -> None:
        """A process of a role was started."""
        self.record(
            EventCode.ROLE,
            f"{name} started as process {pid}, epoch {epoch}",
            role=name,
            new=float(epoch),
            detail=pid,
        )

    def fault(self, fault: FaultEvent, number: int) -> None:
        """A fault was recorded."""
        text = f"{fault.role}: {fault.fault}: {fault.text}"
        self.record(EventCode.FAULT, text, role=fault.role, detail=number)

    def link(self, event: LinkEvent) -> None:
        """A link was lost, is back or was refused, or a firmware has told something."""
        text = f"{event.device}: {event.text}"
        self.record(EventCode.LINK, text, role=event.role, detail=int(event.kind))

    def page(self, after: object) -> dict[str, Any]:
        """Return the events that follow number `after`, at most a page, and the newest's number."""
        if isinstance(after, bool) or not isinstance(after, int):
            raise AmphostError('send {"after": N}, the number of the last event that you have')
        newer = (event for event in self._kept if event.number > after)
        page: list[dict[str, Any]] = []
        room = PAGE_BYTES
        for event in newer:
            room -= EVENT_BYTES + len(json.dumps(event.text))
            if room < 0:
                break
            page.append(asdict(event))
        return {"events": page, "newest": self.newest}
