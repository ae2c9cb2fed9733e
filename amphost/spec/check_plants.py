"""Rules between a loopback device and its simulated plant: every value, its sensor, its step.

Rules. A device sends what its plant can sense and accepts the one value that drives it, by name and
unit; a plant in C has whatever values the device has. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from amphost.plan.plants import PLANTS, offers
from amphost.spec.board import DeviceSpec, LoopbackSpec
from amphost.spec.decode import Holes
from amphost.spec.plants import CartPoleSpec, CPlantSpec
from amphost.spec.positions import KeyPath, Problem

__all__ = ["plant_problems"]

# Of cart_pole.h: what its fixed step can follow.
_RATE_PER_S_MAX: Final = 1000.0
_GRAVITY: Final = 9.80665


def plant_problems(path: KeyPath, device: DeviceSpec, holes: Holes) -> Iterator[Problem]:
    """Check a loopback device against its plant."""
    loopback = device.loopback
    if loopback is None or holes.within(*path, "loopback", "plant"):
        return
    yield from _sensors(path, loopback, device)
    if isinstance(loopback.plant, CPlantSpec):
        return
    kind = loopback.plant.kind
    plant = PLANTS[kind]
    drive, unit = plant.drive
    sent = {name: one.unit for name, one in device.sends.items()}
    accepted = {name: one.unit for name, one in device.accepts.items()}
    yield from _values((*path, "sends"), kind, sent, plant.senses)
    yield from _values((*path, "accepts"), kind, accepted, {drive: unit})
    if drive not in accepted and not holes.at(*path, "accepts", drive):
        rule, remedy = f"a {kind} is driven by {drive}", f"add {drive} to accepts"
        yield Problem(path=(*path, "accepts"), rule=rule, remedy=remedy)
    if isinstance(loopback.plant, CartPoleSpec):
        yield from _cart_pole((*path, "loopback", "plant"), loopback.plant)


def _values(
    path: KeyPath, kind: str, values: Mapping[str, str], known: Mapping[str, str]
) -> Iterator[Problem]:
    for name, unit in values.items():
        if name not in known or known[name] not in ("", unit):
            rule, remedy = f"a {kind} has no {name} in {unit}", f"it has {offers(known)}"
            yield Problem(path=(*path, name), rule=rule, remedy=remedy, key=True)


def _sensors(path: KeyPath, loopback: LoopbackSpec, device: DeviceSpec) -> Iterator[Problem]:
    for name in loopback.sensors:
        if name not in device.sends:
            import difflib  # only on the way out

            close = difflib.get_close_matches(name, list(device.sends), n=1)
            guess = f"did you mean {close[0]}? " if close else ""
            rule, remedy = f"{name} is not sent", f"{guess}it sends {', '.join(device.sends)}"
            at = (*path, "loopback", "sensors", name)
            yield Problem(path=at, rule=rule, remedy=remedy, key=True)


def _cart_pole(path: KeyPath, plant: CartPoleSpec) -> Iterator[Problem]:
    share = 1.0 + plant.pole_mass_kg / plant.cart_mass_kg
    inertia = plant.pole_mass_kg * plant.pole_length_m**2
    rates = {
        "cart_friction_n_s_per_m": plant.cart_friction_n_s_per_m / plant.cart_mass_kg,
        "pole_friction_nm_s": plant.pole_friction_nm_s * share / inertia,
        "pole_length_m": (_GRAVITY * share / plant.pole_length_m) ** 0.5,
    }
    for key, rate in rates.items():
        if rate > _RATE_PER_S_MAX:
            rule = f"makes a rate of {rate:.4g} per s, and the fixed step of 500 us follows 1000"
            remedy = "choose less friction, a heavier cart, or a longer or heavier pole"
            yield Problem(path=(*path, key), rule=rule, remedy=remedy)
