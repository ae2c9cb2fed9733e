"""The plan of one second core.

Rules. As `plan.model`: a frozen value that travels as JSON to the process that keeps the core.

Synchronization: none required; immutable.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SecondCorePlan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondCorePlan:
    """A core of this chip that runs a device's firmware."""

    name: str  # of the device
    remoteproc: str
    firmware: str  # below /lib/firmware
    port: str  # the address that is there once the firmware runs
    cores: tuple[int, ...]  # of the process that keeps it
