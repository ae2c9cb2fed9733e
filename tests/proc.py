"""What /proc says that processes hold: descriptors, mapped segments, children.

Rules. Read from outside, as a person with `ls` would; nothing here asks the code under test.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def descriptors(pid: int | str = "self") -> dict[int, str]:
    """Return what each open descriptor of a process points to."""
    found = {}
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found[int(entry.name)] = str(entry.readlink())
        except FileNotFoundError:
            continue  # the one that lists them, or one just closed
    return found


def memfds(pid: int | str = "self") -> list[str]:
    """Return the names of our memfds that a process has open or mapped."""
    mapped = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8").splitlines()
    paths = [*descriptors(pid).values(), *(line.split(maxsplit=5)[-1] for line in mapped)]
    return [path for path in paths if path.startswith("/memfd:amphost-")]


def children(pid: int | str = "self") -> list[int]:
    """Return the children of a process, zombies included."""
    owner = os.getpid() if pid == "self" else int(pid)
    listed = Path(f"/proc/{owner}/task/{owner}/children").read_text(encoding="ascii")
    return [int(word) for word in listed.split()]


@contextmanager
def room_for(count: int) -> Iterator[None]:
    """Let this process open `count` more descriptors and no others."""
    filled = [os.open(os.devnull, os.O_RDONLY)]
    while filled[-1] <= max(descriptors().keys() - set(filled)):
        filled.append(os.open(os.devnull, os.O_RDONLY))
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (filled[-1] + 1 + count, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for descriptor in filled:
            os.close(descriptor)
