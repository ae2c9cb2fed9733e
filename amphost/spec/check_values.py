"""Rules of single values with a range: operator values, outputs, and what a board sends and takes.

Rules. A range is [low, high] with low below high; where a value has an initial or a safe value,
that lies inside. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from amphost.spec.check_faults import fault_problems
from amphost.spec.check_plants import plant_problems
from amphost.spec.check_ports import port_problems
from amphost.spec.check_wire import is_described, wire_problems
from amphost.spec.decode import Holes
from amphost.spec.emulator import emulator_problems
from amphost.spec.model import Board, ControlRole, DeviceSpec, Spec
from amphost.spec.parameters import parameter_problems
from amphost.spec.positions import KeyPath, Problem

__all__ = ["board_problems", "value_problems"]

RAMP_S_MAX = 3600.0
ENDS = {"port": "a", "loopback": "a", "emulator": "an"}
"""Where a device may be."""


def value_problems(spec: Spec) -> Iterator[Problem]:
    """Check every range of a spec."""
    for name, value in spec.operator.items():
        path: KeyPath = ("operator", name)
        yield from _in_range(path, value.range, "initial", value.initial)
    for role_name, role in spec.roles.items():
        if isinstance(role, ControlRole):
            for name, output in role.writes.items():
                path = ("roles", role_name, "writes", name)
                yield from _in_range(path, output.range, "safe", output.safe)


DEVICES_MAX = 16
"""Each has an io role, a segment and a line: so many leave room for the other roles."""


def board_problems(board: Board, holes: Holes) -> Iterator[Problem]:
    """Check a whole board."""
    if len(board.devices) > DEVICES_MAX:
        rule = f"it has {len(board.devices)} devices, and {DEVICES_MAX} is the limit"
        yield Problem(path=("devices",), rule=rule, remedy="split the system", key=True)
    for name, device in board.devices.items():
        path: KeyPath = ("devices", name)
        yield from _signals(path, device, holes)
        below = (*path, "parameters")
        yield from parameter_problems(below, device.parameters, device.sends)
        for parameter, one in device.parameters.items():
            yield from _in_range((*below, parameter), one.range, "initial", one.initial)
        if not any(holes.within(*path, end) for end in ENDS):
            yield from _one_end(path, device)
        if device.emulator is not None and not holes.within(*path, "emulator"):
            yield from emulator_problems((*path, "emulator"), device.emulator)
        if not device.sends and not device.accepts and not holes.within(*path):
            rule, remedy = "sends nothing and accepts nothing", "add sends or accepts"
            yield Problem(path=path, rule=rule, remedy=remedy, key=True)
        yield from plant_problems(path, device, holes)
        yield from fault_problems(path, device, holes)
    yield from port_problems(board, holes)


def _signals(path: KeyPath, device: DeviceSpec, holes: Holes) -> Iterator[Problem]:
    """Check every value that a device sends or accepts."""
    for sent, send in device.sends.items():
        where = (*path, "sends", sent)
        yield from wire_problems(where, send, holes)
        if is_described(send):
            yield from _ordered(where, send.range)
    for accepted, accept in device.accepts.items():
        where = (*path, "accepts", accepted)
        yield from wire_problems(where, accept, holes)
        if is_described(accept) and accept.type != "bool":
            yield from _in_range(where, accept.range, "safe", accept.safe)
            yield from _ramp(where, accept.range, accept.ramp_per_s)


def _ramp(
    path: KeyPath, limits: tuple[float, float], ramp_per_s: float | None
) -> Iterator[Problem]:
    """Check that a device can count the way to safe: `amp_device_init` takes an hour at most."""
    low, high = limits
    if ramp_per_s is not None and low < high and (high - low) / ramp_per_s > RAMP_S_MAX:
        hours = (high - low) / ramp_per_s / RAMP_S_MAX
        rule = f"{ramp_per_s:g} takes {hours:.3g} hours from {low:g} to {high:g}"
        remedy = "choose a ramp that takes an hour at most, or leave it out: safe at once"
        yield Problem(path=(*path, "ramp_per_s"), rule=rule, remedy=remedy)


def _one_end(path: KeyPath, device: DeviceSpec) -> Iterator[Problem]:
    ends = [f"{article} {end}" for end, article in ENDS.items() if getattr(device, end) is not None]
    if len(ends) > 1:
        rule, remedy = f"has {' and '.join(ends)}", "keep one of them"
        yield Problem(path=path, rule=rule, remedy=remedy, key=True)
    if not ends:
        rule = "has neither a port nor a loopback nor an emulator"
        yield Problem(path=path, rule=rule, remedy="add port: /dev/serial/by-id/...", key=True)


def _in_range(
    path: KeyPath, limits: tuple[float, float], key: str, value: float
) -> Iterator[Problem]:
    low, high = limits
    yield from _ordered(path, limits)
    if low < high and not low <= value <= high:
        rule = f"{value:g} is outside the range [{low:g}, {high:g}]"
        yield Problem(path=(*path, key), rule=rule, remedy="choose a value inside it")


def _ordered(path: KeyPath, limits: tuple[float, float]) -> Iterator[Problem]:
    low, high = limits
    if not low < high:
        rule = f"the low end {low:g} is not below the high end {high:g}"
        yield Problem(path=(*path, "range"), rule=rule, remedy="write [low, high]")
