"""Roles that run a user's own code: what a spec may ask of them.

Rules. One class a mapping, one field a key, each with the sentence that its user reads, as in
`spec.model`. A role gives its cores as `core: 0` or as `cores: [0, 1]`; `cores_of` is the only
place that knows both forms. Pure.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from amphost.spec.building import built
from amphost.spec.value_types import (
    ClassName,
    Core,
    Milliseconds,
    Model,
    Name,
    Number,
    Priority,
    Range,
    Source,
    Unit,
)

__all__ = [
    "ExecRole",
    "ExecWrite",
    "ProgramRead",
    "ProgramReads",
    "ProgramWrite",
    "PythonRole",
    "WorkerRole",
    "WorkersSpec",
    "cores_of",
    "worker_names",
    "workers_of",
]

CORE = "Core that this role is pinned to, counted from 0."
CORES = "Cores that this role may use, such as [0, 1]; give this or `core`."

ProgramRateHz = Annotated[float, Field(ge=0.1, le=1_000.0)]
Word = Annotated[str, Field(min_length=1, max_length=4096)]
Restart = Literal["always", "never"]
OnError = Literal["restart", "skip"]
WhenFull = Literal["drop_oldest", "refuse"]
Cores = Annotated[list[Core], Field(min_length=1, max_length=256)]


def _short_read(value: object) -> object:
    return {"from": value} if isinstance(value, str) else value


class ProgramRead(Model):
    """What a user's code reads; `role.signal` alone is the short form."""

    source: Source = Field(
        alias="from", description="Where the value comes from: `role.signal` or `operator.name`."
    )
    max_age_ms: Milliseconds | None = Field(
        None, description="Age at which the value is stale; default 5 periods of its producer."
    )


ProgramReads = dict[
    Name,
    Annotated[
        ProgramRead, BeforeValidator(_short_read, json_schema_input_type=Source | ProgramRead)
    ],
]


class ProgramWrite(Model):
    """A value that a user's code publishes."""

    unit: Unit = Field(description="Unit of the value, such as `rad`.")
    range: Range = Field(description="Lowest and highest value it may have: [low, high].")
    initial: Number = Field(description="The value until the code writes another.")


class WorkersSpec(Model):
    """Processes that share the work of a python role, one queue each."""

    count: Annotated[int, Field(ge=1, le=16)] = Field(description="How many processes, 1 to 16.")
    cores: Cores = Field(
        description="Their cores, one after the other: the first worker on the first core, and"
        " from the beginning again where there are more workers."
    )
    class_: ClassName = Field(
        alias="class", description="The class that works on an item: it has `work(self, role)`."
    )
    item_bytes: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        description="The most bytes of an item, up to 1000000."
    )
    writes: dict[Name, ProgramWrite] = Field(
        min_length=1, description="What a worker says of an item, by name."
    )
    queue: Annotated[int, Field(ge=1, le=64)] = Field(
        2, description="Items that may wait in each worker's queue."
    )
    waiting: Annotated[int, Field(ge=1, le=1024)] = Field(
        1, description="Items that may wait in the role itself while every queue is full."
    )
    when_full: WhenFull = Field(
        "drop_oldest",
        description="What happens when that is full too: the oldest one that waits is dropped and"
        " counted, or the new one is refused (`refuse`) and the role keeps it.",
    )
    within_ms: Milliseconds = Field(
        1000.0, description="Longest time for one item; a worker that takes longer is ended."
    )
    parameters: dict[Name, Any] = Field(
        default_factory=dict, description="As those of the role, for the workers' class."
    )


