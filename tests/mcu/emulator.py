"""A microcontroller under qemu-system-arm: its power, its reset line, its clock, its memory.

Rules. One process an emulator, which dies with the test's; its line is a unix socket that the io
role opens, its sockets lie in a folder of their own. The device's clock is the emulator's: what it
says is the device's own word, and no other time here judges it.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.mcu.debugger import Debugger
from tests.system.live import DEADLINE_S, wait_for

RAM = 0x20000000
POOL_BYTES = 64
MACHINES = {"lm3s6965evb": ("lm3s6965evb", 0), "stm32f405": ("netduinoplus2", 0)}
"""The emulator's name for a port, and which of its serial lines the firmware talks on."""
HANG, WEDGE = 1, 2
LOOK_S = 0.05
HURRY = -15
_FACTS = struct.Struct("<QQQQIIIIIIQ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the device says of itself, on its own clock.

    Synchronization: none required; immutable.
    """

    now_us: int
    applied_us: int
    safe_begin_us: int
    safe_reached_us: int
    mode: int
    reason: int
    at_safe: int
    boot_nonce: int
    session: int
    late_us: int
    hung_us: int

    @property
    def to_safe_us(self) -> int:
        """From the last actuation that it applied to all outputs at safe."""
        assert self.at_safe, self
        return self.safe_reached_us - self.applied_us


class Emulator:
    """A microcontroller with a firmware.

    Synchronization: one thread.
    """

    def __init__(self, folder: Path, port: str, elf: Path) -> None:
        self.folder = folder
        self.line = folder / "line"
        self.elf = elf
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._pool = folder / "pool"
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    def power_up(self) -> None:
        """Start it, with RAM as noisy as that of a real one."""
        machine, serial = MACHINES[self._port]
        for name in ("line", "control", "stub"):
            (self.folder / name).unlink(missing_ok=True)
        self._pool.write_bytes(os.urandom(POOL_BYTES))
        command = [qemu(), "-M", machine, "-kernel", str(self.elf), "-nodefaults"]
        command += ["-display", "none", "-monitor", "none", "-net", "none"]
        command += ["-device", f"loader,file={self._pool},addr={RAM:#x},force-raw=on"]
        command += ["-serial", "null"] * serial + self._socket("line", "-serial")
        command += self._socket("control", "-qmp") + self._socket("stub", "-gdb")
        self._process = start_emulator(command)
        wait_for((self.folder / "stub").exists, "the emulator serves its sockets")
        self.when(lambda facts: facts.boot_nonce != 0, "the firmware has started")

    def power_down(self) -> None:
        """Pull the plug: kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            self.line.unlink(missing_ok=True)

    def signal(self, number: int) -> None:
        """Send its process a signal: SIGSTOP stops its clock too."""
        os.kill(self.pid, number)

    def reset(self) -> None:
        """Pull its reset line."""
        self._control("system_reset")

    def freeze(self) -> None:
        """Stop processor and clock; the line keeps what comes."""
        self._control("stop")

    def thaw(self) -> None:
        """Let both run on."""
        self._control("cont")

    def _control(self, asked: str) -> None:
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(10)
            control.connect(str(self.folder / "control"))
            with control.makefile("rw", encoding="utf-8") as lines:
                lines.readline()
                for verb in ("qmp_capabilities", asked):
                    lines.write(json.dumps({"execute": verb}) + "\n")
                    lines.flush()
                    while "return" not in (answer := json.loads(lines.readline())):
                        assert "error" not in answer, answer

    def facts(self) -> Facts:
        """Look at what the firmware says of itself."""
        address = symbols(self.elf)["amp_test_facts"]
        with Debugger(self.folder / "stub") as debugger:
            raw = debugger.read(address, _FACTS.size)
        names = Facts.__dataclass_fields__
        return Facts(**dict(zip(names, _FACTS.unpack(raw), strict=True)))

    def when(self, condition: Callable[[Facts], bool], what: str) -> Facts:
        """Wait until the device says so; looked at seldom, as each look stops it for a moment."""
        end_s = time.monotonic() + DEADLINE_S
        while not condition(facts := self.facts()):
            assert time.monotonic() < end_s, f"not within {DEADLINE_S:g} s: {what}: {facts}"
            time.sleep(LOOK_S)
        return facts

    def harm(self, what: int) -> None:
        """Have the firmware hang or wedge."""
        address = symbols(self.elf)["amp_test_harm"]
        with Debugger(self.folder / "stub") as debugger:
            debugger.write(address, struct.pack("<I", what))

    def _socket(self, name: str, option: str) -> list[str]:
        path = self.folder / name
        words = ["-chardev", f"socket,id={name},path={path},server=on,wait=off"]
        return [*words, option, f"chardev:{name}"]


@functools.cache
def symbols(elf: Path) -> dict[str, int]:
    """Return where a firmware's variables are."""
    command = ["arm-none-eabi-nm", str(elf)]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in listed.splitlines()]
    return {row[2]: int(row[0], 16) for row in rows if len(row) == 3}


def qemu() -> str:
    """Return the emulator's program."""
    from tests.firmware.building import need

    need("qemu-system-arm", "qemu-system-arm")
    return str(shutil.which("qemu-system-arm"))


def start_emulator(command: list[str], stderr: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
    """Start an emulator, which dies with this process, before the rest of a busy machine."""
    command = ["setpriv", "--pdeathsig", "KILL", *command]
    started = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stderr=stderr, start_new_session=True
    )
    with contextlib.suppress(OSError):  # a user that is not root may not
        os.setpriority(os.PRIO_PROCESS, started.pid, HURRY)
        Path(f"/proc/{started.pid}/autogroup").write_text(str(HURRY), encoding="ascii")
    return started
