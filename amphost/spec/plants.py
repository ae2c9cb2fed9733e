"""What a board file may say of a simulated plant and of its sensors.

Rules. As in `spec.model`: one class a mapping, one field a key, every field with its sentence. The
ranges are those that the native plant accepts (native/device/ports/host/plant.h). Pure.

Synchronization: none required; every instance is frozen after validation.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from amphost.spec.value_types import Model

__all__ = [
    "CPlantSpec",
    "CartPoleSpec",
    "DcMotorSpec",
    "DoubleIntegratorSpec",
    "FirstOrderSpec",
    "MassSpringDamperSpec",
    "NoiseSpec",
    "PlantSpec",
    "SensorSpec",
    "ThermalSpec",
]

_Force = Annotated[float, Field(ge=-1e6, le=1e6)]
_Place = Annotated[float, Field(ge=-1e6, le=1e6)]
_Speed = Annotated[float, Field(ge=-1e4, le=1e4)]
_Celsius = Annotated[float, Field(ge=-273.15, le=1e4)]
_Size = Annotated[float, Field(ge=0.0, le=1e12)]


class DcMotorSpec(Model):
    """A DC motor: voltage in, angle, speed and current out, with a load torque."""

    kind: Literal["dc_motor"] = Field(description="`dc_motor`: voltage to angle and current.")
    resistance_ohm: Annotated[float, Field(ge=1e-3, le=1e3)] = Field(
        description="Winding resistance."
    )
    inductance_h: Annotated[float, Field(ge=1e-6, le=10.0)] = Field(
        description="Winding inductance."
    )
    torque_constant_nm_per_a: Annotated[float, Field(ge=1e-5, le=100.0)] = Field(
        description="Torque per ampere, and back-EMF in V per rad/s, at the output shaft."
    )
    inertia_kg_m2: Annotated[float, Field(ge=1e-8, le=1e3)] = Field(
        description="Inertia at the output shaft."
    )
    viscous_friction_nm_s: Annotated[float, Field(ge=0.0, le=1e3)] = Field(
        description="Friction torque per rad/s at the output shaft."
    )
    load_torque_nm: Annotated[float, Field(ge=-1e4, le=1e4)] = Field(
        0.0, description="Constant load torque against the shaft."
    )
    initial_angle_rad: _Place = Field(0.0, description="Angle of the shaft at power-up.")


class FirstOrderSpec(Model):
    """A first-order lag: input in, output out, in units of your own."""

    kind: Literal["first_order"] = Field(description="`first_order`: input to output.")
    gain: Annotated[float, Field(ge=-1e6, le=1e6)] = Field(
        1.0, description="Output at rest per unit of the input."
    )
    time_constant_s: Annotated[float, Field(ge=1e-4, le=1e6)] = Field(
        description="Time in which it covers 63 % of a step."
    )
    initial: _Place = Field(0.0, description="Output at power-up.")


class DoubleIntegratorSpec(Model):
    """A free mass: force in, position and speed out."""

    kind: Literal["double_integrator"] = Field(
        description="`double_integrator`: force to position and speed."
    )
    mass_kg: Annotated[float, Field(ge=1e-6, le=1e6)] = Field(description="The mass.")
    load_force_n: _Force = Field(0.0, description="Constant force against it.")
    initial_position_m: _Place = Field(0.0, description="Position at power-up.")
    initial_speed_m_per_s: _Speed = Field(0.0, description="Speed at power-up.")


class MassSpringDamperSpec(Model):
    """A mass on a spring and a damper: force in, position and speed out."""

    kind: Literal["mass_spring_damper"] = Field(
        description="`mass_spring_damper`: force to position and speed."
    )
    mass_kg: Annotated[float, Field(ge=1e-3, le=1e6)] = Field(description="The mass.")
    stiffness_n_per_m: Annotated[float, Field(ge=0.0, le=1e6)] = Field(
        description="Force of the spring per metre."
    )
    damping_n_s_per_m: Annotated[float, Field(ge=0.0, le=1e6)] = Field(
        description="Force of the damper per m/s."
    )
    load_force_n: _Force = Field(0.0, description="Constant force against it.")
    initial_position_m: _Place = Field(0.0, description="Position at power-up.")
    initial_speed_m_per_s: _Speed = Field(0.0, description="Speed at power-up.")


class ThermalSpec(Model):
    """A body that is heated and cools in its surroundings: power in, temperature out."""

    kind: Literal["thermal"] = Field(description="`thermal`: power to temperature.")
    heat_capacity_j_per_k: Annotated[float, Field(ge=1e-3, le=1e9)] = Field(
        description="Heat that warms it by one kelvin."
    )
    thermal_resistance_k_per_w: Annotated[float, Field(ge=1e-6, le=1e6)] = Field(
        description="How much warmer than its surroundings one watt keeps it."
    )
    ambient_degc: _Celsius = Field(20.0, description="Temperature of its surroundings.")
    initial_degc: _Celsius = Field(20.0, description="Temperature at power-up.")


class CartPoleSpec(Model):
    """A cart with a pole that stands on it: force in, position and angle out."""

    kind: Literal["cart_pole"] = Field(description="`cart_pole`: force to position and angle.")
    cart_mass_kg: Annotated[float, Field(ge=1e-3, le=1e4)] = Field(description="The cart's mass.")
    pole_mass_kg: Annotated[float, Field(ge=1e-4, le=1e4)] = Field(
        description="The pole's mass, as a point at its length."
    )
    pole_length_m: Annotated[float, Field(ge=1e-2, le=100.0)] = Field(
        description="From the pivot to the pole's mass."
    )
    cart_friction_n_s_per_m: Annotated[float, Field(ge=0.0, le=1e6)] = Field(
        0.0, description="Force against the cart per m/s."
    )
    pole_friction_nm_s: Annotated[float, Field(ge=0.0, le=1e6)] = Field(
        0.0, description="Torque against the pole per rad/s."
    )
    initial_position_m: Annotated[float, Field(ge=-1e3, le=1e3)] = Field(
        0.0, description="Position at power-up."
    )
    initial_angle_rad: Annotated[float, Field(ge=-10.0, le=10.0)] = Field(
        0.0, description="Angle from upright at power-up."
    )


class CPlantSpec(Model):
    """A plant of the user's own, in C: every value that is accepted in, every value sent out."""

    kind: Literal["c"] = Field(description="`c`: a C file of your own.")
    file: Annotated[str, Field(min_length=1, max_length=1000)] = Field(
        description="The C file, relative to this one; `amphost build` compiles it."
    )


PlantSpec = Annotated[
    DcMotorSpec
    | FirstOrderSpec
    | DoubleIntegratorSpec
    | MassSpringDamperSpec
    | ThermalSpec
    | CartPoleSpec
    | CPlantSpec,
    Field(discriminator="kind"),
]


class NoiseSpec(Model):
    """White noise of a sensor, the same for the same seed."""

    seed: Annotated[int, Field(ge=0, le=1_000_000_000)] = Field(
        description="Which noise: equal seeds repeat it, bit for bit."
    )
    rms: _Size = Field(description="Its root mean square, in the unit of the value.")


class SensorSpec(Model):
    """What a sensor adds to the truth."""

    noise: NoiseSpec | None = Field(None, description="White Gaussian noise; default none.")
    resolution: _Size = Field(
        0.0, description="The value is a whole multiple of it; 0, the default: as it is."
    )
