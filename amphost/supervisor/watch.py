"""Judge the roles that run: their heartbeats, and the trips that they report themselves.

Rules. The native watchdog thread judges the control path and has latched the e-stop word before
anything here runs; here its verdict becomes a mode and a kill. An observer is judged here alone, by
its own bound: it is killed and restarted, and the mode does not change. Whoever does not get ready
is killed as well. A role that is held (`--hold`) is not judged by its silence.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from amphost.lifecycle import CONTROL_PATH, Fault, Mode, ModeEvent, RoleState
from amphost.supervisor.fault_text import describe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amphost.mailbox import Segment
    from amphost.supervisor.faults import Faults
    from amphost.supervisor.modes import Modes
    from amphost.supervisor.runs import RoleRun
    from amphost.watchdog import Watchdog

NS_PER_MS = 1e6
NS_PER_S = 1_000_000_000
ABORT_NS = 500_000_000
"""From the signal to abort, on which a user's code prints its stacks, to SIGKILL."""


class Watch:
    """The supervisor's eye on the roles that run.

    Synchronization: one thread.
    """

    def __init__(
        self, watchdog: Watchdog, segments: Mapping[str, Segment], modes: Modes, faults: Faults
    ) -> None:
        self._watchdog = watchdog
        self._segments = segments
        self._modes = modes
        self._faults = faults

    def begin(self, run: RoleRun) -> None:
        """Judge a role's heartbeat from now on."""
        watched = run.plan.kind in CONTROL_PATH and run.state is RoleState.RUNNING
        watched &= not run.held
        self._watchdog.enable(run.plan.role_id, enabled=watched)

    def end(self, run: RoleRun) -> None:
        """Judge the role's heartbeat no longer."""
        self._watchdog.enable(run.plan.role_id, enabled=False)

    def judge(self, run: RoleRun, now_ns: int) -> None:
        """Look at a role; kill it where it hangs, trip where it reaches an output."""
        if run.kill_at_ns is not None and now_ns > run.kill_at_ns and run.child is not None:
            run.kill_at_ns = None
            run.child.kill()
        if run.held:  # whoever debugs it stops it: its silence means nothing
            if run.state is RoleState.RUNNING and self._modes.mode is Mode.ARMED:
                self._take_trip(run)
            return
        within_ns = run.plan.ready_within_ns
        if run.state is RoleState.STARTING and now_ns - run.started_ns > within_ns:
            self._end_hung(run, f"it was not ready within {within_ns / NS_PER_S:g} s")
        if run.state is not RoleState.RUNNING or run.killed:
            return
        if run.plan.kind not in CONTROL_PATH:
            self._judge_observer(run, now_ns)
        elif self._watchdog.stopped_at_ns(run.plan.role_id):
            self._modes.change(ModeEvent.TRIP)
            self._end_hung(run, self._silence(run))
        elif self._modes.mode is Mode.ARMED:
            self._take_trip(run)

    def _take_trip(self, run: RoleRun) -> None:
        owner = self._segments[run.plan.name].owner
        if owner.gauge("refused_arming") == self._modes.arming:
            fault, argument = owner.trip()
            self._faults.record(fault, run, describe(fault, argument, run.plan))
            self._modes.change(ModeEvent.TRIP)

    def _judge_observer(self, run: RoleRun, now_ns: int) -> None:
        beats = self._segments[run.plan.name].owner.heartbeat()[0]
        if run.plan.exec is not None:
            self._judge_rate(run, beats, run.plan.exec.beats_per_s_max, now_ns)
        if beats != run.beat[0] or run.beat[1] < run.started_ns:
            run.beat = (beats, now_ns)
        elif now_ns - run.beat[1] > run.plan.heartbeat_ns:
            self._end_hung(run, self._silence(run))

    def _judge_rate(self, run: RoleRun, beats: int, most: int, now_ns: int) -> None:
        """End a program whose heartbeat races: a loop that waits for nothing makes no progress."""
        since_beats, since_ns = run.rate_since
        if now_ns - since_ns < NS_PER_S and since_ns > run.started_ns:
            return
        run.rate_since = (beats, now_ns)
        over_s = (now_ns - since_ns) / NS_PER_S
        if since_ns > run.started_ns and beats - since_beats > most * over_s:
            rate = (beats - since_beats) / over_s
            self._end_hung(run, f"{rate:.3g} heartbeats per second, over {most}")

    def _silence(self, run: RoleRun) -> str:
        _, checkpoint, _ = self._segments[run.plan.name].owner.heartbeat()
        return (
            f"no heartbeat for {run.plan.heartbeat_ns / NS_PER_MS:g} ms (last seen at {checkpoint})"
        )

    def _end_hung(self, run: RoleRun, why: str) -> None:
        run = run.process
        if run.killed or run.child is None:
            return
        prints = run.plan.python is not None and run.handed_over
        what = "killed, its stacks are in its log" if prints else "killed"
        self._faults.record(Fault.HEARTBEAT, run, f"{why}; {what}")
        self.end(run)
        run.killed = True
        if prints:
            run.child.abort()
            run.kill_at_ns = time.monotonic_ns() + ABORT_NS
        else:
            run.child.kill()
