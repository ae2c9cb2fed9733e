"""A line of a running system, seen from outside: its tally and its tap, mapped read-only.

Rules. Disturbs nothing: the supervisor is asked once for descriptors, and from then on only memory
is read. The end of the system is noticed by its mode, asked for once a second.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from amphost.cli.running import Running
from amphost.errors import MailboxError
from amphost.link.tally import Words, words_of
from amphost.link.tap import TapReader
from amphost.mailbox import Segment
from amphost.plan.link_segments import tally_segment, tap_segment
from amphost.supervisor.control_socket import ask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from amphost.link.trace import Record

BATCH = 512


class RunningLine:
    """One device's line of a running system.

    Synchronization: one thread.
    """

    def __init__(self, system: Running, device: str) -> None:
        descriptors: list[int] = []
        try:
            reply = ask(system.path, "link", {"device": device}, descriptors=descriptors)
            if len(descriptors) != 2:
                raise MailboxError(f"{system.name}: it handed over no memory of its lines")
            self._open(reply, device, descriptors)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        self._system = system
        self._refusals: dict[str, Any] = {}
        self.device = device
        self.about = {
            "system": reply["system"],
            "device": device,
            "board": reply["board"],
            "baud": reply["baud"],
            "port": reply["port"],
            "schema": reply["schema"],
            "schema_hash": reply["schema_hash"],
        }
        self.error: Exception | None = None

    def _open(self, reply: dict[str, Any], device: str, descriptors: list[int]) -> None:
        role_id, page_size = reply["role_id"], reply["page_size"]
        plans = (
            tally_segment(device, role_id, page_size),
            tap_segment(device, role_id, page_size, reply["tap_depth"]),
        )
        self._segments = [
            Segment.attach(descriptor, plan, nonce=reply["nonce"], writable=False)
            for descriptor, plan in zip(descriptors, plans, strict=True)
        ]
        self._tally = self._segments[0].reader(oldest=True)
        self._tap = TapReader(self._segments[1].follow(BATCH, oldest=True))

    def seconds(self) -> Iterator[tuple[int, Words]]:
        """Yield the seconds that have been told since the last call, with their times."""
        while (record := self._tally.next()) is not None:
            yield record[1], words_of(record[3:])

    def records(self) -> Iterator[Record]:
        """Yield the bytes that have gone over the line since the last call."""
        return self._tap.drain()

    def check(self) -> None:
        """Raise NotRunningError when the system has ended; else hear who is refused, and why."""
        self._refusals = self._system.ask("link")["refusals"]

    def refusal(self) -> str | None:
        """Say in what a refused device differs, once that is known, field by field."""
        text = self._refusals.get(self.device)
        return None if text is None else str(text)

    def close(self) -> None:
        """Unmap."""
        for segment in self._segments:
            segment.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def devices_of(system: Running) -> list[str]:
    """Return the devices of a running system."""
    return list(system.ask("link")["devices"])
