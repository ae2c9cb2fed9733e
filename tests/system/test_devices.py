"""Several devices in one system: a line, a clock and an io role each, and nothing lost between."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.system.live import LiveRun, wait_for
from tests.system.test_control import accounted

ROOT = Path(__file__).parents[2]
ROLES = ("left_io", "right_io", "control")
CHANGES = (
    ("safe_within_ms: 200", "safe_within_ms: 20000"),
    ("board: two_motors", "board: bench.yaml"),
    (", profile: profiles/pick_and_place.csv", ""),
    ("rate_hz: 500", "rate_hz: 50\n    blackout_ms: 5000"),
    ("left: left_io.position", "left: {from: left_io.position, max_age_ms: 3000}"),
    ("right: right_io.position", "right: {from: right_io.position, max_age_ms: 3000}"),
)
"""The shipped example with bounds that a busy test machine keeps."""


@pytest.fixture
def two_devices(tmp_path: Path) -> Path:
    """Write the patient example and its board."""
    text = (ROOT / "examples/07_two_devices.yaml").read_text(encoding="utf-8")
    for old, new in CHANGES:
        assert old in text, old
        text = text.replace(old, new)
    board = (ROOT / "boards/two_motors.yaml").read_text(encoding="utf-8")
    board = board.replace("    baud:", "    lease_ms: 3000\n    baud:")
    (tmp_path / "bench.yaml").write_text(board)
    path = tmp_path / "two_devices.yaml"
    path.write_text(text)
    return path


def ends(run: LiveRun, device: str, event: str) -> bool:
    """Return whether a device's own journal has an event."""
    return any(event in path.read_text() for path in run.base.glob(f"*/{device}.journal"))


def test_two_devices_run_side_by_side_and_every_period_is_accounted_for(
    start: Callable[..., LiveRun], two_devices: Path
) -> None:
    """Each link has its own session, its own clock and its own figures."""
    run = start(spec=two_devices)
    for device in ("left", "right"):
        wait_for(partial(ends, run, device, "first_actuation"), f"{device} follows")
    os.kill(run.process.pid, signal.SIGTERM)
    code, report, err = run.finish()
    assert code == 0, err
    assert accounted(report, *ROLES)
    assert set(report["link"]) == {"left", "right"}
    for link in report["link"].values():
        assert link["handshakes"] == 1
        assert (link["bad_frames"], link["foreign"], link["link_losses"]) == (0, 0, 0)
        assert link["clock"] is not None
    assert run.gone()


def test_one_device_that_is_lost_takes_the_system_to_safe_and_leaves_the_other_link(
    start: Callable[..., LiveRun], two_devices: Path
) -> None:
    """A machine that lost one axis must not go on with the other."""
    run = start(spec=two_devices)
    for device in ("left", "right"):
        wait_for(partial(ends, run, device, "first_actuation"), f"{device} follows")
    os.kill(run.pid("right"), signal.SIGKILL)
    run.in_mode("SAFE")
    wait_for(lambda: ends(run, "left", "safe_reached"), "the other one is safe too")
    assert run.ask("acknowledge", "two_devices")[0] == 0
    wait_for(lambda: run.ask("arm", "two_devices")[0] == 0, "both are there again")
    os.kill(run.process.pid, signal.SIGTERM)
    code, report, err = run.finish()
    assert code == 1, err
    assert accounted(report, *ROLES)
    assert report["link"]["left"]["link_losses"] == 0
    assert report["link"]["right"]["link_losses"] == 1
