"""Whose each byte of a firmware is.

Rules. Pure. A byte of a section is its symbol's, a symbol is its source's: of the device library,
of a port, of the user, or of the compiler's runtime. What no symbol covers (constants without a
name, alignment) is `rest`. The parts add up to the sections.

What nm says of a symbol's line is not always true: an old one (AVR's) gives whatever has no line
the last line of the program, and data any. So a function's line counts, but for names that are the
runtime's; what is local to a source goes with the functions of that source, or, where it has none,
with its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os.path import normpath
from pathlib import PurePath

from amphost.firmware.elf import Image, Section

__all__ = ["NM_OPTIONS", "PARTS", "Part", "Symbol", "part_sizes", "symbols_of"]

PARTS = ("library", "port", "own", "runtime", "rest")
NM_OPTIONS = ("-f", "sysv", "-p", "-a", "-S", "-l", "--defined-only")
"""What nm is asked with: in the order of the table, because a source stands before its symbols."""
_RUNTIME_NAME = re.compile(r"__(?!vector_).*|mem(cpy|set|move|cmp)|_?exit|abort")
_RUNTIME_FILE = re.compile(r"/(libgcc|newlib|avr-libc|libc|crt1)/|/lib1funcs\.S$|/gcrt1\.S$")
_LIBRARY = re.compile(r"/(device_library|libraries/amphost|native/device)/(src|ports)/(arduino/)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """A named piece of a section.

    `unit` numbers the source that it is local to, -1 if it is global; `file` is where nm says it is
    from.

    Synchronization: none required; immutable.
    """

    name: str
    section: str
    address: int
    size: int
    is_function: bool
    unit: int
    unit_name: str
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a part takes.

    Synchronization: none required; immutable.
    """

    flash: int
    ram: int


def symbols_of(listing: str) -> Iterator[Symbol]:
    """Read what nm prints when it is asked with `NM_OPTIONS`."""
    unit, unit_name = -1, ""
    for line in listing.splitlines():
        fields = [one.strip() for one in line.split("|")]
        if len(fields) == 7 and fields[3] == "FILE":
            unit, unit_name = unit + 1, fields[0]
        elif (
            len(fields) == 7 and fields[1] and fields[4]
        ):  # no heading, and no label without a size
            is_local = fields[2].islower()
            section, _, place = fields[6].partition("\t")
            yield Symbol(
                name=fields[0],
                section=section.strip(),
                address=int(fields[1], 16),
                size=int(fields[4], 16),
                is_function=fields[3] == "FUNC",
                unit=unit if is_local else -1,
                unit_name=unit_name if is_local else "",
                file=place.rpartition(":")[0],
            )


def part_sizes(
    image: Image, symbols: Iterable[Symbol], library: str, sources: Mapping[str, str]
) -> dict[str, Part]:
    """Return every part's bytes.

    `library` is the folder of the device library; `sources` says of the name of each C file in it
    whether it is the library's or a port's.
    """
    flash = dict.fromkeys(PARTS, 0)
    ram = dict.fromkeys(PARTS, 0)
    every = sorted(symbols, key=lambda one: (one.address, -one.size))
    units = _parts_of_units(every, library, sources)
    for section in image.sections:
        inside = [
            (one, _part_of(one, units, library))
            for one in every
            if one.section == section.name and one.size
        ]
        for part, count in _shares(section, inside):
            flash[part] += count if section.in_flash else 0
            ram[part] += count if section.in_ram else 0
    return {part: Part(flash=flash[part], ram=ram[part]) for part in PARTS}


def _shares(section: Section, symbols: Sequence[tuple[Symbol, str]]) -> Iterator[tuple[str, int]]:
    """Walk through a section once: every byte is counted once, whatever symbols overlap there."""
    at, end = section.address, section.address + section.size
    for symbol, part in symbols:
        begin, behind = max(symbol.address, at), min(symbol.address + symbol.size, end)
        if behind > begin:
            yield "rest", begin - at
            yield part, behind - begin
            at = behind
    yield "rest", end - at


def _parts_of_units(
    symbols: Iterable[Symbol], library: str, sources: Mapping[str, str]
) -> dict[int, str]:
    """Say whose each source is: as one of its functions says, or else its name."""
    parts: dict[int, str] = {}
    for one in symbols:
        if one.unit >= 0 and one.is_function and PurePath(one.file).name == one.unit_name:
            parts[one.unit] = _part_of_file(one.file, library)
    for one in symbols:
        if one.unit >= 0:
            named = "runtime" if one.unit_name.endswith((".o", ".S")) else "own"
            parts.setdefault(one.unit, sources.get(one.unit_name, named))
    return parts


def _part_of(symbol: Symbol, units: Mapping[int, str], library: str) -> str:
    if symbol.unit >= 0:
        return units[symbol.unit]
    part = _part_of_file(symbol.file, library)
    if _RUNTIME_NAME.fullmatch(symbol.name):
        return "port" if part == "port" else "runtime"
    if symbol.is_function:
        return part
    return "port" if symbol.name.startswith("amp_") else "own"


def _part_of_file(file: str, library: str) -> str:
    if not file or _RUNTIME_FILE.search(file):
        return "runtime"
    path = PurePath(normpath(file))
    if path.is_relative_to(library):
        is_port = path.relative_to(library).parts[0] == "ports" or "arduino" in path.parts
        return "port" if is_port else "library"
    found = _LIBRARY.search(str(path))
    if found is None:
        return "own"
    return "port" if found[2] == "ports" or found[3] else "library"
