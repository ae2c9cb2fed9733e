from __future__ import annotations

import pytest

from amphost.errors import SpecError
from amphost.spec.text import BYTES_MAX, decode, forbidden


def problems(raw: bytes) -> list[str]:
    """Return what is wrong with the bytes."""
    with pytest.raises(SpecError) as caught:
        decode(raw, "x.yaml")
    return caught.value.problems


def test_line_ends_and_byte_order_mark_are_made_plain() -> None:
    """An editor on another system must not shift a line number."""
    assert decode(b"\xef\xbb\xbfa: 1\r\nb: 2\rc: 3\n", "x.yaml") == "a: 1\nb: 2\nc: 3\n"


def test_size_has_an_exact_bound() -> None:
    """The last byte that fits, and the first that does not."""
    assert len(decode(b"#" * BYTES_MAX, "x.yaml")) == BYTES_MAX
    assert problems(b"#" * (BYTES_MAX + 1)) == [
        "x.yaml:1:1: (file): is larger than 256 KiB; split it or make it smaller"
    ]


def test_place_of_a_wrong_byte_counts_characters() -> None:
    """A column counts characters, not bytes, or it points beside the place."""
    assert problems("ä: é\n".encode() + b"ab\xff") == [
        "x.yaml:2:3: (file): is not UTF-8 text (byte 0xff); save the file as UTF-8"
    ]


def test_each_kind_of_forbidden_character_is_reported_once() -> None:
    """A file full of tabs is one problem, not a thousand."""
    found = problems(b"a:\t1\n\tb: \x00\x07\x00\n")
    assert found == [
        "x.yaml:1:3: (file): has a tab; use spaces",
        "x.yaml:2:5: (file): has the invisible character U+0000; remove it",
        "x.yaml:2:6: (file): has the invisible character U+0007; remove it",
    ]


@pytest.mark.parametrize("character", [*"\x00\x7f\x85\u2028\u202e\u2066\ufeff\ufffe\U0010ffff"])
def test_characters_that_deceive_are_forbidden(character: str) -> None:
    """A line must be what it looks like."""
    assert forbidden(character)
    assert len(problems(f"a: {character}\n".encode())) == 1


@pytest.mark.parametrize("character", ["a", " ", "~", "é", "°", "Ω", "中", "🙂", "\u200d"])
def test_writing_of_people_is_allowed(character: str) -> None:
    """Comments and descriptions are in any language."""
    assert not forbidden(character)
    assert character in decode(f"# {character}\n".encode(), "x.yaml")
