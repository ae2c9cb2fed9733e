"""The simulated plants against scipy's integration of their equations, and their table."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

import pytest
from amphost._native.amp import ffi, lib

from amphost.plan.plants import PLANTS
from amphost.spec.plants import CPlantSpec, PlantSpec

integrate = pytest.importorskip("scipy.integrate")

HEADER = Path(__file__).parents[2] / "native/device/ports/host/plant.h"
MODELS = {
    get_args(one.model_fields["kind"].annotation)[0]: one
    for one in get_args(get_args(PlantSpec)[0])
    if one is not CPlantSpec
}
Derivative = Callable[[float, Sequence[float]], list[float]]


def started(kind: str, *parameters: float) -> ffi.CData | None:
    """Return the native plant, None when it refuses its parameters."""
    config = ffi.new("struct amp_plant_config *")
    config.kind = PLANTS[kind].number
    config.parameters = list(parameters)
    plant = ffi.new("struct amp_plant *")
    return plant if lib.amp_plant_init(plant, config) else None


def check_against(kind: str, parameters: tuple[float, ...], derivative: Derivative) -> None:
    """Run a second under a constant input of 3 and compare every 10 ms with scipy's integration."""
    plant = started(kind, *parameters)
    assert plant is not None
    count = lib.amp_plant_quantities(plant.config.kind)
    begin = list(plant.x)[:count]
    times = [0.01 * k for k in range(101)]
    found = integrate.solve_ivp(
        derivative,
        (0.0, 1.0),
        begin,
        method="DOP853",
        t_eval=times,
        rtol=1e-11,
        atol=1e-12,
        max_step=0.001,
    )
    for k in range(1, 101):
        for _ in range(40):
            lib.amp_plant_step(plant, 250, 3.0)
        expected = [float(row[k]) for row in found.y]
        assert list(plant.x)[:count] == pytest.approx(expected, rel=1e-8, abs=1e-8)


def test_dc_motor() -> None:
    """Two coupled lags and an integral."""
    r, inductance, k, j, b, load = 2.4, 0.0012, 0.25, 0.0006, 0.0008, 0.05
    check_against(
        "dc_motor",
        (r, inductance, k, j, b, load, 0.5),
        lambda _, x: [
            (3.0 - r * x[0] - k * x[1]) / inductance,
            (k * x[0] - b * x[1] - load) / j,
            x[1],
        ],
    )


def test_first_order() -> None:
    """A lag."""
    check_against("first_order", (2.0, 0.3, -1.0), lambda _, x: [(2.0 * 3.0 - x[0]) / 0.3])


def test_double_integrator() -> None:
    """A free mass with a load."""
    check_against(
        "double_integrator", (2.0, 0.5, 1.0, -2.0), lambda _, x: [x[1], (3.0 - 0.5) / 2.0]
    )


def test_mass_spring_damper() -> None:
    """An oscillator that rings."""
    check_against(
        "mass_spring_damper",
        (0.5, 200.0, 0.4, 0.1, 0.05, 1.0),
        lambda _, x: [x[1], (3.0 - 200.0 * x[0] - 0.4 * x[1] - 0.1) / 0.5],
    )


def test_thermal() -> None:
    """A body that loses heat to the room."""
    check_against(
        "thermal", (5.0, 2.0, 20.0, 80.0), lambda _, x: [(3.0 - (x[0] - 20.0) / 2.0) / 5.0]
    )


def test_cart_pole() -> None:
    """Lagrange's two equations as they stand, solved as a linear system at every instant."""
    cart, pole, length, c, d, g = 1.0, 0.2, 0.5, 0.1, 0.002, 9.80665

    def derivative(_: float, x: Sequence[float]) -> list[float]:
        sine, cosine = math.sin(x[2]), math.cos(x[2])
        a11, a12 = cart + pole, pole * length * cosine
        a21, a22 = pole * length * cosine, pole * length**2
        b1 = 3.0 - c * x[1] + pole * length * sine * x[3] ** 2
        b2 = pole * g * length * sine - d * x[3]
        determinant = a11 * a22 - a12 * a21
        return [
            x[1],
            (b1 * a22 - a12 * b2) / determinant,
            x[3],
            (a11 * b2 - a21 * b1) / determinant,
        ]

    check_against("cart_pole", (cart, pole, length, c, d, -0.2, 0.4), derivative)


def test_the_table_is_that_of_the_header() -> None:
    """Numbers go to C by their place: one out of order, and a mass is a length."""
    text = re.sub(r"\s*\n\s*\*\s*", " ", HEADER.read_text(encoding="utf-8"))
    names = {
        name.lower(): int(number)
        for name, number in re.findall(r"AMP_PLANT_(\w+) = (\d+),", text)
        if name != "KIND_COUNT"
    }
    assert names == {kind: plant.number for kind, plant in PLANTS.items()}
    for kind, plant in PLANTS.items():
        before = text[: text.index(f"AMP_PLANT_{kind.upper()} = ")]
        said = before[before.rindex("Parameters: ") :]
        parameters, quantities = said.split("x: ", 1)
        assert tuple(re.findall(r"([a-z]\w+) \[", parameters)) == plant.parameters
        assert re.findall(r"([a-z_]{2,})[ .]", quantities)[: len(plant.senses)] == list(
            plant.senses
        )
        assert lib.amp_plant_quantities(plant.number) == len(plant.senses)


def test_a_board_file_names_the_same_plants_with_the_same_numbers() -> None:
    """The model, the table and the native plant are three places."""
    assert set(MODELS) == set(PLANTS)
    for kind, model in MODELS.items():
        assert (
            tuple(name for name in model.model_fields if name != "kind") == PLANTS[kind].parameters
        )


@pytest.mark.parametrize("kind", [kind for kind in PLANTS if kind != "cart_pole"])
def test_the_native_plant_takes_what_a_board_file_may_say_and_no_more(kind: str) -> None:
    """A board that was found good must boot."""
    ends = []
    for name in PLANTS[kind].parameters:
        metadata = MODELS[kind].model_fields[name].metadata
        low = next(one.ge for one in metadata if hasattr(one, "ge"))
        high = next(one.le for one in metadata if hasattr(one, "le"))
        ends.append((low, high))
    for end in (0, 1):
        numbers = [pair[end] for pair in ends]
        assert started(kind, *numbers) is not None
        for index, pair in enumerate(ends):
            outside = numbers.copy()
            outside[index] = math.nextafter(pair[end], math.inf if end else -math.inf)
            assert started(kind, *outside) is None
