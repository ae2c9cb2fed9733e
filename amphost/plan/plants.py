"""What each plant of a loopback device senses and takes, and its numbers in the native order.

Rules. Pure. The native header is native/device/ports/host/plant.h; a test compares them. A unit
that is empty is whatever the board file says.

Synchronization: none required; immutable.
"""

from __future__ import annotations

TYPE_CHECKING = False  # a loopback device starts with this: neither typing nor dataclasses
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PLANTS", "Plant", "offers"]


class Plant:
    """One kind of plant: its enum amp_plant_kind, its parameters in order, what it senses by name
    with its unit, in the order of x, and name and unit of the one value that moves it.
    """

    __slots__ = ("drive", "number", "parameters", "senses")

    def __init__(
        self,
        *,
        number: int,
        parameters: tuple[str, ...],
        senses: Mapping[str, str],
        drive: tuple[str, str],
    ) -> None:
        self.number = number
        self.parameters = parameters
        self.senses = senses
        self.drive = drive


def offers(values: Mapping[str, str]) -> str:
    """List values with their units, for a message."""
    return ", ".join(f"{name} in {unit or 'any unit'}" for name, unit in values.items())


PLANTS: Mapping[str, Plant] = {
    "dc_motor": Plant(
        number=0,
        parameters=(
            "resistance_ohm",
            "inductance_h",
            "torque_constant_nm_per_a",
            "inertia_kg_m2",
            "viscous_friction_nm_s",
            "load_torque_nm",
            "initial_angle_rad",
        ),
        senses={"current": "A", "speed": "rad/s", "position": "rad"},
        drive=("voltage", "V"),
    ),
    "first_order": Plant(
        number=1,
        parameters=("gain", "time_constant_s", "initial"),
        senses={"output": ""},
        drive=("input", ""),
    ),
    "double_integrator": Plant(
        number=2,
        parameters=(
            "mass_kg",
            "load_force_n",
            "initial_position_m",
            "initial_speed_m_per_s",
        ),
        senses={"position": "m", "speed": "m/s"},
        drive=("force", "N"),
    ),
    "mass_spring_damper": Plant(
        number=3,
        parameters=(
            "mass_kg",
            "stiffness_n_per_m",
            "damping_n_s_per_m",
            "load_force_n",
            "initial_position_m",
            "initial_speed_m_per_s",
        ),
        senses={"position": "m", "speed": "m/s"},
        drive=("force", "N"),
    ),
    "thermal": Plant(
        number=4,
        parameters=(
            "heat_capacity_j_per_k",
            "thermal_resistance_k_per_w",
            "ambient_degc",
            "initial_degc",
        ),
        senses={"temperature": "degC"},
        drive=("power", "W"),
    ),
    "cart_pole": Plant(
        number=5,
        parameters=(
            "cart_mass_kg",
            "pole_mass_kg",
            "pole_length_m",
            "cart_friction_n_s_per_m",
            "pole_friction_nm_s",
            "initial_position_m",
            "initial_angle_rad",
        ),
        senses={"position": "m", "speed": "m/s", "angle": "rad", "angular_speed": "rad/s"},
        drive=("force", "N"),
    ),
}
