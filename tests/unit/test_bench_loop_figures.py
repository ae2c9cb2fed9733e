"""Quantiles, shares, ratios and growth of the loop's benchmark, on readings nobody measured."""

from __future__ import annotations

import pytest

from bench.loop import growth
from bench.loop.candidates import CANDIDATES
from bench.loop.figures import RATIOS, Round, latency, ratio, reached, row
from bench.loop.latency import Gaps, Latencies, figures, pooled
from bench.loop.parse import Reading

BY_NAME = {one.name: one for one in RATIOS}


def slices(**counts: dict[int, int]) -> Round:
    """Return a round under one load in which each key has these latencies at 1 kHz."""
    return {
        (f"{key}@1000", "idle"): [Reading(latency=Latencies(one))] for key, one in counts.items()
    }


def test_quantile_is_the_least_that_so_many_do_not_exceed() -> None:
    """One late period in a thousand is p99.9's neighbour, not p99.9."""
    found = Latencies({10: 999, 5_000_000: 1})
    assert found.quantile(0.5) == found.quantile(0.999) == 10
    assert found.quantile(0.9999) == 5_000_000


def test_share_later_does_not_count_the_limit_itself() -> None:
    """It says later than."""
    assert Latencies({10_000: 1, 10_001: 1}).share_later(10_000) == 0.5


def test_gap_makes_a_release_late_by_what_is_left_of_it() -> None:
    """A release in the middle of a gap of 100 µs is 50 µs late, in the first tenth over 90 µs."""
    found = Gaps({100_000: 10}, 1_000_000_000)
    assert found.share_later(0) == pytest.approx(0.001)
    assert found.share_later(90_000) == pytest.approx(0.0001)
    assert found.quantile(0.9999) == pytest.approx(90_000, abs=2)
    assert found.quantile(0.5) == 0
    assert found.per_second(10_000) == 10


def test_slices_are_pooled_by_their_counts() -> None:
    """The median of medians is not the median."""
    found = pooled([Latencies({1: 1}), Latencies({2: 3, 1: 1})])
    assert found == Latencies({1: 2, 2: 3})
    assert pooled([Gaps({5: 1}, 10), Gaps({5: 1}, 30)]) == Gaps({5: 2}, 40)
    assert pooled([]) is None


def test_quantiles_are_divided_inside_each_round() -> None:
    """A slow minute is slow for both."""
    rounds = [
        slices(hybrid={20: 10}, cyclictest={20_000: 10}),
        slices(hybrid={400: 10}, cyclictest={40_000: 10}),
        slices(hybrid={20: 10}, cyclictest={10_000: 10}),
    ]
    found = ratio(rounds, BY_NAME["hybrid_p50_vs_cyclictest"])
    assert found["median"] == found["value"] == pytest.approx(0.002)
    assert found["low"] == pytest.approx(0.001)
    assert found["high"] == pytest.approx(0.01)
    assert reached(BY_NAME["hybrid_p50_vs_cyclictest"], found) is True


def test_rare_shares_are_divided_over_all_rounds() -> None:
    """A round in which nobody was late says little, and two such are no division by zero."""
    rounds = [
        slices(hybrid={20: 999}, cyclictest={20_000: 999}),
        slices(hybrid={20: 999, 2_000_000: 1}, cyclictest={20_000: 995, 2_000_000: 4}),
    ]
    found = ratio(rounds, BY_NAME["hybrid_late1ms_vs_cyclictest"])
    assert found["value"] == found["pooled"] == pytest.approx(1.5 / 4.5, rel=1e-2)
    assert ratio(rounds[:1], BY_NAME["hybrid_late1ms_vs_cyclictest"])["value"] == pytest.approx(1)


def test_ratio_without_its_peer_is_not_reached() -> None:
    """An absent cyclictest makes nobody better than it."""
    wanted = BY_NAME["sleep_p999_vs_cyclictest"]
    found = ratio([slices(sleep={1: 1})], wanted)
    assert found["value"] is None
    assert reached(wanted, found) is None


def test_asked_ratios_keep_their_reach() -> None:
    """These are what the loop is held to."""
    asked = {
        "hybrid_p50_vs_cyclictest": 1 / 200,
        "hybrid_late10us_vs_cyclictest": 1 / 20,
        "hybrid_late50us_vs_cyclictest": 1,
        "hybrid_late100us_vs_cyclictest": 1,
        "hybrid_late1ms_vs_cyclictest": 1,
        "sleep_p50_vs_cyclictest": 1,
        "sleep_p99_vs_cyclictest": 1,
        "sleep_p999_vs_cyclictest": 1,
        "hybrid_p50_10khz_vs_cyclictest": 1,
        "hybrid_p99_10khz_vs_cyclictest": 1,
        "hybrid_p999_10khz_vs_cyclictest": 1,
    }
    assert {name: BY_NAME[name].reach for name in asked} == asked


def test_both_sides_of_a_ratio_hold_the_same_latency() -> None:
    """Idle states are worth ten times more than any strategy."""
    awake = {one.key: one.awake for one in CANDIDATES}
    assert all(awake[one.ours] and awake[one.other] for one in RATIOS)


def test_row_has_what_a_load_gave_or_all_of_them() -> None:
    """Pooled over loads, and each by itself."""
    played: Round = {
        ("hybrid@1000", "idle"): [Reading(latency=Latencies({10: 2}), cpu=0.04, margin_ns=100)],
        ("hybrid@1000", "both"): [Reading(latency=Latencies({90: 2}), cpu=0.06, margin_ns=300)],
    }
    found, idle = row([played], "hybrid@1000", None), row([played], "hybrid@1000", "idle")
    assert found is not None
    assert idle is not None
    assert (found["periods"], found["margin_ns"]) == (4, 200)
    assert found["cpu"] == pytest.approx(0.05)
    assert (idle["periods"], idle["p99_ns"]) == (2, 10)
    assert row([played], "hybrid@1000", "other") is None
    assert latency([played], "sleep@1000") is None
    assert set(figures(Latencies({1: 1}))) <= set(found)


def costs(slope: float, crowd: float) -> growth.Costs:
    """Return a round in which a signal costs so many ns."""
    found = {
        (growth.SIGNALS, number): {"p50_ns": 100 + 2 * number * slope} for number in growth.STEPS
    }
    found |= {(growth.READERS, number): {"p50_ns": 100.0} for number in growth.CROWDS}
    found[growth.READERS, growth.CROWDS[-1]] = {"p50_ns": 100 * crowd}
    return found


def test_line_is_fitted_to_the_medians() -> None:
    """One round of three in which the machine was away bends nothing."""
    found = growth.growth([costs(5, 1), costs(50, 1), costs(5, 1)])["fit"]
    assert found["ns_a_signal"] == pytest.approx(5)
    assert found["ns_without"] == pytest.approx(100)
    assert found["worst_residual_ns"] == pytest.approx(0, abs=1e-6)
    assert found["r_squared"] == pytest.approx(1)


def test_line_through_too_few_points_is_none() -> None:
    """Two points lie on every line."""
    assert growth.fit([{"number": 1, "median": 1}, {"number": 2, "median": 9}]) is None


def test_crowd_is_held_against_one_reader() -> None:
    """The first reader takes a line away from its writer; the next ones must not."""
    found = growth.crowd_ratio([costs(5, 1.0), costs(5, 1.2), costs(5, 1.1)])
    assert found is not None
    assert found.median == pytest.approx(1.1)
    assert growth.crowd_ratio([]) is None
