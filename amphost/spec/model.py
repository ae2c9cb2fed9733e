"""What a user may ask for: the spec and the board as types.

Rules. One class a mapping of the YAML, one field a key, and every field carries the sentence that
its user reads in the JSON Schema. Keys not named here are refused. Only rules that one value shows
by itself stand here; rules between values are `spec.check`'s, and nothing here opens a file. Times
stay in the unit of the key (`_ms`); the plan turns them into integer nanoseconds.

Synchronization: none required; every instance is frozen after validation.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from amphost.spec.board import AcceptSpec, Board, DeviceSpec, LoopbackSpec, SendSpec
from amphost.spec.program_roles import ExecRole, PythonRole, WorkerRole
from amphost.spec.value_types import (
    Arm,
    Clock,
    Core,
    Milliseconds,
    Model,
    Name,
    Number,
    Phase,
    Positive,
    Priority,
    Range,
    RateHz,
    Source,
    Stale,
    StreamTarget,
    Unit,
    Wait,
)

__all__ = [
    "AcceptSpec",
    "Board",
    "ControlRole",
    "DeviceSpec",
    "ExecRole",
    "IoRole",
    "LoopbackSpec",
    "OperatorSpec",
    "PythonRole",
    "ReadSpec",
    "RecordSpec",
    "ReportSpec",
    "RoleSpec",
    "Safety",
    "SendSpec",
    "Spec",
    "StreamSpec",
    "SupervisorSpec",
    "TelemetryRole",
    "TrackingSpec",
    "WorkerRole",
    "WriteSpec",
]

CORE = "Core that this role is pinned to, counted from 0; `amphost plan` checks that it is there."
PRIORITY = "SCHED_FIFO priority, 1 (lowest) to 99."


def _short_read(value: object) -> object:
    return {"from": value} if isinstance(value, str) else value


class ReadSpec(Model):
    """Where an input comes from and how old it may be; `role.signal` alone is the short form."""

    source: Source = Field(
        alias="from", description="Where the value comes from: `role.signal` or `operator.name`."
    )
    max_age_ms: Milliseconds | None = Field(
        None, description="Age at which the value is stale; default 5 periods of its producer."
    )
    stale: Stale = Field(
        "hold",
        description="What a stale input does: keep the last value (`hold`), go to `stale_value` at"
        " once (`value`) or by `stale_ramp_per_s` (`ramp`), or stop the system safely (`trip`).",
    )
    stale_value: Number | None = Field(
        None, description="The fallback, in the input's unit; for `value` and `ramp` alone."
    )
    stale_ramp_per_s: Positive | None = Field(
        None, description="How fast `ramp` goes to `stale_value`, in units per second."
    )
    trip_after_ms: Milliseconds | None = Field(
        None,
        description="How long `hold` or `ramp` may last, from the moment the value is stale, before"
        " the system stops safely; default 20 ms.",
    )


Read = Annotated[ReadSpec, BeforeValidator(_short_read, json_schema_input_type=Source | ReadSpec)]
Reads = dict[Name, Read]


class WriteSpec(Model):
    """An output of a law and the guard behind it."""

    unit: Unit = Field(description="Unit of the output, such as `V`.")
    range: Range = Field(description="Lowest and highest value that may ever leave: [low, high].")
    safe: Number = Field(description="The harmless value; the output goes there on every stop.")
    slew_per_s: Positive | None = Field(
        None, description="Fastest change in units per second; default unlimited."
    )
    ramp_per_s: Positive | None = Field(
        None, description="How fast it goes to `safe`, in units per second; default at once."
    )


class ControlRole(Model):
    """A law, run by the native loop at a fixed rate."""

    kind: Literal["control"] = Field(description="`control`: runs a law at a fixed rate.")
    core: Core = Field(description=CORE)
    priority: Priority = Field(description=PRIORITY)
    rate_hz: RateHz = Field(description="Ticks per second, 1 to 20000.")
    clock: Clock = Field(
        "host",
        description="Whose clock paces it: this machine's (`host`), or that of the device it"
        " reads from (`device`), each period trimmed by 1 % at most.",
    )
    phase_ms: Phase = Field(
        0.0,
        description="Its releases on the grid that all roles share lie so far behind it; less"
        " than a period, default 0.",
    )
    reads: Reads = Field(default_factory=dict, description="The law's inputs, by name.")
    law: dict[str, Any] = Field(
        description="The law's blocks: `signal: {block: sources, parameter: value}`."
    )
    writes: dict[Name, WriteSpec] = Field(
        min_length=1, description="The law's outputs: signals of the law that others may read."
    )
    budget_ms: Milliseconds | None = Field(
        None, description="Execution time allowed per tick; default half the period."
    )
    deadline_ms: Milliseconds | None = Field(
        None, description="Latest finish after the release; default the period."
    )
    blackout_ms: Milliseconds | None = Field(
        None, description="A wake-up this late stops the system safely; default 5 periods or more."
    )
    wait: Wait | None = Field(
        None,
        description="How it waits for the next release: one sleep (`sleep`), a sleep and the clock"
        " for the rest (`hybrid`), the clock alone on a core of its own (`spin`); default `hybrid`"
        " where nothing else runs on its core, else `sleep`.",
    )


class IoRole(Model):
    """The host's end of the link to one device of the board."""

    kind: Literal["io"] = Field(description="`io`: exchanges values with one device of the board.")
    device: Name = Field(description="The device's name in the board file.")
    shares: Name | None = Field(
        None,
        description="Another io role, whose process, core and priority this one shares; its link,"
        " its signals and its device stay its own. Instead of `core` and `priority`.",
    )
    core: Core | None = Field(None, description=CORE)
    priority: Priority | None = Field(None, description=PRIORITY)
    reads: Reads = Field(
        default_factory=dict, description="A source for every value that the device accepts."
    )


