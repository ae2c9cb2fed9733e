"""The runtime directory of one system: lock, state, logs, and the mark of an unclean end.

Rules. One run of a system at a time: the lock is an flock, so it goes with its holder however that
ends. Opened without following links, 0750. A clean end removes everything. After any other end the
logs stay for whoever looks, the next start moves them to `previous`, and `unclean` makes that start
begin DISARMED.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import stat
from pathlib import Path
from typing import Any

from amphost.errors import AmphostError, NoPermissionError

DIRECTORY_MODE = 0o750


def default_base() -> Path:
    """Return where runtime directories go for this user."""
    if os.geteuid() == 0:
        return Path("/run/amphost")
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return Path(runtime) / "amphost" if runtime else Path(f"/tmp/amphost-{os.geteuid()}")  # noqa: S108  # a directory of our own, checked to be ours below


class RuntimeDir:
    """The directory `<base>/<system>`, locked by this process.

    Synchronization: one process holds it; readers may look at `state.json` at any time.
    """

    def __init__(self, base: Path, system: str) -> None:
        self.path = base / system
        base.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        self.path.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
        _refuse_foreign(base)
        _refuse_foreign(self.path)
        self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o640)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise AmphostError(
                f"{system} is running already (see {self.path / 'state.json'}); "
                "stop that run first, or give this system another name"
            ) from None
        self.ended_unclean = (self.path / "unclean").exists()
        self._put_aside()

    def _put_aside(self) -> None:
        """Move what an earlier run left to `previous`, so that nothing of it is taken for ours."""
        previous = self.path / "previous"
        shutil.rmtree(previous, ignore_errors=True)
        left = [*self.path.glob("*.log"), *self.path.glob("*.journal")]
        for path in left:
            previous.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
            path.rename(previous / path.name)

    def open_log(self, name: str) -> int:
        """Open `<name>.log` for appending; return the descriptor."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(self.log_path(name), flags, 0o640)

    def log_path(self, name: str) -> Path:
        """Return the path of a role's log."""
        return self.path / f"{name}.log"

    def journal_path(self, device: str) -> Path:
        """Return the path of a loopback device's journal."""
        return self.path / f"{device}.journal"

    def mark_unclean(self) -> None:
        """Note that a run is armed: only a clean end takes the note away."""
        (self.path / "unclean").touch()

    def write_state(self, state: dict[str, Any]) -> None:
        """Replace state.json in one step."""
        fresh = self.path / "state.json.new"
        fresh.write_text(json.dumps(state) + "\n", encoding="utf-8")
        fresh.replace(self.path / "state.json")

    def close(self, *, clean: bool) -> None:
        """Give the directory up; a clean end removes it."""
        (self.path / "state.json").unlink(missing_ok=True)
        if clean:
            shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _refuse_foreign(path: Path) -> None:
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise NoPermissionError(
            f"{path}: not a directory of this user; remove it, or give --runtime-dir"
        )
