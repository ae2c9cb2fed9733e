"""What the programs of the loop's benchmark print, read as latencies."""

from __future__ import annotations

import pytest

from bench.loop.latency import Gaps, Latencies
from bench.loop.linuxcnc import hal_text
from bench.loop.parse import (
    cpu_share,
    of_cyclictest,
    of_gaps,
    of_linuxcnc,
    of_python,
    of_role,
    thread_time,
)

# cyclictest --quiet --verbose --nsecs --threads=1 --affinity=1 --loops=6, rt-tests 2.4
CYCLICTEST = """Max CPUs = 2
Online CPUs = 2
Using 1 cpus.
# /dev/cpu_dma_latency set to 0us
Thread 0 using cpu 1.
Thread 0 Interval: 1000
       0:       0:   90123
       0:       1:   17651
       0:       2:   17002
       0:       3:   19877
       0:       4:   23257
       0:       5:   -1200
T: 0 ( 4698) P:80 I:1000 C:      6 Min:  11761 Act:   20228 Avg:   19302 Max:  102390
"""
# halsampler of LinuxCNC 2.9, times from call to call of a 1 ms thread
CALLS = "0 \n1006135 \n979925 \n1019575 \n1003640 \n1003511 \n987447 \n1024571 \n"
ROLE = """margin 44943 49010
wakeup 12 3
wakeup 13 1
wakeup 1055 4
execution 1055 4
execution 2175 1
ticks 9 2
"""


def test_cyclictest_gives_every_sample_behind_the_warm_up() -> None:
    """Its own summary rounds and holds the warm-up; its lines hold neither."""
    found = of_cyclictest(CYCLICTEST, skip=1)
    assert found.latency == Latencies({17651: 1, 17002: 1, 19877: 1, 23257: 1, 0: 1})


def test_cyclictest_that_measured_nothing_is_refused() -> None:
    """A peer that failed must be named, not counted as perfect."""
    with pytest.raises(ValueError, match="no period was measured"):
        of_cyclictest("WARN: stat /dev/cpu_dma_latency failed: No such file\n", skip=0)


def test_linuxcnc_counts_from_the_earliest_call_of_its_grid() -> None:
    """Its grid is not told; periods that are too long and too short belong to one lateness."""
    found = of_linuxcnc(CALLS, period_ns=1_000_000, skip=1)
    #      against the grid: 6135 -13940 5635 9275 12786 233 24804
    late = [20075, 0, 19575, 23215, 26726, 14173, 38744]
    assert found.latency == Latencies(dict.fromkeys(late, 1))


def test_linuxcnc_leaves_its_start_out() -> None:
    """Before it is SCHED_FIFO it is another candidate."""
    found = of_linuxcnc(CALLS, period_ns=1_000_000, skip=3)
    assert found.latency.counts == {9275 - 233: 1, 12786 - 233: 1, 0: 1, 24804 - 233: 1, 5402: 1}


def test_linuxcnc_that_lost_samples_is_refused() -> None:
    """Behind a hole every period would be one too late."""
    with pytest.raises(ValueError, match="overrun"):
        of_linuxcnc("0 \n1000000 \noverrun\n1000000 \n", period_ns=1_000_000, skip=1)


def test_halrun_is_told_the_period_and_the_number() -> None:
    """What is compared runs at the same rate for the same time."""
    text = hal_text(100_000, 700, "calls.txt")
    assert "period1=100000\n" in text
    assert text.endswith("halsampler -n 700 calls.txt\n")


def test_role_gives_latency_execution_margin_and_skips() -> None:
    """Its own histograms are what an operator would see."""
    found = of_role(ROLE)
    assert found.margin_ns == 49010
    assert found.skipped == 2
    assert isinstance(found.latency, Latencies)
    assert found.latency.total == 8
    assert found.execution is not None
    assert found.execution.quantile(0.5) == pytest.approx(1039, abs=16)


def test_bucket_is_spread_over_its_width() -> None:
    """Named by its largest value it would make ours up to 3 % later than it was."""
    found = of_role(ROLE).latency
    assert {12, 13} < set(found.counts)
    wide = sorted(value for value in found.counts if value > 64)
    assert wide == [1028, 1036, 1044, 1052]  # the bucket is [1024, 1055]


@pytest.mark.parametrize("text", ["", "ticks 1 0\n", "wakeup 1\nticks 1 0\n", "a role died\n"])
def test_role_that_said_something_else_is_refused(text: str) -> None:
    """Half of an output is no reading."""
    with pytest.raises(ValueError, match=r"no histogram|not a line"):
        of_role(text)


def test_python_prints_one_latency_a_line() -> None:
    """The first ones are its warm-up."""
    assert of_python("99999\n15000\n15000\n", skip=1).latency == Latencies({15000: 2})


def test_gaps_keep_the_time_that_was_watched() -> None:
    """Without it a number of gaps says nothing."""
    found = of_gaps("spun 2000000000 1\ngap 12000 1\ngap 12000 1\ngap 1500000 1\n").latency
    assert found == Gaps({12000: 2, 1_500_000: 1}, 2_000_000_000)


def test_gaps_without_their_time_are_refused() -> None:
    """A probe that was killed is none."""
    with pytest.raises(ValueError, match="watched"):
        of_gaps("gap 12000 1\n")


def test_share_of_a_core_is_of_the_last_seconds() -> None:
    """The start of a program, and what it waits for, is not its work."""
    assert thread_time("70745000 56284 2\n") == 70_745_000
    looks = [(5.0, 0), (10.0, 5_000_000), (10.5, 30_000_000), (11.0, 55_000_000)]
    assert cpu_share(looks, 1.0) == pytest.approx(0.05)
    assert cpu_share(looks[:1], 1.0) is None
    assert cpu_share([], 1.0) is None
