from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amphost.spec.scalars import Refused, plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-12", -12),
        ("+3", 3),
        ("0", 0),
        ("0.0", 0.0),
        ("1e3", 1000.0),
        ("1E-3", 0.001),
        ("-1.5e+2", -150.0),
        (".5", 0.5),
        ("-.5", -0.5),
        ("1.", 1.0),
        ("9223372036854775807", 2**63 - 1),
    ],
)
def test_decimal_numbers_are_numbers(text: str, value: float) -> None:
    """`1e3` is what people write for a thousand; YAML 1.1 makes it text."""
    read = plain(text)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    "text",
    ["on", "off", "yes", "no", "y", "n", "True", "TRUE", "False", "Null", "NULL", "2024-01-31",
     "12:34:56.7x", "12V", "1.2.3", "e3", "1e", "-", "+", ".", "-.", "0b", "0x", "1_", "_1",
     "inf", "nan", "Infinity", "1,5", "1 2", "=", "a_1", "io.position", "/dev/ttyAMA0"],
)  # fmt: skip
def test_everything_else_is_text(text: str) -> None:
    """`on` and a date are words; only true and false are booleans."""
    if text == "1_":
        assert isinstance(plain(text), Refused)
    else:
        assert plain(text) == text


def test_booleans_and_nothing() -> None:
    """One spelling each, so that two files never differ in how they say the same."""
    assert plain("true") is True
    assert plain("false") is False
    assert [plain(text) for text in ("", "~", "null")] == [None, None, None]


@pytest.mark.parametrize(
    ("text", "rule", "remedy"),
    [
        ("010", "octal", "write 10,"),
        ("-007", "octal", "write -7,"),
        ("00", "octal", "write 0,"),
        ("01.5", "octal", "write 1.5,"),
        ("0o17", "octal", "write 15,"),
        ("0x1F", "hexadecimal", "write 31,"),
        ("-0x10", "hexadecimal", "write -16,"),
        ("0b101", "binary", "write 5,"),
        ("0b12", "binary", "as a decimal number"),
        ("1_000", "underscore", "write 1000,"),
        ("1_0.5", "underscore", "write 10.5,"),
        ("1:30", "base-60", "one number"),
        ("190:20:30", "base-60", "one number"),
        (".inf", "finite", "finite"),
        ("-.INF", "finite", "finite"),
        (".NaN", "finite", "finite"),
        ("1e999", "too large", "below"),
        ("1e-999", "too small", "above"),
        ("9223372036854775808", "64 bits", "smaller"),
        ("1" * 65, "too long", "at most 64"),
    ],
)
def test_what_readers_disagree_about_is_refused(text: str, rule: str, remedy: str) -> None:
    """A number that is 8 in one program and 10 in another must not drive a motor."""
    read = plain(text)
    assert isinstance(read, Refused)
    assert rule in read.rule
    assert remedy in read.remedy


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_float_comes_back(value: float) -> None:
    """What Python writes of a float is read as that float, bit for bit."""
    text = repr(value)
    assert plain(text) == value


@given(st.text(max_size=80))
def test_any_text_has_a_meaning(text: str) -> None:
    """No text makes the rules fail, or turns into an infinite number."""
    read = plain(text)
    assert isinstance(read, (str, int, float, Refused)) or read is None
    assert read not in (float("inf"), float("-inf"))
