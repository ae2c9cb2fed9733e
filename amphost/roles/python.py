"""The python role: step a user's class on an absolute grid, publish once after each step.

Rules. Releases, skipped ones and histograms are counted as the native loop counts them. An
exception never leaves a step half done: what that step wrote is taken back and nothing is
published. The collector runs between steps and never within one, and what set-up made is exempt
from it for ever. A hang is the supervisor's to see: its SIGABRT prints every thread's stack first.
"""

from __future__ import annotations

from amphost.roles import stage

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from amphost.channel import ChannelReader
    from amphost.plan.program_model import PythonPlan
    from amphost.role_api import Read, Role
    from amphost.roles.context import Context
    from amphost.roles.dispatch import Dispatch

SLICE_NS = 50_000_000
"""Longest sleep: so often a role of a slow rate looks whether it is asked to leave."""


def run(context: Context, ready: Callable[[], None]) -> str:
    """Load the class, set it up, step it until the end; return why it ended."""
    plan = context.plan.python
    assert plan is not None
    role, user = stage.open_user(context, plan)
    loop = Loop(context, plan, role, user)
    stage.set_up(context, plan, role, user)
    ready()
    try:
        return loop.run()
    finally:
        stage.call(user, "close", plan)


class Loop:
    """The loop of a python role; everything it needs is opened before the first release.

    Synchronization: one thread.
    """

    def __init__(self, context: Context, plan: PythonPlan, role: Role, user: Any) -> None:
        self._context = context
        self._plan = plan
        self._role = role
        self._step = user.step
        self._tick_number = 0
        self._owner = context.segment.owner
        self._sources = _sources(context, plan, role)
        self._errors = stage.Errors(context, plan, role, "step")
        self._dispatch: Dispatch | None = None
        if plan.work is not None:
            from amphost.roles.dispatch import Dispatch  # for a role that has workers alone

            self._dispatch = Dispatch(context, plan.work)
            role.work = self._dispatch.work
        self._publish = context.segment.publish
        context.segment.owner.beat(context.now())

    def run(self) -> str:
        """Step at every release until the end; return why it ended."""
        context, owner, period_ns = self._context, self._owner, self._plan.period_ns
        origin_ns = context.run.origin_ns
        release_ns = origin_ns + ((context.now() - origin_ns) // period_ns + 1) * period_ns
        owner.begin(release_ns)
        end = ""
        try:
            while not end:
                release_ns = self._skip(release_ns, context.now() - 1)
                end = self._wait(release_ns)
                if end:
                    break
                wake_ns = context.now()
                release_ns = self._skip(release_ns, wake_ns - period_ns)
                owner.record("wakeup", wake_ns - release_ns)
                tick = (release_ns - origin_ns) // period_ns
                release_ns += period_ns
                self._tick(tick, release_ns, wake_ns)
        finally:
            owner.set_gauge("t_stop_ns", release_ns)  # the next, never made
            if self._dispatch is not None:
                self._dispatch.collect()
                self._dispatch.close()
                self._publish_all(context.now())
        return end

    def _skip(self, release_ns: int, past_ns: int) -> int:
        """Count the releases up to `past_ns` as skipped; return the first one after it."""
        passed = (past_ns - release_ns) // self._plan.period_ns + 1
        if passed <= 0:
            return release_ns
        self._owner.add("skipped", passed)
        return release_ns + passed * self._plan.period_ns

    def _wait(self, release_ns: int) -> str:
        """Sleep until a release; return why the role should end, or nothing."""
        context = self._context
        while True:
            now_ns = context.now()
            if context.wanted_end():
                return "ended"
            if not context.supervisor_alive(now_ns):
                return "supervisor_lost"
            if now_ns >= release_ns:
                return ""
            context.sleep(min(release_ns - now_ns, SLICE_NS))

    def _tick(self, tick: int, deadline_ns: int, wake_ns: int) -> None:
        owner, role, context = self._owner, self._role, self._context
        owner.at("law")
        self._take_inputs(tick, wake_ns)
        if self._dispatch is not None:
            self._dispatch.collect()
        before = role.written()
        self._tick_number = tick
        owner.add("ticks")
        try:
            self._step(role)
        except Exception as error:  # noqa: BLE001 - whatever a user's code raises is counted
            role.restore(before)
            self._errors.take(error)
        else:
            if self._dispatch is not None:
                self._dispatch.send()
            self._publish_all(context.now())
            owner.add("published")
        self._errors.count_refused()
        done_ns = context.now()
        owner.record("execution", done_ns - wake_ns)
        if done_ns > deadline_ns:
            owner.add("deadline_misses")
        owner.record("response", done_ns - deadline_ns + self._plan.period_ns)
        owner.beat(done_ns)
        stage.collect()

    def _take_inputs(self, tick: int, now_ns: int) -> None:
        role = self._role
        stale = False
        for _, reader, reads in self._sources:
            record = reader.latest()
            if record is None:
                stale = True
                continue
            count, t_ns = record[0], record[1]
            for read, word in reads:
                read.take(now_ns, count, t_ns, record[3 + word])
                stale = stale or read.is_stale
        if stale:
            self._owner.add("stale")
        role.begin(now_ns, tick, self._context.system_mode()[0])

    def _publish_all(self, now_ns: int) -> None:
        counts = () if self._dispatch is None else self._dispatch.work.counts()
        self._publish(now_ns, 0, (*self._role.written(), self._tick_number, *counts))


def _sources(
    context: Context, plan: PythonPlan, role: Role
) -> list[tuple[str, ChannelReader, list[tuple[Read, int]]]]:
    """Open one reader for each role that is read, with the inputs that it serves."""
    by_role: dict[str, list[tuple[Read, int]]] = {}
    for one in plan.inputs:
        by_role.setdefault(one.role, []).append((role.reads[one.name], one.word))
    return [(name, context.segments[name].reader(), reads) for name, reads in by_role.items()]
