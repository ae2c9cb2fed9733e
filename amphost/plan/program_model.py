"""The plan of the roles that run a user's code. Frozen values, nothing else.

Rules. Those of `plan.model`: integer nanoseconds, no mappings, readable as plain JSON.

Synchronization: none required; immutable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = [
    "WORK_COUNTS",
    "ExecPlan",
    "ProgramInput",
    "ProgramOutput",
    "PythonPlan",
    "WorkPlan",
    "WorkerPlan",
]

WORK_COUNTS = (
    "items_submitted",
    "items_refused",
    "items_dropped",
    "items_sent",
    "items_finished",
    "items_repeated",
)
"""The words in which a role says how much work it has handed out, and what became of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramInput:
    """A value that a user's code reads."""

    name: str
    role: str
    word: int
    type: str
    unit: str
    max_age_ns: int  # 0: it does not age (operator values)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramOutput:
    """A value that a user's code publishes."""

    name: str
    word: int
    unit: str
    low: float
    high: float
    initial: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecPlan:
    """A program of the user's own."""

    period_ns: int
    command: tuple[str, ...]  # the first word as the spec has it
    file: str  # absolute
    folder: str  # absolute; the program starts there
    beats_per_s_max: int  # more than these are no sign of life


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkPlan:
    """How a role hands out work: a queue, of the segment `queues[n]`, for each of `workers`."""

    workers: tuple[str, ...]
    queues: tuple[str, ...]
    item_bytes: int
    parts: int  # messages of a whole item
    queue_items: int  # that may wait in each queue
    waiting: int  # that may wait in the role
    drop_oldest: bool
    results: tuple[ProgramOutput, ...]  # in each worker's channel
    item_word: int  # there: the number of the item
    count_word: int  # the first of the words with counts in the role's own channel


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPlan:
    """How a worker gets its work."""

    producer: str
    queue: str  # the segment that brings it
    item_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonPlan:
    """A class and how it is stepped."""

    period_ns: int
    file: str  # absolute
    class_name: str
    module: str  # empty: the class stands in a plain file
    root: str  # the folder that its imports start from
    parameters: tuple[tuple[str, Any], ...]  # numbers, texts, booleans, lists of these
    on_error: str  # restart or skip
    inputs: tuple[ProgramInput, ...]
    outputs: tuple[ProgramOutput, ...]
    tick_word: int  # where the channel carries the number of the step, or of a worker's item
    work: WorkPlan | None = None  # it hands out work
    worker: WorkerPlan | None = None  # it is a worker
