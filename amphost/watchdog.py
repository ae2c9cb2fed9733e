"""The supervisor's native watchdog thread: set up here, run in C.

Rules. The thread is the only one of the whole package (docs/adr/0003): it must see a heartbeat
stop while Python collects garbage. It writes the e-stop word, the operator's channel and the
wake-up histogram of the supervisor's segment; the main thread writes everything else there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amphost import platform
from amphost._native.amp import ffi, lib

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amphost.mailbox import Segment
    from amphost.plan.model import SupervisorPlan


class Watchdog:
    """Judges heartbeats and publishes the operator's values, in a native thread.

    Synchronization: one thread calls the methods; they may be called while the native one runs.
    """

    def __init__(self, plan: SupervisorPlan, segments: Mapping[str, Segment]) -> None:
        own = segments["supervisor"]
        self._memory = ffi.new("char[]", lib.amp_watch_size())
        self.native = ffi.cast("struct amp_watch *", self._memory)
        self._points: list[ffi.CData] = []
        self._values = len(plan.operator.values)
        self._runs = False
        channel = own.native_channel if plan.operator.values else ffi.NULL
        platform.check(
            lib.amp_watch_init(
                self.native,
                platform.linux(),
                own.system().native,
                own.owner.native,
                channel,
                plan.watchdog_period_ns,
                plan.operator.period_ns,
            ),
            "watchdog",
        )
        for watch in plan.watches:
            owner = segments[watch.role].owner.native
            result = lib.amp_watch_add_role(self.native, watch.role_id, owner, watch.bound_ns)
            platform.check(result, f"watch {watch.role}")
        for value in plan.operator.values:
            times = ffi.new("double[]", [point[0] for point in value.profile])
            points = ffi.new("double[]", [point[1] for point in value.profile])
            self._points += [times, points]
            result = lib.amp_watch_add_value(
                self.native, value.initial, times, points, len(value.profile)
            )
            platform.check(result, f"operator value {value.name}")

    def start(self, core: int, priority: int) -> int:
        """Start the thread; return the priority it got, 0 without real-time rights."""
        if self._runs:
            raise RuntimeError("the watchdog thread runs already")
        granted = ffi.new("int *")
        platform.check(lib.amp_watch_start(self.native, core, priority, granted), "watchdog")
        self._runs = True
        return int(granted[0])

    def stop(self) -> None:
        """End the thread and wait for it; without one it does nothing."""
        if self._runs:
            lib.amp_watch_stop(self.native)
            self._runs = False

    def enable(self, role_id: int, *, enabled: bool) -> None:
        """Judge a role's heartbeat from now on, or no longer."""
        lib.amp_watch_enable(self.native, role_id, enabled)

    def stopped_at_ns(self, role_id: int) -> int:
        """Return when the role's heartbeat was found stopped, 0 if it was not."""
        return int(lib.amp_watch_stopped_at(self.native, role_id))

    def set_values(self, values: Mapping[int, float]) -> None:
        """Set operator values, by their numbers, in one publication.

        Each stands in place of its profile until `run_profiles` runs them again.
        """
        for index in values:
            self._check(index)
        lib.amp_watch_set_values(self.native, list(values), list(values.values()), len(values))

    def follows_profile(self, index: int) -> bool:
        """Return whether a value's profile moves it now."""
        self._check(index)
        return bool(lib.amp_watch_follows_profile(self.native, index))

    def _check(self, index: int) -> None:
        if not 0 <= index < self._values:
            raise IndexError(f"there is no operator value {index}")

    def run_profiles(self, start_ns: int) -> None:
        """Run every profile from `start_ns` on, over and over.

        0 holds them where they begin, but for values that were set meanwhile.
        """
        lib.amp_watch_run_profiles(self.native, start_ns)

    def put_off(self) -> int:
        """Return how often a check started over because the thread itself was late."""
        return int(lib.amp_watch_put_off(self.native))
