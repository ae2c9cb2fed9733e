"""Latencies counted: what a quantile may claim, and what it must not."""

from __future__ import annotations

import math
import random

import pytest

from amphost import probe
from amphost.latency.tally import BOUNDS_NS, Tally, add, from_probe, from_values

QUANTILES = ((1, 2), (99, 100), (999, 1000), (9999, 10_000))


def exact(values: list[int], numerator: int, denominator: int) -> int:
    """Return the smallest value that so large a share does not exceed."""
    return sorted(values)[math.ceil(len(values) * numerator / denominator) - 1]


def test_quantiles_are_those_of_the_values() -> None:
    """They are what a machine is judged by."""
    chance = random.Random(7)
    values = [round(chance.lognormvariate(9, 2)) for _ in range(20_000)]
    tally = from_values((value, 1) for value in values)
    assert tally.n == 20_000
    assert tally.max_ns == max(values)
    for numerator, denominator in QUANTILES:
        assert tally.quantile_ns(numerator, denominator) == exact(values, numerator, denominator)


@pytest.mark.parametrize(
    ("n", "known"), [(0, 0), (1, 0), (2, 1), (99, 1), (100, 2), (1000, 3), (9999, 3), (10_000, 4)]
)
def test_a_quantile_that_n_cannot_show_is_none(n: int, known: int) -> None:
    """p99.99 of a thousand values would be their maximum under a better name."""
    found = from_values([(5, n)] if n else []).quantiles_us()
    assert list(found) == ["p50", "p99", "p999", "p9999"]
    assert [value is not None for value in found.values()] == [True] * known + [False] * (4 - known)


def test_a_class_never_tells_more_than_the_largest_value() -> None:
    """The end of the last class may lie above everything that was seen."""
    tally = Tally(counts=((100, 50), (1055, 50)), max_ns=1030)
    assert tally.quantile_ns(99, 100) == 1030
    assert tally.quantile_ns(1, 2) == 100


def test_shares_are_exact_at_their_bounds() -> None:
    """Later than 10 us is later than 10 us, whatever the classes of a histogram are."""
    tally = from_values([(bound + step, 1) for bound in BOUNDS_NS for step in (-1, 0, 1)])
    assert tally.shares() == (10 / 12, 7 / 12, 4 / 12, 1 / 12)
    assert Tally().shares() == (None,) * 4


def test_every_value_falls_into_one_interval() -> None:
    """A picture must not lose or double what it shows."""
    tally = from_values([(0, 1), (9, 2), (10, 4), (99, 8), (100, 16), (5000, 32)])
    assert tally.within([0, 10, 100, 1000, 1 << 63]) == [3, 12, 16, 32]
    assert tally.within([10, 100]) == [12]


def test_two_tallies_add_up_to_that_of_all_values() -> None:
    """Slices of cyclictest are separate runs."""
    left, right = [(5, 1), (60_000, 2)], [(5, 3), (2_000_000, 1)]
    assert add(from_values(left), from_values(right)) == from_values([*left, *right])
    assert add(Tally(), from_values(left)) == from_values(left)


def test_bounds_are_those_of_the_native_probe() -> None:
    """The names of the report stand beside the probe's counts."""
    assert BOUNDS_NS == probe.BOUNDS_NS


def test_a_tally_of_a_probe_holds_what_the_probe_counted() -> None:
    """Nothing may get lost between C and the report."""
    words = probe.replay([5, 1_070_000, -1, 20_000, 3], 1_000_000, 10)
    tally = from_probe(words)
    assert tally.n == words["ticks"] == 8
    assert tally.over == (4, 2, 2, 2)
    assert tally.max_ns == 1_070_000
    assert tally.quantile_ns(1, 2) == 5
