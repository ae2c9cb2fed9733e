"""The system that an emulated microcontroller is a part of, and the firmware that fits it.

Rules. Bounds that a busy test machine keeps: what follows a fault is looked at, not how soon; and
the lease is as the plan says. The firmware is made from the plan's own words.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.firmware.building import FIRMWARE, build

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
    rate_hz: 20
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
    port: PORT
    baud: 1000000
    state_rate_hz: 100
    sends:
      position: {type: f32, unit: rad, range: [-1000, 1000]}
    accepts:
      voltage: {type: f32, unit: V, range: [-12, 12], safe: 0.0, ramp_per_s: 1200}
"""
OTHER = ("[-1000, 1000]", "[-500, 500]")
"""What another firmware says of the same signal."""
_BUILT: dict[tuple[str, str], Path] = {}  # of this test session


def write_system(folder: Path, port: str, *changes: tuple[str, str]) -> Path:
    """Write the system and its board, whose device is behind `port`; return the system's file."""
    board = BOARD.replace("PORT", port)
    for old, new in changes:
        assert old in board, old
        board = board.replace(old, new)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "board.yaml").write_text(board)
    (folder / "motor.yaml").write_text(SYSTEM)
    return folder / "motor.yaml"


def io_plan(spec: Path) -> dict[str, Any]:
    """Return what the plan says of the system's one device."""
    command = [sys.executable, "-m", "amphost", "plan", str(spec), "--json"]
    plan = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    [io] = [role["io"] for role in plan["roles"] if role["io"]]
    return dict(io)


def firmware(port: str, folder: Path, io: dict[str, Any]) -> Path:
    """Build the firmware for a device as a plan has it, once; return the ELF."""
    said = {
        "BOARD": json.dumps(io["board"]),
        "SCHEMA": f"{io['schema_hash']}u",
        "DICTIONARY": json.dumps(io["schema"]),
        "BAUD": f"{io['baud']}u",
        "LEASE_US": f"{io['lease_ns'] // 1000}u",
        "STATE_US": f"{io['state_period_ns'] // 1000}u",
        "RANGE": f"{io['sends'][0]['high']:.1f}f",
    }
    defines = "".join(f"#define AMP_TEST_{key} {said[key]}\n" for key in said)
    if (port, defines) not in _BUILT:
        folder.mkdir(parents=True, exist_ok=True)
        header = folder / "board.h"
        header.write_text(defines)
        elf = build(port, folder, FIRMWARE / "harmed.c", flags=f"-include {header}")
        _BUILT[port, defines] = elf
    return _BUILT[port, defines]
