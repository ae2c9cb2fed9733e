"""The C header of a device's signals, and the names in it.

Rules. Pure: the same board file gives the same text, byte for byte, so that a comparison tells
whether a header is the board's still. Every name begins with the device's and the signal's kind and
is upper case, so that no signal can take a word of C, a macro or another signal's place. What comes
from the file stands in comments only where it cannot end them. Numbers are the 32-bit floats that
the firmware compares with.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from amphost import timing
from amphost.plan.line import schema_hash, schema_text
from amphost.spec.board import AcceptSpec, DeviceSpec, SendSpec
from amphost.spec.wire_types import WIRE_TYPES, values_bytes

__all__ = ["MARK", "Target", "c_float", "comment", "header_name", "header_text", "prefix"]

MARK = "Written by `amphost firmware new`"
"""Stands in every header that is ours to write anew."""
STRING_MAX = 4000
"""C11 promises 4095 characters of a string."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A device of a board: what a header is made of. `file` is the board's, as it is shown.

    Synchronization: none required; immutable.
    """

    file: str
    board: str
    name: str
    device: DeviceSpec


def prefix(name: str) -> str:
    """Return what the names of a device begin with; those of AMP_... are the library's."""
    upper = name.upper()
    return f"DEVICE_{upper}" if f"{upper}_".startswith(("AMP_", "AMPHOST_")) else upper


def header_name(name: str) -> str:
    """Return the file's name of the header of the device `name`."""
    return f"{name}_board.h"


def comment(text: str) -> str:
    """Return `text` so that it neither ends the comment that it stands in nor begins another."""
    shown = "".join(letter if " " <= letter <= "~" else "?" for letter in text)
    return shown.replace("*/", "* /").replace("/*", "/ *").replace("?/", "? /").rstrip("\\")


def c_float(value: float) -> str:
    """Write a number as C's literal of the nearest 32-bit float."""
    nearest = struct.unpack("<f", struct.pack("<f", value))[0]
    text = next(t for t in (f"{nearest:.{n}g}" for n in range(6, 10)) if _same(t, nearest))
    return f"{text}f" if math.isfinite(nearest) and set(text) & set(".e") else f"{text}.0f"


def header_text(target: Target) -> str:
    """Write the header."""
    return "".join(f"{line}\n".rstrip(" ") for line in _lines(target))


def _same(text: str, value: float) -> bool:
    return bool(struct.unpack("<f", struct.pack("<f", float(text)))[0] == value)


def _lines(target: Target) -> Iterator[str]:
    device, name = target.device, prefix(target.name)
    text = schema_text(device)
    yield from _opening(target, name)
    yield from _figures(device, name, text)
    yield from _places(name, "SEND", device.sends)
    yield from _places(name, "ACCEPT", device.accepts)
    yield from _bounds(device, name)
    yield from _table(name, "SENDS", device.sends)
    yield from _table(name, "ACCEPTS", device.accepts)
    yield from _parameters(device, name)
    yield from _dictionary(name, text)
    yield from _config(target, name)
    yield ""
    yield "#endif"


def _opening(target: Target, name: str) -> Iterator[str]:
    file = header_name(target.name)
    guard = f"{name}_BOARD_H"
    yield f"/* {file}: what the board {target.board} says of its device {target.name}."
    yield " *"
    yield f" * {MARK} from {comment(target.file)}"
    yield " *"
    yield " * Nothing here is written by hand: it is written anew when that file has changed."
    yield " * A host that connects compares the dictionary below with its own. C11 or C++."
    yield " */"
    yield "/* clang-format off */"
    yield f"#ifndef {guard}"
    yield f"#define {guard}"
    yield ""
    yield "#ifdef __cplusplus"
    yield "#define _Noreturn [[noreturn]]"
    yield 'extern "C" {'
    yield "#endif"
    yield ""
    yield '#include "amp/device.h"'
    yield '#include "amp/port.h"'
    yield ""
    yield "#ifdef __cplusplus"
    yield "}"
    yield "#undef _Noreturn"
    yield "#endif"
    yield ""


def _figures(device: DeviceSpec, name: str, text: str) -> Iterator[str]:
    lease_ns = _lease_ns(device)
    yield f"#define {name}_SCHEMA_HASH 0x{schema_hash(text):08x}u"
    yield f"#define {name}_BAUD {device.baud}u"
    if device.lease_ms is None:
        yield "/* The board file has no lease_ms: the shortest that a plan relies on. */"
    yield f"#define {name}_LEASE_US {lease_ns // 1000}u"
    yield f"#define {name}_STATE_PERIOD_US {timing.period_ns(device.state_rate_hz) // 1000}u"
    yield ""


def _lease_ns(device: DeviceSpec) -> int:
    """Return the lease: without one in the board file, the shortest that a plan relies on."""
    if device.lease_ms is not None:
        return timing.ms_ns(device.lease_ms)
    least_ns = timing.lease_ns(0, 0, loopback=False)
    return least_ns if device.emulator is None else timing.emulated_ns(least_ns)


def _places(name: str, kind: str, signals: Mapping[str, SendSpec | AcceptSpec]) -> Iterator[str]:
    yield f"#define {name}_{kind}S_COUNT {len(signals)}"
    if signals:
        what = "sends" if kind == "SEND" else "accepts"
        yield f"/* What it {what}, each at its place. */"
        yield "enum {"
        for place, (signal, one) in enumerate(signals.items()):
            yield f"    {name}_{kind}_{signal.upper()} = {place}, /* {_described(one)} */"
        yield "};"
    yield ""


