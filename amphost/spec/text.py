"""From the bytes of a file to text that is safe to parse.

Rules. At most 256 KiB, valid UTF-8 (one byte order mark at the start is dropped), no tabs, no
control characters, and none that reverse the order in which a line is shown. Every kind of such
a character is reported where it first stands. Pure: bytes are an argument.
"""

from __future__ import annotations

import codecs
import unicodedata

from amphost.errors import SpecError
from amphost.spec.positions import KeyPath, Place, Positions, Problem

__all__ = ["BYTES_MAX", "decode", "forbidden"]

BYTES_MAX = 256 * 1024
_LINE_SEPARATORS = frozenset("\u2028\u2029")
_DIRECTION_MARKS = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
_REFUSED = _LINE_SEPARATORS | _DIRECTION_MARKS | {codecs.BOM_UTF8.decode()}


def decode(raw: bytes, file: str, *, most: int = BYTES_MAX, path: KeyPath = ()) -> str:
    """Return the text of a file with plain line ends; SpecError for what no file may hold.

    `path` is where the problems are said to be, for a file that a spec names.
    """
    where = Positions(file=file, values={}, keys={})
    if len(raw) > most:
        rule, remedy = f"is larger than {most // 1024} KiB", "split it or make it smaller"
        raise SpecError([where.line(Problem(path=path, rule=rule, remedy=remedy))])
    raw = raw.removeprefix(codecs.BOM_UTF8)
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        rule = f"is not UTF-8 text (byte 0x{raw[error.start]:02x})"
        place = _place(raw[: error.start].decode())
        problem = Problem(path=path, rule=rule, remedy="save the file as UTF-8", place=place)
        raise SpecError([where.line(problem)]) from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    problems = _forbidden_in(text, path)
    if problems:
        raise SpecError(where.lines(problems))
    return text


def forbidden(character: str) -> bool:
    """Say whether a character may stand in no text, be it raw or written as an escape."""
    if " " <= character <= "~":
        return False
    no_character = ord(character) & 0xFFFE == 0xFFFE
    return no_character or character in _REFUSED or unicodedata.category(character) in ("Cc", "Cs")


def _forbidden_in(text: str, path: KeyPath) -> list[Problem]:
    first: dict[str, int] = {}
    for character in set(text) - {"\n"}:
        if forbidden(character):
            first[character] = text.index(character)
    problems = []
    for character, index in first.items():
        if character == "\t":
            rule, remedy = "has a tab", "use spaces"
        else:
            rule = f"has the invisible character U+{ord(character):04X}"
            remedy = "remove it"
        place = _place(text[:index])
        problems.append(Problem(path=path, rule=rule, remedy=remedy, place=place))
    return problems


def _place(before: str) -> Place:
    return (before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
