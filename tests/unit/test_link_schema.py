"""Values by name: read in Python as the C code wrote them."""

from __future__ import annotations

import math
from contextlib import suppress

import pytest
from amphost._native.amp import ffi, lib
from hypothesis import given
from hypothesis import strategies as st

from amphost.link.schema import SchemaError, decode_values, read_schema

NUMBERS = {"f32": 0, "i16": 1, "u16": 2, "i8": 3, "u8": 4, "bool": 5}
LOW = {"f32": -1e6, "i16": -32767, "u16": 0, "i8": -127, "u8": 0, "bool": 0}
HIGH = {"f32": 1e6, "i16": 32767, "u16": 65534, "i8": 127, "u8": 254, "bool": 1}


def schema_of(types: list[str], scale: float) -> str:
    """Write a schema with one value of each."""
    lines = []
    for index, kind in enumerate(types):
        step = 1.0 if kind in ("f32", "bool") else scale
        low, high = LOW[kind] * step, HIGH[kind] * step
        lines.append(f"send v{index} {kind} {step:.9g} 1 {low:.9g} {high:.9g}\n")
    return "".join(lines)


@given(
    st.lists(st.tuples(st.sampled_from(list(NUMBERS)), st.floats(0, 1)), max_size=16),
    st.sampled_from([1.0, 0.5, 0.001, 12.5]),
)
def test_values_are_what_the_c_code_encoded(wanted: list[tuple[str, float]], scale: float) -> None:
    """Every type, beside every other, bools in every bit."""
    types = [kind for kind, _ in wanted]
    values = read_schema(schema_of(types, scale)).sends
    described = ffi.new("struct amp_value[]", max(len(types), 1))
    numbers = []
    for index, (value, (kind, where)) in enumerate(zip(values, wanted, strict=True)):
        described[index].type = NUMBERS[kind]
        described[index].scale = value.scale
        described[index].low, described[index].high = value.low, value.high
        number = value.low + where * (value.high - value.low)
        numbers.append(float(round(where)) if kind == "bool" else number)
    content = ffi.new("uint8_t[]", 64)
    bad = ffi.new("size_t *")
    size = lib.amp_values_encode(described, numbers, len(numbers), content, bad)
    assert bad[0] == len(numbers)
    decoded = decode_values(values, bytes(ffi.buffer(content, size)))
    assert decoded is not None
    for value, number, got in zip(values, numbers, decoded, strict=True):
        step = 1e-5 * max(abs(number), 1) if value.type == "f32" else value.scale
        assert abs(float(got) - number) <= step * 0.51


def test_no_value_is_not_a_number() -> None:
    """The code that a type keeps for it must not be read as its largest value."""
    values = read_schema(schema_of(["i16", "u16", "i8", "u8"], 1.0)).sends
    decoded = decode_values(values, b"\x00\x80" + b"\xff\xff" + b"\x80" + b"\xff")
    assert decoded is not None
    assert all(math.isnan(value) for value in decoded)


@given(st.lists(st.sampled_from(list(NUMBERS)), max_size=12), st.binary(max_size=40))
def test_other_sizes_and_spare_bits_are_refused_as_in_c(types: list[str], content: bytes) -> None:
    """What C refuses is no value here either."""
    values = read_schema(schema_of(types, 1.0)).sends
    described = ffi.new("struct amp_value[]", max(len(types), 1))
    for index, kind in enumerate(types):
        described[index].type, described[index].scale = NUMBERS[kind], 1.0
    numbers = ffi.new("float[]", max(len(types), 1))
    taken = lib.amp_values_decode(described, len(types), content, len(content), numbers)
    decoded = decode_values(values, content)
    assert (decoded is not None) == bool(taken)
    if decoded is not None:
        for ours, theirs in zip(decoded, numbers, strict=False):
            assert float(ours) == theirs or (math.isnan(ours) and math.isnan(theirs))


@pytest.mark.parametrize(
    "line",
    ["send", "send x f32", "send x f64 1 V 0 1", "send x f32 one V 0 1", "accept x f32 1 V 0 1"],
)
def test_a_line_that_is_none_is_quoted(line: str) -> None:
    """A schema may come from a device, and a device may say anything."""
    with pytest.raises(SchemaError, match=line.split(" ", maxsplit=1)[0]):
        read_schema(f"{line}\n")


@given(st.text(max_size=200))
def test_any_text_is_a_schema_or_a_schema_error(text: str) -> None:
    """No device ends a monitor with a traceback."""
    with suppress(SchemaError):
        read_schema(text)


def test_a_value_out_of_its_range_is_marked() -> None:
    """In a line of figures nobody sees it otherwise."""
    (value,) = read_schema("send x i16 0.1 V -10 10\n").sends
    assert value.text(10.04) == "10.04 V"
    assert value.text(10.2) == "10.2 V (out of range)"
    assert value.text(math.nan) == "nan V (out of range)"
