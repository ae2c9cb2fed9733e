"""A host that shakes hands with a firmware, wherever it runs: the C code of the host's end.

Rules. Bytes go through a socket. Every wait has an end, and the failure says what was heard.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from amphost.device import Heard, Session
from amphost.plan.line import schema_hash, schema_text
from amphost.plan.model import AcceptPlan, SendPlan
from amphost.spec.board import DeviceSpec

LIMIT_S = 20.0


@dataclass(slots=True)
class Host:
    """A host's end on a socket.

    Synchronization: none; one caller.
    """

    line: socket.socket
    session: Session
    heard: list[Heard] = field(default_factory=list)

    def until(self, wanted: Callable[[Heard], bool], actuate: list[float] | None = None) -> Heard:
        """Go on until something is heard; actuate all the while if values are given."""
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            for one in self._turn(actuate):
                self.heard.append(one)
                if wanted(one):
                    return one
        raise AssertionError(f"not heard; the last were {self.heard[-5:]}")

    def _turn(self, actuate: list[float] | None) -> list[Heard]:
        ready, _, _ = select.select([self.line], [], [], 0.005)
        line = self.line.recv(4096) if ready else b""
        heard = self.session.receive(line, now_us())
        out = self.session.pending(now_us())
        if actuate is not None and self.session.is_up():
            out += self.session.actuate(actuate, 0)
        if out:
            self.line.sendall(out)
        return heard


def now_us() -> int:
    """Return the host's clock."""
    return time.monotonic_ns() // 1000


def host(line: socket.socket, board: str, device: DeviceSpec) -> Host:
    """Return the host's end of a device's line."""
    sends = tuple(
        SendPlan(
            name=name,
            type=one.type,
            scale=one.scale,
            unit=one.unit,
            low=one.range[0],
            high=one.range[1],
        )
        for name, one in device.sends.items()
    )
    accepts = tuple(
        AcceptPlan(
            name=name,
            type=one.type,
            scale=one.scale,
            role="x",
            word=0,
            unit=one.unit,
            low=one.range[0],
            high=one.range[1],
            safe=one.safe,
            ramp_per_s=one.ramp_per_s or 0.0,
        )
        for name, one in device.accepts.items()
    )
    session = Session(
        board=board,
        schema_hash=schema_hash(schema_text(device)),
        sends=sends,
        accepts=accepts,
        number=4711,
        now_us=now_us(),
        lost_after_us=2_000_000,  # an emulator may stand still for a while
    )
    return Host(line=line, session=session)
