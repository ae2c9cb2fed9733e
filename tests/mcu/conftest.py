"""Fixtures of the tests against an emulated microcontroller under a whole `amphost run`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.mcu.emulator import Emulator
from tests.mcu.splice import Splice
from tests.mcu.system import firmware, io_plan, write_system
from tests.system.live import LiveRun


class Bench:
    """A system, its board, the firmware for it, the microcontroller, and the cable between them.

    Synchronization: one thread.
    """

    def __init__(self, folder: Path, port: str) -> None:
        self.folder = folder
        self.port = port
        self.spec = write_system(folder, f"unix://{folder / 'cable'}")
        io = io_plan(self.spec)
        self.lease_us = int(io["lease_ns"]) // 1000
        self.mcu = Emulator(folder / "mcu", port, firmware(port, folder / "right", io))
        self.mcu.power_up()
        self.cable = Splice(folder / "cable", self.mcu.line)

    def close(self) -> None:
        """Take everything away."""
        self.cable.close()
        self.mcu.power_down()

    def other_firmware(self, *changes: tuple[str, str]) -> Path:
        """Build the firmware for a board that differs from this one."""
        spec = write_system(self.folder / "other", "/dev/null", *changes)
        return firmware(self.port, self.folder / "wrong", io_plan(spec))


@pytest.fixture
def bench(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Return a bench; its microcontroller, a Cortex-M3 unless the test names another, has power."""
    made = Bench(tmp_path, getattr(request, "param", "lm3s6965evb"))
    yield made
    made.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[Bench], LiveRun]]:
    """Return a function that starts a bench's system; every process of it is ended afterwards."""
    runs: list[LiveRun] = []

    def start_run(bench: Bench, arguments: Sequence[str] = ()) -> LiveRun:
        run = LiveRun(bench.spec, tmp_path, *arguments)
        runs.append(run)
        return run

    yield start_run
    for run in runs:
        run.end()
