"""A user's C file that a spec or a board names: found, and what was compiled of it.

Rules. Nothing is compiled and nothing is loaded here. What is compiled is right while the source,
the files that it includes, our header and the flags are those of the build; else it is a problem at
the place that names the file, and its remedy is the command. A library itself is read, and its hash
compared, by the process that loads it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from amphost import built_code, lean_json
from amphost.errors import SpecError
from amphost.interface import get_include
from amphost.spec.files import is_file, read_bytes
from amphost.spec.positions import KeyPath, Problem, show

__all__ = [
    "HEADER",
    "SOURCE_BYTES_MAX",
    "CCode",
    "c_file_problems",
    "find_built",
    "find_code",
    "note_name",
]

SOURCE_BYTES_MAX = 1024 * 1024
HEADER = "amp/user_code.h"
_SUFFIX = ".c"
_NOTE_BYTES_MAX = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class CCode:
    """A user's C file: `file` as a message names it. `library` is empty before it is compiled.

    Synchronization: none required; immutable.
    """

    kind: str  # law, plant or firmware
    file: str
    library: str = ""  # of a firmware: its ELF
    hash: str = ""  # SHA-256 of the library's bytes
    port: str = ""  # of a firmware: what it is built for
    beside: tuple[str, ...] = ()  # of a firmware: its other files
    runner: str = ""  # of a firmware: what its emulator needs besides


def find_code(
    text: str, folder: Path, at: KeyPath, kind: str, build: str
) -> tuple[CCode | None, list[Problem], list[str]]:
    """Find the C file `text` of a spec in `folder`, and what was compiled of it.

    `build` is the command that compiles it; empty: it need not be compiled. Return it, problems at
    the path `at`, and finished lines.
    """
    problems = c_file_problems(text, folder, at)
    if problems:
        return None, problems, []
    return find_built(CCode(kind=kind, file=str(folder / text)), text, at, build)


def c_file_problems(text: str, folder: Path, at: KeyPath) -> list[Problem]:
    """Return what is wrong with `text` as the name of a C file in `folder`."""
    if not text.endswith(_SUFFIX):
        return [Problem(path=at, rule=f"{show(text)} is no C file", remedy="name a .c")]
    if not is_file(folder / text):
        rule = f"there is no file {show(str(folder / text))}"
        return [Problem(path=at, rule=rule, remedy="correct the path")]
    return []


def find_built(
    code: CCode, text: str, at: KeyPath, build: str
) -> tuple[CCode | None, list[Problem], list[str]]:
    """Find what was compiled of a file that is there; as `find_code`."""
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
    for file in code.beside:
        name = os.fsencode(os.path.abspath(file))  # noqa: PTH100
        source += b"\0" + name + b"\0" + read_bytes(Path(file), SOURCE_BYTES_MAX, at)
    if code.port:
        from amphost.firmware import ports  # no other system pays for it

        port = ports.read_port(code.port)
        header = ports.digest(port, lambda file: read_bytes(file, SOURCE_BYTES_MAX, at))
    else:
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
    file = f"{place}/{library}.{'elf' if code.port else 'so'}"
    if not is_file(Path(file)):
        return "is not compiled any more: what was made of it is gone"
    return replace(code, library=file, hash=library)


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
