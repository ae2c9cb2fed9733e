"""The plan of the faults that are injected into one device's line, on purpose.

Rules. As `plan.model`: frozen values that travel as JSON to the proxy's process.

Synchronization: none required; immutable.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FaultPlan", "ProxyPlan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """One kind of fault, where and when. What a kind has no use for is 0 or empty."""

    name: str  # of the user's own
    kind: str  # a key of link.line_faults.KINDS or TIMED, or unplug
    ways: tuple[str, ...]  # to_host, to_device
    rate: float  # chance for each byte or each frame; 1 where there is none
    by_byte: bool  # it is for each byte
    at_ns: int  # since the line was first offered
    for_ns: int  # 0: to the end
    on_signal: bool  # begins at a signal instead, and ends at the next where for_ns is 0
    size: int = 0  # bits of a burst, bytes lost, inserted, in a chunk, or babbled a second
    least_ns: int = 0  # of a delay
    most_ns: int = 0  # of a delay; of the gap between chunks
    foreign: str = ""  # what is wrong with a masquerade: session or schema
    baud: int = 0  # the device's real one


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyPlan:
    """The proxy between the host and one device: its own process, and a pty of its own."""

    name: str
    device: str
    port: str  # the device's own; empty: that of its stand-in on this host
    baud: int
    schema_hash: int
    cores: tuple[int, ...]
    policy: str
    priority: int
    seed: int
    faults: tuple[FaultPlan, ...]
