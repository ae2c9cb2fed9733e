"""What a board file may say of faults that are injected into a device's line, on purpose.

Rules. As `spec.model`. All kinds of fault are one class, since each class more costs every start
half a millisecond; which keys mean something for which kind stands in `KINDS`, and
`spec.check_faults` holds a file to it. Pure.

Synchronization: none required; every instance is frozen after validation.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from amphost.spec.value_types import Model, Name, Range

__all__ = ["EVERY", "KINDS", "FaultSpec", "FaultsSpec"]

EVERY: Final = ("kind", "at_s", "for_s", "on_signal")
KINDS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "flip": (("rate",), ("way",)),
    "burst": (("rate",), ("way", "bits")),
    "lose_bytes": (("rate",), ("way", "bytes")),
    "insert": (("rate",), ("way", "bytes")),
    "lose_frames": (("rate",), ("way",)),
    "repeat": (("rate",), ("way",)),
    "reorder": (("rate",), ("way",)),
    "truncate": (("rate",), ("way",)),
    "masquerade": (("rate", "differs_in"), ("way",)),
    "replay": (("rate",), ("way",)),
    "delay": (("delay_ms",), ("way", "rate")),
    "chunk": (("bytes", "gap_ms"), ("way",)),
    "stuck": ((), ("way",)),
    "stall": ((), ("way",)),
    "babble": ((), ("way", "bytes_per_s")),
    "wrong_baud": (("baud",), ()),
    "unplug": ((), ()),
}
"""Of each kind: the keys that it needs, and those that it may have besides `EVERY`."""


class FaultSpec(Model):
    """One fault of a line: what, where and when."""

    kind: Literal[
        "flip",
        "burst",
        "lose_bytes",
        "insert",
        "lose_frames",
        "repeat",
        "reorder",
        "truncate",
        "masquerade",
        "replay",
        "delay",
        "chunk",
        "stuck",
        "stall",
        "babble",
        "wrong_baud",
        "unplug",
    ] = Field(description="What is done to the line.")
    way: Literal["to_host", "to_device", "both"] = Field(
        "both", description="Which direction: `to_host`, `to_device`, or `both`, the default."
    )
    rate: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        1.0,
        description="Chance that it strikes, for each byte or each frame that passes: above 0, at"
        " most 1.",
    )
    at_s: Annotated[float, Field(ge=0.0, le=86_400.0)] = Field(
        0.0, description="It begins so many seconds after the line was first offered."
    )
    for_s: Annotated[float, Field(gt=0.0, le=86_400.0)] | None = Field(
        None, description="It lasts so long, in seconds; default to the end of the run."
    )
    on_signal: bool = Field(
        False,
        description="It begins when the proxy gets SIGUSR1 instead; without for_s, the next one"
        " ends it.",
    )
    bits: Annotated[int, Field(ge=2, le=256)] = Field(
        32, description="Of a `burst`: the longest run of bits that is disturbed."
    )
    bytes: Annotated[int, Field(ge=1, le=256)] | None = Field(
        None,
        description="Of `lose_bytes`: so many in a row, default 1. Of `insert`: at most so many in"
        " a row, default 8. Of a `chunk`: so long is a piece.",
    )
    gap_ms: Annotated[float, Field(gt=0.0, le=1000.0)] | None = Field(
        None, description="Of a `chunk`: time between two pieces of a frame."
    )
    delay_ms: Range | None = Field(
        None, description="Of a `delay`: how late, evenly spread over [least, most]."
    )
    differs_in: Literal["session", "schema"] | None = Field(
        None, description="Of a `masquerade`: what alone is wrong with it."
    )
    bytes_per_s: Annotated[int, Field(ge=1000, le=400_000)] | None = Field(
        None, description="Of `babble`: how many; default what the line takes, a tenth of its baud."
    )
    baud: Annotated[int, Field(ge=1200, le=4_000_000)] | None = Field(
        None,
        description="Of a `wrong_baud`: what the device really runs at; all is garbage, unless the"
        " host sets the same.",
    )


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
