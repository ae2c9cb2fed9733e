"""Port addresses: what may stand where a board file names a port, and what its parts are.

Rules. Pure, and imports nothing: a role reads addresses too. An address is the name of a tty below
/dev, `socket://HOST:PORT` (TCP), `unix:///PATH` (a unix socket), or the identity of a USB device
(`usb:VID:PID:INTERFACE:SERIAL`, the last two empty for any), whatever name its tty has now. A
socket leads no further than this machine: the line has neither a secret nor a cipher, and its lease
counts in milliseconds.
"""

from __future__ import annotations

SOCKET = "socket://"
UNIX = "unix://"
USB = "usb:"
DTR = " dtr="
RTS = " rts="
ASSERT = "assert"
SETTINGS = (ASSERT, "release", "pulse")
UNIX_PATH_BYTES_MAX = 107  # as Linux has it, less the byte that ends it
PORT_MAX = 65535

_LOCAL_NAMES = {"localhost": "127.0.0.1", "[::1]": "::1"}


def is_tty(address: str) -> bool:
    """Return whether an address leads to a tty: by its name, or by whom it belongs to."""
    return not address.startswith((SOCKET, UNIX))


def is_usb(address: str) -> bool:
    """Return whether an address is an identity, to be looked up at each opening."""
    return address.startswith(USB)


def usb_address(usb: str, serial: str = "", interface: int = -1) -> str:
    """Return the address of a USB device by `VID:PID`, serial number and interface."""
    number = "" if interface < 0 else str(interface)
    return f"{USB}{usb.lower()}:{number}:{serial}"


def usb_parts(address: str) -> tuple[str, int, str]:
    """Return `VID:PID`, interface (-1: any) and serial number (empty: any) of an identity."""
    vendor, product, number, serial = address.removeprefix(USB).split(":", 3)
    return f"{vendor}:{product}", int(number) if number else -1, serial


def shown(address: str) -> str:
    """Return an address as a person reads it."""
    address, _, _ = settings_of(address)
    if not is_usb(address):
        return address
    usb, interface, serial = usb_parts(address)
    number = f", interface {interface}" if interface >= 0 else ""
    return f"USB {usb}{f', serial {serial}' if serial else ''}{number}"


def with_settings(address: str, dtr: str, rts: str) -> str:
    """Return an address that says how DTR and RTS are to stand, where that is not as usual.

    They travel with the address, so that whoever opens it, a proxy too, opens it in that way.
    """
    for line, setting in ((DTR, dtr), (RTS, rts)):
        address += "" if setting == ASSERT else f"{line}{setting}"
    return address


def settings_of(address: str) -> tuple[str, str, str]:
    """Return an address without its settings, and how DTR and RTS are to stand."""
    address, rts = _setting(address, RTS)
    address, dtr = _setting(address, DTR)
    return address, dtr, rts


def _setting(address: str, line: str) -> tuple[str, str]:
    before, found, word = address.rpartition(line)
    return (before, word) if found and word in SETTINGS else (address, ASSERT)


def is_unix(address: str) -> bool:
    """Return whether an address is that of a unix socket."""
    return address.startswith(UNIX)


def unix_path(address: str) -> str:
    """Return the path of a unix socket's address."""
    return address.removeprefix(UNIX)


def host_and_port(address: str) -> tuple[str, int]:
    """Return where a TCP address leads: a number, not a name. ValueError where it is none."""
    name, _, port = address.removeprefix(SOCKET).rpartition(":")
    if not (name in _LOCAL_NAMES or _is_loopback_number(name)) or not _is_port(port):
        raise ValueError(address)
    return _LOCAL_NAMES.get(name, name), int(port)


def fault_of(address: str) -> tuple[str, str] | None:
    """Return the rule that an address breaks, and the remedy; None for one that can be opened."""
    if is_unix(address):
        return _unix_fault(address)
    if is_tty(address):
        return None
    try:
        host_and_port(address)
    except ValueError:
        pass
    else:
        return None
    name, _, port = address.removeprefix(SOCKET).rpartition(":")
    if not _is_port(port):
        rule = f"{address} names no TCP port"
        return rule, f"write it as socket://127.0.0.1:5333, with a port from 1 to {PORT_MAX}"
    rule = f"{address} is not on this machine, and a device's line leaves it unprotected"
    remedy = (
        "give a loopback address (127.0.0.1, [::1], localhost); to another machine, "
        f"`ssh -L {port}:127.0.0.1:{port} {name or 'HOST'}` makes one"
    )
    return rule, remedy


def _unix_fault(address: str) -> tuple[str, str] | None:
    path = unix_path(address)
    if not path.startswith("/") or path == "/":
        return f"{address} has no absolute path", "write it as unix:///run/mcu.sock"
    size = len(path.encode())
    if size > UNIX_PATH_BYTES_MAX:
        rule = f"the path of a unix socket has {size} bytes, and {UNIX_PATH_BYTES_MAX} is the limit"
        return rule, "put the socket into a folder with a shorter name"
    return None


def _is_port(text: str) -> bool:
    digits = text.isascii() and text.isdecimal() and len(text) <= 5
    return digits and 0 < int(text) <= PORT_MAX


def _is_loopback_number(host: str) -> bool:
    parts = host.split(".")
    digits = all(part.isascii() and part.isdecimal() and len(part) <= 3 for part in parts)
    return digits and len(parts) == 4 and parts[0] == "127" and all(int(one) < 256 for one in parts)
