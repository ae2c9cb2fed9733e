"""Compile the firmware of an emulated device into this user's cache folder.

Rules. As `cli.compiling`, with the compiler and the flags of the firmware's port. What of it is
ours, the port and the device library, is part of the note's name; what the user's files include is
in the note.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from amphost import built_code
from amphost.cli.compiling import included, keep, run_compiler, version_of
from amphost.errors import AmphostError, MissingPackageError
from amphost.firmware import ports
from amphost.firmware.library import library_folder
from amphost.spec.c_code import note_name

if TYPE_CHECKING:
    from amphost.firmware.ports import Port
    from amphost.spec.c_code import CCode

__all__ = ["compile_firmware"]


def compile_firmware(code: CCode) -> tuple[str, str]:
    """Compile one firmware; return the ELF's path, empty after an error, and what was said."""
    port = ports.read_port(code.port)
    compiler = shutil.which(port.compiler)
    if compiler is None:
        raise MissingPackageError(
            f"there is no compiler for {port.name}: {port.compiler} is not in PATH; install it"
            f" (apt install {' '.join(port.packages)})"
        )
    folder = built_code.make_folder()
    name = note_name(code)
    made = f"{folder}/{name}.{os.getpid()}"
    sources = [os.path.abspath(one) for one in (code.file, *code.beside)]  # noqa: PTH100
    try:
        ended = run_compiler(ports.command(port, sources, f"{made}.elf"))
        if ended.returncode != 0:
            return "", ended.stdout
        note: dict[str, object] = {
            "source": sources[0],
            "compiler": version_of(compiler),
            "included": _included(port, sources, f"{made}.d"),
        }
        if note_name(code) != name:
            raise AmphostError(f"{code.file}: it changed while it was compiled; build again")
        return keep(f"{made}.elf", f"{folder}/{name}.json", note), ended.stdout
    finally:
        for suffix in (".d", ".elf", ".json"):
            Path(f"{made}{suffix}").unlink(missing_ok=True)


def _included(port: Port, sources: list[str], rule: str) -> list[list[str]]:
    """Return the files, none of ours, that the sources include, each with a hash."""
    ours = str(library_folder())
    found: dict[str, str] = {}
    for source in sources:
        words = [*ports.compile_words(port), "-MM", "-MF", rule, source]
        ended = run_compiler(words)
        if ended.returncode != 0:
            raise AmphostError(f"{source}: {ended.stdout}")
        found.update(dict(included(rule, source)))
    return [[one, digest] for one, digest in found.items() if not one.startswith(f"{ours}/")]