def _described(one: SendSpec | AcceptSpec) -> str:
    words = f"{one.type}, {comment(one.unit)}, {one.range[0]:.9g} to {one.range[1]:.9g}"
    if WIRE_TYPES[one.type].is_scaled:
        words += f", in steps of {one.scale:.9g}"
    if isinstance(one, AcceptSpec):
        ramp = f" at {one.ramp_per_s:.9g} a second" if one.ramp_per_s else " at once"
        words += f"; safe at {one.safe:.9g},{ramp}"
    return words


def _bounds(device: DeviceSpec, name: str) -> Iterator[str]:
    """Refuse a limits.h that is too small when it compiles, not when it starts."""
    sends = values_bytes(one.type for one in device.sends.values())
    accepts = values_bytes(one.type for one in device.accepts.values())
    least_values = max(len(device.sends), len(device.accepts))
    yield f"#if AMP_DEVICE_VALUES_MAX < {least_values}"
    yield f'#error "limits.h: {name} needs an AMP_DEVICE_VALUES_MAX of {least_values}"'
    yield "#endif"
    for size, count in (("AMP_STATE_SIZE", sends), ("AMP_ACTUATE_SIZE", accepts)):
        yield f"#if AMP_FRAME_PAYLOAD_MAX < {size} + {count}"
        yield f'#error "limits.h: {name} needs an AMP_FRAME_PAYLOAD_MAX of {size} + {count}"'
        yield "#endif"
    yield ""


def _table(name: str, table: str, signals: Mapping[str, SendSpec | AcceptSpec]) -> Iterator[str]:
    if not signals:
        return
    yield f"static const struct amp_value {name}_{table}[{len(signals)}] = {{"
    for signal, one in signals.items():
        scale = one.scale if WIRE_TYPES[one.type].is_scaled else 0.0
        safe, ramp = (one.safe, one.ramp_per_s) if isinstance(one, AcceptSpec) else (0.0, 0.0)
        low, high = map(c_float, one.range)
        yield f"    {{.type = AMP_VALUE_{one.type.upper()}, /* {signal} */"
        yield f"     .scale = {c_float(scale)},"
        yield f"     .low = {low},"
        yield f"     .high = {high},"
        yield f"     .safe = {c_float(safe)},"
        yield f"     .ramp_per_s = {c_float(ramp or 0.0)}}},"
    yield "};"
    yield ""


def _parameters(device: DeviceSpec, name: str) -> Iterator[str]:
    """Write the numbers that people may set, each at its place."""
    if not device.parameters:
        return
    count = len(device.parameters)
    yield f"#if AMP_DEVICE_PARAMETERS_MAX < {count}"
    yield f'#error "limits.h: {name} needs an AMP_DEVICE_PARAMETERS_MAX of {count}"'
    yield "#endif"
    yield "/* For amp_device_parameter(), each at its place. */"
    yield "enum {"
    for place, (parameter, one) in enumerate(device.parameters.items()):
        words = f"{comment(one.unit)}, {one.range[0]:.9g} to {one.range[1]:.9g}"
        yield f"    {name}_PARAMETER_{parameter.upper()} = {place}, /* {words} */"
    yield "};"
    yield f"static const struct amp_device_parameter {name}_PARAMETERS[{count}] = {{"
    for parameter, one in device.parameters.items():
        low, high, initial = map(c_float, (*one.range, one.initial))
        yield f"    {{.low = {low}, .high = {high}, .initial = {initial}}}, /* {parameter} */"
    yield "};"
    yield ""


def _dictionary(name: str, text: str) -> Iterator[str]:
    head = f"static const char {name}_DICTIONARY[{len(text) + 1}] AMP_DICTIONARY_PLACE ="
    if len(text) > STRING_MAX:
        codes = [*text.encode(), 0]
        yield f"{head} {{"
        for at in range(0, len(codes), 20):
            yield f"    {', '.join(map(str, codes[at : at + 20]))},"
        yield "};"
    else:
        yield head
        lines = [f'    "{line}\\n"' for line in text.splitlines()]
        yield from lines[:-1]
        yield f"{lines[-1]};"
    yield ""


def _config(target: Target, name: str) -> Iterator[str]:
    device = target.device
    sends, accepts = (f"{name}_SENDS", f"{name}_ACCEPTS")
    yield "/* Copy it, then fill in what it cannot say: firmware, reset_cause, boot_nonce. */"
    yield f"static const struct amp_device_config {name}_CONFIG = {{"
    yield f'    .board = "{target.board}",'
    yield "    .firmware = {0, 0, 0},"
    yield "    .reset_cause = 0,"
    yield "    .boot_nonce = 0,"
    yield f"    .schema_hash = {name}_SCHEMA_HASH,"
    yield f"    .dictionary = {name}_DICTIONARY,"
    yield f"    .dictionary_size = sizeof {name}_DICTIONARY - 1,"
    yield f"    .baud = {name}_BAUD,"
    yield f"    .lease_us = {name}_LEASE_US,"
    yield f"    .state_period_us = {name}_STATE_PERIOD_US,"
    yield f"    .sends_count = {name}_SENDS_COUNT,"
    yield f"    .accepts_count = {name}_ACCEPTS_COUNT,"
    yield f"    .parameters_count = {len(device.parameters)},"
    yield f"    .sends = {sends if device.sends else 'NULL'},"
    yield f"    .accepts = {accepts if device.accepts else 'NULL'},"
    yield f"    .parameters = {f'{name}_PARAMETERS' if device.parameters else 'NULL'},"
    yield "};"
