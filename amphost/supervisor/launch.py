"""Start the processes of a run: segments, roles, loopback devices, and what each is handed.

Rules. The supervisor keeps every segment's descriptor for the whole run, so a successor finds what
its predecessor published. A role inherits the descriptors that its plan names and no others.
Interpreters start at once and wait for their handover; a role whose device is a loopback gets
it when the device has said which port it listens on.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from amphost.mailbox import Segment
from amphost.supervisor.held import HeldChild, Place
from amphost.supervisor.process import Child
from amphost.supervisor.runs import DeviceRun

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from amphost.plan.model import DevicePlan, EmulatorPlan, Plan, SegmentPlan
    from amphost.supervisor.runs import RoleRun
    from amphost.supervisor.runtime_dir import RuntimeDir

Attachment = tuple[str, str, bytes]
"""Name, media type, content."""


class Segments:
    """Every segment of a run: created, kept open, mapped for the supervisor.

    Synchronization: one thread.
    """

    def __init__(self, plan: Plan, nonce: int) -> None:
        self.nonce = nonce
        self.descriptors: dict[str, int] = {}
        self.mapped: dict[str, Segment] = {}
        own = plan.supervisor.segment
        try:
            ours = (own, plan.supervisor.events, *plan.supervisor.commands)
            theirs = (one for role in plan.roles for one in (role.segment, *role.writes))
            for segment in [*ours, *theirs]:
                self._make(segment, writable=segment in ours)
            for segment in (own, plan.supervisor.events):
                if segment.channel is not None:
                    self.mapped[segment.role].attach_writer(1)
        except BaseException:
            self.close()
            raise

    def _make(self, segment: SegmentPlan, *, writable: bool) -> None:
        descriptor = Segment.create(segment, self.nonce)
        self.descriptors[segment.role] = descriptor
        self.mapped[segment.role] = Segment.attach(
            descriptor, segment, nonce=self.nonce, writable=writable
        )

    def handed(self, plans: Sequence[SegmentPlan]) -> list[int]:
        """Return the descriptors of these segments, in order."""
        return [self.descriptors[plan.role] for plan in plans]

    def close(self) -> None:
        """Unmap and close all of them: with the last role gone, the memory is gone."""
        for segment in self.mapped.values():
            segment.close()
        while self.descriptors:
            os.close(self.descriptors.popitem()[1])


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
        say: Callable[[str], None] = print,
    ) -> None:
        self._say = say
        self._places: dict[str, Place] = {}
        self._segments = segments
        self._runtime = runtime
        self.origin_ns = origin_ns  # of the grid, as it is handed over from now on
        self._attachments: list[tuple[str, str, int]] = []
        try:
            for name, media_type, content in attachments:
                self._attachments.append((name, media_type, _memfd_of(name, content)))
        except BaseException:
            self.close()
            raise

    def start_role(self, run: RoleRun, now_ns: int) -> None:
        """Exec a role under the next epoch, with those that share its process; handover follows."""
        for one in run.together:
            one.begin(now_ns)
        if run.held:
            run.child = HeldChild(self._place(run.plan.name), run.epoch, self._say)
        else:
            descriptors = {fd: None for one in run.together for fd in self._handed(one)}
            if run.plan.telemetry is not None:
                descriptors |= {descriptor: None for _, _, descriptor in self._attachments}
            log = self._runtime.open_log(run.plan.name)
            try:
                run.child = Child("amphost.roles.entry", run.plan.name, list(descriptors), log)
            finally:
                os.close(log)
        for one in run.together:
            one.pid = 0 if run.held else run.child.pid

    def _handed(self, run: RoleRun) -> list[int]:
        return self._segments.handed([run.plan.segment, *run.plan.writes, *run.plan.reads])

    def _place(self, role: str) -> Place:
        if role not in self._places:
            self._places[role] = Place(role)
        return self._places[role]

    def hand_over_role(self, run: RoleRun, ports: Mapping[str, str]) -> None:
        """Send a started role its plan; `ports` are those of loopback devices, by io role."""
        child = run.child
        assert child is not None
        handover = self._handover(run, child.child_status_fd, ports)
        handover["run"]["guests"] = [
            self._handover(guest, child.child_status_fd, ports) for guest in run.guests
        ]
        child.hand_over(json.dumps(handover))
        for one in run.together:
            one.handed_over = True
        if run.held:
            under_gdb, under_pdb = self._place(run.plan.name).commands
            self._say(f"{run.plan.name} is held; start it now, by one of")
            self._say(f"    {under_gdb}")
            self._say(f"    {under_pdb}")

    def _handover(self, run: RoleRun, status_fd: int, ports: Mapping[str, str]) -> dict[str, Any]:
        telemetry = run.plan.telemetry is not None
        facts = {
            "nonce": self._segments.nonce,
            "epoch": run.epoch,
            "origin_ns": self.origin_ns,
            "segments": self._handed(run),
            "status_fd": status_fd,
            "port": ports.get(run.plan.name, ""),
            "attachments": self._attachments if telemetry else [],
            "guests": [],
        }
        return {"role": asdict(run.plan), "run": facts}

    def start_device(
        self, plan: DevicePlan | EmulatorPlan, boot_nonce: int, reset_cause: str = "power"
    ) -> DeviceRun:
        """Exec a loopback device or an emulator and hand it its plan."""
        theirs, ours = os.pipe()  # carries nothing but its own closing
        device = DeviceRun(plan=plan, child=None, lifeline=ours)
        try:
            self._exec_device(device, theirs, boot_nonce, reset_cause)
        except BaseException:
            device.abandon()
            raise
        finally:
            os.close(theirs)
        return device

    def _exec_device(
        self, device: DeviceRun, theirs: int, boot_nonce: int, reset_cause: str
    ) -> None:
        plan = device.plan
        module = f"amphost.link.{'emulator' if hasattr(plan, 'machine') else 'loopback'}"
        log = self._runtime.open_log(f"device_{plan.name}")
        try:
            child = device.child = Child(module, "", [theirs], log)
        finally:
            os.close(log)
        facts = {
            "journal": str(self._runtime.journal_path(plan.name)),
            "lifeline_fd": theirs,
            "status_fd": child.child_status_fd,
            "boot_nonce": boot_nonce,
            "reset_cause": reset_cause,
            "firmware_version": [1, 0, 0],
            "socket": str(self._runtime.socket_path(plan.name)),
            "log": str(self._runtime.log_path(f"device_{plan.name}")),
        }
        child.hand_over(json.dumps({"device": asdict(plan), "run": facts}))

    def close(self) -> None:
        """Close what only this run needed."""
        while self._places:
            self._places.popitem()[1].close()
        while self._attachments:
            os.close(self._attachments.pop()[2])


def _memfd_of(name: str, content: bytes) -> int:
    descriptor = os.memfd_create(f"amphost-{name}", os.MFD_CLOEXEC)
    with os.fdopen(descriptor, "wb", closefd=False) as stream:
        stream.write(content)
    return descriptor
