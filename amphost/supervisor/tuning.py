"""Change the numbers of running laws and devices: judge, send, take the answers, keep what holds.

Rules. Nothing is taken for changed before the role's own loop has said so, with the tick; for a
device's parameter that is its acknowledgement, with its clock, and they go one at a time. Ids are
counted over all roles; none is sent whose answer would stand where one still to be read does. One
message holds what belongs together; while one is on its way no other may change the same block, so
what a block's numbers would be is known when they are judged. What holds is written into the
role's plan: a successor is handed it and begins with the numbers that its predecessor ran with.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from amphost.blocks import TUNING_RESULTS
from amphost.errors import AmphostError
from amphost.lifecycle import RoleState
from amphost.plan.supervision import CHANGES_MAX, COMMANDS_DEPTH
from amphost.supervisor.events import EventCode
from amphost.supervisor.later_imports import LaterImports

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from amphost.channel import QueueWriter
    from amphost.mailbox import Segment
    from amphost.plan.model import Plan, RolePlan, TunableBlock
    from amphost.supervisor.control_socket import Peer
    from amphost.supervisor.events import Events
    from amphost.supervisor.runs import RoleRun
    from amphost.supervisor.settable import Settable

LIFE_NS = 1_000_000_000
LIFE_PERIODS = 20
OUTCOMES_MAX = 256
NEEDED_LATER = (
    *(f"amphost.laws.{name}" for name in ("declare", "arithmetic", "dynamics", "filters")),
    *(f"amphost.laws.{name}" for name in ("generators", "logic", "blocks", "order", "pack")),
    *("amphost.laws.tables", "amphost.laws.tuning", "difflib"),
)
"""What judging and refusing a number takes."""
GONE = "gone"
REASONS = {
    "expired": "the role did not come to it in time",
    "foreign": "the role has been started again meanwhile",
    "repeated": "the role has had a newer one",
    "unknown": "the role knows no such number",
    "range": "a number is out of the range that the role keeps",
    "misfit": "the block's numbers would not fit together",
    "absent": "its device is not there",
    GONE: "the role has ended before it came to it",
}
DEVICE_REASONS = REASONS | {
    "expired": "the device did not acknowledge it in time",
    "unknown": "the device knows no such parameter",
    "range": "it is out of the range that the device keeps",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who set a number, and when.

    Synchronization: none required; immutable.
    """

    uid: int
    pid: int
    t_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    """A message on its way."""

    run: RoleRun
    changes: dict[str, float]  # by full name
    program: dict[int, float]  # the program's, or the device's, parameters that it changes
    blocks: frozenset[str]
    peer: Peer


