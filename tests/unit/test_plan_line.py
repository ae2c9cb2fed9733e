"""Bytes on the line against the headers, the load against arithmetic, the schema to the letter."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from amphost._native.amp import ffi, lib

from amphost.errors import PlanError
from amphost.plan import line
from amphost.plan.model import Plan
from amphost.spec.load import LoadedSpec
from amphost.wire_values import TYPES

HEADERS = Path(__file__).parents[2] / "native/device/include/amp"
Planning = Callable[..., Plan]


@pytest.mark.parametrize(
    ("header", "name", "ours"),
    [
        ("frame.h", "AMP_FRAME_OVERHEAD", line.FRAME_OVERHEAD),
        ("wire.h", "AMP_STATE_SIZE", line.STATE_SIZE),
        ("wire.h", "AMP_ACTUATE_SIZE", line.ACTUATE_SIZE),
    ],
)
def test_sizes_are_those_of_the_headers(header: str, name: str, ours: int) -> None:
    """A frame that grows must show in the load."""
    text = (HEADERS / header).read_text()
    found = re.search(rf"^#define {name} (\d+)$", text, re.MULTILINE)
    assert found is not None
    assert int(found[1]) == ours


def test_frames_are_as_long_as_the_encoder_makes_them() -> None:
    """The macros are words; these bytes are what leaves the port."""
    mixed = ["bool", "i16", "bool", "bool", "u8", "f32", *["bool"] * 9, "i8", "u16"]
    for types in ([], ["f32"], ["f32"] * 16, mixed, ["bool"] * 16, ["u16", "bool"]):
        payload = ffi.new("uint8_t[240]")
        described = ffi.new("struct amp_value[17]")
        for index, name in enumerate(types):
            described[index].type, described[index].scale = TYPES[name], 1
        behind = lib.amp_values_size(described, len(types))
        state = lib.amp_wire_state_encode(ffi.new("struct amp_wire_state *"), payload)
        actuate = lib.amp_wire_actuate_encode(ffi.new("struct amp_wire_actuate *"), payload)
        for length, ours in (
            (state + behind, line.state_bytes(types)),
            (actuate + behind, line.actuate_bytes(types)),
        ):
            frame = ffi.new("struct amp_frame *", {"length": length, "payload": payload})
            wire = ffi.new("uint8_t[253]")
            assert lib.amp_frame_encode(frame, 0, wire, 253) == ours


def test_load_counts_both_ways(plan_of: Planning) -> None:
    """43 bytes at 500 Hz and 21 bytes at 1 kHz, on a line of 1 Mbaud."""
    to_host, to_device = plan_of().line_loads
    assert (to_host.direction, to_host.frame_bytes, to_host.frames_per_s) == ("to_host", 43, 500)
    assert to_host.load == pytest.approx(0.215)
    assert (to_device.direction, to_device.frame_bytes) == ("to_device", 21)
    assert to_device.frames_per_s == 1000
    assert to_device.load == pytest.approx(0.21)


def test_a_line_that_is_too_slow_is_refused_with_two_remedies(plan_of: Planning) -> None:
    """Either a faster line or fewer frames; each remedy is a number that works."""
    with pytest.raises(PlanError) as caught:
        plan_of(board=(("baud: 1000000", "baud: 250000"),))
    place = "bench.yaml:8:11: devices.mcu.baud: 250000 carries"
    state = "500 state frames of 43 bytes per second at a load of 86 %"
    actuation = "1000 actuation frames of 21 bytes per second at a load of 84 %"
    limit = "and 70 % is the limit; set at least"
    assert caught.value.problems == [
        f"{place} {state}, {limit} 307143 baud, or state_rate_hz below 407",
        f"{place} {actuation}, {limit} 300001 baud, or the control role's rate_hz below 833.3",
    ]
    assert plan_of(board=(("baud: 1000000", "baud: 307143"),)).line_loads[0].load < 0.7


def test_seventy_percent_exactly_is_too_much(plan_of: Planning) -> None:
    """Below means below."""
    with pytest.raises(PlanError, match="at a load of 70 %"):
        plan_of(
            board=(("baud: 1000000", "baud: 300000"), ("state_rate_hz: 500", "state_rate_hz: 5"))
        )


def test_schema_is_canonical(plan_load: Callable[..., LoadedSpec]) -> None:
    """Every firmware hashes these very bytes."""
    device = plan_load().board.devices["mcu"]
    text = line.schema_text(device)
    assert text == (
        "send position f32 1 rad -100 100\n"
        "send current f32 1 A -20 20\n"
        "accept voltage f32 1 V -12 12 0 4000\n"
    )
    assert line.schema_hash(text) == zlib.crc32(text.encode())


SENDS = "      current: {unit: A, range: [-20, 20]}\n"
POSITION = "      position: {unit: rad, range: [-100, 100]}\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[-100, 100]", "[-100, 100.5]"),
        ("[-20, 20]", "[-20.5, 20]"),
        ("safe: 0", "safe: 0.25"),
        ("ramp_per_s: 4000", "ramp_per_s: 4000.5"),
        (", ramp_per_s: 4000", ""),
        ("current: {unit: A", "speed: {unit: rad/s"),
        (POSITION + SENDS, SENDS + POSITION),
    ],
)
def test_every_part_of_a_signal_is_in_the_hash(
    plan_load: Callable[..., LoadedSpec], old: str, new: str
) -> None:
    """A device that orders, limits or ramps its values otherwise must not be armed."""
    here = line.schema_text(plan_load().board.devices["mcu"])
    other = line.schema_text(plan_load(board=((old, new),)).board.devices["mcu"])
    assert line.schema_hash(other) != line.schema_hash(here)
