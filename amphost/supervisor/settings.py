"""What clients of the control socket read and set: signals, operator values, numbers of laws and
of devices.

Rules. A set holds as a whole or not at all, so all of it goes to one place: to the operator's
values, to the law of one role, or to one device. An operator value that is set stands in place of
its profile until the next arming. So much may be set in a turn and no more: whoever asks faster is
told so. What comes from a client is hostile until `settable` has read it. A reply fits a line.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from amphost.errors import AmphostError
from amphost.plan.layout import SUPERVISOR, SUPERVISOR_ID
from amphost.plan.supervision import CHANGES_MAX
from amphost.supervisor.events import EventCode
from amphost.supervisor.settable import changes_of, settables, unknown
from amphost.supervisor.tuning import Author, Tuning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amphost.mailbox import Segment
    from amphost.plan.model import Plan
    from amphost.supervisor.control_socket import Peer, Request
    from amphost.supervisor.events import Events
    from amphost.supervisor.runs import RoleRun
    from amphost.supervisor.settable import Settable
    from amphost.watchdog import Watchdog

OPERATOR = "operator"
CHANGES_A_TURN = 32
PAGE = 100
NAMES_MAX = 100
VERBS = ("get", "set", "outcome", "events")


class Settings:
    """Everything of a run that has a name and a value. `turn` once a turn.

    Synchronization: one thread, the supervisor's main one.
    """

    def __init__(
        self,
        plan: Plan,
        segments: Mapping[str, Segment],
        roles: Mapping[str, RoleRun],
        watchdog: Watchdog,
        events: Events,
    ) -> None:
        self.table = settables(plan)
        self.tuning = Tuning(plan, segments, roles, self.table, events)
        self._segments = segments
        self._watchdog = watchdog
        self._events = events
        self._began_ns = time.monotonic_ns()
        self._authors: dict[str, Author] = {}
        self._left = CHANGES_A_TURN
        self._values = {
            f"{OPERATOR if name == SUPERVISOR else name}.{signal.name}": (name, word)
            for name, segment in segments.items()
            if name == SUPERVISOR or segment.plan.role_id != SUPERVISOR_ID
            if segment.plan.channel is not None and "." not in name  # `amphost link` shows lines
            for word, signal in enumerate(segment.plan.channel.signals)
        }
        self._names = [*self._values, *self.tuning.current]

    def turn(self) -> None:
        """Take what the loops have answered."""
        self._left = CHANGES_A_TURN
        self.tuning.turn()

    def answer(self, request: Request) -> dict[str, Any]:
        """Answer one of `VERBS`."""
        fields = request.fields
        if request.verb == "get":
            return self.get(fields.get("names", []), fields.get("from", 0))
        if request.verb == "set":
            return self.set(fields.get("values"), request.peer)
        if request.verb == "outcome":
            return self.tuning.outcome(fields.get("id"))
        return self._events.page(fields.get("after", 0))

    # Reading

    def get(self, names: object, start: object) -> dict[str, Any]:
        """Return a page of what the names, or the names that begin with them, stand for now."""
        if isinstance(start, bool) or not isinstance(start, int) or start < 0:
            raise AmphostError('send {"from": N}, the place at which the page begins')
        asked = self._asked(names)
        now_ns = time.monotonic_ns()
        newest: dict[str, Any] = {}
        page = [self._entry(name, newest, now_ns) for name in asked[start : start + PAGE]]
        more = start + PAGE if start + PAGE < len(asked) else None
        return {"values": page, "more": more}

    def _asked(self, names: object) -> list[str]:
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise AmphostError('send {"names": [...]}, a list of names')
        if len(names) > NAMES_MAX:
            raise AmphostError(f"{len(names)} names at once; at most {NAMES_MAX}")
        if not names:
            return self._names
        asked: dict[str, None] = {}
        for name in names:
            found = [one for one in self._names if one == name or one.startswith(f"{name}.")]
            if not found:
                raise unknown(name, self._names, "nothing that this system has")
            asked.update(dict.fromkeys(found))
        return list(asked)

    def _entry(self, name: str, newest: dict[str, Any], now_ns: int) -> dict[str, Any]:
        if name in self.tuning.current:
            return self._number(self.table[name], now_ns)
        role, word = self._values[name]
        if role not in newest:  # one reading a role: its signals belong together
            newest[role] = self._segments[role].latest()
        latest = newest[role]
        channel = self._segments[role].plan.channel
        assert channel is not None
        signal = channel.signals[word]
        one = self.table.get(name)
        author = self._authors.get(name)
        by = role
        if one is not None:
            moved = self._watchdog.follows_profile(one.place)
            by = "profile" if moved else "spec" if author is None else "set"
        return {
            "name": name,
            "kind": "signal" if one is None else OPERATOR,
            "value": None if latest is None else _finite(latest[3][word]),
            "unit": signal.unit,
            "age_s": None if latest is None else (now_ns - latest[1]) / 1e9,
            "low": signal.low,
            "high": signal.high,
            "by": by,
            **_author(author if by == "set" else None),
        }

    def _number(self, one: Settable, now_ns: int) -> dict[str, Any]:
        author = self.tuning.authors.get(one.name)
        since_ns = self._began_ns if author is None else author.t_ns
        return {
            "name": one.name,
            "kind": "parameter",
            "value": self.tuning.current[one.name],
            "unit": one.unit,
            "age_s": (now_ns - since_ns) / 1e9,
            "low": one.low,
            "high": one.high,
            "by": "spec" if author is None else "set",
            **_author(author),
        }

    # Setting

    def set(self, raw: object, peer: Peer) -> dict[str, Any]:
        """Set operator values at once, or send numbers to the law or device they belong to."""
        changes = changes_of(raw, self.table, CHANGES_MAX)
        roles = dict.fromkeys(self.table[name].role for name in changes)
        if len(roles) > 1:
            raise AmphostError(
                f"{' and '.join(roles)} cannot be set together: a set holds as a whole, and each of"
                " them takes it in its own period; set one after the other"
            )
        if len(changes) > self._left:
            raise AmphostError("too much is being set at once; try again")
        self._left -= len(changes)
        if OPERATOR in roles:
            self._set_operator(changes, peer)
            return {"state": "applied"}
        return {"state": "sent", "id": self.tuning.send(changes, peer)}

    def _set_operator(self, changes: Mapping[str, float], peer: Peer) -> None:
        latest = self._segments[SUPERVISOR].latest()
        now_ns = time.monotonic_ns()
        moved = {name for name in changes if self._watchdog.follows_profile(self.table[name].place)}
        self._watchdog.set_values({self.table[name].place: v for name, v in changes.items()})
        for name, value in changes.items():
            one = self.table[name]
            old = one.initial if latest is None else float(latest[3][one.place])
            self._authors[name] = Author(uid=peer.uid, pid=peer.pid, t_ns=now_ns)
            replaced = ", in place of its profile until the next arming" if name in moved else ""
            self._events.record(
                EventCode.VALUE,
                f"{name} {old:g} -> {value:g} {one.unit}{replaced}",
                name=(name, one.number),
                old=old,
                new=value,
                peer=peer,
            )

    def armed(self) -> None:
        """A new act of arming: every profile runs again, whatever was set in its place."""
        for name, one in self.table.items():
            if one.role == OPERATOR and self._watchdog.follows_profile(one.place):
                self._authors.pop(name, None)


def _author(author: Author | None) -> dict[str, int | None]:
    return {
        "uid": None if author is None else author.uid,
        "pid": None if author is None else author.pid,
    }


def _finite(value: float) -> float | None:
    """Return a value that JSON has a word for."""
    return value if math.isfinite(value) else None
