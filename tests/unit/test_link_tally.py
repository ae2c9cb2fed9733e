"""What a line's seconds say in words: differences, times, identity, and which was the worst."""

from __future__ import annotations

import math
from typing import Any

import pytest

from amphost.link import tally
from amphost.plan.link_segments import COUNTS, TALLY_WORDS

ZERO = {name: 0.0 if kind == "f64" else 0 for name, kind, _ in TALLY_WORDS}


def words(**changed: Any) -> dict[str, Any]:
    """Return the words of a second in which nothing happened but what is said."""
    return tally.words_of(list((ZERO | {"interval_ns": 10**9} | changed).values()))


def test_every_word_has_its_name() -> None:
    """A record that is longer or shorter is another version's."""
    assert words(bad_crc=3)["bad_crc"] == 3
    with pytest.raises(ValueError, match="zip"):
        tally.words_of([0] * (len(TALLY_WORDS) - 1))


def test_counts_are_differences() -> None:
    """The words go on over the seconds, a person asks about this one."""
    before, now = words(frames_in=100, lost=2), words(frames_in=150, lost=5)
    since = tally.counts_since(now, before)
    assert (since["frames_in"], since["lost"]) == (50, 3)
    assert tally.counts_since(now, None)["frames_in"] == 150
    assert set(since) == set(COUNTS)


def test_identity_is_as_the_device_says_it() -> None:
    """Two firmwares are told apart by what stands here."""
    board = b"pico-rig".ljust(32, b"\0")
    halves = {f"board_{i}": int.from_bytes(board[8 * i : 8 * i + 8], "little") for i in range(4)}
    told = tally.identity_of(
        words(
            protocol=0x100, firmware=0x010203, reset_cause=3, schema_hash=0xAB, boot_nonce=9,
            device_baud=115200, device_lease_us=50000, device_state_period_us=1000, **halves,
        )
    )  # fmt: skip
    assert told == {
        "board": "pico-rig",
        "firmware": "1.2.3",
        "protocol": "1.0",
        "boot_nonce": 9,
        "reset_cause": "watchdog",
        "schema_hash": "000000ab",
        "baud": 115200,
        "lease_ms": 50.0,
        "state_rate_hz": 1000.0,
    }
    assert tally.identity_of(words()) is None


def test_what_was_not_measured_is_none() -> None:
    """Zero would be a figure."""
    assert tally.times_of(words())["round_trip"]["max_us"] is None
    assert tally.clock_of(words()) is None
    assert tally.standing_of(words())["device_mode"] is None
    assert tally.standing_of(words())["refusal"] is None


def test_hostile_numbers_have_no_names_and_no_traceback() -> None:
    """The words come from shared memory, which any version may have written."""
    told = tally.standing_of(words(session=99, refusal=99, device_mode=99, states=1))
    assert (told["session"], told["refusal"], told["device_mode"]) == ("unknown",) * 3


def test_times_of_several_seconds_are_put_together() -> None:
    """Least of the least, most of the most, and the mean over all."""
    totals = tally.Totals()
    for least, total, most, count in ((10, 60, 30, 3), (5, 25, 20, 2), (0, 0, 0, 0)):
        totals.add(
            1,
            words(
                round_trip_count=count,
                round_trip_min_ns=least * 1000,
                round_trip_sum_ns=total * 1000,
                round_trip_max_ns=most * 1000,
            ),
        )
    assert totals.times()["round_trip"] == {
        "n": 5,
        "min_us": 5.0,
        "mean_us": 17.0,
        "max_us": 30.0,
    }
    assert totals.seconds == 3


def test_worst_second_is_the_one_with_most_errors_then_the_slowest() -> None:
    """A report has room for one."""
    totals = tally.Totals()
    totals.add(1, words(round_trip_max_ns=9000, round_trip_count=1))
    totals.add(2, words(bad_crc=2))
    totals.add(3, words(bad_crc=4, round_trip_max_ns=5000, round_trip_count=1))
    totals.add(4, words(bad_crc=4, round_trip_max_ns=90000, round_trip_count=1))
    assert totals.worst is not None
    assert totals.worst["t_ns"] == 3
    assert totals.worst["errors"]["bad_crc"] == 2


def test_load_is_weighed_by_the_length_of_each_second() -> None:
    """The last one of a run is short."""
    totals = tally.Totals()
    totals.add(1, words(load_in=0.5, load_out=0.1))
    totals.add(2, words(load_in=0.1, load_out=0.1, interval_ns=10**9 // 3))
    loads = totals.loads()
    assert loads["in_mean"] == pytest.approx(0.4)
    assert loads["in_max"] == 0.5
    unknown = tally.Totals()
    unknown.add(1, words(load_in=math.nan, load_out=math.nan))
    assert set(unknown.loads().values()) == {None}
