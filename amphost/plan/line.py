"""The bytes on the line, as far as a plan needs them: frame sizes, line load, the schema's text.

Rules. Pure. The numbers are those of native/device/include/amp/frame.h and wire.h; a test compares
them with the headers. The load is that of the periodic frames, which are nearly all there is: a
handshake and a command are a few frames a session.

The schema is the signals of a device as text, one line each, in wire order; its CRC-32 is the
schema hash, by which host and firmware know that they mean the same bytes. Numbers are written
with nine digits: as many as a 32-bit float can hold.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from amphost import timing
from amphost.clock_watch import BITS_PER_BYTE_ON_WIRE
from amphost.plan.model import LineLoad
from amphost.plan.wiring import Wiring, device_of, frame_period_ns
from amphost.spec.load import LoadedSpec
from amphost.spec.model import DeviceSpec, IoRole
from amphost.spec.wire_types import values_bytes

FRAME_OVERHEAD = 13  # AMP_FRAME_OVERHEAD: header, CRC, COBS and delimiter
STATE_SIZE = 22  # AMP_STATE_SIZE
ACTUATE_SIZE = 4  # AMP_ACTUATE_SIZE
TO_HOST = "to_host"
TO_DEVICE = "to_device"


def state_bytes(types: Iterable[str]) -> int:
    """Return the bytes on the wire of a state frame with values of these types."""
    return FRAME_OVERHEAD + STATE_SIZE + values_bytes(types)


def actuate_bytes(types: Iterable[str]) -> int:
    """Return the bytes on the wire of an actuation frame with values of these types."""
    return FRAME_OVERHEAD + ACTUATE_SIZE + values_bytes(types)


def schema_text(device: DeviceSpec) -> str:
    """Write the canonical schema of a device."""
    lines = [
        f"send {name} {one.type} {_numbers(one.scale)} {one.unit} {_numbers(*one.range)}"
        for name, one in device.sends.items()
    ]
    lines += [
        f"accept {name} {one.type} {_numbers(one.scale)} {one.unit}"
        f" {_numbers(*one.range, one.safe, one.ramp_per_s or 0)}"
        for name, one in device.accepts.items()
    ]
    lines += [
        f"parameter {name} {one.unit} {_numbers(*one.range, one.initial)}"
        for name, one in device.parameters.items()
    ]
    return "".join(f"{line}\n" for line in lines)


def schema_hash(text: str) -> int:
    """Return the hash that both ends of a link compare."""
    return zlib.crc32(text.encode())


def line_loads(loaded: LoadedSpec, wiring: Wiring) -> tuple[LineLoad, ...]:
    """Compute the load of every line, both ways."""
    return tuple(
        load
        for role in loaded.spec.roles.values()
        if isinstance(role, IoRole)
        for load in _loads(loaded, wiring, role)
    )


def load_problems(loaded: LoadedSpec, wiring: Wiring) -> list[str]:
    """Return a line for each direction of a line that carries more than it should."""
    return [
        loaded.board_where.problem(
            ("devices", load.device, "baud"), _load_rule(load), _load_remedy(load)
        )
        for load in line_loads(loaded, wiring)
        if load.load >= timing.LINE_LOAD_MAX
    ]


def _loads(loaded: LoadedSpec, wiring: Wiring, role: IoRole) -> Iterator[LineLoad]:
    device = device_of(loaded, role)
    sent = state_bytes(one.type for one in device.sends.values())
    yield _load(role, device, TO_HOST, sent, device.state_rate_hz)
    if device.accepts:
        rate_hz = timing.NS_PER_S / frame_period_ns(loaded, wiring, role)
        accepted = actuate_bytes(one.type for one in device.accepts.values())
        yield _load(role, device, TO_DEVICE, accepted, rate_hz)


def _load(
    role: IoRole, device: DeviceSpec, direction: str, frame_bytes: int, frames_per_s: float
) -> LineLoad:
    return LineLoad(
        device=role.device,
        direction=direction,
        frame_bytes=frame_bytes,
        frames_per_s=frames_per_s,
        baud=device.baud,
        load=timing.line_load(frame_bytes, frames_per_s, device.baud),
    )


def _load_rule(load: LineLoad) -> str:
    what = "state" if load.direction == TO_HOST else "actuation"
    return (
        f"{load.baud} carries {load.frames_per_s:g} {what} frames of {load.frame_bytes} bytes per"
        f" second at a load of {load.load * 100:.0f} %, and"
        f" {timing.LINE_LOAD_MAX * 100:.0f} % is the limit"
    )


def _load_remedy(load: LineLoad) -> str:
    bits = load.frame_bytes * BITS_PER_BYTE_ON_WIRE
    baud = int(bits * load.frames_per_s / timing.LINE_LOAD_MAX) + 1
    rate_hz = timing.LINE_LOAD_MAX * load.baud / bits
    lower = "state_rate_hz" if load.direction == TO_HOST else "the control role's rate_hz"
    return f"set at least {baud} baud, or {lower} below {rate_hz:.4g}"


def _numbers(*values: float) -> str:
    return " ".join(format(value, ".9g") for value in values)
