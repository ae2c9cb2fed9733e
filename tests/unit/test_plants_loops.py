"""Each plant under a law of its own, from YAML files, in virtual time: it settles or balances."""

from __future__ import annotations

from pathlib import Path

import pytest
from amphost._native.amp import ffi, lib

from amphost.laws.compile import compile_law
from amphost.loop import load_program
from amphost.plan.plants import PLANTS
from amphost.spec.load import load
from amphost.spec.model import ControlRole

FOLDER = Path(__file__).parents[1] / "plants"
STEP_US = 250


class VirtualLoop:
    """A plant, its sensors and a law, with one period between sensing and acting.

    Synchronization: none.
    """

    def __init__(self, name: str) -> None:
        loaded = load(FOLDER / f"{name}.yaml", boards=[])
        self.device = loaded.board.devices["mcu"]
        role = loaded.spec.roles["control"]
        assert isinstance(role, ControlRole)
        assert self.device.loopback is not None
        (self.output, self.write), *_ = role.writes.items()
        self.period_us = round(1e6 / role.rate_hz)
        self.targets = {key: one.initial for key, one in loaded.spec.operator.items()}
        self.reads = {key: one.source for key, one in role.reads.items()}
        self.plant = self._plant(self.device.loopback.plant)
        self.sensors = self._sensors()
        ends = ((self.output, *self.write.range),)
        dt_s = self.period_us / 1e6
        law = compile_law(loaded.laws["control"], tuple(role.reads), ends, dt_s=dt_s)
        self.program = load_program(law)
        lib.amp_program_reset(self.program)
        self.command = self.write.safe

    def _plant(self, spec: object) -> ffi.CData:
        kind = getattr(spec, "kind", "")
        config = ffi.new("struct amp_plant_config *")
        config.kind = PLANTS[kind].number
        config.parameters = [getattr(spec, name) for name in PLANTS[kind].parameters]
        plant = ffi.new("struct amp_plant *")
        assert lib.amp_plant_init(plant, config)
        self.senses = list(PLANTS[kind].senses)
        return plant

    def _sensors(self) -> dict[str, ffi.CData]:
        assert self.device.loopback is not None
        sensors = {}
        for index, name in enumerate(self.device.sends):
            spec = self.device.loopback.sensors.get(name)
            config = ffi.new("struct amp_sensor_config *")
            if spec is not None:
                config.resolution = spec.resolution
                if spec.noise is not None:
                    config.seed, config.noise_rms = spec.noise.seed, spec.noise.rms
            sensors[name] = ffi.new("struct amp_sensor *")
            assert lib.amp_sensor_init(sensors[name], config, index)
        return sensors

    def quantity(self, name: str) -> float:
        """Return the truth."""
        return float(self.plant.x[self.senses.index(name)])

    def run(self, seconds: float) -> list[float]:
        """Run; return the commands."""
        commands = []
        value = ffi.new("double[1]")
        for _ in range(round(seconds * 1e6 / self.period_us)):
            sensed = {
                name: lib.amp_sensor_read(sensor, self.quantity(name))
                for name, sensor in self.sensors.items()
            }
            inputs = [
                self.targets[source.split(".")[1]]
                if source.startswith("operator.")
                else sensed[source.split(".")[1]]
                for source in self.reads.values()
            ]
            lib.amp_program_step(self.program, inputs, value, self.period_us / 1e6)
            for _ in range(self.period_us // STEP_US):
                lib.amp_plant_step(self.plant, STEP_US, self.command)
            low, high = self.write.range
            self.command = min(max(value[0], low), high)
            commands.append(self.command)
        return commands


@pytest.mark.parametrize(
    ("name", "seconds", "quantity", "tolerance"),
    [
        ("first_order", 2.0, "output", 0.02),
        ("double_integrator", 8.0, "position", 0.002),
        ("mass_spring_damper", 5.0, "position", 0.0005),
        ("thermal", 240.0, "temperature", 0.5),
        ("cart_pole", 10.0, "position", 0.05),
    ],
)
def test_plant_settles_at_its_target(
    name: str, seconds: float, quantity: str, tolerance: float
) -> None:
    """With its noise, its steps and its period of delay."""
    loop = VirtualLoop(name)
    loop.run(seconds)
    worst = 0.0
    for _ in range(20):
        loop.run(seconds / 100)
        worst = max(worst, abs(loop.quantity(quantity) - loop.targets["target"]))
    assert worst < tolerance


def test_the_pole_stands() -> None:
    """It leaned by 6 degrees when it was let go, and falls without the law."""
    loop = VirtualLoop("cart_pole")
    loop.run(10.0)
    assert max(abs(loop.quantity("angle")) for _ in range(200) if loop.run(0.01)) < 0.02
    loop.write = loop.write.model_copy(update={"range": (0.0, 0.0)})
    loop.run(3.0)
    assert abs(loop.quantity("angle")) > 1.0


def test_a_run_repeats_bit_for_bit() -> None:
    """Noise included: that is what its seed is for."""
    first, second = VirtualLoop("cart_pole").run(3.0), VirtualLoop("cart_pole").run(3.0)
    assert first == second
    assert len(set(first)) > 1000


def test_the_heater_is_cut_off_above_its_range() -> None:
    """The select block overrules the PID."""
    loop = VirtualLoop("thermal")
    loop.targets["target"] = 90.0
    loop.run(400.0)
    temperatures = [loop.quantity("temperature") for _ in range(200) if loop.run(1.0)]
    assert max(temperatures) < 87.0
