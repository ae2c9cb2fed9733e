"""What a user's cache folder may be trusted for: it is this user's, and nobody else's.

Rules. A folder or file counts only if this user owns it, no other may read or write it (0700, 0600)
and it is no link. Nothing here imports anything that a start has to wait for.
"""

from __future__ import annotations

import os
import stat

__all__ = ["cache_folder", "is_ours", "make", "need_ours"]


def cache_folder() -> str:
    """Return where amphost keeps what it can make again."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not base.startswith("/"):
        base = os.path.expanduser("~/.cache")  # noqa: PTH111 - without its RuntimeError
    return f"{base}/amphost"


def make(path: str) -> None:
    """Make a folder for this user alone where it is not there; what is there is left alone."""
    os.makedirs(path.rpartition("/")[0], mode=0o700, exist_ok=True)  # noqa: PTH103
    try:
        os.mkdir(path, 0o700)  # noqa: PTH102
    except FileExistsError:
        pass


def is_ours(facts: os.stat_result, kind: int) -> bool:
    """Return whether these are facts of a `kind` (S_IFDIR, S_IFREG) that is this user's alone."""
    mine = facts.st_uid == os.geteuid() and not facts.st_mode & 0o077
    return mine and stat.S_IFMT(facts.st_mode) == kind


def need_ours(path: str, facts: os.stat_result, kind: int) -> None:
    """Raise PermissionError unless it is."""
    if not is_ours(facts, kind):
        what = "folder" if kind == stat.S_IFDIR else "file"
        raise PermissionError(f"{path} is not this user's alone: it must be a {what} of 0700")
