"""A /sys and a /dev with ttys in them, as Linux lays them out, to be plugged in and out.

Rules. What a real tree has by symlinks it has by symlinks. A tty's node in /dev is a link to
whatever is to answer there, a pty for instance, or an empty file.
"""

from __future__ import annotations

import shutil
from pathlib import Path


class FakeTtys:
    """The ttys of a machine whose tree begins at `root`.

    Synchronization: one thread.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "sys/class/tty").mkdir(parents=True)
        (root / "dev").mkdir(exist_ok=True)
        (root / "proc").mkdir(exist_ok=True)

    def plug_in(
        self,
        name: str,
        *,
        usb: str = "2e8a:000a",
        serial: str = "E6614C",
        socket: str = "1-1",
        interface: int = 0,
        driver: str = "cdc_acm",
        texts: tuple[str, str] = ("Raspberry Pi", "Pico"),
        leads_to: str = "",
    ) -> None:
        """Add a tty of a USB device in a socket; ttyUSB has one more folder than ttyACM."""
        device = self.root / f"sys/devices/pci0000:00/usb1/{socket}"
        vendor, product = usb.split(":")
        place = device / f"{socket}:1.{interface}"
        place.mkdir(parents=True)
        facts = {"idVendor": vendor, "idProduct": product, "serial": serial}
        facts |= {"manufacturer": texts[0], "product": texts[1]}
        for file, text in facts.items():
            if text:
                (device / file).write_text(f"{text}\n")
        (place / "bInterfaceNumber").write_text(f"{interface:02x}\n")
        behind = place if "ttyACM" in name else place / name
        behind.mkdir(exist_ok=True)
        self._tty(name, behind, driver, leads_to)

    def solder_in(
        self, name: str, driver: str, *, uart: str = "", leads_to: str = "", device: bool = True
    ) -> None:
        """Add a tty that is part of the machine; `uart` is its type as 8250 has it."""
        behind = self.root / f"sys/devices/platform/{name}.uart"
        behind.mkdir(parents=True)
        self._tty(name, behind, driver, leads_to)
        folder = self.root / "sys/class/tty" / name
        if uart:
            (folder / "type").write_text(f"{uart}\n")
        if not device:
            (folder / "device").unlink()

    def pull_out(self, name: str, socket: str = "1-1") -> None:
        """Take a USB device away, with its names."""
        shutil.rmtree(self.root / f"sys/devices/pci0000:00/usb1/{socket}")
        (self.root / "sys/class/tty" / name).unlink()
        (self.root / "dev" / name).unlink()

    def link(self, kind: str, link: str, name: str) -> None:
        """Add a name below /dev/serial."""
        folder = self.root / "dev/serial" / kind
        folder.mkdir(parents=True, exist_ok=True)
        (folder / link).symlink_to(f"../../{name}")

    def _tty(self, name: str, behind: Path, driver: str, leads_to: str) -> None:
        drivers = self.root / "sys/bus/drivers" / driver
        drivers.mkdir(parents=True, exist_ok=True)
        (behind / "driver").symlink_to(drivers)
        folder = behind / "tty" / name
        folder.mkdir(parents=True)
        (folder / "device").symlink_to("../..")
        (self.root / "sys/class/tty" / name).symlink_to(folder)
        node = self.root / "dev" / name  # one in a folder of /dev is the test's own
        if leads_to:
            node.symlink_to(leads_to)
        else:
            node.touch()
