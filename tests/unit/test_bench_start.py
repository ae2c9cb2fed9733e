"""What the benchmark of the start makes of its rounds."""

from __future__ import annotations

from typing import Any

from bench.benchmarks import ALL
from bench.start import report
from bench.start.report import REACH

PHASES = {"spec": 60.0, "plan": 5.0, "exec": 30.0, "settle": 40.0, "link": 3.0, "arm": 2.0}
RUN: dict[str, Any] = {
    "startup_ms": 140.0,
    "from_exec_ms": 75.0,
    "plan_kept": True,
    "phases_ms": PHASES,
    "memory_mb": {"control": {"uss": 3.5, "pss": None}},
}
ROUND: dict[str, Any] = {
    "bare_ms": 12.0,
    "kept": RUN,
    "fresh": RUN | {"startup_ms": 290.0, "from_exec_ms": 80.0},
    "spawn_ms": 200.0,
    "import_control_ms": 17.0,
    "bad_ms": {"001": 100.0, "002": 250.0},
}


def found(*rounds: dict[str, Any]) -> dict[str, Any]:
    """Return the result of these rounds."""
    return report.result(rounds, ["round 9, kept: no heartbeat"], {"machine": "a machine"})


def test_imports_and_bad_files_count_beyond_the_bare_interpreter() -> None:
    """The interpreter's own start is not ours to shorten."""
    figures = found(ROUND)["figures"]
    assert figures["import_control_ms"]["median"] == 5.0
    assert figures["bad_file_ms_max"]["median"] == 238.0
    assert figures["bare_ms"]["median"] == 12.0
    assert figures["kept_settle_phase_ms"]["median"] == 40.0
    assert "control_pss_mb" not in figures  # not measured: no figure


def test_each_figure_to_be_reached_is_said_to_be_or_not() -> None:
    """A missed one is not left out."""
    reach = found(ROUND, ROUND)["reach"]
    assert list(reach) == list(REACH)
    assert [name for name in reach if not reach[name]["reached"]] == [
        "fresh_startup_ms",
        "bad_file_ms_max",
    ]


def test_disturbed_run_gives_no_figure_and_is_listed() -> None:
    """A start under a fault is another one."""
    alone = {name: one for name, one in ROUND.items() if name not in ("kept", "fresh", "bad_ms")}
    result = found(alone)
    assert "kept_startup_ms" not in result["figures"]
    assert "* disturbed: round 9, kept: no heartbeat" in report.markdown(result)


def test_page_and_readme_show_what_is_to_be_reached() -> None:
    """Both are rendered from the one result."""
    result = found(ROUND)
    assert "| 140.0 | 200 | yes |" in report.readme(result)
    assert report.readme(result) in report.markdown(result)
    assert "start" in [one.name for one in ALL]
