"""A role over several cores: nothing is lost uncounted, whoever dies, and control goes on."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.system.live import PATIENT, LiveRun, undisturbed, wait_for

ROLE = """\
  camera:
    kind: python
    core: 0
    rate_hz: 50
    class: work.py:Camera
    workers:
      count: 2
      cores: [0, 1]
      class: work.py:Worker
      item_bytes: 20000
      writes: {size: {unit: B, range: [0, 20000], initial: 0}}
"""
CAMERA = """\
import os, signal, time

class Camera:
    def step(self, role):
        role.work.submit(bytes(role.tick % 20000))
"""
WORKER = (
    CAMERA
    + """
class Worker:
    def work(self, role):
        role.writes.size = len(role.item.data)
"""
)


@pytest.fixture
def system(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a spec with workers, and their classes."""

    def write(source: str, *keys: str) -> Path:
        path = tmp_path / "system.yaml"
        more = "".join(f"      {key}\n" for key in keys)
        path.write_text(PATIENT + ROLE + more, encoding="utf-8")
        (tmp_path / "work.py").write_text(source, encoding="utf-8")
        return path

    return write


def whole(role: dict[str, Any]) -> bool:
    """Return whether every period of a role is accounted for."""
    return bool(role["ticks"] + role["skipped_ticks"] == role["expected_ticks"])


def finished(run: LiveRun) -> dict[str, Any]:
    """Return the report of a run that met nothing, or nothing but stalls of this machine."""
    code, report, err = run.finish()
    undisturbed(code, report, err)
    return report


def processed(report: dict[str, Any]) -> list[int]:
    """Return how many items each worker has done."""
    return [report["roles"][name]["ticks"] for name in ("camera_1", "camera_2")]


def test_every_frame_of_the_example_is_processed_or_dropped(
    start: Callable[..., LiveRun], root: Path
) -> None:
    """The accounting is exact, and the loop beside it has every one of its periods."""
    spec = root / "examples" / "08_workers.yaml"
    report = finished(start("--for", "3s", spec=spec))
    camera, work = report["roles"]["camera"], report["roles"]["camera"]["work"]
    assert work["submitted"] == camera["ticks"] > 50
    assert sum(processed(report)) + work["dropped"] == work["submitted"]
    assert work["sent"] == sum(processed(report))
    assert all(count > 0 for count in processed(report))
    assert (work["refused"], work["repeated"], camera["step_errors"]) == (0, 0, 0)
    assert 0 < work["finished"] <= work["sent"]
    assert whole(camera)
    assert whole(report["roles"]["control"])


def test_an_item_in_parts_arrives_whole(
    start: Callable[..., LiveRun], system: Callable[..., Path]
) -> None:
    """20 kB are three messages: what the worker measures is what the role handed out."""
    source = WORKER.replace("bytes(role.tick % 20000)", "bytes(19999)").replace(
        "        role.writes.size",
        "        assert len(role.item.data) == 19999\n        role.writes.size",
    )
    report = finished(start("--for", "1s", spec=system(source)))
    assert sum(processed(report)) == report["roles"]["camera"]["work"]["submitted"] > 10
    assert [report["roles"][name]["step_errors"] for name in ("camera_1", "camera_2")] == [0, 0]


@pytest.mark.parametrize(("policy", "counted"), [("drop_oldest", "dropped"), ("refuse", "refused")])
def test_slow_workers_cost_items_that_are_counted(
    start: Callable[..., LiveRun], system: Callable[..., Path], policy: str, counted: str
) -> None:
    """Too much work is no reason to be late: the role keeps its rate, and says what it lost."""
    source = WORKER + "        time.sleep(0.15)\n"
    run = start("--for", "2s", spec=system(source, f"when_full: {policy}", "queue: 1"))
    report = finished(run)
    camera = report["roles"]["camera"]
    work = camera["work"]
    assert sum(processed(report)) + work["dropped"] == work["submitted"]
    assert work["submitted"] + work["refused"] == camera["ticks"]
    assert work[counted] > 10
    assert whole(camera)


def test_a_killed_worker_costs_nothing_and_repeats_at_most_one(
    start: Callable[..., LiveRun], system: Callable[..., Path]
) -> None:
    """Its successor goes on with the queue where it stopped; the other one goes on all the time."""
    source = WORKER + "        time.sleep(0.01)\n"
    run = start("--for", "4s", spec=system(source, "queue: 8", "waiting: 64"))
    run.armed()
    wait_for(lambda: run.state()["roles"]["camera_1"]["state"] == "RUNNING", "the worker")
    os.kill(run.pid("camera_1"), signal.SIGKILL)
    run.role("camera_1", "RUNNING", 2)
    report = finished(run)
    work = report["roles"]["camera"]["work"]
    # Between `done` and the count, or between the count and the next item: one either way.
    assert abs(sum(processed(report)) + work["dropped"] - work["submitted"]) <= 1
    assert work["repeated"] <= 1
    assert [report["roles"][name]["restarts"] for name in ("camera_1", "camera_2")] == [1, 0]


def test_an_item_that_fails_is_done_with(
    start: Callable[..., LiveRun], system: Callable[..., Path]
) -> None:
    """An item that no worker can bear must not end them all, one after the other."""
    source = (
        WORKER + "        if role.item.number % 10 == 5:\n            raise ValueError('five')\n"
    )
    spec = system(source)
    text = spec.read_text().replace("    workers:", "    on_error: skip\n    workers:")
    spec.write_text(text)
    report = finished(start("--for", "2s", spec=spec))
    failed = sum(report["roles"][name]["step_errors"] for name in ("camera_1", "camera_2"))
    work = report["roles"]["camera"]["work"]
    assert failed > 1
    assert sum(processed(report)) + work["dropped"] == work["submitted"]
    assert [report["roles"][name]["restarts"] for name in ("camera_1", "camera_2")] == [0, 0]


def test_a_killed_producer_goes_on_counting(
    start: Callable[..., LiveRun], system: Callable[..., Path]
) -> None:
    """Its successor finds the queues as they were, and its items have new numbers."""
    run = start("--for", "3s", spec=system(WORKER))
    run.armed()
    wait_for(lambda: run.state()["roles"]["camera"]["state"] == "RUNNING", "the camera")
    os.kill(run.pid("camera"), signal.SIGKILL)
    run.role("camera", "RUNNING", 2)
    report = finished(run)
    work = report["roles"]["camera"]["work"]
    assert abs(sum(processed(report)) + work["dropped"] - work["submitted"]) <= 1
    assert sum(processed(report)) > 20
    assert [report["roles"][name]["restarts"] for name in ("camera_1", "camera_2")] == [0, 0]
