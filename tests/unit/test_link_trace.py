"""A trace in a file: what went in comes out, however it was cut, and damage is named."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amphost.link.trace import (
    CONTENT_MAX,
    Kind,
    Record,
    TraceError,
    TraceReader,
    about_of,
    encode,
    heading,
)

ABOUT: dict[str, Any] = {"device": "mcu", "baud": 115200}
RECORDS = st.lists(
    st.builds(
        lambda t_ns, kind, content: Record(t_ns=t_ns, kind=kind, content=content),
        st.integers(0, 2**64 - 1),
        st.integers(1, 255),
        st.binary(max_size=300),
    ),
    max_size=12,
)


def trace_of(records: list[Record]) -> bytes:
    """Write a trace."""
    return heading(ABOUT, 5) + b"".join(encode(record) for record in records)


@given(RECORDS, st.lists(st.integers(1, 97), min_size=1))
def test_what_is_written_is_read(records: list[Record], pieces: list[int]) -> None:
    """However the file comes in pieces."""
    line, reader = trace_of(records), TraceReader()
    got: list[Record] = []
    at = 0
    for step in (pieces * (len(line) + 1))[: len(line)]:
        got += reader.feed(line[at : at + step])
        at += step
    assert about_of(got[0]) == ABOUT
    assert got[1:] == records
    assert reader.missing == 0


def test_cut_off_at_any_byte_it_is_whole_up_to_its_last_record() -> None:
    """Who traces a fault may lose power with it."""
    records = [Record(t_ns=i, kind=1 + i % 2, content=bytes(range(i * 9))) for i in range(1, 6)]
    line = trace_of(records)
    ends = [len(heading(ABOUT, 5))]
    for record in records:
        ends.append(ends[-1] + len(encode(record)))
    for cut in range(len(line) + 1):
        reader = TraceReader()
        got = list(reader.feed(line[:cut]))
        whole = sum(end <= cut for end in ends)
        assert got[1:] == records[: max(whole - 1, 0)]
        assert (reader.missing == 0) == (cut in ends or cut in (0, 12)), cut


@given(st.integers(0, 10**6), st.integers(0, 7))
def test_a_flipped_bit_is_an_error_or_a_shorter_trace_never_another_content(
    place: int, bit: int
) -> None:
    """A disk that lies must not make a device look guilty."""
    records = [Record(t_ns=i, kind=1, content=b"frame" * i) for i in range(1, 5)]
    line = bytearray(trace_of(records))
    place = 12 + place % (len(line) - 12)
    line[place] ^= 1 << bit
    got: list[Record] = []
    reader = TraceReader()
    said = ""
    try:
        for record in reader.feed(bytes(line)):
            got.append(record)  # noqa: PERF402 - what came before the error counts
    except TraceError as error:
        said = str(error)
    assert "damaged at byte" in said or reader.missing > 0
    assert got[1:] == records[: max(len(got) - 1, 0)]


@given(st.binary(max_size=400))
def test_any_bytes_are_a_trace_or_a_trace_error(line: bytes) -> None:
    """A file from anywhere is a person's mistake, not a traceback."""
    for whole in (line, b"AMPTRACE\1\0\0\0" + line):
        with suppress(TraceError):
            list(TraceReader().feed(whole))


@pytest.mark.parametrize(
    ("line", "word"),
    [
        (b"RIFF....WAVE", "does not begin with AMPTRACE"),
        (b"AMPTRACE\2\0\0\0", "version 2"),
        (b"AMPTRACE\1\0\0\0" + bytes(16), "damaged at byte 12"),
    ],
)
def test_what_is_wrong_is_said(line: bytes, word: str) -> None:
    """In words that lead on."""
    with pytest.raises(TraceError, match=word):
        list(TraceReader().feed(line))


def test_a_block_that_is_too_long_becomes_two_records() -> None:
    """The length has sixteen bits."""
    content = bytes(range(256)) * 300
    reader = TraceReader()
    got = list(reader.feed(heading(ABOUT, 0) + encode(Record(t_ns=1, kind=1, content=content))))[1:]
    assert [len(one.content) for one in got] == [CONTENT_MAX, len(content) - CONTENT_MAX]
    assert b"".join(one.content for one in got) == content


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"[" * 100_000])
def test_an_about_that_is_none_is_refused(content: bytes) -> None:
    """It comes first and says how the rest is to be read."""
    with pytest.raises(TraceError):
        about_of(Record(t_ns=0, kind=Kind.ABOUT, content=content))
