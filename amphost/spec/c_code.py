"""A user's C file that a spec or a board names: found, and what was compiled of it.

Rules. Nothing is compiled and nothing is loaded here. What is compiled is right while the source,
the files that it includes, our header and the flags are those of the build; else it is a problem at
the place that names the file, and its remedy is the command. A library itself is read, and its hash
compared, by the process that loads it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from amphost import built_code, lean_json
from amphost.errors import SpecError
from amphost.interface import get_include
from amphost.spec.files import is_file, read_bytes
from amphost.spec.positions import KeyPath, Problem, show

__all__ = ["HEADER", "SOURCE_BYTES_MAX", "CCode", "find_code", "note_name"]

SOURCE_BYTES_MAX = 1024 * 1024
HEADER = "amp/user_code.h"
_SUFFIX = ".c"
_NOTE_BYTES_MAX = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class CCode:
    """A user's C file: `file` as a message names it. `library` is empty before it is compiled.

    Synchronization: none required; immutable.
    """

    kind: str  # law or plant
    file: str
    library: str = ""
    hash: str = ""  # SHA-256 of the library's bytes


def find_code(
    text: str, folder: Path, at: KeyPath, kind: str, build: str
) -> tuple[CCode | None, list[Problem], list[str]]:
    """Find the C file `text` of a spec in `folder`, and what was compiled of it.

    `build` is the command that compiles it; empty: it need not be compiled. Return it, problems at
    the path `at`, and finished lines.
    """
    file = folder / text
    if not text.endswith(_SUFFIX):
        return None, [Problem(path=at, rule=f"{show(text)} is no C file", remedy="name a .c")], []
    if not is_file(file):
        rule = f"there is no file {show(str(file))}"
        return None, [Problem(path=at, rule=rule, remedy="correct the path")], []
    code = CCode(kind=kind, file=str(file))
    if not build:
        return code, [], []
    try:
        name = note_name(code, at)
    except SpecError as error:
        return None, [], error.problems
    built = _built(code, name)
    if isinstance(built, str):
        rule = f"{show(text)} {built}"
        return None, [Problem(path=at, rule=rule, remedy=f"run `{build}`")], []
    return built, [], []


def note_name(code: CCode, at: KeyPath = ()) -> str:
    """Return the name of the note about a file as it is now."""
    source = read_bytes(Path(code.file), SOURCE_BYTES_MAX, at)
    header = read_bytes(Path(get_include()) / HEADER, SOURCE_BYTES_MAX, at)
    return built_code.key(os.path.abspath(code.file), source, header, code.kind)  # noqa: PTH100


def _built(code: CCode, name: str) -> CCode | str:
    """Return the code with its library, or why there is none."""
    place = built_code.folder()
    note = Path(place) / f"{name}.json"
    if not is_file(note):
        return "is not compiled, or has changed since"
    try:
        built_code.check_folder(place)
        found = lean_json.loads(read_bytes(note, _NOTE_BYTES_MAX))
        library, included = _of(found)
    except (OSError, SpecError, ValueError, KeyError, TypeError):
        return "was compiled into a folder that is not this user's alone, or is damaged"
    for path, digest in included:
        if not _is(path, digest):
            return f"includes {show(Path(path).name)}, which has changed since it was compiled"
    file = f"{place}/{library}.so"
    if not is_file(Path(file)):
        return "is not compiled any more: what was made of it is gone"
    return CCode(kind=code.kind, file=code.file, library=file, hash=library)


def _of(note: Any) -> tuple[str, list[tuple[str, str]]]:
    library = note["library"]
    included = [(str(path), str(digest)) for path, digest in note["included"]]
    if not isinstance(library, str) or len(library) != sha256().digest_size * 2:
        raise ValueError("no library")
    int(library, 16)
    return library, included


def _is(path: str, digest: str) -> bool:
    try:
        return sha256(read_bytes(Path(path), SOURCE_BYTES_MAX)).hexdigest() == digest
    except SpecError:
        return False
