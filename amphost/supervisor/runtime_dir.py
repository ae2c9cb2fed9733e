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
from contextlib import suppress
from pathlib import Path
from typing import Any

from amphost.errors import AmphostError, NoPermissionError

DIRECTORY_MODE = 0o750
STATE = "state.json"
LOCK = "lock"
NOTE = "unclean"
CLOSED = -1
TRIES = 100


def default_base() -> Path:
    """Return where runtime directories go for this user."""
    if os.geteuid() == 0:
        return Path("/run/amphost")
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return Path(runtime) / "amphost" if runtime else Path(f"/tmp/amphost-{os.geteuid()}")  # noqa: S108  # a directory of our own, checked to be ours below


def default_state() -> Path:
    """Return where this user's notes go that a power cut must not take away."""
    if os.geteuid() == 0:
        return Path("/var/lib/amphost")
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local" / "state") / "amphost"


class RuntimeDir:
    """The directory `<base>/<system>`, locked by this process.

    The note of an unclean end stands in `state`, which outlives a power cut; without one, beside
    the rest.

    Once it is taken, nothing that happens to it ends a run: what cannot be written is missing.

    Synchronization: one process holds it; readers may look at `state.json` at any time.
    """

    def __init__(self, base: Path, system: str, state: Path | None = None) -> None:
        base = base.absolute()  # who opens a port below it may stand elsewhere
        self.path = base / system
        self._note = self.path / NOTE if state is None else state / f"{system}.{NOTE}"
        try:
            self._lock = self._take(base, system)
            self.ended_unclean = self._note.exists()
            self._put_aside()
        except OSError as error:
            raise NoPermissionError(
                f"{error.filename}: {error.strerror}; the runtime directory must be this user's, "
                "else give --runtime-dir"
            ) from error

    def _take(self, base: Path, system: str) -> int:
        """Make the directory and lock it; return the lock's descriptor."""
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
        for _ in range(TRIES):
            _make(base, parents=True)
            _make(self.path, parents=False)
            try:
                lock = os.open(self.path / LOCK, flags, 0o640)
            except FileNotFoundError:
                continue  # another run has just ended and removed the directory
            if self._is_ours(lock, system):
                return lock
            os.close(lock)  # likewise: what was locked has no name any more
        raise AmphostError(f"{system}: other runs of it start and end all the time; try again")

    def _is_ours(self, lock: int, system: str) -> bool:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise AmphostError(
                f"{system} is running already (see {self.path / STATE}); "
                "stop that run first, or give this system another name"
            ) from None
        try:
            return os.path.samestat(os.fstat(lock), (self.path / LOCK).lstat())
        except FileNotFoundError:
            return False

    def _put_aside(self) -> None:
        """Move what an earlier run left to `previous`, so that nothing of it is taken for ours."""
        previous = self.path / "previous"
        shutil.rmtree(previous, ignore_errors=True)
        left = [*self.path.glob("*.log"), *self.path.glob("*.journal")]
        for path in left:
            previous.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
            path.rename(previous / path.name)

    def open_log(self, name: str) -> int:
        """Open `<name>.log` for appending, or nothing if it cannot be; return the descriptor."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        try:
            return os.open(self.log_path(name), flags, 0o640)
        except OSError:
            return os.open(os.devnull, os.O_WRONLY)

    def log_path(self, name: str) -> Path:
        """Return the path of a role's log."""
        return self.path / f"{name}.log"

    def journal_path(self, device: str) -> Path:
        """Return the path of a loopback device's journal."""
        return self.path / f"{device}.journal"

    def port_path(self, device: str) -> Path:
        """Return the name under which a loopback device's port is found."""
        return self.path / f"{device}.port"

    def socket_path(self, device: str) -> Path:
        """Return the path of the socket that an emulated device serves."""
        return self.path / f"{device}.sock"

    def set_port(self, device: str, port: str) -> None:
        """Have a device's name lead to `port`, or to nothing."""
        name = self.port_path(device)
        with suppress(OSError):
            if not port:
                name.unlink(missing_ok=True)
                return
            fresh = name.with_suffix(".port.new")
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(port)
            fresh.replace(name)

    def mark_unclean(self) -> None:
        """Note that a run is armed: only a clean end takes the note away."""
        try:
            if self._note.parent != self.path:
                self._note.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            note = os.open(self._note, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o640)
            try:
                os.fsync(note)
            finally:
                os.close(note)
        except OSError as error:
            raise AmphostError(
                f"{self._note} cannot be made ({error.strerror}): the next start would not "
                "know that this run had been armed"
            ) from error

    def write_state(self, state: dict[str, Any]) -> None:
        """Replace state.json in one step; without room or directory the old one stays."""
        fresh = self.path / f"{STATE}.new"
        with suppress(OSError):
            fresh.write_text(json.dumps(state) + "\n", encoding="utf-8")
            fresh.replace(self.path / STATE)

    def close(self, *, clean: bool) -> None:
        """Give the directory up; a clean end removes it. A second call does nothing."""
        if self._lock == CLOSED:
            return
        with suppress(OSError):
            (self.path / STATE).unlink(missing_ok=True)
        if clean:
            with suppress(OSError):
                self._note.unlink(missing_ok=True)
                self._remove()
        os.close(self._lock)
        self._lock = CLOSED

    def _remove(self) -> None:
        """Remove everything, the lock last: from then on another run may be in there."""
        for path in self.path.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name != LOCK:
                path.unlink()
        (self.path / LOCK).unlink()
        self.path.rmdir()


def _make(path: Path, *, parents: bool) -> None:
    """Make a directory that is not there; refuse one that is not this user's."""
    with suppress(FileExistsError):
        path.mkdir(mode=DIRECTORY_MODE, parents=parents)
    try:
        status = path.lstat()
    except FileNotFoundError:
        return  # removed again meanwhile
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise NoPermissionError(
            f"{path}: not a directory of this user; remove it, or give --runtime-dir"
        )
