"""The arithmetic of the benchmark, on readings that nobody measured."""

from __future__ import annotations

import itertools
import random

import pytest

from bench.mailbox.figures import RATIOS, Ratio, Round, ratio, reached, spreads
from bench.mailbox.jobs import all_jobs
from bench.mailbox.play import shuffled
from bench.spread import Spread

BY_NAME = {one.name: one for one in RATIOS}


def pings(**p50_ns: float) -> Round:
    """Return a round in which each key's one-way latency is this."""
    return {(f"c.{key}", "oneway"): {"p50_ns": value} for key, value in p50_ns.items()}


def test_ratio_is_taken_inside_each_round() -> None:
    """A machine that is slow for a minute is slow for both sides of that minute."""
    rounds = [pings(ours=50, line=50), pings(ours=500, line=400), pings(ours=60, line=50)]
    found = ratio(rounds, BY_NAME["c_oneway_vs_cacheline"])
    assert found == Spread(median=1.2, low=1.0, high=1.25)


def test_best_peer_is_the_best_of_that_round() -> None:
    """Against an average peer, or the peer that was best elsewhere, everybody would win."""
    rounds = [pings(ours=60, spsc=80, boost=120), pings(ours=60, spsc=120, boost=75)]
    found = ratio(rounds, BY_NAME["c_oneway_vs_best_peer"])
    assert found is not None
    assert (found.low, found.high) == (0.75, 0.8)


def test_best_of_a_rate_is_the_highest() -> None:
    """The direction is the ratio's own: the lowest rate would flatter us."""
    rates = {"c.ours": 60.0, "c.spsc": 50.0, "c.ck": 20.0}
    played = {(key, "stream"): {"per_second": rate} for key, rate in rates.items()}
    found = ratio([played], BY_NAME["c_stream_vs_best_peer"])
    assert found is not None
    assert found.median == 1.2


def test_round_without_one_side_counts_nothing() -> None:
    """A peer that failed in a round must not leave us compared with the rest of another."""
    assert ratio([pings(ours=60), pings(line=50)], BY_NAME["c_oneway_vs_cacheline"]) is None


def test_spread_is_the_tenth_and_the_ninetieth_percentile_of_the_rounds() -> None:
    """One round that a neighbour spoiled must not be the figure."""
    rounds = [pings(ours=float(value)) for value in [*range(1, 11), 1000]]
    assert spreads(rounds, "c.ours", "oneway")["p50_ns"] == Spread(median=6, low=2, high=10)


@pytest.mark.parametrize(
    ("name", "median", "expected"),
    [
        ("c_oneway_vs_cacheline", 1.1, True),
        ("c_oneway_vs_cacheline", 1.11, False),
        ("c_stream_vs_best_peer", 1.2, True),
        ("c_stream_vs_best_peer", 1.19, False),
        ("c_oneway_vs_seqlock", 9.0, None),
    ],
)
def test_reach_follows_the_direction(name: str, median: float, expected: bool | None) -> None:
    """A ratio of 2 is good news for a rate and bad news for a latency."""
    assert reached(BY_NAME[name], Spread(median=median, low=0, high=9)) is expected


def test_unmeasured_is_not_reached() -> None:
    """What was not measured is neither a success nor a failure of the code."""
    assert reached(BY_NAME["blocking_vs_futex"], None) is None


@pytest.mark.parametrize("wanted", RATIOS, ids=lambda one: one.name)
def test_every_side_of_every_ratio_is_measured(wanted: Ratio) -> None:
    """A key that no job has would leave a peer out in silence."""
    measured = {(job.key, job.mode) for job in all_jobs()}
    assert {(key, wanted.mode) for key in (*wanted.ours, *wanted.others)} <= measured


def test_round_plays_every_job_next_to_its_peers() -> None:
    """A machine that changes within a round must change for both sides of a ratio."""
    jobs = all_jobs()
    played = shuffled(jobs, random.Random(1))
    assert set(played) == set(jobs)
    blocks = [key for key, _ in itertools.groupby(played, lambda job: (job.group, job.mode))]
    assert len(blocks) <= 3 * 2 * len({(job.group, job.mode) for job in jobs})
    assert played != shuffled(jobs, random.Random(2))


def test_no_two_jobs_write_one_reading() -> None:
    """The later would overwrite the earlier."""
    keys = [(job.key, job.mode) for job in all_jobs()]
    assert len(keys) == len(set(keys))


def test_programs_of_one_name_are_built_alike() -> None:
    """Two configurations in one file would measure whichever was built last."""
    built: dict[str, tuple[str, tuple[str, ...]]] = {}
    for job in all_jobs():
        if job.source and job.group == "C to C":
            assert built.setdefault(job.program, (job.source, job.defines)) == (
                job.source,
                job.defines,
            )
