"""The `remoteproc:` of a device: a second core of this chip, and its firmware.

Rules. Linux loads the firmware, so its name is what Linux looks for below /lib/firmware. Pure.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from amphost.spec.value_types import CORE_FIRMWARE_PATTERN, Model

__all__ = ["RemoteprocSpec"]


class RemoteprocSpec(Model):
    """A second core that runs the device's firmware: started before its port is opened."""

    name: Annotated[str, Field(min_length=1, max_length=100)] = Field(
        description="Name of the core: what stands in /sys/class/remoteproc/remoteproc*/name."
    )
    firmware: Annotated[str, Field(pattern=CORE_FIRMWARE_PATTERN)] = Field(
        description="Firmware, as the name of an ELF file below /lib/firmware."
    )
