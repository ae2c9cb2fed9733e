"""Whose each byte of a firmware is.

Rules. Pure. A byte of a section is its symbol's, a symbol is its source file's: of the device
library, of a port, of the user, or, without a line of its own or with one of the compiler's
sources, of the runtime. What no symbol covers (constants without a name, alignment) is `rest`. The
parts add up to the sections.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from os.path import normpath
from pathlib import PurePath

from amphost.firmware.elf import Image, Section

__all__ = ["PARTS", "Part", "Symbol", "part_sizes", "symbols_of"]

PARTS = ("library", "port", "own", "runtime", "rest")
_RUNTIME = re.compile(r"/(libgcc|newlib|avr-libc|libc|crt1)/|/lib1funcs\.S$|/gcrt1\.S$")
_LIBRARY = re.compile(r"/(device_library|libraries/amphost|native/device)/(src|ports)/(arduino/)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """A named piece of a section; `file` is where its source stands, if that is known.

    Synchronization: none required; immutable.
    """

    section: str
    address: int
    size: int
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a part takes.

    Synchronization: none required; immutable.
    """

    flash: int
    ram: int


def symbols_of(listing: str) -> Iterator[Symbol]:
    """Read what `nm -f sysv -S -l --defined-only` prints."""
    for line in listing.splitlines():
        fields = [one.strip() for one in line.split("|")]
        if len(fields) != 7 or not fields[1] or not fields[4]:
            continue  # a heading, or a label without a size
        section, _, place = fields[6].partition("\t")
        yield Symbol(
            section=section.strip(),
            address=int(fields[1], 16),
            size=int(fields[4], 16),
            file=place.rpartition(":")[0],
        )


def part_sizes(image: Image, symbols: Iterable[Symbol], library: str) -> dict[str, Part]:
    """Return every part's bytes; `library` is the folder of the device library."""
    flash = dict.fromkeys(PARTS, 0)
    ram = dict.fromkeys(PARTS, 0)
    every = sorted(symbols, key=lambda one: (one.address, -one.size))
    for section in image.sections:
        inside = [one for one in every if one.section == section.name and one.size]
        for part, count in _shares(section, inside, library):
            flash[part] += count if section.in_flash else 0
            ram[part] += count if section.in_ram else 0
    return {part: Part(flash=flash[part], ram=ram[part]) for part in PARTS}


def _shares(section: Section, symbols: list[Symbol], library: str) -> Iterator[tuple[str, int]]:
    """Walk through a section once: every byte is counted once, whatever symbols overlap there."""
    at, end = section.address, section.address + section.size
    for symbol in symbols:
        begin, behind = max(symbol.address, at), min(symbol.address + symbol.size, end)
        if behind > begin:
            yield "rest", begin - at
            yield _part(symbol.file, library), behind - begin
            at = behind
    yield "rest", end - at


def _part(file: str, library: str) -> str:
    if not file or _RUNTIME.search(file):
        return "runtime"
    path = PurePath(normpath(file))
    if path.is_relative_to(library):
        is_port = path.relative_to(library).parts[0] == "ports" or "arduino" in path.parts
        return "port" if is_port else "library"
    found = _LIBRARY.search(str(path))
    if found is None:
        return "own"
    return "port" if found[2] == "ports" or found[3] else "library"