class PythonRole(Model):
    """A Python class of the user's own, stepped at a fixed rate."""

    kind: Literal["python"] = Field(description="`python`: steps a class of your own.")
    core: Core | None = Field(None, description=CORE)
    cores: Cores | None = Field(None, description=CORES)
    rate_hz: ProgramRateHz = Field(description="Steps per second, 0.1 to 1000.")
    class_: ClassName = Field(
        alias="class",
        description="The class: `file.py:Class`, relative to the folder of this file, or"
        " `package.module:Class`.",
    )
    reads: ProgramReads = Field(default_factory=dict, description="What it reads, by name.")
    writes: dict[Name, ProgramWrite] = Field(
        default_factory=dict, description="What it publishes, by name; others may read it."
    )
    parameters: dict[Name, Any] = Field(
        default_factory=dict,
        description="Numbers, texts, true or false, or lists of these: `role.parameters`.",
    )
    priority: Priority | None = Field(
        None, description="SCHED_FIFO priority; default none: an ordinary process, a little nicer."
    )
    restart: Restart = Field(
        "always", description="Start it again when it ends by itself, or `never`."
    )
    on_error: OnError = Field(
        "restart",
        description="An exception in `step` ends the process (`restart`), or only drops what that"
        " step wrote (`skip`).",
    )
    workers: WorkersSpec | None = Field(
        None, description="Processes that share this role's work, on cores of their own."
    )
    ready_within_ms: Milliseconds = Field(
        5000.0, description="Longest time from its start until `setup` has returned."
    )


class WorkerRole(PythonRole):
    """One worker of a python role: made of its `workers`, never written in a file."""

    kind: Literal["worker"]  # type: ignore[assignment]
    producer: Name
    work: WorkersSpec


def worker_names(name: str, role: PythonRole) -> list[str]:
    """Return the names of a role's workers."""
    return [f"{name}_{number + 1}" for number in range(role.workers.count if role.workers else 0)]


def workers_of(name: str, role: PythonRole) -> dict[str, WorkerRole]:
    """Return a role's workers, by name."""
    work = role.workers
    if work is None:
        return {}
    return {
        worker: built(WorkerRole).model_validate(
            {
                "kind": "worker",
                "core": work.cores[number % len(work.cores)],
                "rate_hz": role.rate_hz,
                "class": work.class_,
                "writes": work.writes,
                "parameters": work.parameters,
                "restart": role.restart,
                "on_error": role.on_error,
                "ready_within_ms": role.ready_within_ms,
                "producer": name,
                "work": work,
            }
        )
        for number, worker in enumerate(worker_names(name, role))
    }


class ExecWrite(Model):
    """A value that a program of the user's own publishes."""

    unit: Unit = Field(description="Unit of the value, such as `rad`.")
    range: Range = Field(description="Lowest and highest value it may have: [low, high].")


class ExecRole(Model):
    """A program of the user's own, in any language, joined to the mailbox."""

    kind: Literal["exec"] = Field(description="`exec`: runs a program of your own.")
    core: Core | None = Field(None, description=CORE)
    cores: Cores | None = Field(None, description=CORES)
    rate_hz: ProgramRateHz = Field(description="How often it publishes and beats, 0.1 to 1000.")
    command: Annotated[list[Word], Field(min_length=1, max_length=256)] = Field(
        description="The program and its arguments; one with a `/` is relative to this file's"
        " folder, any other is looked for in PATH."
    )
    reads: ProgramReads = Field(
        default_factory=dict, description="What it reads, by name: whose segments it is handed."
    )
    writes: dict[Name, ExecWrite] = Field(
        default_factory=dict, description="What it publishes: the words of its channel, in order."
    )
    priority: Priority | None = Field(
        None, description="SCHED_FIFO priority; default none: an ordinary process, a little nicer."
    )
    restart: Restart = Field(
        "always", description="Start it again when it ends by itself, or `never`."
    )
    heartbeat_ms: Milliseconds | None = Field(
        None,
        description="It is ended after this time without a heartbeat; default 3 periods,"
        " at least 1 s.",
    )


def cores_of(role: Any) -> tuple[int, ...]:
    """Return the cores that a role of any kind asks for."""
    several = getattr(role, "cores", None)
    if several:
        return tuple(several)
    return () if role.core is None else (role.core,)
