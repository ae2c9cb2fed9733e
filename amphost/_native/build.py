"""Build the extension `amphost._native.amp` out of the C sources and the headers' own words.

Rules. A declaration is never written twice: what Python sees of the native code is what
`declarations` leaves of the headers. Which headers and in which order is decided by the headers
too: all of them but those in `UNPARSED`, each after the ones it includes. Used while building
alone (by setup.py); nothing imports this module at run time.
"""

from __future__ import annotations

import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import cffi

from amphost._native.declarations import DeclarationError, declarations, includes

if TYPE_CHECKING:
    from setuptools import Extension

__all__ = ["UNPARSED", "build_extension", "generate", "ordered_headers", "read_declarations"]

MODULE = "amphost._native.amp"
ROOT = Path(__file__).resolve().parents[2]
INCLUDE_DIRS = ("native/include", "native/device/include", "native/device/ports/host")
SOURCE_DIRS = ("native/src", "native/device/src", "native/device/ports/host")
GENERATED = "native/build/python/amp.c"

# Types of our own in the same module; behind the declarations, because it takes cffi's init over.
FAST = '#include "fast.h"\n'
PYTHON_DIR = "native/python"

# Headers that Python does not see, and why.
UNPARSED = {
    "amphost.h": "it only includes the others, for programs in C and C++",
    "amp/user_code.h": "it declares what the C file of a user defines",
    "amp/port.h": "it declares what a microcontroller's port defines",
    "amp/atomic.h": "static inline functions over _Atomic words: shared words are opaque to Python",
}

# cffi hides METH_FASTCALL unless the limited API is asked for as of 3.11.
LIMITED_API = "0x030b0000"
COMPILE_ARGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-fvisibility=hidden")


def ordered_headers(root: Path = ROOT) -> list[str]:
    """List the headers by the name they are included by, each after the ones it includes."""
    found = {
        str(header.relative_to(root / folder)): header
        for folder in INCLUDE_DIRS
        for header in sorted((root / folder).rglob("*.h"))
    }
    ordered: list[str] = []
    open_names: list[str] = []

    def visit(name: str) -> None:
        if name in ordered or name in UNPARSED:
            return
        if name in open_names:
            cycle = " -> ".join([*open_names, name])
            raise DeclarationError(f"headers include one another: {cycle}")
        open_names.append(name)
        for included in includes(found[name].read_text(encoding="utf-8")):
            if included in found:
                visit(included)
        open_names.pop()
        ordered.append(name)

    for name in sorted(found):
        visit(name)
    return ordered


def read_declarations(root: Path = ROOT) -> str:
    """Extract what cffi shall know, of every header in order."""
    texts = []
    macros: set[str] = set()
    for name in ordered_headers(root):
        header = next(root / d / name for d in INCLUDE_DIRS if (root / d / name).is_file())
        texts.append(declarations(header.read_text(encoding="utf-8"), name, macros))
    return "\n".join(texts)


def generate(root: Path = ROOT) -> None:
    """Write the C file that cffi makes out of the declarations, if it has changed."""
    ffi = cffi.FFI()
    ffi.cdef(read_declarations(root))
    preamble = "".join(f'#include "{name}"\n' for name in ordered_headers(root))
    ffi.set_source(MODULE, preamble + FAST, compiler_verbose=False)
    (root / GENERATED).parent.mkdir(parents=True, exist_ok=True)
    ffi.emit_c_code(str(root / GENERATED))


def build_extension(root: Path = ROOT) -> Extension:
    """Generate, and describe the extension to setuptools."""
    from setuptools import Extension  # a build tool: not there at run time

    generate(root)
    limited = not sysconfig.get_config_var("Py_GIL_DISABLED")
    abi = ("Py_LIMITED_API", LIMITED_API) if limited else ("_CFFI_NO_LIMITED_API", "1")
    folders = (*SOURCE_DIRS, PYTHON_DIR)
    own = [path for folder in folders for path in sorted((root / folder).glob("*.c"))]
    watched = sorted((root / "native").rglob("*.h"))
    return Extension(
        MODULE,
        sources=[GENERATED, *(str(path.relative_to(root)) for path in own)],
        depends=[str(path.relative_to(root)) for path in watched],
        include_dirs=[*INCLUDE_DIRS, PYTHON_DIR],
        define_macros=[abi, ("AMP_CRC_ENTRIES", "1024")],  # the host has 4 KiB for speed
        extra_compile_args=list(COMPILE_ARGS),
        libraries=["m", "pthread", "dl"],
        py_limited_api=limited,
    )
