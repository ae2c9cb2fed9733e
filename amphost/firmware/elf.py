"""The sections of an ELF file: what of it stands in flash, and what in RAM.

Rules. Pure: bytes in, values out. Both word sizes, little-endian, as every target here is. A file
that is no such thing, or is cut off, raises ElfError and nothing else.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from amphost.errors import AmphostError

__all__ = ["ARM", "AVR", "ElfError", "Image", "Section", "read_image"]

ARM, AVR = 40, 83
_NOBITS = 8
_WRITE, _ALLOC = 1, 2
# What an AVR programs elsewhere, and what is no demand but a reservation.
_NOT_COUNTED = (".eeprom", ".fuse", ".lock", ".signature", ".user_signatures", ".mmcu", ".stack")


class ElfError(AmphostError):
    """The file is no ELF file, or is cut off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section that takes memory.

    Synchronization: none required; immutable.
    """

    name: str
    address: int
    size: int
    in_flash: bool
    in_ram: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A firmware. `has_lines`: its debug information says which source each part is of.

    Synchronization: none required; immutable.
    """

    machine: int
    sections: tuple[Section, ...]
    has_lines: bool


def read_image(content: bytes) -> Image:
    """Read the section table."""
    if content[:4] != b"\x7fELF" or content[5:6] != b"\x01":
        raise ElfError("it is no little-endian ELF file")
    try:
        return _image(content, is_wide=content[4] == 2)
    except (struct.error, IndexError, ValueError) as error:
        raise ElfError("it is cut off, or damaged") from error


def _image(content: bytes, *, is_wide: bool) -> Image:
    (machine,) = struct.unpack_from("<H", content, 18)
    (table,) = struct.unpack_from("<Q" if is_wide else "<I", content, 40 if is_wide else 32)
    each, count, names_at = struct.unpack_from("<HHH", content, 58 if is_wide else 46)
    layout = "<IIQQQQ" if is_wide else "<IIIIII"
    rows = [struct.unpack_from(layout, content, table + each * k) for k in range(count)]
    names = content[rows[names_at][4] :][: rows[names_at][5]]
    sections = []
    has_lines = False
    for name_at, kind, flags, address, _, size in rows:
        name = names[name_at : names.index(b"\0", name_at)].decode() if name_at else ""
        has_lines = has_lines or name == ".debug_line"
        if flags & _ALLOC and size and not name.startswith(_NOT_COUNTED):
            has_bits, is_ram = kind != _NOBITS, bool(flags & _WRITE)
            sections.append(
                Section(name=name, address=address, size=size, in_flash=has_bits, in_ram=is_ram)
            )
    return Image(machine=machine, sections=tuple(sections), has_lines=has_lines)
