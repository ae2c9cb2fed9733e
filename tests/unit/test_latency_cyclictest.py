"""cyclictest beside us: the same terms, and its answer read or refused."""

from __future__ import annotations

import json

import pytest

from amphost.latency.cyclictest import command, result

ANSWER = {
    "file_version": 1,
    "rt_test_version:": "2.40",
    "thread": {
        "0": {
            "histogram": {"12852": 2, "60000": 1, "999999": 1},
            "cycles": 6,
            "min": 12852,
            "max": 2_500_000,
        }
    },
}


def test_it_is_measured_on_the_same_terms() -> None:
    """Another core or priority would be another machine."""
    words = command(
        "/usr/bin/cyclictest",
        core=3,
        priority=80,
        period_ns=250_000,
        periods=4000,
        lock=True,
        result="/dev/fd/9",
    )
    assert words[0] == "/usr/bin/cyclictest"
    assert {"--affinity=3", "--interval=250", "--loops=4000", "--priority=80"} <= set(words)
    assert {"--policy=fifo", "--mlockall", "--json=/dev/fd/9", "--threads=1"} <= set(words)


def test_memory_is_locked_where_ours_is() -> None:
    """Without that right it would refuse to run."""
    for lock in (False, True):
        words = command("x", core=0, priority=1, period_ns=1, periods=1, lock=lock, result="r")
        assert ("--mlockall" in words) is lock
        assert "--interval=1" in words


def test_its_answer_is_counted_in_full() -> None:
    """What it did not sort, being later than a millisecond, counts as its largest."""
    found = result(json.dumps(ANSWER))
    assert found is not None
    tally, version = found
    assert version == "2.40"
    assert tally.n == 6
    assert tally.max_ns == 2_500_000
    assert tally.over == (6, 4, 3, 2)
    assert tally.counts[0] == (12852, 2)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Unable to change scheduling policy!",
        "{}",
        "[]",
        '{"thread": {"0": {"histogram": {"x": 1}, "cycles": 1, "max": 1}}}',
        '{"thread": {"0": {"histogram": {"5": 9}, "cycles": 1, "max": 5}}}',
        '{"thread": {"0": {"histogram": [], "cycles": 1, "max": 5}}}',
    ],
)
def test_what_is_no_answer_is_refused(text: str) -> None:
    """An old or a failing one must not become a contestant without values."""
    assert result(text) is None
