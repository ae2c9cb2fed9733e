"""What a board file may say of faults that are injected into a device's line, on purpose.

Rules. As in `spec.model`: one class a mapping, one field a key, every field with its sentence. Each
kind of fault has the keys that mean something for it, and no others. Pure.

Synchronization: none required; every instance is frozen after validation.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from amphost.spec.value_types import Model, Name, Range

__all__ = [
    "BabbleSpec",
    "BurstSpec",
    "ChunkSpec",
    "DelaySpec",
    "FaultSpec",
    "FaultsSpec",
    "FlipSpec",
    "InsertSpec",
    "LoseBytesSpec",
    "LoseFramesSpec",
    "MasqueradeSpec",
    "ReorderSpec",
    "RepeatSpec",
    "ReplaySpec",
    "StallSpec",
    "StuckSpec",
    "TruncateSpec",
    "UnplugSpec",
    "WrongBaudSpec",
]

_Seconds = Annotated[float, Field(gt=0.0, le=86_400.0)]
_Since = Annotated[float, Field(ge=0.0, le=86_400.0)]
_Rate = Annotated[float, Field(gt=0.0, le=1.0)]
_BYTES = "Chance that it strikes, for each byte that passes: above 0, at most 1."
_FRAMES = "Chance that it strikes, for each frame that passes: above 0, at most 1."
_Way = Literal["to_host", "to_device", "both"]


class _Scheduled(Model):
    """When a fault is on."""

    at_s: _Since = Field(
        0.0, description="It begins so many seconds after the line was first offered."
    )
    for_s: _Seconds | None = Field(
        None, description="It lasts so long, in seconds; default to the end of the run."
    )
    on_signal: bool = Field(
        False,
        description="It begins when the proxy gets SIGUSR1 instead; without for_s, the next one"
        " ends it.",
    )


class _Directed(_Scheduled):
    """A fault of one direction, or of each by itself."""

    way: _Way = Field(
        "both", description="Which direction: `to_host`, `to_device`, or `both`, the default."
    )


class FlipSpec(_Directed):
    """A bit of a byte is turned over."""

    kind: Literal["flip"] = Field(description="`flip`: a bit is turned over.")
    rate: _Rate = Field(description=_BYTES)


class BurstSpec(_Directed):
    """A run of bits is disturbed."""

    kind: Literal["burst"] = Field(description="`burst`: a run of bits is disturbed.")
    rate: _Rate = Field(description=_BYTES)
    bits: Annotated[int, Field(ge=2, le=256)] = Field(
        32, description="The longest run, in bits; each is of any length up to it."
    )


class LoseBytesSpec(_Directed):
    """Bytes do not arrive."""

    kind: Literal["lose_bytes"] = Field(description="`lose_bytes`: bytes do not arrive.")
    rate: _Rate = Field(description=_BYTES)
    bytes: Annotated[int, Field(ge=1, le=256)] = Field(1, description="So many in a row.")


class InsertSpec(_Directed):
    """Bytes arrive that nobody has sent."""

    kind: Literal["insert"] = Field(description="`insert`: random bytes in between.")
    rate: _Rate = Field(description=_BYTES)
    bytes: Annotated[int, Field(ge=1, le=256)] = Field(8, description="At most so many in a row.")


class LoseFramesSpec(_Directed):
    """Frames do not arrive."""

    kind: Literal["lose_frames"] = Field(description="`lose_frames`: frames do not arrive.")
    rate: _Rate = Field(description=_FRAMES)


class RepeatSpec(_Directed):
    """Frames arrive twice."""

    kind: Literal["repeat"] = Field(description="`repeat`: frames arrive twice.")
    rate: _Rate = Field(description=_FRAMES)


class ReorderSpec(_Directed):
    """Frames arrive in the wrong order."""

    kind: Literal["reorder"] = Field(description="`reorder`: a frame arrives behind the next.")
    rate: _Rate = Field(description=_FRAMES)


class TruncateSpec(_Directed):
    """Frames end too early."""

    kind: Literal["truncate"] = Field(description="`truncate`: a frame ends too early.")
    rate: _Rate = Field(description=_FRAMES)


class MasqueradeSpec(_Directed):
    """Whole frames arrive that are somebody else's."""

    kind: Literal["masquerade"] = Field(description="`masquerade`: a forged frame in between.")
    rate: _Rate = Field(description=_FRAMES)
    differs_in: Literal["session", "schema"] = Field(
        description="What alone is wrong with it: its `session`, or its `schema`."
    )


class ReplaySpec(_Directed):
    """Frames of an earlier session arrive again."""

    kind: Literal["replay"] = Field(description="`replay`: frames of a session that is over.")
    rate: _Rate = Field(description=_FRAMES)


class DelaySpec(_Directed):
    """Frames arrive late, and those behind them too."""

    kind: Literal["delay"] = Field(description="`delay`: frames arrive late, in order.")
    rate: _Rate = Field(1.0, description=_FRAMES + " Default 1.")
    delay_ms: Range = Field(description="How late: evenly spread over [least, most].")


class ChunkSpec(_Directed):
    """Frames arrive in pieces."""

    kind: Literal["chunk"] = Field(description="`chunk`: frames arrive in pieces.")
    bytes: Annotated[int, Field(ge=1, le=256)] = Field(description="So long is a piece.")
    gap_ms: Annotated[float, Field(gt=0.0, le=1000.0)] = Field(
        description="Time between two pieces of a frame."
    )


class StuckSpec(_Directed):
    """The sender stops in the middle of a frame."""

    kind: Literal["stuck"] = Field(description="`stuck`: half a frame, then nothing.")


class StallSpec(_Directed):
    """The receiver stops reading; what is sent waits, and comes later."""

    kind: Literal["stall"] = Field(description="`stall`: nobody reads what is sent.")


class BabbleSpec(_Directed):
    """Random bytes without end, between and into the frames."""

    kind: Literal["babble"] = Field(description="`babble`: random bytes without end.")
    bytes_per_s: Annotated[int, Field(ge=1000, le=400_000)] | None = Field(
        None, description="How many; default as many as the line takes, a tenth of its baud."
    )


class WrongBaudSpec(_Scheduled):
    """The device runs at another speed than its line."""

    kind: Literal["wrong_baud"] = Field(description="`wrong_baud`: the ends differ in speed.")
    baud: Annotated[int, Field(ge=1200, le=4_000_000)] = Field(
        description="What the device really runs at: garbage, unless the host sets the same."
    )


class UnplugSpec(_Scheduled):
    """The cable is pulled out, and plugged in again: the port comes back under another name."""

    kind: Literal["unplug"] = Field(description="`unplug`: the cable is out.")


FaultSpec = Annotated[
    FlipSpec
    | BurstSpec
    | LoseBytesSpec
    | InsertSpec
    | LoseFramesSpec
    | RepeatSpec
    | ReorderSpec
    | TruncateSpec
    | MasqueradeSpec
    | ReplaySpec
    | DelaySpec
    | ChunkSpec
    | StuckSpec
    | StallSpec
    | BabbleSpec
    | WrongBaudSpec
    | UnplugSpec,
    Field(discriminator="kind"),
]


class FaultsSpec(Model):
    """A fault proxy between the host and the device: for tests and for the curious."""

    seed: Annotated[int, Field(ge=0, le=1_000_000_000)] = Field(
        description="Which faults: equal seeds do the same to the same bytes."
    )
    on_hardware: bool = Field(
        False, description="Do it to a real device behind a port too: it may really move."
    )
    inject: dict[Name, FaultSpec] = Field(
        min_length=1, description="The faults, by names of your own."
    )
