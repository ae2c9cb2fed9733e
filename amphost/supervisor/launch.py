"""Start the processes of a run: segments, roles, loopback devices, and what each is handed.

Rules. The supervisor keeps every segment's descriptor for the whole run, so a successor finds what
its predecessor published. A role inherits the descriptors that its plan names and no others.
Interpreters start at once and wait for their handover; a role whose device is a loopback gets
it when the device has said which port it listens on.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from amphost.lifecycle import RoleState
from amphost.mailbox import Segment
from amphost.supervisor.process import Child

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amphost.plan.model import DevicePlan, Plan, RolePlan, SegmentPlan
    from amphost.supervisor.runtime_dir import RuntimeDir

Attachment = tuple[str, str, bytes]
"""Name, media type, content."""


@dataclass(slots=True, kw_only=True)
class RoleRun:
    """A role in this run: its plan and what has become of it. Written by the supervisor alone."""

    plan: RolePlan
    state: RoleState = RoleState.ABSENT
    epoch: int = 0
    child: Child | None = None
    handed_over: bool = False
    granted: dict[str, Any] = field(default_factory=dict)
    reports: dict[str, Any] = field(default_factory=dict)
    usage: dict[str, float | None] = field(default_factory=dict)
    restarts_ns: list[int] = field(default_factory=list)
    restart_at_ns: int | None = None
    started_ns: int = 0
    beat: tuple[int, int] = (0, 0)  # heartbeat count, and when it last moved
    pid: int = 0
    killed: bool = False  # by the supervisor, because it hung
    error: str = ""
    exit_code: int = 0


@dataclass(slots=True, kw_only=True)
class DeviceRun:
    """A loopback device in this run. Closing `lifeline` asks it to leave."""

    plan: DevicePlan
    child: Child | None
    lifeline: int
    port: str = ""
    granted: dict[str, Any] = field(default_factory=dict)
    error: str = ""

    def release(self) -> None:
        """Let go of the lifeline: the device ends once its outputs are safe."""
        if self.lifeline >= 0:
            os.close(self.lifeline)
            self.lifeline = -1


class Segments:
    """Every segment of a run: created, kept open, mapped for the supervisor.

    Synchronization: one thread.
    """

    def __init__(self, plan: Plan, nonce: int) -> None:
        self.nonce = nonce
        self.descriptors: dict[str, int] = {}
        self.mapped: dict[str, Segment] = {}
        own = plan.supervisor.segment
        for segment in [own, *(role.segment for role in plan.roles)]:
            descriptor = Segment.create(segment, nonce)
            self.descriptors[segment.role] = descriptor
            self.mapped[segment.role] = Segment.attach(
                descriptor, segment, nonce=nonce, writable=segment is own
            )
        if own.channel is not None:
            self.mapped[own.role].attach_writer(1)

    def handed(self, plans: Sequence[SegmentPlan]) -> list[int]:
        """Return the descriptors of these segments, in order."""
        return [self.descriptors[plan.role] for plan in plans]

    def close(self) -> None:
        """Unmap and close all of them: with the last role gone, the memory is gone."""
        for segment in self.mapped.values():
            segment.close()
        for descriptor in self.descriptors.values():
            os.close(descriptor)


class Launcher:
    """Starts roles and devices.

    Synchronization: one thread, the main one (children are bound to it).
    """

    def __init__(
        self,
        segments: Segments,
        runtime: RuntimeDir,
        attachments: Sequence[Attachment],
        origin_ns: int,
    ) -> None:
        self._segments = segments
        self._runtime = runtime
        self._origin_ns = origin_ns
        self._attachments = [
            (name, media_type, _memfd_of(name, content))
            for name, media_type, content in attachments
        ]

    def start_role(self, run: RoleRun, now_ns: int) -> None:
        """Exec a role under the next epoch; its handover follows."""
        run.epoch += 1
        run.started_ns = now_ns
        run.granted = {}
        run.killed = False
        run.error = ""
        run.handed_over = False
        run.restart_at_ns = None
        descriptors = self._segments.handed([run.plan.segment, *run.plan.reads])
        if run.plan.telemetry is not None:
            descriptors += [descriptor for _, _, descriptor in self._attachments]
        log = self._runtime.open_log(run.plan.name)
        try:
            run.child = Child("amphost.roles", run.plan.name, descriptors, log)
        finally:
            os.close(log)
        run.pid = run.child.pid

    def hand_over_role(self, run: RoleRun, port: str) -> None:
        """Send a started role its plan; `port` is that of its loopback device, or empty."""
        child = run.child
        assert child is not None
        plans = [run.plan.segment, *run.plan.reads]
        telemetry = run.plan.telemetry is not None
        facts = {
            "nonce": self._segments.nonce,
            "epoch": run.epoch,
            "origin_ns": self._origin_ns,
            "segments": self._segments.handed(plans),
            "status_fd": child.child_status_fd,
            "port": port,
            "attachments": self._attachments if telemetry else [],
        }
        child.hand_over(json.dumps({"role": asdict(run.plan), "run": facts}))
        run.handed_over = True

    def start_device(self, plan: DevicePlan, boot_nonce: int) -> DeviceRun:
        """Exec a loopback device and hand it its plan."""
        ours, theirs = _lifeline()
        log = self._runtime.open_log(f"device_{plan.name}")
        try:
            child = Child("amphost.link.loopback", "", [theirs], log)
        finally:
            os.close(log)
            os.close(theirs)
        facts = {
            "journal": str(self._runtime.journal_path(plan.name)),
            "lifeline_fd": theirs,
            "status_fd": child.child_status_fd,
            "boot_nonce": boot_nonce,
            "firmware_version": [1, 0, 0],
        }
        child.hand_over(json.dumps({"device": asdict(plan), "run": facts}))
        return DeviceRun(plan=plan, child=child, lifeline=ours)

    def close(self) -> None:
        """Close what only this run needed."""
        for _, _, descriptor in self._attachments:
            os.close(descriptor)


def _lifeline() -> tuple[int, int]:
    """Return our end and the child's end of a pipe that carries nothing but its own closing."""
    theirs, ours = os.pipe()
    return ours, theirs


def _memfd_of(name: str, content: bytes) -> int:
    descriptor = os.memfd_create(f"amphost-{name}", os.MFD_CLOEXEC)
    os.write(descriptor, content)
    return descriptor
