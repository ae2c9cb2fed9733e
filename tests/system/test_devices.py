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
OWN_PROCESS = ("shares: left_io  ", "core: 0\n    priority: 68  ")
CHANGES = (
    ("safe_within_ms: 200", "safe_within_ms: 20000"),
    ("board: two_motors", "board: bench.yaml"),
    (", profile: profiles/pick_and_place.csv", ""),
    ("rate_hz: 500", "rate_hz: 50\n    blackout_ms: 5000"),
    ("left: left_io.position", "left: {from: left_io.position, max_age_ms: 3000}"),
    ("right: right_io.position", "right: {from: right_io.position, max_age_ms: 3000}"),
)
"""The shipped example with bounds that a busy test machine keeps."""


@pytest.fixture(params=["one process", "a process each"])
def two_devices(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Write the patient example and its board."""
    return write_example(tmp_path, OWN_PROCESS if request.param == "a process each" else ("", ""))


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """Write the example with both io roles in one process."""
    return write_example(tmp_path, ("", ""))


def write_example(tmp_path: Path, *changes: tuple[str, str]) -> Path:
    """Write the example with bounds that a busy machine keeps, some of its text changed."""
    text = (ROOT / "examples/07_two_devices.yaml").read_text(encoding="utf-8")
    for old, new in (*CHANGES, *changes):
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


def test_a_process_that_two_links_share_dies_and_both_come_back_disarmed(
    start: Callable[..., LiveRun], shared: Path
) -> None:
    """One process is one fault: SAFE, one successor, and both devices wait for a person."""
    run = start(spec=shared)
    for device in ("left", "right"):
        wait_for(partial(ends, run, device, "first_actuation"), f"{device} follows")
    killed = run.pid("left_io")
    assert run.pid("right_io") == killed
    os.kill(killed, signal.SIGKILL)
    run.in_mode("SAFE")
    for device in ("left", "right"):
        wait_for(partial(ends, run, device, "safe_reached"), f"{device} is safe by its lease")
    run.role("left_io", "RUNNING", 2)
    run.role("right_io", "RUNNING", 2)
    assert run.pid("right_io") == run.pid("left_io") != killed
    assert run.ask("acknowledge", "two_devices")[0] == 0
    wait_for(lambda: run.ask("arm", "two_devices")[0] == 0, "both are there again")
    os.kill(run.process.pid, signal.SIGTERM)
    code, report, err = run.finish()
    assert code == 1, err
    assert accounted(report, *ROLES)
    assert [report["roles"][one]["restarts"] for one in ROLES] == [1, 1, 0]
    assert run.gone()


def test_a_hung_process_that_two_links_share_is_ended_once(
    start: Callable[..., LiveRun], shared: Path
) -> None:
    """Both heartbeats stop together: whichever is seen first, it is one process that ends."""
    run = start(spec=shared)
    for device in ("left", "right"):
        wait_for(partial(ends, run, device, "first_actuation"), f"{device} follows")
    os.kill(run.pid("left_io"), signal.SIGSTOP)
    run.in_mode("SAFE")
    run.role("right_io", "RUNNING", 2)
    os.kill(run.process.pid, signal.SIGTERM)
    code, report, err = run.finish()
    assert code == 1, err
    assert [fault["fault"] for fault in report["faults"]].count("heartbeat") == 1
    assert run.gone()
