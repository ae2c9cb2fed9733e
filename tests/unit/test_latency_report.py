"""The report of a measurement: every figure in its place, a dash for what was not measured."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from amphost.latency.drawing import Paper
from amphost.latency.report import Findings, GapsSeen, Result, build, render
from amphost.latency.tally import Tally, from_values
from tests.unit.test_latency_band import PERFECT

GRANTED: dict[str, Any] = {"cores": [3], "policy": "fifo", "priority": 80, "memory_locked": True}
HYBRID = Result(
    name="hybrid",
    tally=from_values([(20, 9_900), (12_000, 90), (60_000, 10)]),
    skipped=7,
    cpu_share=0.0625,
    margin_ns=42_000,
)
OTHER = Result(
    name="cyclictest",
    tally=from_values([(15_000, 500)]),
    skipped=None,
    cpu_share=None,
    margin_ns=None,
)
FOUND = Findings(
    machine=PERFECT,
    date="2026-01-02T03:04:05Z",
    core=3,
    priority=80,
    period_ns=1_000_000,
    periods=10_007,
    granted=GRANTED,
    idle_held=True,
    results=(HYBRID, OTHER),
    gaps=GapsSeen(
        tally=from_values([(2_000, 50), (11_000, 20), (70_000, 1)]),
        watched_ns=2_000_000_000,
        gone_ns=400_000,
    ),
    cyclictest="2.40",
    cyclictest_found=True,
    lacks=(),
    interrupted=False,
)


def text(found: Findings = FOUND, **paper: Any) -> str:
    """Render on wide paper, or as asked."""
    return render(found, Paper(**({"width": 160} | paper)))


def test_every_figure_stands_in_the_text() -> None:
    """A figure that is measured and not shown might as well be missing."""
    lines = text().splitlines()
    (row,) = [line for line in lines if line.startswith("hybrid, margin 42")]
    assert row.split()[3:] == [
        *("0.02", "0.02", "12.0", "60.0", "60.0", "10007", "7"),
        *("1%", "0.1%", "0", "0", "6.2%"),
    ]
    (other,) = [line for line in lines if line.startswith("cyclictest  ")][:1]
    assert other.split()[1:] == [
        "15.0",
        "15.0",
        "-",
        "-",
        "15.0",
        "500",
        "-",
        "100%",
        "0",
        "0",
        "0",
        "-",
    ]
    assert lines[0].startswith("Raspberry Pi 5, Linux 6.12.1-rt, PREEMPT_RT, core 3 isolated")
    assert lines[1] == (
        "core 3, fifo 80, memory locked, cpu_dma_latency 0, 1000 Hz, 2026-01-02T03:04:05Z"
    )


def test_gaps_are_told_as_what_nobody_beats() -> None:
    """Or a loop is blamed for its host."""
    said = text()
    assert "never slept for 2.0 s: longest 70.0 us, 10.5/s over 10us, 0.5/s over 50us" in said
    nothing = replace(FOUND, gaps=GapsSeen(tally=Tally(), watched_ns=0, gone_ns=0))
    assert "gaps were not looked for" in text(nothing)
    none = replace(FOUND, gaps=GapsSeen(tally=Tally(), watched_ns=10**9, gone_ns=0))
    assert "none over 10us" in text(none)


def test_band_and_advice_close_the_report() -> None:
    """What it is good for is the answer to the question."""
    said = text()
    assert "hardware only: the latest of 10000 wake-ups came 60.0 us late" in said
    assert "to improve it" not in said
    slow = replace(FOUND, machine=replace(PERFECT, preempt_rt=False))
    assert "to improve it: run a Linux with PREEMPT_RT" in text(slow)


def test_each_lack_is_named() -> None:
    """A figure without rights is no figure of a role."""
    granted = {"cores": [0, 3], "policy": "other", "priority": 0, "memory_locked": False}
    said = text(replace(FOUND, granted=granted, idle_held=False, lacks=("cyclictest is out",)))
    for word in (
        "core 3, not real-time, memory not locked, cpu_dma_latency not held",
        "degraded: not pinned to core 3",
        "other programs had the core too",
        "degraded: no right to SCHED_FIFO 80",
        "degraded: its memory is not locked",
        "degraded: /dev/cpu_dma_latency is not held",
        "degraded: cyclictest is out",
    ):
        assert word in said, word
    lower = replace(FOUND, granted=GRANTED | {"priority": 50})
    assert "degraded: SCHED_FIFO 50, not 80: that is the most" in text(lower)
    assert "degraded" not in text()


def test_cyclictest_that_is_not_there_is_named_with_its_package() -> None:
    """So that a user can have the comparison."""
    alone = replace(FOUND, results=(HYBRID,), cyclictest=None, cyclictest_found=False)
    assert "cyclictest is not installed" in text(alone)
    assert "rt-tests" in text(alone)
    unasked = replace(alone, cyclictest_found=None)
    assert "cyclictest" not in text(unasked)
    assert build(unasked)["cyclictest"] == {"installed": None, "version": None}


def test_interrupted_report_says_how_far_it_came() -> None:
    """Half a minute is less than the minute that was asked for."""
    early = replace(FOUND, interrupted=True, periods=60_000)
    assert "interrupted after 10007 of 60000 periods" in text(early)
    empty = replace(HYBRID, tally=Tally(), skipped=0, cpu_share=None)
    nothing = replace(FOUND, interrupted=True, results=(empty,))
    assert text(nothing).endswith(
        "interrupted before the first slice was over: nothing was measured"
    )
    assert build(nothing)["band"] is None
    assert build(nothing)["results"][0]["p50_us"] is None
    assert build(nothing)["results"][0]["max_us"] is None


def test_narrow_paper_gets_two_tables_and_wrapped_sentences() -> None:
    """80 columns are what a serial console has."""
    for width in (60, 80):
        lines = text(width=width).splitlines()
        assert max(map(len, lines)) <= 80
        assert sum(line.startswith("cyclictest  ") for line in lines) == 2


def test_object_adds_up_and_is_json() -> None:
    """Scripts compare machines with it."""
    report = json.loads(json.dumps(build(FOUND), allow_nan=False))
    for result in report["results"]:
        assert sum(count for _, count in result["counts"]) == result["wakeups"]
        assert result["wakeups"] + (result["skipped"] or 0) == result["periods"]
    assert report["results"][0]["later"] == {"10us": 0.01, "50us": 0.001, "100us": 0, "1ms": 0}
    assert report["gaps"]["longer_per_s"]["10us"] == 10.5
    assert report["gaps"]["gone_share"] == 0.0002
    assert report["band"]["name"] == "hardware only"
