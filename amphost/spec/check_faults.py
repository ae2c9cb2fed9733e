"""Rules of the faults that a board file injects into a line.

Rules. A fault has the keys of its kind. One that could do nothing is a mistake, and so is one that
nobody can tell from a dead device; faults on a real device are asked for twice. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from amphost.spec.board import DeviceSpec
from amphost.spec.decode import Holes
from amphost.spec.line_faults import EVERY, KINDS, FaultSpec
from amphost.spec.positions import KeyPath, Problem

__all__ = ["fault_problems"]

DELAY_MS_MAX = 10_000.0


def fault_problems(path: KeyPath, device: DeviceSpec, holes: Holes) -> Iterator[Problem]:
    """Check the faults of a device's line."""
    faults = device.faults
    if faults is None:
        return
    where = (*path, "faults")
    if device.port is not None and not faults.on_hardware and not holes.at(*where, "on_hardware"):
        rule = "would disturb a real device: what it drives may move"
        remedy = "add on_hardware: true if that is meant, or use a loopback"
        yield Problem(path=where, rule=rule, remedy=remedy, key=True)
    for name, fault in faults.inject.items():
        yield from _fault((*where, "inject", name), fault, device, holes)


def _fault(path: KeyPath, fault: FaultSpec, device: DeviceSpec, holes: Holes) -> Iterator[Problem]:
    yield from _keys(path, fault, holes)
    if fault.on_signal and fault.at_s > 0.0:
        rule, remedy = "has at_s and on_signal", "keep one of them: what begins it"
        yield Problem(path=(*path, "at_s"), rule=rule, remedy=remedy, key=True)
    if fault.kind == "delay" and fault.delay_ms is not None:
        low, high = fault.delay_ms
        if not 0.0 <= low <= high <= DELAY_MS_MAX:
            rule = f"[{low:g}, {high:g}] is no span of time"
            remedy = f"write [least, most], from 0 to {DELAY_MS_MAX:g} ms"
            yield Problem(path=(*path, "delay_ms"), rule=rule, remedy=remedy)
    same = fault.baud == device.baud and not holes.at(*path[:2], "baud")
    if fault.kind == "wrong_baud" and same:
        rule = f"{fault.baud} is what the host sets too, so nothing goes wrong"
        remedy = "give the speed at which the device really runs"
        yield Problem(path=(*path, "baud"), rule=rule, remedy=remedy)
    dead = fault.for_s is None and fault.at_s == 0.0 and not fault.on_signal
    if fault.kind == "unplug" and dead:
        rule = "leaves the cable out from the beginning to the end"
        yield Problem(path=path, rule=rule, remedy="add at_s, for_s or on_signal", key=True)


def _keys(path: KeyPath, fault: FaultSpec, holes: Holes) -> Iterator[Problem]:
    """Check that a fault has the keys of its kind, and no others."""
    needed, allowed = KINDS[fault.kind]
    known = (*EVERY, *needed, *allowed)
    for key in sorted(fault.model_fields_set.difference(known)):
        rule = f"means nothing for a fault of kind {fault.kind}"
        remedy = f"leave it out, or use one of {', '.join(known)}"
        yield Problem(path=(*path, key), rule=rule, remedy=remedy, key=True)
    for key in needed:
        if key not in fault.model_fields_set and not holes.at(*path, key):
            rule, remedy = "is missing", f"a fault of kind {fault.kind} needs it"
            yield Problem(path=(*path, key), rule=rule, remedy=remedy)
