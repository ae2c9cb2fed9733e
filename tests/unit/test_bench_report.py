"""What the benchmark prints and keeps: rendered from one result, and current."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench import pages
from bench.benchmarks import MAILBOX
from bench.mailbox import report
from bench.mailbox.figures import RATIOS
from bench.mailbox.jobs import Job, all_jobs

ASKED = {
    "c_oneway_vs_cacheline",
    "c_oneway_vs_best_peer",
    "c_stream_vs_best_peer",
    "py_oneway_vs_best_peer",
    "py_batch_vs_best_peer",
    "publish_4_readers_vs_1",
    "blocking_vs_futex",
}


def readings(job: Job) -> dict[str, float]:
    """Return what each program prints."""
    if job.mode in ("stream", "batch", "backlog"):
        return {"per_second": 3e8}
    return {"p50_ns": 60.0, "p99_ns": 70.0, "p999_ns": 90.0, "clock_ns": 10.0}


def result(**absent: str) -> dict[str, Any]:
    """Return what a run would hold in which every job read the same."""
    jobs = all_jobs()
    played = {(job.key, job.mode): readings(job) for job in jobs}
    machine = {"machine": "m", "linux": "l", "virtual": "no", "commit": "c", "date": "d"}
    return report.result(
        jobs, [played, played], machine=machine, versions={"kickmsg": "1"}, absent=absent
    )


def test_every_asked_ratio_is_there_with_its_direction() -> None:
    """Whoever reads the JSON knows which way is better without asking."""
    ratios = json.loads(json.dumps(result()))["ratios"]
    assert set(ratios) >= ASKED
    for one in ratios.values():
        assert one["direction"] in ("lower is better", "higher is better")
        assert {"median", "low", "high", "reach", "reached"} <= set(one)


def test_ratio_that_nobody_measured_keeps_its_key() -> None:
    """A missing key would look like a figure that was never asked for."""
    empty = report.result([], [], machine={}, versions={}, absent={})
    assert set(empty["ratios"]) == {one.name for one in RATIOS}
    assert empty["ratios"]["blocking_vs_futex"]["median"] is None
    assert "not measured" in report.markdown(empty)


def test_absent_peer_is_named_with_its_reason() -> None:
    """A peer that is left out in silence makes every comparison suspect."""
    assert "* absent: iceoryx2: no wheel" in report.markdown(result(iceoryx2="no wheel"))
    assert "* absent: none" in report.markdown(result())


def test_every_job_has_its_row() -> None:
    """What was measured is shown, also where it does not flatter us."""
    text = report.markdown(result())
    missing = [job.label for job in all_jobs() if f"| {job.label} |" not in text]
    assert missing == []


def test_drain_has_its_own_bound() -> None:
    """It is asked for in messages a second, so it stands among the ratios as that."""
    found = result()
    assert "| `backlog` | higher is better | 300 million/s" in report.markdown(found)
    for row in found["rows"]:
        if "per_second" in row:
            row["per_second"]["median"] = 199e6
    [line] = [one for one in report.markdown(found).splitlines() if "`backlog`" in one]
    assert line.endswith("| **no** |")


@pytest.fixture
def kept() -> Any:
    """Read the result that stands in the checkout."""
    [(_, found)] = pages.kept([MAILBOX])
    return found


def test_kept_result_says_where_and_when(kept: dict[str, Any]) -> None:
    """A figure without its machine is none."""
    for name in ("machine", "linux", "virtual", "steal", "isolated", "governor", "commit", "date"):
        assert kept["machine"][name]


def test_reference_explains_every_ratio_and_option(root: Path) -> None:
    """A name that is nowhere explained is read in the wrong direction."""
    text = (root / "docs/reference/bench.md").read_text(encoding="utf-8")
    options = ("--quick", "--json", "--write", "--render", "--rounds", "--cores", "--only")
    for word in (*(one.name for one in RATIOS), *options):
        assert f"`{word}" in text, word
    for one in RATIOS:
        [line] = [line for line in text.splitlines() if line.startswith(f"| `{one.name}`")]
        assert ("| lower |" in line) is one.lower_is_better
        assert line.endswith(f"| {'-' if one.reach is None else format(one.reach, 'g')} |")
