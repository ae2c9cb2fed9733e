"""What a device's values are on the wire, as the C code at both ends wants it told.

Rules. One `struct amp_value` for each value of a plan, in wire order. The numbers that the link
compares are 32-bit floats there, as in every firmware.
"""

from __future__ import annotations

from amphost._native.amp import ffi, lib

TYPE_CHECKING = False  # typing's own costs a process 6 ms and 0.6 MB
if TYPE_CHECKING:
    from collections.abc import Sequence

    from amphost.plan.model import AcceptPlan, SendPlan

TYPES = {
    name.removeprefix("AMP_VALUE_").lower(): number
    for number, name in ffi.typeof("enum amp_value_type").elements.items()
}


def describe(values: ffi.CData, plans: Sequence[SendPlan | AcceptPlan]) -> None:
    """Fill an array of `struct amp_value`."""
    for index, plan in enumerate(plans):
        native = values[index]
        native.type = TYPES[plan.type]
        native.scale = plan.scale
        native.low = plan.low
        native.high = plan.high
        native.safe = getattr(plan, "safe", 0.0)
        native.ramp_per_s = getattr(plan, "ramp_per_s", 0.0)


def described(plans: Sequence[SendPlan | AcceptPlan]) -> ffi.CData:
    """Return an array of `struct amp_value`; whoever points to it keeps it."""
    values = ffi.new("struct amp_value[]", max(len(plans), 1))
    describe(values, plans)
    return values


def encoded(values: ffi.CData, numbers: Sequence[float]) -> bytes | None:
    """Return the bytes of so many numbers; None where a bool is neither 0 nor 1."""
    count = len(numbers)
    out = ffi.new("uint8_t[]", max(int(lib.amp_values_size(values, count)), 1))
    bad = ffi.new("size_t *")
    size = lib.amp_values_encode(values, list(numbers), count, out, bad)
    return bytes(ffi.buffer(out, size)) if size or not count else None


def decoded(values: ffi.CData, count: int, payload: ffi.CData, size: int) -> list[float] | None:
    """Return the numbers in exactly `size` bytes; None where they are not so many."""
    numbers = ffi.new("float[]", max(count, 1))
    if not lib.amp_values_decode(values, count, payload, size, numbers):
        return None
    return list(numbers)[:count]
