"""Where what was compiled of a user's C file is kept, and what makes it still the right one.

Rules. The folder is `code` in this user's cache folder: of this user alone (0700), no link, or it
is neither read nor written. A note of JSON says for one source what was compiled of it: it is named
by a hash of the source's path and text, of our header, the flags and the kind of machine, and the
library by a hash of its own bytes. Nothing here compiles or loads.
"""

from __future__ import annotations

import os
import stat
from hashlib import sha256

from amphost import private_folder

__all__ = ["FLAGS", "MOST_BYTES", "check_folder", "folder", "key", "make_folder", "read_library"]

FLAGS = (
    "-std=c11",
    "-O2",
    "-fPIC",
    "-shared",
    "-Wall",
    "-Wextra",
    # What is a wrong call, not a matter of taste, is no warning:
    "-Werror=implicit-function-declaration",
    "-Werror=incompatible-pointer-types",
    "-Werror=int-conversion",
    "-Werror=return-type",
    "-ffp-contract=off",
    "-fvisibility=hidden",
    "-Wl,-z,defs",
)
"""The same on every machine; a warning does not stop a build, or another compiler's would."""
MOST_BYTES = 16 * 1024 * 1024


def folder() -> str:
    """Return the path of the folder."""
    return f"{private_folder.cache_folder()}/code"


def check_folder(path: str) -> None:
    """Raise PermissionError unless it and the folder around it are this user's alone."""
    for one in (path.rpartition("/")[0], path):
        private_folder.need_ours(one, os.lstat(one), stat.S_IFDIR)


def make_folder() -> str:
    """Make the folder where it is not there, check it, and return its path."""
    path = folder()
    private_folder.make(path.rpartition("/")[0])
    private_folder.make(path)
    check_folder(path)
    return path


def key(path: str, source: bytes, header: bytes, kind: str) -> str:
    """Return the name of the note about the C file `path`, absolute, that is a `kind`."""
    found = sha256()
    words = (path, kind, os.uname().machine, *FLAGS)
    for part in (*(word.encode(errors="surrogateescape") for word in words), header, source):
        found.update(b"%d:" % len(part) + part)
    return found.hexdigest()


def read_library(path: str) -> bytes:
    """Read a library of the folder; OSError where it is missing, or not this user's alone."""
    check_folder(path.rpartition("/")[0])
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags), "rb") as stream:
        private_folder.need_ours(path, os.fstat(stream.fileno()), stat.S_IFREG)
        return stream.read(MOST_BYTES)
