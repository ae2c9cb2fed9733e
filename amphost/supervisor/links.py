"""Say what becomes of the links: lost and why, refused and in what, back and after how long.

Rules. Reads the io roles' own words once a turn, never acts: what follows from a lost link is the
pump's doing, and the trip's. One line for each change; a link that was lost and found again between
two looks gets both. The first session of a run is no news.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from amphost.device import RESETS
from amphost.link.said import read
from amphost.pump import ISOLATIONS, SESSION_STATES
from amphost.supervisor.fault_text import describe
from amphost.supervisor.garbage import Garbage
from amphost.supervisor.refusal_text import refusal_text
from amphost.supervisor.tallies import Tallies

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from amphost.blocks import Owner
    from amphost.channel import ChannelReader
    from amphost.mailbox import Segment
    from amphost.plan.model import IoPlan
    from amphost.supervisor.runs import RoleRun

NS_PER_S = 1e9
EVENTS_MAX = 1000
REFUSED = "refused"
DICTIONARY_NS = 3_000_000_000
"""So long a refusal waits for what the device has to say of itself."""
ISOLATED = ("isolated_bad_frames", "isolated_bytes", "isolated_blocked")


class LinkKind(IntEnum):
    """What became of a link; the numbers stand in recordings."""

    LOST = 1
    BACK = 2
    REFUSED = 3
    ISOLATED = 4
    GARBAGE = 5
    RESTORED = 6
    SAID = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkEvent:
    """One change of a link.

    Synchronization: none required; immutable.
    """

    t_ns: int
    kind: LinkKind
    role: str
    device: str
    text: str


@dataclass(slots=True, kw_only=True)
class _Seen:
    lost_ns: int = 0
    up_ns: int = 0
    nonce: int = 0
    refusal: int = 0
    refused_ns: int = 0
    isolations: int = 0
    restored: int = 0
    dropped: int = 0
    garbage: Garbage = field(default_factory=Garbage)


class Links:
    """Every link of a run, and what has happened to it, oldest first.

    Synchronization: one thread.
    """

    def __init__(
        self,
        segments: Mapping[str, Segment],
        say: Callable[[str], None],
        record: Callable[[LinkEvent], None],
    ) -> None:
        self.events: list[LinkEvent] = []
        self.tallies = Tallies(segments)
        self._segments = segments
        self._say = say
        self._record = record
        self._seen: dict[str, _Seen] = {}
        self._heard: dict[str, ChannelReader] = {}

    def look(self, run: RoleRun) -> None:
        """Look at the link of an io role; say what has changed since the last time."""
        if run.plan.io is None:
            return
        self.tallies.look(run.plan.io)
        owner = self._segments[run.plan.name].owner
        seen = self._seen.setdefault(run.plan.name, _Seen())
        lost_ns, up_ns = owner.gauge("link_lost_ns"), owner.gauge("link_up_ns")
        if lost_ns != seen.lost_ns:  # the last word of a loss that the pump stores
            self._tell(run, LinkKind.LOST, f"link lost: {_cause(owner, run)}")
        if up_ns not in (0, seen.up_ns):
            if seen.up_ns:
                self._tell(
                    run, LinkKind.BACK, f"link is back{_after(owner, seen)}: {_boot(owner, seen)}"
                )
            seen.nonce = owner.gauge("device_nonce")
            seen.up_ns = up_ns
        seen.lost_ns = lost_ns
        self._look_at_isolation(run, owner, seen)
        self._look_at_refusal(run, owner, seen)
        self._look_at_parameters(run, owner, seen)
        if text := seen.garbage.look(owner, run.plan.io.baud):
            self._tell(run, LinkKind.GARBAGE, text)
        self._listen(run, run.plan.io, seen)

    def _listen(self, run: RoleRun, io: IoPlan, seen: _Seen) -> None:
        """Record what the firmware tells people; it is no news of the link."""
        if io.device not in self._heard:
            self._heard[io.device] = self._segments[io.said].reader(oldest=True)
        while (record := self._heard[io.device].next()) is not None:
            said = read(record[1], record[3:])
            dropped = said.dropped - seen.dropped
            more = f" ({dropped} came too fast and were dropped)" if dropped > 0 else ""
            seen.dropped = said.dropped
            self._record(_event(run, LinkKind.SAID, said.words() + more))

    def _look_at_isolation(self, run: RoleRun, owner: Owner, seen: _Seen) -> None:
        isolations = sum(owner.counter(name) for name in ISOLATED)
        why = ISOLATIONS.get(owner.gauge("isolated"))
        if isolations > seen.isolations and why:
            quiet_s = owner.gauge("isolated_quiet_ns") / NS_PER_S
            self._tell(
                run,
                LinkKind.ISOLATED,
                f"isolated: {why}; its bytes are dropped until it has been quiet for "
                f"{quiet_s:.3g} s",
            )
        seen.isolations = isolations

    def _look_at_parameters(self, run: RoleRun, owner: Owner, seen: _Seen) -> None:
        restored = owner.counter("parameters_restored")
        if restored == seen.restored or owner.gauge("parameters_unset"):
            return
        assert run.plan.io is not None
        changed = [
            f"{one.name} = {one.value:g}{'' if one.unit == '1' else f' {one.unit}'}"
            for one in run.plan.io.parameters
            if one.value != one.initial
        ]
        if seen.restored and changed:  # what was set in this run; the first session is no news
            self._tell(run, LinkKind.RESTORED, f"parameters set again: {', '.join(changed)}")
        seen.restored = restored

    def _look_at_refusal(self, run: RoleRun, owner: Owner, seen: _Seen) -> None:
        refused = SESSION_STATES.get(owner.gauge("link")) == "refused"
        refusal = owner.gauge("refusal") if refused else 0
        now_ns = time.monotonic_ns()
        if refusal not in (0, seen.refusal):
            seen.refusal, seen.refused_ns = refusal, now_ns
        said = run.reports.get(REFUSED)
        waited = refusal == 0 or now_ns - seen.refused_ns > DICTIONARY_NS
        if seen.refused_ns and (said is not None or waited):  # else its dictionary is being read
            assert run.plan.io is not None
            text = refusal_text(run.plan.io, seen.refusal, said)
            self._tell(run, LinkKind.REFUSED, f"link refused: {text}")
            seen.refused_ns = 0
        if refusal == 0:
            seen.refusal = seen.refused_ns = 0
            run.reports.pop(REFUSED, None)

    def _tell(self, run: RoleRun, kind: LinkKind, text: str) -> None:
        assert run.plan.io is not None
        device = run.plan.io.device
        self._say(f"{device}: {text}")
        event = _event(run, kind, text)
        self._record(event)
        if len(self.events) < EVENTS_MAX:
            self.events.append(event)


def _event(run: RoleRun, kind: LinkKind, text: str) -> LinkEvent:
    assert run.plan.io is not None
    return LinkEvent(
        t_ns=time.monotonic_ns(),
        kind=kind,
        role=run.plan.name,
        device=run.plan.io.device,
        text=text,
    )


def _cause(owner: Owner, run: RoleRun) -> str:
    return describe(owner.gauge("link_cause"), owner.signed("link_cause_argument"), run.plan)


def _after(owner: Owner, seen: _Seen) -> str:
    lost_ns, up_ns = owner.gauge("link_lost_ns"), owner.gauge("link_up_ns")
    if not seen.up_ns <= lost_ns < up_ns:
        return ""  # a successor of its io role has made it
    return f" after {(up_ns - lost_ns) / NS_PER_S:.3g} s"


def _boot(owner: Owner, seen: _Seen) -> str:
    if owner.gauge("device_nonce") == seen.nonce:
        return "same device, same boot"
    reset = owner.gauge("device_reset")
    return f"same device, new boot, reset cause {RESETS.get(reset, str(reset))}"
