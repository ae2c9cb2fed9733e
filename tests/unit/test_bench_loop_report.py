"""What the loop's benchmark prints and keeps: rendered from one result alone."""

from __future__ import annotations

import itertools
import json
import random
import xml.etree.ElementTree as ET  # our own text
from pathlib import Path
from typing import Any

import pytest

from bench.loop import growth, profile, report
from bench.loop.__main__ import arguments
from bench.loop.candidates import CANDIDATES, GAPS, LOADS, Candidate
from bench.loop.figures import RATIOS
from bench.loop.latency import Gaps, Latencies
from bench.loop.parse import Reading
from bench.loop.play import Course, command_of, shuffled

MACHINE = {"machine": "m", "linux": "l", "virtual": "no", "commit": "c", "date": "d"}
COURSE = Course(rounds=1, limit_s=1, slice_s=1.4, cores=(3, 2), seed=1)


def reading(one: Candidate) -> Reading:
    """Return what this candidate would give."""
    if one.program == GAPS:
        return Reading(latency=Gaps({20_000: 7}, 10**9))
    latency = Latencies({15 if one.kind == "hybrid" else 15_000: 999, 400_000: 1})
    executed = Latencies({1200: 1000}) if one.is_ours else None
    return Reading(latency=latency, cpu=0.05, execution=executed, margin_ns=40_000)


def result(**absent: str) -> dict[str, Any]:
    """Return what a run would hold in which every candidate read the same twice."""
    played = {(one.key, load): [reading(one)] for one in CANDIDATES for load in LOADS}
    cost = {
        (point.kind, point.number): {"p50_ns": 300.0 + 10 * point.number, "per_second": 1e6}
        for point in growth.POINTS
    }
    return report.result(
        CANDIDATES, [played] * 2, [cost] * 2, machine=MACHINE, versions={"rt-tests": "2"},
        absent=absent,
    )  # fmt: skip


def test_every_candidate_has_its_row_under_every_load() -> None:
    """What was measured is shown, also where it does not flatter us."""
    text = report.markdown(result())
    for one in CANDIDATES:
        tables = 1 if one.rate else 2  # the gaps stand beside every rate
        same = sum(other.label == one.label for other in CANDIDATES)
        assert text.count(f"\n| {one.label} |") == tables * same * (1 + len(LOADS)), one.label


def test_every_figure_has_direction_reach_and_spread() -> None:
    """Whoever reads the JSON knows which way is better without asking."""
    ratios = json.loads(json.dumps(result()))["ratios"]
    assert {one.name for one in RATIOS} < set(ratios)
    for one in ratios.values():
        assert one["direction"] in ("lower is better", "higher is better")
        assert {"value", "median", "low", "high", "reach", "reached"} <= set(one)


def test_late_share_needs_its_cost_in_bounds() -> None:
    """Who spins for ever is never late; that is not what is asked."""
    found = result()
    assert found["ratios"]["hybrid_late10us_vs_cyclictest"]["reached"] is True
    name = "hybrid_late10us_vs_cyclictest"
    dear = {
        (one.key, "idle"): [Reading(latency=reading(one).latency, cpu=0.2)] for one in CANDIDATES
    }
    assert report.ratios([dear], [])[name]["reached"] is False


def test_what_is_compared_is_played_one_after_the_other() -> None:
    """A machine is slow for seconds: both sides of a ratio must stand in the same ones."""
    plays = shuffled(CANDIDATES, random.Random(5), is_quick=False)
    order = [one for one, _ in plays]
    blocks = {one.key: one.block for one in CANDIDATES}
    assert all(blocks[one.ours] == blocks[one.other] != "" for one in RATIOS)
    runs = [(name, len(list(run))) for name, run in itertools.groupby(one.block for one in order)]
    for name, length in runs:
        size = sum(one.block == name for one in CANDIDATES)
        assert name == "" or length % size == 0
    for block in filter(None, set(blocks.values())):
        phases = [phase for one, phase in plays if one.block == block]
        size = sum(one.block == block for one in CANDIDATES)
        chunks = [phases[at : at + size] for at in range(0, len(phases), size)]
        assert all(len(set(chunk)) == 1 for chunk in chunks)
        assert len(set(phases)) > 1
    assert {one.key: order.count(one) for one in CANDIDATES} == {
        one.key: one.plays for one in CANDIDATES
    }


