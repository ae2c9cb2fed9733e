"""What a board file may hold: the devices on the far side of the links.

Rules. As in `spec.model`: one class a mapping, one field a key, every field with its sentence.
Values stand in wire order, which is the file's. Unit and range are needed of all but a bool: that
is for `spec.check_wire` to say. Pure.

Synchronization: none required; every instance is frozen after validation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from amphost.spec.emulator import EmulatorSpec
from amphost.spec.later import Later
from amphost.spec.parameters import ParameterSpec
from amphost.spec.plants import PlantSpec, SensorSpec
from amphost.spec.ports import Port, address_of
from amphost.spec.second_core import RemoteprocSpec
from amphost.spec.value_types import (
    Milliseconds,
    Model,
    Name,
    Number,
    Positive,
    Range,
    RateHz,
    Unit,
)

if TYPE_CHECKING:
    from amphost.spec.line_faults import FaultsSpec as Faults
else:
    Faults = Annotated[Any, Later("amphost.spec.line_faults", "FaultsSpec")]

__all__ = ["AcceptSpec", "Board", "DeviceSpec", "LoopbackSpec", "SendSpec"]


Type = Literal["f32", "i16", "u16", "i8", "u8", "bool"]
Scale = Annotated[float, Field(ge=1e-9, le=1e9)]
TYPE_TEXT = "Type on the wire: a 32-bit float, an integer of 16 or 8 bits, or one bit."
SCALE_TEXT = "Of an integer: the value is the integer times this."


class SendSpec(Model):
    """A value that the device sends."""

    type: Type = Field("f32", description=TYPE_TEXT)
    scale: Scale = Field(1.0, description=SCALE_TEXT)
    unit: Unit = Field("1", description="Unit of the value, such as `rad`. Not of a bool.")
    range: Range = Field(
        (0.0, 1.0),
        description="Plausible values, [low, high]; others are bad samples. Not of a bool.",
    )


class AcceptSpec(Model):
    """A value that the device accepts."""

    type: Type = Field("f32", description=TYPE_TEXT)
    scale: Scale = Field(1.0, description=SCALE_TEXT)
    unit: Unit = Field("1", description="Unit of the value, such as `V`. Not of a bool.")
    range: Range = Field(
        (0.0, 1.0), description="What the device takes: [low, high]. Not of a bool."
    )
    safe: Number = Field(description="Where the device goes by itself when it hears no more.")
    ramp_per_s: Positive | None = Field(
        None, description="How fast it goes to `safe`, in units per second; default at once."
    )


class LoopbackSpec(Model):
    """A device that runs on the host: the same code, its own process and clock, behind a pty."""

    plant: PlantSpec = Field(description="What the device drives.")
    held: bool = Field(
        False, description="The plant stands still until the device is armed for the first time."
    )
    sensors: dict[Name, SensorSpec] = Field(
        default_factory=dict, description="What is not perfect of the values that it sends."
    )
    skew_ppm: Annotated[float, Field(ge=-10_000.0, le=10_000.0)] = Field(
        0.0, description="How much faster the device's clock runs than the host's."
    )


class DeviceSpec(Model):
    """A microcontroller behind a serial port, or its twin on the host."""

    port: Port | None = Field(
        None,
        description="Serial port by a stable name, such as /dev/serial/by-id/usb-..., a USB device"
        " by what it is, or a socket of this machine: socket://127.0.0.1:5333, unix:///run/x.sock.",
    )
    dtr: Literal["assert", "release", "pulse"] = Field(
        "assert",
        description="How the line DTR stands while the port is open; `pulse` releases it for 50 ms"
        " at each opening, which resets an Arduino.",
    )
    rts: Literal["assert", "release"] = Field(
        "assert", description="How the line RTS stands while the port is open."
    )
    loopback: LoopbackSpec | None = Field(
        None, description="Run the device on the host instead, behind a pty."
    )
    emulator: EmulatorSpec | None = Field(
        None, description="Run its firmware in an emulated microcontroller on the host instead."
    )
    remoteproc: RemoteprocSpec | None = Field(
        None, description="A second core of this chip, to be started before its port is opened."
    )
    faults: Faults | None = Field(
        None, description="Spoil the line on purpose, by a proxy between the host and the device."
    )
    baud: Annotated[int, Field(ge=1200, le=4_000_000)] = Field(
        4_000_000,
        description="Speed of the line in bits per second; a second core has none, every other"
        " device needs it.",
    )
    state_rate_hz: RateHz = Field(description="State frames per second that the device sends.")
    lease_ms: Annotated[Milliseconds, Field(le=10_000.0)] | None = Field(
        None,
        description="The device goes safe by itself when it applied no actuation for this long;"
        " default by the plan.",
    )
    sends: dict[Name, SendSpec] = Field(
        default_factory=dict, description="Values that it sends, in wire order."
    )
    accepts: dict[Name, AcceptSpec] = Field(
        default_factory=dict, description="Values that it accepts, in wire order."
    )
    parameters: dict[Name, ParameterSpec] = Field(
        default_factory=dict,
        description="Numbers of its firmware that `amphost set ROLE.NAME` changes while it runs.",
    )

    @property
    def address(self) -> str | None:
        """Its port as one text (see `port_address`); None without one."""
        return None if self.port is None else address_of(self.port)


class Board(Model):
    """The hardware profile that a plan targets: a whole board file."""

    name: Name = Field(description="Name of the board.")
    description: Annotated[str, Field(max_length=400)] = Field(
        "", description="One sentence for people."
    )
    devices: dict[Name, DeviceSpec] = Field(
        min_length=1, description="The microcontrollers on the far side of a link."
    )