class Tuning:
    """The numbers of every law of a run, and the messages that change them.

    Synchronization: one thread, the supervisor's main one.
    """

    def __init__(
        self,
        plan: Plan,
        segments: Mapping[str, Segment],
        roles: Mapping[str, RoleRun],
        table: Mapping[str, Settable],
        events: Events,
    ) -> None:
        self.current = {
            name: one.initial for name, one in table.items() if one.block or one.of_device
        }
        self.authors: dict[str, Author] = {}
        self._segments = segments
        self._roles = roles
        self._table = table
        self._events = events
        self._writers: dict[str, QueueWriter] = {}
        self._waiting: dict[int, _Sent] = {}
        self._outcomes: OrderedDict[int, dict[str, Any]] = OrderedDict()
        self._newest = 0
        has_laws = any(one.block is not None for one in table.values())
        self._later = LaterImports(NEEDED_LATER if has_laws else (), time.monotonic_ns())
        for role in plan.roles:
            target = role.control or role.io
            if target is not None and target.commands:
                commands, consumer = segments[target.commands], segments[role.name]
                self._writers[role.name] = commands.queue_writer(consumer, epoch=1)

    def send(self, changes: Mapping[str, float], peer: Peer) -> int:
        """Send changes of one law or device; return the message's id, or raise AmphostError."""
        run = self._roles[next(self._table[name].role for name in changes)]
        if run.state is not RoleState.RUNNING:
            raise AmphostError(f"{run.plan.name} does not run; set it when it does")
        if run.plan.io is not None:
            return self._push(self._to_device(run, changes, peer))
        blocks: dict[str, TunableBlock] = {}
        for name in changes:
            block = self._table[name].block
            assert block is not None
            blocks[block.name] = block
        program: dict[int, float] = {}
        for block in blocks.values():
            program |= self._block(run, block, changes)
        if len(program) > CHANGES_MAX:
            raise AmphostError(
                f"{len(program)} numbers of the law at once; at most {CHANGES_MAX}: set one block"
                " after the other"
            )
        sent = _Sent(
            run=run,
            changes=dict(changes),
            program=program,
            blocks=frozenset(blocks),
            peer=peer,
        )
        return self._push(sent)

    def _to_device(self, run: RoleRun, changes: Mapping[str, float], peer: Peer) -> _Sent:
        if len(changes) > 1:
            raise AmphostError(
                f"{' and '.join(changes)} cannot be set together: a device takes its parameters one"
                " at a time; set one after the other"
            )
        ((name, value),) = changes.items()
        one = self._table[name]
        if any(sent.run is run and one.key in sent.blocks for sent in self._waiting.values()):
            raise AmphostError(f"{name} is being changed already; try again")
        return _Sent(
            run=run,
            changes=dict(changes),
            program={one.place: value},
            blocks=frozenset({one.key}),
            peer=peer,
        )

    def _block(
        self, run: RoleRun, block: TunableBlock, changes: Mapping[str, float]
    ) -> dict[int, float]:
        """Judge a block's numbers as they would be; return what changes in the program."""
        from amphost.laws.tuning import numbers_problem, program_numbers  # a start needs no law

        role = run.plan.name
        for one in self._waiting.values():
            if one.run is run and block.name in one.blocks:
                raise AmphostError(f"{role}.{block.name} is being changed already; try again")
        prefix = f"{role}.{block.name}."
        now = {one.name: self.current[prefix + one.name] for one in block.numbers}
        then = {key: changes.get(prefix + key, value) for key, value in now.items()}
        problem = numbers_problem(block, then)
        if problem:
            raise AmphostError(f"{role}.{block.name}: {problem}")
        before, after = program_numbers(block, now), program_numbers(block, then)
        changed = {
            block.first + place: number
            for place, number in enumerate(after)
            if number != before[place]
        }
        return changed or {block.first: after[0]}  # set to what it is: said all the same

    def _push(self, sent: _Sent) -> int:
        control = sent.run.plan.control
        target = control or sent.run.plan.io
        assert target is not None
        writer, now_ns = self._writers[sent.run.plan.name], time.monotonic_ns()
        places = {} if control is None else _places(control.tunables)
        words: list[float] = []
        for parameter, number in sent.program.items():
            words += [places.get(parameter, parameter), number]
        words += [0, 0.0] * (CHANGES_MAX - len(sent.program))
        expires_ns = now_ns + max(LIFE_NS, LIFE_PERIODS * target.period_ns)
        message, epoch = self._newest + 1, sent.run.epoch
        oldest = min(
            (n for n, one in self._waiting.items() if one.run is sent.run), default=message
        )
        if message - oldest >= COMMANDS_DEPTH or not writer.push(
            now_ns, 0, message, epoch, expires_ns, len(sent.program), *words
        ):
            raise AmphostError(f"{sent.run.plan.name}: its queue of changes is full; try again")
        self._newest = message
        self._waiting[message] = sent
        return message

    def turn(self) -> None:
        """Take the answers that have come."""
        self._later.turn(time.monotonic_ns())
        for message, sent in list(self._waiting.items()):
            answer = self._segments[sent.run.plan.name].owner.answer(message)
            if answer is not None:
                self._settle(message, *answer)

    def ended(self, run: RoleRun) -> None:
        """A role's process is gone: what it has not answered by now it never took."""
        self.turn()
        for message, sent in list(self._waiting.items()):
            if sent.run is run:
                self._settle(message, GONE, 0, time.monotonic_ns())

    def _settle(self, message: int, result: str, tick: int, t_ns: int) -> None:
        sent = self._waiting.pop(message)
        role = sent.run.plan.name
        outcome: dict[str, Any] = {"state": "refused", "role": role}
        device = sent.run.plan.io
        if result == "applied":
            key = "tick" if device is None else "device_us"
            outcome = {"state": "applied", "role": role, key: tick}
            sent.run.plan = _with_parameters(sent.run, sent.program)
        else:
            outcome["reason"] = _reason(sent, result)
        for name, value in sent.changes.items():
            self._note(name, value, sent, result, tick, t_ns)
        self._outcomes[message] = outcome
        while len(self._outcomes) > OUTCOMES_MAX:
            self._outcomes.popitem(last=False)

    def _note(
        self, name: str, value: float, sent: _Sent, result: str, tick: int, t_ns: int
    ) -> None:
        """Take a number over where it was applied; record the event either way."""
        old, one = self.current[name], self._table[name]
        applied = result == "applied"
        if applied:
            self.current[name] = value
            self.authors[name] = Author(uid=sent.peer.uid, pid=sent.peer.pid, t_ns=t_ns)
        was = "unset" if old is None else f"{old:g}"
        said = f"at tick {tick}" if applied else f"refused: {_reason(sent, result)}"
        if applied and one.of_device:
            said = f"acknowledged by {one.role}'s device{_device_time(tick)}"
        self._events.record(
            EventCode.PARAMETER if applied else EventCode.REFUSED,
            f"{name} {was} -> {value:g}, {said}",
            role=one.role,
            name=(name, one.number),
            old=old,
            new=value,
            tick=tick if applied else None,
            detail=0 if applied else TUNING_RESULTS.get(result, 0),
            peer=sent.peer,
        )

    def outcome(self, message: object) -> dict[str, Any]:
        """Return what became of a message: `sent` while it is on its way."""
        if isinstance(message, int) and not isinstance(message, bool):
            if message in self._waiting:
                return {"state": "sent", "role": self._waiting[message].run.plan.name}
            if message in self._outcomes:
                return self._outcomes[message]
        raise AmphostError("there is no such message, or it was long ago; see `amphost events`")


def _reason(sent: _Sent, result: str) -> str:
    return (REASONS if sent.run.plan.io is None else DEVICE_REASONS)[result]


def _device_time(device_us: int) -> str:
    return f" at {device_us / 1e6:.6f} s of its clock" if device_us else ""


def _places(blocks: Sequence[TunableBlock]) -> dict[int, int]:
    """Map each tunable parameter of the program to its place in the loop's table."""
    parameters = [block.first + place for block in blocks for place in range(len(block.ranges))]
    return {parameter: place for place, parameter in enumerate(parameters)}


def _with_parameters(run: RoleRun, changed: Mapping[int, float]) -> RolePlan:
    """Return the role's plan with its law's, or its device's, parameters as they are now."""
    control, io = run.plan.control, run.plan.io
    if io is not None:
        kept = tuple(
            replace(one, value=changed.get(index, one.value))
            for index, one in enumerate(io.parameters)
        )
        return replace(run.plan, io=replace(io, parameters=kept))
    assert control is not None
    parameters = tuple(
        changed.get(index, number) for index, number in enumerate(control.program.parameters)
    )
    program = replace(control.program, parameters=parameters)
    return replace(run.plan, control=replace(control, program=program))