def test_nothing_measured_keeps_every_key() -> None:
    """A missing key would look like a figure that was never asked for."""
    empty = report.result([], [], [], machine=MACHINE, versions={}, absent={})
    assert set(empty["ratios"]) == set(result()["ratios"])
    text = report.markdown(empty)
    assert text.count("not measured") == len(empty["ratios"])
    assert "<svg" in report.pictures(empty)[report.PICTURE]
    assert report.readme(empty)


def test_absent_peer_is_named_with_its_reason() -> None:
    """A peer that is left out in silence makes every comparison suspect."""
    text = report.markdown(result(**{"linuxcnc-uspace": "no package"}))
    assert "* absent: linuxcnc-uspace: no package" in text
    assert "* absent: none" in report.markdown(result())


def test_plot_is_a_picture_with_every_point() -> None:
    """It is shown as it is: a point that is not drawn was not measured."""
    picture = report.pictures(result())[report.PICTURE]
    root = ET.fromstring(picture)  # noqa: S314 - our own text
    circles = root.findall(".//{http://www.w3.org/2000/svg}circle")
    assert len(circles) == len(growth.STEPS) + len(growth.CROWDS)
    assert f"({report.PICTURE})" in report.markdown(result())


def test_readme_shows_1_khz_over_all_loads() -> None:
    """One short table: who wants more follows the link."""
    text = report.readme(result())
    shown = [one for one in CANDIDATES if one.rate in (0, 1000)]
    assert sum(line.startswith("| ") for line in text.splitlines()) == len(shown) + 2
    assert "bench/RESULTS.md" in text


def test_figure_out_of_reach_is_set_beside_the_machine() -> None:
    """What the machine takes away is the first thing to know about a late period."""
    found = result()
    found["ratios"]["hybrid_late1ms_vs_cyclictest"]["reached"] = False
    [line] = [one for one in profile.hints(found, str) if "late1ms" in one]
    assert "ours 0 %" in line
    assert "the machine 0 %" in line


def test_slow_period_is_set_beside_the_same_in_warm_caches() -> None:
    """What a sleep does to the caches is not the law's doing."""
    found = result()
    found["ratios"]["execution_p50_ns"]["reached"] = False
    [line] = [one for one in profile.hints(found, lambda: "9 instructions") if "p50_ns" in one]
    assert "9 instructions; 300 ns back to back" in line


@pytest.mark.parametrize("one", CANDIDATES, ids=[one.key for one in CANDIDATES])
def test_everybody_runs_on_the_same_core_for_the_same_time(one: Candidate) -> None:
    """A candidate on another core, or at another priority, would be another experiment."""
    words = command_of(one, COURSE, 250) if one.program != "linuxcnc" else []
    if one.program == "cyclictest":
        assert {"--affinity=3", "--mainaffinity=2", "--priority=80", "--mlockall"} < set(words)
        assert {f"--interval={10**6 // one.rate}", "--secaligned=250"} < set(words)
        assert ("--laptop" in words) is not one.awake
    elif words:
        assert {"3", "80"} < set(words)
        assert words[-1] == "250" or one.program == GAPS
        assert "1.4" in words or "1.6" in words


@pytest.mark.parametrize("cores", ["x", "0", "0,0", "0,4096", "", "0;1"])
def test_cores_that_cannot_be_measured_are_wrong_usage(
    cores: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is told in a line needs no traceback."""
    with pytest.raises(SystemExit) as ended:
        arguments(["--cores", cores])
    assert ended.value.code == 2
    assert "argument --cores: needs two or more of" in capsys.readouterr().err


def test_reference_explains_every_figure_and_option(root: Path) -> None:
    """A name that is nowhere explained is read in the wrong direction."""
    text = (root / "docs/reference/bench.md").read_text(encoding="utf-8")
    part = text.partition("# The benchmark of the loop")[2]
    options = [word for word in vars(arguments([])) if word != "json"]
    for option in options:
        assert f"`--{option}" in part, option
    for name, one in result()["ratios"].items():
        [line] = [line for line in part.splitlines() if line.startswith(f"| `{name}`")]
        assert ("| lower |" in line) is one["direction"].startswith("lower")
        reach = "-" if one["reach"] is None else f"{one['reach']:g}"
        assert line.endswith(f"| {reach} |"), name
