"""Two control roles on one grid, each with its own rate and phase, one through the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.live import LiveRun

OUTER = """\
  outer:
    kind: control
    core: 1
    priority: 78
    rate_hz: 23
    phase_ms: 7
    blackout_ms: 5000
    reads:
      position: {from: io.position, max_age_ms: 3000, stale: hold, trip_after_ms: 3000}
      target: operator.target
    law:
      error: {subtract: [target, position]}
      setpoint: {gain: error, by: 0.5}
    writes:
      setpoint: {unit: rad, range: [-3, 3], safe: 0.0}
  telemetry:
"""
LAW = """\
      target: operator.target
    law:
      error: {subtract: [target, position]}
      voltage: {gain: error, by: 0.5}
"""
INNER_LAW = """\
      target: {from: outer.setpoint, max_age_ms: 3000, trip_after_ms: 3000}
    law:
      voltage: {gain: target, by: 1.0}
"""
CHANGES = (
    (LAW, INNER_LAW),
    ("    rate_hz: 50\n", "    rate_hz: 50\n    phase_ms: 2.5\n"),
)


@pytest.mark.parametrize("core", [0, 1])
def test_a_cascade_accounts_for_every_period_of_each_role(
    start: Callable[..., LiveRun], patient: Callable[..., Path], core: int
) -> None:
    """Rates that share no measure, on one core or on two: ticks and skipped are what there was."""
    outer = OUTER.replace("core: 1", f"core: {core}").replace(
        "priority: 78", f"priority: {90 if core == 0 else 78}"
    )
    run = start("--for", "1.5s", spec=patient(*CHANGES, ("  telemetry:\n", outer)))
    code, report, err = run.finish()
    assert code == 0, err
    assert report["armings"] == 1
    for name in ("control", "outer", "io"):
        role = report["roles"][name]
        assert role["ticks"] + role["skipped_ticks"] == role["expected_ticks"], name
        assert role["ticks"] > 0, name
    assert report["grid"]["watched_core"] == 1
    assert (report["grid"]["clear_us"] is None) == (report["grid"]["tick_after_origin_us"] is None)


def test_a_loop_on_the_clock_of_its_device_accounts_for_every_period(
    start: Callable[..., LiveRun], patient: Callable[..., Path]
) -> None:
    """Its device's clock is off by some ppm: the loop goes with it, and nothing is miscounted."""
    paced = ("    rate_hz: 50\n", "    rate_hz: 50\n    clock: device\n")
    run = start("--for", "2s", spec=patient(paced))
    code, report, err = run.finish()
    assert code == 0, err
    for name in ("control", "io"):
        role = report["roles"][name]
        assert role["ticks"] + role["skipped_ticks"] == role["expected_ticks"], name
        assert role["trim_ppm"] is not None, name
        assert abs(role["trim_ppm"]) <= 10_000
    assert report["roles"]["telemetry"]["paced_by"] is None
