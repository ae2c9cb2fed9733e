"""Fixtures of the tests against an emulated microcontroller under a whole `amphost run`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.firmware.building import FIRMWARE, build
from tests.mcu.emulator import Emulator
from tests.mcu.splice import Splice
from tests.system.live import LiveRun

SYSTEM = """\
name: motor
board: board.yaml
safety: {safe_within_ms: 20000}
operator:
  target: {unit: rad, range: [-6.3, 6.3], initial: 1.0}
roles:
  io:
    kind: io
    device: mcu
    core: 0
    priority: 70
    reads: {voltage: control.voltage}
  control:
    kind: control
    core: 1
    priority: 80
    rate_hz: 50
    blackout_ms: 5000
    reads:
      position: {from: io.position, max_age_ms: 3000, stale: hold, trip_after_ms: 3000}
      target: operator.target
    law:
      error: {subtract: [target, position]}
      voltage: {gain: error, by: 0.5}
    writes:
      voltage: {unit: V, range: [-12, 12], safe: 0.0}
"""
BOARD = """\
name: emulated
description: A microcontroller in an emulator, behind a socket.
devices:
  mcu:
    port: unix://PORT
    baud: 1000000
    state_rate_hz: 100
    sends:
      position: {type: f32, unit: rad, range: [-1000, 1000]}
    accepts:
      voltage: {type: f32, unit: V, range: [-12, 12], safe: 0.0, ramp_per_s: 1200}
"""
OTHER = ("[-1000, 1000]", "[-500, 500]")
"""What another firmware says of the same signal."""


class Bench:
    """A system, its board, the firmware for it, the microcontroller, and the cable between them.

    Synchronization: one thread.
    """

    def __init__(self, folder: Path, port: str) -> None:
        self.folder = folder
        self.port = port
        self.spec = folder / "motor.yaml"
        self.io = self._describe()
        self.mcu = Emulator(folder / "mcu", port, self.firmware("right"))
        self.mcu.power_up()
        self.cable = Splice(folder / "cable", self.mcu.line)

    def close(self) -> None:
        """Take everything away."""
        self.cable.close()
        self.mcu.power_down()

    @property
    def lease_us(self) -> int:
        """How long an actuation holds, by the plan."""
        return int(self.io["lease_ns"]) // 1000

    def firmware(self, name: str, *changes: tuple[str, str]) -> Path:
        """Build the firmware, for this board or for one that differs from it."""
        io = self._describe(*changes)
        self._describe()
        said = {
            "BOARD": json.dumps(io["board"]),
            "SCHEMA": f"{io['schema_hash']}u",
            "DICTIONARY": json.dumps(io["schema"]),
            "BAUD": f"{io['baud']}u",
            "LEASE_US": f"{io['lease_ns'] // 1000}u",
            "STATE_US": f"{io['state_period_ns'] // 1000}u",
            "RANGE": f"{io['sends'][0]['high']:.1f}f",
        }
        header = self.folder / f"{name}.h"
        lines = [f"#define AMP_TEST_{key} {value}\n" for key, value in said.items()]
        header.write_text("".join(lines))
        source = FIRMWARE / "harmed.c"
        return build(self.port, self.folder / name, source, flags=f"-include {header}")

    def _describe(self, *changes: tuple[str, str]) -> dict[str, Any]:
        board = BOARD.replace("PORT", str(self.folder / "cable"))
        for old, new in changes:
            assert old in board, old
            board = board.replace(old, new)
        (self.folder / "board.yaml").write_text(board)
        self.spec.write_text(SYSTEM)
        command = [sys.executable, "-m", "amphost", "plan", str(self.spec), "--json"]
        plan = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        [io] = [role["io"] for role in plan["roles"] if role["io"]]
        return dict(io)


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
