"""The ports of the device library: where they stand, and the command that builds a firmware.

Rules. What builds a firmware is said once, in `ports/*/port.mk` and `ports/flags.mk` beside the C
sources, which make reads too: lines of `NAME = words`. Nothing here compiles.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from amphost.errors import AmphostError
from amphost.firmware.library import library_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["MACHINES", "Port", "command", "digest", "read_port"]

MACHINES = ("lm3s6965evb", "stm32f405", "atmega328p", "rp2040")
_MADE_OF = (".c", ".h", ".ld", ".mk", ".S")


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """What builds a firmware for one port. Paths are relative to the folder `ports`.

    Synchronization: none required; immutable.
    """

    name: str
    compiler: str
    packages: tuple[str, ...]  # of Debian, that bring it
    processor: tuple[str, ...]
    sources: tuple[str, ...]
    includes: tuple[str, ...]
    script: str
    link: tuple[str, ...]
    libraries: tuple[str, ...]
    flags: tuple[str, ...]  # of every port
    warnings: tuple[str, ...]
    link_flags: tuple[str, ...]


def read_port(name: str) -> Port:
    """Read what builds a firmware for a port."""
    ports = library_folder() / "ports"
    try:
        said = _words(ports / "flags.mk") | _words(ports / name / "port.mk")
    except OSError as error:
        raise AmphostError(f"there is no port {name}: {error}") from error
    [prefix] = said["PORT_PREFIX"]
    return Port(
        name=name,
        compiler=f"{prefix}-gcc",
        packages=said["PORT_PACKAGES"],
        processor=said["PORT_PROCESSOR"],
        sources=said["PORT_SOURCES"],
        includes=said["PORT_INCLUDES"],
        script=" ".join(said.get("PORT_SCRIPT", ())),
        link=said.get("PORT_LINK", ()),
        libraries=said.get("PORT_LIBRARIES", ()),
        flags=said["FLAGS_COMPILE"],
        warnings=said["FLAGS_WARN"],
        link_flags=said["FLAGS_LINK"],
    )


def command(
    port: Port, sources: Sequence[str], out: str, *, includes: Sequence[str] = ()
) -> list[str]:
    """Return the command that makes the ELF `out` of a firmware's sources.

    The folders `includes` are searched first.
    """
    device = library_folder()
    ports = device / "ports"
    script = [f"-L{ports / 'cortex_m'}", f"-T{ports / port.script}"] if port.script else []
    return [
        *compile_words(port, includes=includes),
        *(*port.link, *port.link_flags, *script),
        *sources,
        *(str(ports / one) for one in port.sources),
        *map(str, sorted((device / "src").glob("*.c"))),
        *port.libraries,
        *("-o", out),
    ]


def compile_words(port: Port, *, includes: Sequence[str] = ()) -> list[str]:
    """Return the beginning of each command: compiler, processor, flags, folders of headers."""
    device = library_folder()
    folders = [*includes, *(device / "ports" / one for one in port.includes), device / "include"]
    return [
        port.compiler,
        *(*port.processor, *port.flags, *port.warnings),
        *(f"-I{folder}" for folder in folders),
    ]


def digest(port: Port, read: Callable[[Path], bytes]) -> bytes:
    """Return a hash of everything of ours that a firmware for the port is made of."""
    device = library_folder()
    folders = ("include", "src", "ports/cortex_m", f"ports/{port.name}")
    files = [one for folder in folders for one in (device / folder).rglob("*")]
    files += (device / "ports").glob("*")
    found = sha256(repr(port).encode())
    for file in sorted(one for one in files if one.suffix in _MADE_OF):
        found.update(os.fsencode(file) + b"\0" + read(file) + b"\0")
    return found.digest()


def _words(file: Path) -> dict[str, tuple[str, ...]]:
    said = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        name, equals, words = line.partition("=")
        if equals and not line.startswith("#"):
            said[name.strip()] = tuple(words.split())
    return said
