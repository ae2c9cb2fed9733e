"""Compile a user's C file into this user's cache folder: the one place that runs a compiler.

Rules. Fixed flags, no shell, no environment of the caller's but PATH and TMPDIR; the compiler's own
messages are not touched. A library and its note appear whole or not at all, the note last; a source
that changes meanwhile is refused. What is already there is made again: a new compiler counts.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from amphost import built_code, lean_json
from amphost.errors import AmphostError, MissingPackageError
from amphost.interface import get_include
from amphost.spec.c_code import SOURCE_BYTES_MAX, note_name
from amphost.spec.files import read_bytes

if TYPE_CHECKING:
    from amphost.spec.c_code import CCode

__all__ = ["compile_code", "compiler", "included", "keep", "run_compiler"]

COMPILER = "cc"
SYMBOLS = {"law": "amp_user_law", "plant": "amp_user_plant"}
LONGEST_S = 120.0


def compiler() -> tuple[str, str]:
    """Return the path of the machine's C compiler and the first line of what it says it is."""
    path = shutil.which(COMPILER)
    if path is None:
        raise MissingPackageError(
            f"there is no C compiler: {COMPILER} is not in PATH; install one (apt install gcc)"
        )
    return path, version_of(path)


def version_of(path: str) -> str:
    """Return the first line of what a compiler says it is."""
    said = run_compiler([path, "--version"]).stdout.splitlines()
    return said[0] if said else "unknown"


def compile_code(code: CCode, path: str, version: str) -> tuple[str, str]:
    """Compile one file; return the library's path, empty after an error, and what `cc` said."""
    folder = built_code.make_folder()
    name = note_name(code)
    made = f"{folder}/{name}.{os.getpid()}"
    command = [
        path,
        *built_code.FLAGS,
        f"-Wl,--require-defined={SYMBOLS[code.kind]}",
        *("-isystem", get_include(), "-MMD", "-MF", f"{made}.d", "-o", f"{made}.so"),
        *(os.path.abspath(code.file), "-lm"),  # noqa: PTH100
    ]
    try:
        ended = run_compiler(command)
        if ended.returncode != 0:
            return "", ended.stdout
        note: dict[str, object] = {
            "source": os.path.abspath(code.file),  # noqa: PTH100
            "compiler": version,
            "included": included(f"{made}.d", code.file),
        }
        if note_name(code) != name:
            raise AmphostError(f"{code.file}: it changed while it was compiled; build again")
        return keep(f"{made}.so", f"{folder}/{name}.json", note), ended.stdout
    finally:
        for suffix in (".d", ".so", ".json"):
            Path(f"{made}{suffix}").unlink(missing_ok=True)


def keep(made: str, note_path: str, note: dict[str, object]) -> str:
    """Give what was made its name, a hash of its bytes, and write the note about it."""
    stem, _, suffix = made.rpartition(".")
    digest = sha256(Path(made).read_bytes()).hexdigest()
    library = f"{note_path.rpartition('/')[0]}/{digest}.{suffix}"
    os.chmod(made, 0o700)  # noqa: PTH101
    os.replace(made, library)  # noqa: PTH105
    text = lean_json.dumps({**note, "library": digest})
    descriptor = os.open(f"{stem}.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
    os.replace(f"{stem}.json", note_path)  # noqa: PTH105
    return library


def run_compiler(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run the compiler to its end; it dies with this process."""
    from amphost import platform  # only here, after the file was found right

    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**kept, "LC_ALL": "C.UTF-8"},
            timeout=LONGEST_S,
            check=False,
            preexec_fn=lambda: platform.die_with_parent(signal.SIGKILL),
        )
    except subprocess.TimeoutExpired as error:
        raise AmphostError(f"{command[0]} did not end within {LONGEST_S:.0f} s") from error


def included(rule_file: str, source: str) -> list[list[str]]:
    """Return the files, but the source, that a rule of `make` says it depends on: with a hash."""
    rule = Path(rule_file).read_text(errors="surrogateescape")
    return [[one, _hash(one)] for one in _depends(rule, source)]


def _depends(rule: str, source: str) -> list[str]:
    _, _, files = rule.replace("\\\n", " ").partition(": ")
    own = os.path.abspath(source)  # noqa: PTH100
    words = re.findall(r"(?:\\.|\$\$|\S)+", files)
    names = [re.sub(r"\\(.)", r"\1", word).replace("$$", "$") for word in words]
    return [os.path.abspath(name) for name in names if os.path.abspath(name) != own]  # noqa: PTH100


def _hash(path: str) -> str:
    return sha256(read_bytes(Path(path), SOURCE_BYTES_MAX)).hexdigest()
