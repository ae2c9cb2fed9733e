"""Where the interface for programs in C stands, and what a compiler is told about it.

Rules. Looks for files, opens none. An installed package has the headers inside it, a checkout has
them in native/include; the library stands beside the extension in both. The flags are the same for
C and C++, for gcc and clang.
"""

from __future__ import annotations

from pathlib import Path

from amphost.errors import AmphostError

__all__ = ["compile_flags", "get_include", "get_library", "link_flags"]

LIBRARY = "amphost_mailbox"
_PACKAGE = Path(__file__).resolve().parent
_INCLUDES = (_PACKAGE / "include", _PACKAGE.parent / "native" / "include")


def get_include() -> str:
    """Return the folder of `amphost.h`."""
    for folder in _INCLUDES:
        if (folder / "amphost.h").is_file():
            return str(folder)
    raise AmphostError(f"there is no amphost.h in {_INCLUDES[0]}: install amphost again")


def get_library() -> str:
    """Return the path of the static library."""
    path = _PACKAGE / "_native" / f"lib{LIBRARY}.a"
    if not path.is_file():
        raise AmphostError(f"there is no {path}: `./dev build` makes it, `pip install` brings it")
    return str(path)


def compile_flags() -> list[str]:
    """Return the words that a compiler needs to find `amphost.h`."""
    return [f"-I{get_include()}"]


def link_flags() -> list[str]:
    """Return the words that a linker needs, to stand behind the program's own objects."""
    return [f"-L{Path(get_library()).parent}", f"-l{LIBRARY}", "-pthread"]
