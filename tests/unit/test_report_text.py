"""The report as people read it: every figure in its place, a dash for what was not measured."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from amphost.cli.report_text import DASH, render, table

SUMMARY = {"n": 10, "p50": 1.25, "p99": 2.5, "p999": 3.75, "max": 5.0}
SPAN = {"n": 10, "min_us": 31.5, "mean_us": 32.5, "max_us": 33.5}
ROLE: dict[str, Any] = {
    "kind": "control",
    "pid": 4711,
    "state": "ENDED",
    "restarts": 0,
    "core_asked": [1],
    "core_got": [1],
    "policy": "fifo",
    "priority": 80,
    "memory_locked": True,
    "sandboxed": True,
    "wait": "hybrid",
    "margin_us": 24.06,
    "calibrated_wakeup_us": 21.5,
    "ticks": 990,
    "expected_ticks": 1000,
    "skipped_ticks": 10,
    "overruns": 3,
    "deadline_misses": 4,
    "wakeup_latency_us": SUMMARY,
    "execution_us": SUMMARY,
    "response_us": SUMMARY | {"max": 61.5},
    "period_us": SUMMARY | {"max": 1007.5},
    "minor_faults": 21,
    "major_faults": 22,
    "voluntary_switches": 23,
    "involuntary_switches": 24,
    "migrations": 25,
    "waited_ms": 26.27,
    "cpu_percent": 12.34,
    "pss_mb": 5.67,
    "uss_mb": 4.56,
}
PHASES_MS = {"spec": 90.4, "plan": 31.0, "exec": 40.0, "settle": 120.0, "link": 35.0, "arm": 5.0}
REPORT: dict[str, Any] = {
    "system": "motor",
    "board": "loopback",
    "mode": "DISARMED",
    "armings": 1,
    "startup_ms": 321.4,
    "plan_kept": False,
    "startup_phases_ms": PHASES_MS,
    "time_to_safe_ms": None,
    "safe_within_ms": 200.0,
    "roles": {"control": ROLE},
    "link": {
        "mcu": {
            "frames_in": 11,
            "frames_out": 12,
            "bad_frames": 13,
            "sequence_gaps": 14,
            "session": "up",
            "sense_to_actuate_us": SUMMARY,
            "clock": {"skew_ppm": 34.96, "bound_us": 123.4},
            "seconds": 3,
            "load": {"in_mean": 0.4321, "out_mean": 0.0876},
            "round_trip": SPAN,
            "sense_to_actuate_parts": dict.fromkeys(("a", "b", "c", "d"), SPAN),
            "errors": {"bad_crc": 7, "lost": 0, "foreign": 8},
            "worst_second": {"after_ms": 2345.6, "errors": {"bad_crc": 6}},
            "injected": None,
            "events": [{"after_ms": 1234.5, "text": "link lost: the port hung up"}],
        }
    },
    "recording": {"path": "/runs/a.mcap", "samples": 77, "lost": 0, "reason": ""},
    "stream": {"sent": 66, "dropped": 5},
    "tracking": {"n": 9, "rms": 0.0123, "max": 0.5, "bound": 0.15, "unit": "rad", "ok": True},
    "faults": [],
    "degraded": [],
}


def text(**changes: Any) -> str:
    """Render the standard report with some keys changed."""
    return render(copy.deepcopy(REPORT) | changes)


def role(**changes: Any) -> str:
    """Render it with one role, some of its keys changed; return its line."""
    lines = text(roles={"control": ROLE | changes}).splitlines()
    return next(line for line in lines if line.startswith("control"))


def test_what_was_injected_is_shown_beside_what_was_noticed() -> None:
    """A run on a spoilt line must not pass for a run on a good one."""
    assert "injected" not in text()
    ways = {"to_host": {"faults": {"noise": 7}}, "to_device": {"faults": {"noise": 0, "loss": 3}}}
    link = REPORT["link"]["mcu"] | {"injected": ways | {"unplugs": 1}}
    assert (
        "faults injected on purpose:\n"
        "  mcu: noise 7 to host, noise 0 to device, loss 3 to device, unplugged 1 time(s)"
    ) in text(link={"mcu": link})
    assert "  mcu: nothing yet" in text(link={"mcu": link | {"injected": {}}})


def test_every_figure_stands_in_the_text() -> None:
    """A figure that is measured and not shown might as well be missing."""
    shown = text()
    for figure in (
        "+35.0 ppm, known to 123 us",
        "1234 ms  mcu: link lost: the port hung up",
        "motor on loopback: ended DISARMED, armed 1 time(s), first armed period 321 ms",
        "43.2 / 8.8",
        "31.5 / 32.5 / 33.5",
        "32.5 / 32.5 / 32.5 / 32.5",
        "7 bad_crc, 8 foreign",
        "2346 ms: 6 bad_crc",
        "990 of 1000",
        "1.2 / 2.5 / 3.8 / 5.0",
        "fifo 80",
        "hybrid 24.1 us",
        "1.2 / 2.5 / 61.5",
        "1.2 / 2.5 / 1007.5",
        "21 / 22",
        "23 / 24",
        "25",
        "26.3",
        "12.3",
        "4.6",
        "5.7",
        "/runs/a.mcap: 77 samples, 0 lost",
        "stream     66 samples sent, 5 not taken by the network",
        "rms 0.0123 (bound 0.15 rad), max 0.5000, n 9: ok",
    ):
        assert figure in shown, figure
    link = next(line for line in shown.splitlines() if line.startswith("mcu"))
    assert link.split()[:6] == ["mcu", "11", "12", "13", "14", "up"]
    assert "faults:" not in shown
    assert "degraded:" not in shown


@pytest.mark.parametrize(
    "missing",
    [
        {key: None}
        for key in (
            "core_got",
            "policy",
            "wakeup_latency_us",
            "execution_us",
            "cpu_percent",
            "uss_mb",
            "pss_mb",
        )
    ],
)
def test_what_was_not_measured_is_a_dash(missing: dict[str, None]) -> None:
    """Never 0, which would look like a perfect figure."""
    assert DASH in role(**missing).split()
    assert "None" not in role(**missing)


def test_what_linux_did_not_tell_is_a_dash() -> None:
    """A role that was never sampled did not run without page faults: nobody looked."""
    unsampled = dict.fromkeys(("minor_faults", "major_faults", "migrations", "waited_ms"))
    lines = text(roles={"control": ROLE | unsampled | {"period_us": None}}).splitlines()
    (line,) = [line for line in lines if line.startswith("control")][1:]
    assert line.split().count(DASH) == 5
    assert "None" not in line


def test_a_role_that_says_nothing_of_its_waiting_has_a_dash() -> None:
    """Io waits for bytes: a margin of 0 us would be a figure about something else."""
    lines = text(roles={"control": ROLE | {"wait": None, "margin_us": None}}).splitlines()
    (line,) = [line for line in lines if line.startswith("control")][1:]
    assert line.split()[1] == DASH
    slept = text(roles={"control": ROLE | {"wait": "sleep", "margin_us": 0.0}})
    assert "sleep  " in slept
    assert "sleep 0" not in slept


def test_a_role_that_never_ran_has_a_line() -> None:
    """The report is printed in every case, also when the start failed half-way."""
    counted = ("pid", "ticks", "skipped_ticks", "overruns", "deadline_misses")
    nothing = dict.fromkeys(ROLE) | {"core_asked": [1]} | dict.fromkeys(counted, 0)
    shown = text(
        roles={"control": nothing},
        startup_ms=None,
        startup_phases_ms=dict.fromkeys(PHASES_MS),
        link={},
        recording={"path": None, "samples": None, "lost": None, "reason": None},
        tracking={"n": 0, "rms": None, "max": None, "bound": 0.15, "ok": False},
    )
    assert "None" not in shown
    assert "first armed period - after" in shown
    assert "recording  -: - samples, an unknown number lost" in shown
    assert "NOT within its bound" in shown


def test_where_the_time_of_the_start_went_is_one_line() -> None:
    """Who wants a quicker start has to know where to look."""
    assert "start-up in ms: spec 90, plan 31, exec 40, settle 120, link 35, arm 5\n" in text()
    never = text(startup_ms=None, startup_phases_ms={**PHASES_MS, "arm": None})
    assert "start-up in ms" not in never


def test_a_core_that_was_not_granted_shows_what_was_asked() -> None:
    """A control role on every core is not what the plan promised."""
    assert "0,1 (asked 1)" in role(core_got=[0, 1])
    assert "asked" not in role(core_got=[0, 1], core_asked=[])


def test_why_a_recording_is_not_whole_stands_beside_it() -> None:
    """Lost samples without a reason send people to the wrong place."""
    full = {"path": "/a", "samples": 5, "lost": 6, "reason": "ENOSPC: No space left on device"}
    assert "5 samples, 6 lost (ENOSPC: No space left on device)" in text(recording=full)


def test_faults_and_lacks_are_listed_each_on_a_line() -> None:
    """They are the first thing to read after a bad run."""
    fault = {"after_ms": 12.4, "fault": "overrun", "role": "control", "text": "too many periods"}
    shown = text(faults=[fault, fault], degraded=["watchdog: x", "control: y"])
    assert shown.count("  12 ms  control: overrun: too many periods") == 2
    assert shown.endswith("degraded:\n  watchdog: x\n  control: y")


def test_a_stop_by_a_fault_shows_its_time_and_its_bound() -> None:
    """The promise of the product, and what became of it."""
    shown = text(time_to_safe_ms=31.23)
    assert "31.2 ms after the last applied actuation" in shown
    assert "(bound 200 ms)" in shown


def test_nothing_recorded_and_nothing_tracked_take_no_line() -> None:
    """A spec that asks for neither gets a shorter report."""
    shown = text(recording=None, tracking=None)
    assert "recording" not in shown
    assert "tracking" not in shown


def test_columns_are_as_wide_as_their_widest_entry() -> None:
    """So that a terminal shows a table."""
    lines = table(("a", "bb"), [("longer", "1"), ("x", "22")]).splitlines()
    assert lines == ["a       bb", "longer  1", "x       22"]