class RecordSpec(Model):
    """Where the recording goes."""

    to: Annotated[str, Field(min_length=1, max_length=1024)] = Field(
        description="Folder for the MCAP files, relative to the folder where amphost is started."
    )
    max_mb: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        256, description="Size in MB at which the recording ends."
    )


class StreamSpec(Model):
    """A live view while the system runs: UDP, as PlotJuggler's UDP server reads it."""

    to: StreamTarget = Field(
        description="Address and port of the viewer, such as `127.0.0.1:9870` or `[::1]:9870`."
    )
    rate_hz: Annotated[float, Field(ge=0.1, le=20_000.0)] = Field(
        50.0, description="Samples a second of each role at most; the recording has them all."
    )
    batch: bool = Field(
        False,
        description="Many samples in one datagram, as a JSON list; PlotJuggler of 2026 and later.",
    )


class TelemetryRole(Model):
    """Records every channel, and shows it live; never real-time."""

    kind: Literal["telemetry"] = Field(description="`telemetry`: records, and measures tracking.")
    core: Core = Field(description=CORE)
    record: RecordSpec | None = Field(None, description="Recording to a file; default none.")
    stream: StreamSpec | None = Field(None, description="Live samples by UDP; default none.")


RoleSpec = Annotated[
    ControlRole | IoRole | TelemetryRole | PythonRole | ExecRole, Field(discriminator="kind")
]


class Safety(Model):
    """What must hold before anything starts."""

    safe_within_ms: Milliseconds = Field(
        description="After any single fault every output is safe within this time; checked"
        " against every row of the chain before anything starts."
    )
    arm: Arm = Field(
        "manual", description="`manual` waits for `amphost arm`; `on_start` arms at the start."
    )
    allow_degraded: bool = Field(
        True, description="Arm without real-time rights too, and say so in every report."
    )


class OperatorSpec(Model):
    """A value from outside: it stays as it is, or follows a profile."""

    unit: Unit = Field(description="Unit of the value, such as `rad`.")
    range: Range = Field(description="Lowest and highest value it may have: [low, high].")
    initial: Number = Field(description="The value at the start.")
    profile: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        None,
        description="CSV file that moves the value while the system is armed, again and again;"
        " relative to the folder of this file. Its columns: t_s and the value's name.",
    )


class SupervisorSpec(Model):
    """The process that starts, watches and stops the roles."""

    core: Core = Field(description="Core that the supervisor is pinned to; default: the plan's.")


class TrackingSpec(Model):
    """How well a signal follows a setpoint."""

    signal: Source = Field(description="The measured signal, such as `io.position`.")
    setpoint: Source = Field(description="What it should follow, such as `operator.target`.")
    rms_max: Positive = Field(description="Largest rms error that counts as ok, in their unit.")


class ReportSpec(Model):
    """What the report at the end of a run measures."""

    tracking: TrackingSpec | None = Field(None, description="Tracking error; default not measured.")


class Spec(Model):
    """One system: the whole file."""

    name: Name = Field(description="Name of the system.")
    board: Annotated[str, Field(min_length=1, max_length=1024)] = Field(
        description="A shipped board (`loopback`), or a board file relative to this file's folder."
    )
    safety: Safety = Field(description="What must hold before anything starts.")
    supervisor: SupervisorSpec | None = Field(
        None, description="Where the supervisor runs; default: decided by the plan."
    )
    deep_idle: bool = Field(
        False,
        description="Let idle cores save power while armed: control then wakes later. Default: they"
        " may not (`/dev/cpu_dma_latency` is held at 0).",
    )
    operator: dict[Name, OperatorSpec] = Field(
        default_factory=dict, description="Values from outside the roles, read as `operator.name`."
    )
    roles: dict[Name, RoleSpec] = Field(
        min_length=1, description="The roles: one duty, one process, one core each."
    )
    report: ReportSpec = Field(
        default_factory=lambda: ReportSpec.model_construct(tracking=None),
        description="What the report measures.",
    )
