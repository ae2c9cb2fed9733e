"""A second core of this chip as Linux's remoteproc has it: its state, its firmware, start and stop.

Rules. Files below /sys/class/remoteproc, under a root a test can replace; each call is one file. A
write comes back when Linux has done what it says, or with why not. Every refusal names the core,
the reason and what to do: no such core is missing hardware, a file that may not be written is a
matter of rights.
"""

from __future__ import annotations

import errno
import os

from amphost.errors import AmphostError, HardwareMissingError, NoPermissionError

FOLDER = "/sys/class/remoteproc"
BYTES_MAX = 4096

OFFLINE, RUNNING, CRASHED, ATTACHED = "offline", "running", "crashed", "attached"


class RemoteCore:
    """One second core, found by its name.

    Synchronization: one thread; other processes may change its state.
    """

    def __init__(self, name: str, root: str = "") -> None:
        self.name = name
        self._folder = _find(name, root)

    def state(self) -> str:
        """Return its state in Linux's own words; HardwareMissingError when it has gone."""
        return self._read("state")

    def firmware(self) -> str:
        """Return the name of the firmware that it has, or had last."""
        return self._read("firmware")

    def choose(self, firmware: str) -> None:
        """Say which file below /lib/firmware it is to run; only while it is offline."""
        self._write("firmware", firmware)

    def start(self) -> None:
        """Load its firmware and let it run."""
        self._write("state", "start")

    def stop(self) -> None:
        """Stop it: in reset, its ttys gone."""
        self._write("state", "stop")

    def leave_crashes_to_us(self) -> None:
        """Have Linux not start it again by itself; one that cannot be told so goes on as it is."""
        try:
            self._write("recovery", "disabled")
        except AmphostError:
            return

    def recover(self) -> None:
        """Bring it out of a crash: Linux stops it and starts it again."""
        self._write("recovery", "recover")

    def _read(self, file: str) -> str:
        try:
            with open(f"{self._folder}/{file}", "rb") as stream:  # noqa: PTH123 - no pathlib here
                return stream.read(BYTES_MAX).decode("utf-8", "replace").strip()
        except FileNotFoundError as error:
            raise HardwareMissingError([f"the second core {self.name} has gone"]) from error
        except OSError as error:
            raise self._refused(file, "read", error) from error

    def _write(self, file: str, text: str) -> None:
        try:
            descriptor = os.open(f"{self._folder}/{file}", os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
            try:
                os.write(descriptor, text.encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._refused(file, text, error) from error

    def _refused(self, file: str, text: str, error: OSError) -> AmphostError:
        where = f"{self._folder}/{file}"
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return NoPermissionError(
                f"the second core {self.name}: this user may not write {where}; run as root, or "
                "give the file a group by a udev rule (docs/howto/second_core.md)"
            )
        if file == "state" and text == "start" and error.errno == errno.ENOENT:
            firmware = self.firmware()
            lack = f"the second core {self.name}: Linux finds no {firmware} below /lib/firmware"
            return HardwareMissingError([f"{lack}; copy it there (sudo cp FILE /lib/firmware/)"])
        return AmphostError(
            f"the second core {self.name}: Linux refused {text!r} in {where} ({error.strerror}); "
            "`dmesg | grep remoteproc` says why"
        )


def _find(name: str, root: str) -> str:
    there = {}
    try:
        folders = sorted(os.listdir(f"{root}{FOLDER}"))  # noqa: PTH208 - no pathlib here
    except OSError:
        folders = []
    for folder in folders:
        path = f"{root}{FOLDER}/{folder}"
        try:
            with open(f"{path}/name", "rb") as stream:  # noqa: PTH123 - no pathlib here
                there[stream.read(BYTES_MAX).decode("utf-8", "replace").strip()] = path
        except OSError:
            continue
    if name not in there:
        names = ", ".join(sorted(there)) or "none"
        lack = f"there is no second core {name} (there: {names})"
        remedy = "it needs a node in the device tree and a driver"
        raise HardwareMissingError([f"{lack}; {remedy}, and shows up in {FOLDER}"])
    return there[name]
