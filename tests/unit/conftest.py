"""Plans for tests: files written to a folder, loaded and resolved as `amphost plan` does it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from amphost.machine import Machine, read_machine
from amphost.plan.model import Plan
from amphost.plan.placement import ports
from amphost.plan.resolve import resolve
from amphost.spec.load import LoadedSpec, load

MACHINES = Path(__file__).parents[1] / "fake_machines"

BOARD = """\
name: bench
devices:
  mcu:
    loopback:
      skew_ppm: 25
      plant: {kind: dc_motor, resistance_ohm: 1.0, inductance_h: 0.001,
              torque_constant_nm_per_a: 0.1, inertia_kg_m2: 0.001, viscous_friction_nm_s: 0.001}
    baud: 1000000
    state_rate_hz: 500
    sends:
      position: {unit: rad, range: [-100, 100]}
      current: {unit: A, range: [-20, 20]}
    accepts:
      voltage: {unit: V, range: [-12, 12], safe: 0, ramp_per_s: 4000}
"""

SPEC = """\
name: motor
board: bench.yaml
safety: {safe_within_ms: 200}
operator:
  target: {unit: rad, range: [-6, 6], initial: 1.5}
roles:
  io:
    kind: io
    device: mcu
    core: 0
    priority: 70
    reads:
      voltage: control.voltage
  control:
    kind: control
    core: 1
    priority: 80
    rate_hz: 1000
    reads:
      position: io.position
      target: operator.target
    law:
      error: {subtract: [target, position]}
      voltage: {gain: error, by: 2.0}
    writes:
      voltage: {unit: V, range: [-12, 12], safe: 0, ramp_per_s: 2000}
  telemetry:
    kind: telemetry
    core: 0
    record: {to: runs, max_mb: 8}
report:
  tracking: {signal: io.position, setpoint: operator.target, rms_max: 0.2}
"""

Loading = Callable[..., LoadedSpec]
Planning = Callable[..., Plan]


@pytest.fixture
def plan_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loading:
    """Return a function that loads the standard spec and board, some of their text changed."""
    monkeypatch.chdir(tmp_path)

    def loading(
        *spec_changes: tuple[str, str], board: tuple[tuple[str, str], ...] = ()
    ) -> LoadedSpec:
        (tmp_path / "motor.yaml").write_text(_changed(SPEC, spec_changes))
        (tmp_path / "bench.yaml").write_text(_changed(BOARD, board))
        return load(Path("motor.yaml"), boards=[Path()])

    return loading


@pytest.fixture
def plan_of(plan_load: Loading) -> Planning:
    """Return a function that plans the changed spec on a fake machine."""

    def planning(
        *spec_changes: tuple[str, str],
        machine: Machine | str = "pi5",
        board: tuple[tuple[str, str], ...] = (),
    ) -> Plan:
        loaded = plan_load(*spec_changes, board=board)
        if isinstance(machine, str):
            machine = read_machine(MACHINES / machine, ports=ports(loaded))
        return resolve(loaded, machine, base=Path("/srv/motor"))

    return planning


@pytest.fixture
def plan_serial() -> tuple[tuple[str, str], ...]:
    """Return the change of the board by which its device is real, behind a serial port."""
    loopback = BOARD[BOARD.index("    loopback:") : BOARD.index("    baud:")]
    return ((loopback, "    port: /dev/ttyACM0\n"),)


def _changed(text: str, changes: tuple[tuple[str, str], ...]) -> str:
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text
