"""An emulated microcontroller with its firmware, and a host's end of a session with it.

Rules. Started with the command that a run uses; it dies with the test, whatever ends that, and each
wait has a deadline. Times of the device are the device's own: nothing here takes the host's clock
for the device's.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from amphost import platform
from amphost.device import MODES, REASONS, Heard, Session
from amphost.firmware.library import library_folder
from amphost.link.emulator_command import emulator_command
from amphost.plan.model import AcceptPlan, SendPlan

SCHEMA = 0x5EED0A17
LEASE_US = 250_000  # of native/tests/firmware/device.c, as all below
STATE_US = 20_000
SAFE_V = 1.5
HANG, RESTART, DAWDLE = 1, 2, 3
DEADLINE_S = 20.0
SENDS = tuple(
    SendPlan(name=name, type="f32", scale=1.0, unit="1", low=low, high=high)
    for name, low, high in (("lost", 0.0, 1e9), ("output", -12.0, 12.0))
)
ACCEPTS = (
    AcceptPlan(
        name="voltage",
        type="f32",
        scale=1.0,
        role="control",
        word=0,
        unit="V",
        low=-12.0,
        high=12.0,
        safe=SAFE_V,
        ramp_per_s=0.0,
    ),
)


class Emulated:
    """One emulator, and a session with what it runs.

    Synchronization: one thread.
    """

    def __init__(
        self, machine: str, elf: Path, folder: Path, *extra: str, runner: str = ""
    ) -> None:
        self.path = folder / "line"
        self.path.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(str(self.path))
        listening.listen(1)
        seed = int.from_bytes(os.urandom(8), "little")
        command = emulator_command(
            machine,
            elf=str(elf),
            listening=listening.fileno(),
            seed=seed,
            runner=runner,
            library=str(library_folder()),
        )
        self.log = folder / "emulator.log"
        with listening, self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, *extra],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[listening.fileno()],
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - the test has one thread
            )
        self.line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.line.connect(str(self.path))
        self.line.setblocking(False)
        self.number = 100
        self.session = self._session()
        self.heard: list[Heard] = []
        self.drive: float | None = None  # what is sent every 10 ms
        self._driven_us = 0

    def _session(self) -> Session:
        return Session(
            board="test",
            schema_hash=SCHEMA,
            sends=SENDS,
            accepts=ACCEPTS,
            number=self.number,
            now_us=_now_us(),
            lost_after_us=2_000_000,
        )

    def turn(self) -> None:
        """Carry what either end has to say."""
        with suppress(BlockingIOError):
            self.heard += self.session.receive(self.line.recv(4096), _now_us())
        frames = self.session.pending(_now_us())
        if self.drive is not None and _now_us() - self._driven_us >= 10_000:
            self._driven_us = _now_us()
            frames += self.session.actuate([self.drive], 0)
        if frames:
            self.line.sendall(frames)
        time.sleep(0.001)

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Carry on until a condition holds."""
        end_s = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < end_s, f"not within {DEADLINE_S} s: {what}\n{self.said()}"
            assert self.process.poll() is None, f"the emulator has ended\n{self.said()}"
            self.turn()

    def join(self) -> tuple[int, str]:
        """Shake hands anew; return the boot nonce and the reset's cause."""
        self.number += 1
        self.session.restart(self.number, _now_us())
        self.heard.clear()
        self.until(self.session.is_up, "a session")
        return self.session.boot()

    def rejoin(self, nonce: int) -> tuple[int, str]:
        """Shake hands until another nonce than `nonce` answers; return as `join`."""
        end_s = time.monotonic() + DEADLINE_S
        while True:
            found = self.join()
            if found[0] != nonce:
                return found
            assert time.monotonic() < end_s, f"it did not start again\n{self.said()}"

    def command(self, verb: str) -> str:
        """Send a command and return its result."""
        self.heard.clear()
        assert self.session.command(verb, _now_us(), 5000)
        self.until(self._acknowledged, f"{verb} is acknowledged")
        return self._acknowledged()[0].result

    def provoke(self, harm: int) -> None:
        """Have the firmware do what none should."""
        self.heard.clear()
        assert self.session.set_parameter(0, float(harm), _now_us(), 5000)
        self.until(self._acknowledged, "the provocation is acknowledged")

    def state(self, condition: Callable[[Heard], bool], what: str) -> Heard:
        """Return the first state from now on that fulfils a condition."""
        self.heard.clear()
        self.until(lambda: any(map(condition, self._states())), what)
        return next(one for one in self._states() if condition(one))

    def in_mode(self, mode: str, reason: str = "") -> Heard:
        """Return the first state from now on in a mode, for a reason."""

        def there(one: Heard) -> bool:
            assert one.state is not None
            right = MODES[one.state.mode] == mode
            return right and (not reason or REASONS[one.state.reason] == reason)

        return self.state(there, f"mode {mode} {reason}")

    def said(self) -> str:
        """Return what the emulator printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-2000:]

    def end(self) -> None:
        """End the emulator."""
        self.process.kill()
        self.process.wait()
        self.line.close()

    def _states(self) -> list[Heard]:
        return [one for one in self.heard if one.kind == "state"]

    def _acknowledged(self) -> list[Heard]:
        return [one for one in self.heard if one.kind in ("acked", "expired")]


def _now_us() -> int:
    return time.monotonic_ns() // 1000


def _die_with_parent() -> None:
    platform.die_with_parent(signal.SIGKILL)
