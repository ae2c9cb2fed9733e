"""The report, built from the real objects of a run that was never started, and from journals."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from amphost.cli.report_text import render
from amphost.lifecycle import Fault
from amphost.mailbox import Segment
from amphost.plan.model import Plan
from amphost.supervisor.report import build, journal_safe_ms
from amphost.supervisor.runtime_dir import RuntimeDir
from amphost.supervisor.supervisor import Supervisor


@pytest.fixture
def supervisor(plan_of: Callable[..., Plan], tmp_path: Path) -> Iterator[Supervisor]:
    """A supervisor of the standard system that has started nothing."""
    runtime = RuntimeDir(tmp_path / "run", "motor")
    made = Supervisor(plan_of(), runtime, [], lambda _: None)
    yield made
    made.close()
    runtime.close(clean=True)


def report_of(supervisor: Supervisor) -> dict[str, Any]:
    """Build the report; it must pass through strict JSON unchanged."""
    built = build(supervisor)
    assert json.loads(json.dumps(built, allow_nan=False)) == built
    return built


def telemetry_says(supervisor: Supervisor, **values: float) -> None:
    """Publish telemetry's words in its place."""
    plan = supervisor.roles["telemetry"].plan.segment
    assert plan.channel is not None
    words = [values.get(signal.name, 0) for signal in plan.channel.signals]
    descriptor = supervisor.segments.descriptors["telemetry"]
    with Segment.attach(
        descriptor, plan, nonce=supervisor.segments.nonce, writable=True
    ) as segment:
        segment.attach_writer(segment.count() + 1)
        segment.publish(1, 0, words)


def test_a_run_that_started_nothing_has_a_whole_report(supervisor: Supervisor) -> None:
    """It is printed in every case; what was not measured is null, never 0."""
    built = report_of(supervisor)
    assert built["mode"] == "BOOT"
    assert (built["startup_ms"], built["time_to_safe_ms"]) == (None, None)
    for role in built["roles"].values():
        for name in ("core_got", "policy", "priority", "wakeup_latency_us", "uss_mb"):
            assert role[name] is None, name
        assert role["expected_ticks"] is None
    assert built["faults"] == []
    assert built["tracking"]["ok"] is False
    assert "BOOT" in render(built)


def test_tracking_is_what_telemetry_has_measured(supervisor: Supervisor) -> None:
    """rms from the sum of squares, against the bound of the spec."""
    telemetry_says(supervisor, tracking_count=4, tracking_square_sum=0.04, tracking_max=0.15)
    tracking = report_of(supervisor)["tracking"]
    assert tracking["n"] == 4
    assert tracking["rms"] == pytest.approx(0.1)
    assert tracking["ok"]
    telemetry_says(supervisor, tracking_count=4, tracking_square_sum=4.0, tracking_max=2.0)
    assert not report_of(supervisor)["tracking"]["ok"]


@pytest.mark.parametrize("square_sum", [math.nan, math.inf, -1.0])
def test_words_that_telemetry_should_not_write_do_not_cost_the_report(
    supervisor: Supervisor, square_sum: float
) -> None:
    """A role that runs wild spoils its own figures and no others."""
    telemetry_says(
        supervisor, tracking_count=4, tracking_square_sum=square_sum, tracking_max=math.nan
    )
    tracking = report_of(supervisor)["tracking"]
    assert tracking["ok"] is False
    assert (tracking["rms"], tracking["max"]) == (None, None)


def test_faults_are_listed_in_order_with_role_and_kind(supervisor: Supervisor) -> None:
    """The first one is usually the cause of the others."""
    supervisor.faults.record(Fault.LINK_LOST, supervisor.roles["io"], "first")
    supervisor.faults.record(Fault.INPUT_STALE, supervisor.roles["control"], "second")
    faults = report_of(supervisor)["faults"]
    assert [(f["fault"], f["role"], f["kind"], f["text"]) for f in faults] == [
        ("link_lost", "io", "io", "first"),
        ("input_stale", "control", "control", "second"),
    ]
    assert faults[0]["after_ms"] <= faults[1]["after_ms"]


def line(event: str, host_ns: int, since_us: int | None) -> str:
    """Write a line of a journal."""
    return json.dumps({"event": event, "host_ns": host_ns, "since_applied_us": since_us}) + "\n"


def test_only_a_stop_near_a_fault_counts_as_time_to_safe(tmp_path: Path) -> None:
    """An ordinary disarming takes its time too, and is none of the promise."""
    journal = tmp_path / "mcu.journal"
    journal.write_text(
        line("boot", 0, None)
        + line("safe_reached", 10_000_000_000, 99_000)
        + line("safe_reached", 20_000_000_000, None)
        + line("safe_reached", 20_500_000_000, 31_000)
        + line("lease_expired", 20_500_000_000, 77_000)
    )
    assert journal_safe_ms(journal, [20_000_000_000]) == [31.0]
    assert journal_safe_ms(journal, []) == []


@pytest.mark.parametrize(
    "rest", ['{"event": "safe_re', "[]\n", "3\n", '{"event": "safe_reached"}\n', "\x00\xff\n"]
)
def test_a_journal_that_was_cut_or_spoiled_costs_no_report(tmp_path: Path, rest: str) -> None:
    """A killed device leaves half a line."""
    journal = tmp_path / "mcu.journal"
    journal.write_text(line("safe_reached", 5, 31_000) + rest, encoding="latin-1")
    assert journal_safe_ms(journal, [5]) == [31.0]
    assert journal_safe_ms(tmp_path / "gone", [5]) == []
