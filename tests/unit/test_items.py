"""Items and their counts: whole or nothing, refused or dropped, and never lost uncounted."""

from __future__ import annotations

import random

import pytest

from amphost.items import HEAD, Assembly, Item, Work, parts

SIZES = [0, 1, 63, 64, 65, 128, 1000]


def numbers(work: Work) -> list[int]:
    """Return the items that wait."""
    return [item.number for item in work.waiting]


@pytest.mark.parametrize("size", SIZES)
def test_an_item_comes_out_as_it_went_in(size: int) -> None:
    """Whatever its size is against that of a message."""
    data = random.Random(size).randbytes(size)
    assembly = Assembly()
    messages = list(parts(Item(7, data, 0.0), 99, HEAD.size + 64))
    assert {len(message) for message in messages} == {HEAD.size + 64}
    assert len(messages) == max(-(-size // 64), 1)
    assert [assembly.add(message) for message in messages] == [
        *[None] * (len(messages) - 1),
        (7, 99, data),
    ]


def test_half_an_item_is_no_item() -> None:
    """A producer that died between two parts leaves one that nobody may take for whole."""
    first, second = (list(parts(Item(n, bytes([n]) * 150, 0.0), 0, HEAD.size + 64)) for n in (1, 2))
    assembly = Assembly()
    taken = [assembly.add(message) for message in (*first[:2], *second)]
    assert taken == [None, None, None, None, (2, 0, b"\2" * 150)]


def test_a_part_without_its_beginning_is_thrown_away() -> None:
    """A worker that starts in the middle waits for the next item."""
    first = list(parts(Item(1, b"a" * 150, 0.0), 0, HEAD.size + 64))
    assembly = Assembly()
    assert [assembly.add(message) for message in (first[1], first[2], first[0], first[2])] == [
        None
    ] * 4
    assert assembly.add(next(parts(Item(3, b"b", 0.0), 5, HEAD.size + 64))) == (3, 5, b"b")


def test_the_oldest_is_dropped_and_counted() -> None:
    """A newer frame is worth more than an older one."""
    work = Work(8, 2, drop_oldest=True)
    assert [work.submit(b"x") for _ in range(5)] == [1, 2, 3, 4, 5]
    assert numbers(work) == [4, 5]
    assert (work.submitted, work.dropped, work.refused) == (5, 3, 0)


def test_a_refused_item_stays_with_who_has_it() -> None:
    """Lossless: what was taken is done, what was not taken is known at once."""
    work = Work(8, 2, drop_oldest=False)
    assert [work.submit(b"x") for _ in range(4)] == [1, 2, 0, 0]
    assert numbers(work) == [1, 2]
    assert (work.submitted, work.dropped, work.refused) == (2, 0, 2)


def test_an_item_is_copied_and_may_not_be_too_large() -> None:
    """The buffer of a camera is reused for the next frame."""
    work = Work(4, 1, drop_oldest=True)
    frame = bytearray(b"abcd")
    work.submit(frame)
    frame[:] = b"wxyz"
    assert work.waiting[0].data == b"abcd"
    with pytest.raises(ValueError, match="an item of 5 bytes is more than item_bytes, 4"):
        work.submit(b"abcde")
    assert work.submitted == 1


def test_a_successor_goes_on_counting() -> None:
    """What waited in a process that died was dropped with it: the sum stays right."""
    work = Work(4, 1, drop_oldest=True, first=1 << 32)
    work.go_on_from((10, 1, 2, 7, 6, 0))
    assert (work.submitted, work.dropped, work.sent, work.finished) == (10, 3, 7, 6)
    assert work.submit(b"x") == 1 << 32
