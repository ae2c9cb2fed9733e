"""The segments that the supervisor writes beside its own: the run's events, and queues of commands.

Rules. Pure. One publishing thread a channel: the operator's values are the watchdog thread's, so
what the main thread says has channels of its own. A segment has one channel, so each of these is
a segment, with the supervisor's number and a name that no role may have. Text stays out of shared
memory: an event's words are numbers, and the plan says what they stand for.
"""

from __future__ import annotations

from amphost.plan import layout
from amphost.plan.layout import EVENTS, SUPERVISOR_ID
from amphost.plan.model import SegmentPlan, SignalPlan

TYPE_CHECKING = False  # the supervisor reads constants here, and must not import the spec for them
if TYPE_CHECKING:
    from amphost.spec.load import LoadedSpec

EVENTS_DEPTH = 1024
COMMANDS_DEPTH = 8  # AMP_TUNING_DEPTH
CHANGES_MAX = 16  # AMP_TUNING_CHANGES_MAX

EVENT_WORDS = (
    ("code", "u64", "1"),  # what happened: amphost.supervisor.events
    ("role", "u64", "1"),  # number of the role that it happened to; 0: the system
    ("name", "u64", "1"),  # which of its values, counted from 1; 0: none
    ("old", "f64", "1"),
    ("new", "f64", "1"),
    ("tick", "u64", "1"),  # of the role, from which on the new value holds
    ("detail", "u64", "1"),
    ("uid", "i64", "1"),  # who asked; -1: nobody, the system itself
    ("pid", "i64", "1"),
)


def commands_name(role: str) -> str:
    """Name the segment that brings a role its commands."""
    return f"{role}.commands"


def has_commands(loaded: LoadedSpec, name: str) -> bool:
    """Return whether a role takes commands: its law, or its device, has something to tune."""
    role = loaded.spec.roles[name]
    if role.kind == "io":
        return bool(loaded.board.devices[role.device].parameters)
    tunes = any(block.tunable for block in loaded.laws.get(name, ()))
    return tunes and role.kind == "control"


def supervision_segments(loaded: LoadedSpec, page_size: int) -> dict[str, SegmentPlan]:
    """Lay out the events, then a queue for each role that takes commands."""
    tuned = [commands_name(name) for name in loaded.spec.roles if has_commands(loaded, name)]
    return {
        EVENTS: _segment(EVENTS, EVENT_WORDS, EVENTS_DEPTH, page_size),
        **{name: _segment(name, _command_words(), COMMANDS_DEPTH, page_size) for name in tuned},
    }


def _command_words() -> tuple[tuple[str, str, str], ...]:
    head = (("id", "u64", "1"), ("epoch", "u64", "1"), ("expires_ns", "u64", "ns"))
    changes = tuple(
        word
        for number in range(CHANGES_MAX)
        for word in ((f"tunable_{number}", "u64", "1"), (f"value_{number}", "f64", "1"))
    )
    return (*head, ("changes", "u64", "1"), *changes)


def _segment(
    name: str, words: tuple[tuple[str, str, str], ...], depth: int, page_size: int
) -> SegmentPlan:
    signals = tuple(
        SignalPlan(name=word, type=kind, unit=unit, low=None, high=None)
        for word, kind, unit in words
    )
    return layout.segment(
        role=name,
        role_id=SUPERVISOR_ID,
        page_size=page_size,
        signals=signals,
        writer_period_ns=1,
        follower_periods_ns=(),
        depth=depth,
    )
