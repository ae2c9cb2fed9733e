"""What a run starts with: segments, handovers, descriptors; and what is left when it cannot."""

from __future__ import annotations

import json
import os
import select
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from amphost.errors import AmphostError
from amphost.plan.model import Plan
from amphost.supervisor.launch import Launcher, Segments
from amphost.supervisor.runs import RoleRun, end_now
from amphost.supervisor.runtime_dir import RuntimeDir
from tests.proc import children, descriptors, memfds, room_for
from tests.system.live import wait_for

NONCE = 77
ATTACHMENTS = [("spec.yaml", "application/yaml", b"name: motor\n" * 20_000)]


@pytest.fixture
def plan(plan_of: Callable[..., Plan]) -> Plan:
    """The standard system."""
    return plan_of()


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[RuntimeDir]:
    """A runtime directory."""
    made = RuntimeDir(tmp_path / "run", "motor")
    yield made
    made.close(clean=True)


def test_every_role_has_a_segment_and_a_close_gives_all_back(plan: Plan) -> None:
    """With the last role gone the memory is gone: nothing of it has a name."""
    before, mapped = descriptors(), memfds()
    segments = Segments(plan, NONCE)
    names = {
        "supervisor",
        "events",
        "mcu.link",
        "mcu.tap",
        "mcu.said",
        *(role.name for role in plan.roles),
    }
    assert set(segments.descriptors) == set(segments.mapped) == names
    assert {path.split("-")[1].split(" ")[0] for path in memfds()} >= names
    segments.close()
    segments.close()
    assert (descriptors(), memfds()) == (before, mapped)


def test_segments_that_cannot_all_be_made_leave_nothing(plan: Plan) -> None:
    """Whichever of them is the one too many."""
    before, mapped = descriptors(), memfds()
    for room in range(len(plan.roles) + 1):
        with room_for(room), pytest.raises(OSError, match="Too many open files"):
            Segments(plan, NONCE)
        assert (descriptors(), memfds()) == (before, mapped), room


def test_attachments_that_cannot_all_be_made_leave_nothing(plan: Plan, runtime: RuntimeDir) -> None:
    """Likewise."""
    segments = Segments(plan, NONCE)
    before = descriptors()
    for room in range(2):
        with room_for(room), pytest.raises(OSError, match="Too many open files"):
            Launcher(segments, runtime, [("a", "b", b"c"), ("d", "e", b"f")], 0)
        assert descriptors() == before, room
    segments.close()


def test_a_role_inherits_what_its_plan_names_and_no_more(plan: Plan, runtime: RuntimeDir) -> None:
    """A role that runs wild can spoil its own words, since it has no others."""
    segments = Segments(plan, NONCE)
    launcher = Launcher(segments, runtime, ATTACHMENTS, 0)
    runs = {role.name: RoleRun(plan=role) for role in plan.roles}
    for run in runs.values():
        launcher.start_role(run, 0)
        assert run.child is not None
        held = descriptors(run.child.pid)
        memory = {path.split(" ")[0] for path in held.values() if path.startswith("/memfd:")}
        named = {f"/memfd:amphost-{run.plan.name}"}
        named |= {
            f"/memfd:amphost-{segment.role}" for segment in (*run.plan.reads, *run.plan.writes)
        }
        if run.plan.telemetry is not None:
            named.add("/memfd:amphost-spec.yaml")
        assert memory == named, run.plan.name
        assert not [path for path in held.values() if path.startswith("socket:")]
        assert str(runtime.log_path(run.plan.name)) in held.values()
        end_now(run)
    launcher.close()
    segments.close()


def test_the_handover_is_the_plan_and_the_facts_of_this_run(
    plan: Plan, runtime: RuntimeDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A role gets its RolePlan and its mappings, never the spec."""
    interpreter = tmp_path / "python"
    interpreter.write_text('#!/bin/sh\nwhile [ $# -gt 1 ]; do shift; done\ncat "/dev/fd/$1"\n')
    interpreter.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(interpreter))
    segments = Segments(plan, NONCE)
    launcher = Launcher(segments, runtime, ATTACHMENTS, 99)
    role = next(role for role in plan.roles if role.telemetry is not None)
    run = RoleRun(plan=role, epoch=4)
    launcher.start_role(run, 5)
    child = run.child
    assert child is not None
    assert (run.epoch, run.started_ns, run.handed_over) == (5, 5, False)
    status_fd = child.child_status_fd
    launcher.hand_over_role(run, {role.name: "/dev/pts/9"})
    wait_for(lambda: select.select([child.pidfd], [], [], 0)[0], "its end")
    assert child.reap() == 0
    handed = json.loads(runtime.log_path(role.name).read_text())
    assert handed["role"] == json.loads(json.dumps(asdict(role)))
    facts = handed["run"]
    assert facts["segments"] == [
        segments.descriptors[one.role] for one in (role.segment, *role.reads)
    ]
    assert (facts["nonce"], facts["epoch"], facts["origin_ns"]) == (NONCE, 5, 99)
    assert (facts["port"], facts["status_fd"]) == ("/dev/pts/9", status_fd)
    assert [name for name, _, _ in facts["attachments"]] == ["spec.yaml"]
    launcher.close()
    segments.close()


def test_an_attachment_is_there_to_its_last_byte(plan: Plan, runtime: RuntimeDir) -> None:
    """The spec beside a recording must be the spec that ran."""
    segments = Segments(plan, NONCE)
    before = set(descriptors())
    launcher = Launcher(segments, runtime, ATTACHMENTS, 0)
    (descriptor,) = set(descriptors()) - before
    content = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    assert content == ATTACHMENTS[0][2]
    launcher.close()
    segments.close()


def test_a_device_says_its_port_and_leaves_when_its_lifeline_is_let_go(
    plan: Plan, runtime: RuntimeDir
) -> None:
    """It needs nobody to end it: a killed supervisor lets go as well."""
    before, processes = descriptors(), children()
    segments = Segments(plan, NONCE)
    launcher = Launcher(segments, runtime, [], 0)
    device = launcher.start_device(plan.devices[0], 4711)
    child = device.child
    assert child is not None
    wait_for(lambda: device.hear(child.statuses()), "its port")
    assert Path(device.port).is_char_device()
    device.release()
    device.release()
    wait_for(lambda: not Path(device.port).exists(), "its end")
    assert child.reap() == 0
    journal = runtime.journal_path(plan.devices[0].name).read_text().splitlines()
    assert json.loads(journal[0])["boot_nonce"] == 4711
    assert json.loads(journal[-1])["reason"] == "lifeline"
    launcher.close()
    segments.close()
    assert (descriptors(), children()) == (before, processes)


def test_a_device_that_cannot_start_leaves_nothing(plan: Plan, runtime: RuntimeDir) -> None:
    """Neither for want of descriptors, nor because its plan does not fit a pipe."""
    segments = Segments(plan, NONCE)
    launcher = Launcher(segments, runtime, [], 0)
    before, processes = descriptors(), children()
    room = 0
    while True:
        try:
            with room_for(room):
                device = launcher.start_device(plan.devices[0], 1)
        except OSError:
            assert (descriptors(), children()) == (before, processes), room
            room += 1
            continue
        device.abandon()
        break
    assert room >= 6
    huge = replace(plan.devices[0], schema="x" * (2 << 20))
    with pytest.raises((AmphostError, OSError)):
        launcher.start_device(huge, 1)
    assert (descriptors(), children()) == (before, processes)
    launcher.close()
    segments.close()
