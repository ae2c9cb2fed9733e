"""A device's port in a board file: an address, or what a USB device is.

Rules. As in `spec.model`. An identity holds whatever name the device has now; what is left out may
be anything. Pure.

Synchronization: none required; every instance is frozen after validation.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Discriminator, Field, Tag

from amphost.port_address import usb_address
from amphost.spec.value_types import USB_PATTERN, Model, PortName

__all__ = ["Port", "UsbPort", "address_of"]


class UsbPort(Model):
    """A USB device by what it is: found again under whatever name it has come back."""

    usb: Annotated[str, Field(pattern=USB_PATTERN)] = Field(
        description="Vendor and product, as `2e8a:000a`; `amphost ports` shows them."
    )
    serial: Annotated[str, Field(min_length=1, max_length=126)] | None = Field(
        None, description="Serial number of this very device; default any."
    )
    interface: Annotated[int, Field(ge=0, le=255)] | None = Field(
        None, description="Number of the USB interface, where the device has several ports."
    )


def _form(value: object) -> str:
    return "usb" if isinstance(value, (dict, UsbPort)) else "name"


Port = Annotated[
    Annotated[PortName, Tag("name")] | Annotated[UsbPort, Tag("usb")], Discriminator(_form)
]


def address_of(port: str | UsbPort) -> str:
    """Return a port as one text: `port_address` reads it."""
    if isinstance(port, str):
        return port
    interface = -1 if port.interface is None else port.interface
    return usb_address(port.usb, port.serial or "", interface)
