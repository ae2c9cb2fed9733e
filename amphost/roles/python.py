"""The python role: step a user's class on an absolute grid, publish once after each step.

Rules. Releases, skipped ones and histograms are counted as the native loop counts them. An
exception never leaves a step half done: what that step wrote is taken back and nothing is
published. The collector runs between steps and never within one, and what set-up made is exempt
from it for ever. A hang is the supervisor's to see: its SIGABRT prints every thread's stack first.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
import sys

from amphost import platform, user_code
from amphost.role_api import Role
from amphost.roles.settle import schedule

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from amphost.channel import ChannelReader
    from amphost.plan.program_model import PythonPlan
    from amphost.role_api import Read
    from amphost.roles.context import Context

SLICE_NS = 50_000_000
"""Longest sleep: so often a role of a slow rate looks whether it is asked to leave."""
LOGGED_MAX = 100
YOUNG_MAX = 700
OLD_MAX = 10
"""The collector's own thresholds, applied between steps."""


def run(context: Context, ready: Callable[[], None]) -> str:
    """Load the class, set it up, step it until the end; return why it ended."""
    plan = context.plan.python
    assert plan is not None
    platform.die_with_parent(signal.SIGKILL)
    faulthandler.enable(file=sys.stderr, all_threads=True)
    with _OrdinaryPriority(context):
        user = user_code.load(plan, context.plan.name)
        role = Role(
            context.plan.name,
            plan.inputs,
            plan.outputs,
            plan.parameters,
            plan.period_ns,
            lambda text: _log(f"{context.plan.name}: {text}"),
        )
        _call(user, "setup", plan, role)
    loop = Loop(context, plan, role, user)
    gc.disable()
    ready()
    try:
        return loop.run()
    finally:
        _call(user, "close", plan)


def _log(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _call(user: Any, method: str, plan: PythonPlan, *arguments: Any) -> None:
    """Call an optional method of the user's class."""
    function = getattr(user, method, None)
    if function is None:
        return
    try:
        function(*arguments)
    except Exception as error:
        _log(user_code.trace(error))
        raise user_code.wrong(error, method, plan.file) from error


class _OrdinaryPriority:
    """While a user's code is imported and set up, it runs under no real-time priority.

    Synchronization: one thread.
    """

    def __init__(self, context: Context) -> None:
        self._plan = context.plan

    def __enter__(self) -> None:
        if self._plan.policy == "fifo":
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))

    def __exit__(self, *_: object) -> None:
        if self._plan.policy == "fifo":
            schedule(self._plan.policy, self._plan.priority, self._plan.nice)


class Loop:
    """The loop of a python role; everything it needs is opened before the first release.

    Synchronization: one thread.
    """

    def __init__(self, context: Context, plan: PythonPlan, role: Role, user: Any) -> None:
        self._context = context
        self._plan = plan
        self._role = role
        self._step = user.step
        self._owner = context.segment.owner
        self._sources = _sources(context, plan, role)
        self._refused = 0
        self._logged: set[str] = set()
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
        before = role.written()
        owner.add("ticks")
        try:
            self._step(role)
        except Exception as error:  # noqa: BLE001 - whatever a user's code raises is counted
            role.restore(before)
            self._failed(error)
        else:
            self._publish(context.now(), 0, (*role.written(), tick))
            owner.add("published")
        self._count_refused()
        done_ns = context.now()
        owner.record("execution", done_ns - wake_ns)
        if done_ns > deadline_ns:
            owner.add("deadline_misses")
        owner.record("response", done_ns - deadline_ns + self._plan.period_ns)
        owner.beat(done_ns)
        _collect()

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

    def _failed(self, error: Exception) -> None:
        """Count a failed step and say where, each place once; end the role where it asks that."""
        self._owner.add("step_errors")
        self._count_refused()
        wrong = user_code.wrong(error, "step", self._plan.file)
        place = str(wrong).partition(": step: ")[0]
        if place not in self._logged and len(self._logged) < LOGGED_MAX:
            self._logged.add(place)
            _log(user_code.trace(error))
        if self._plan.on_error == "restart":
            raise wrong from error

    def _count_refused(self) -> None:
        refused = self._role.refused_writes()
        if refused != self._refused:
            self._owner.add("refused_writes", refused - self._refused)
            self._refused = refused


def _sources(
    context: Context, plan: PythonPlan, role: Role
) -> list[tuple[str, ChannelReader, list[tuple[Read, int]]]]:
    """Open one reader for each role that is read, with the inputs that it serves."""
    by_role: dict[str, list[tuple[Read, int]]] = {}
    for one in plan.inputs:
        by_role.setdefault(one.role, []).append((role.reads[one.name], one.word))
    return [(name, context.segments[name].reader(), reads) for name, reads in by_role.items()]


def _collect() -> None:
    """Collect as Python's own thresholds would, but here, where no step waits for it."""
    young, middle, old = gc.get_count()
    if young > YOUNG_MAX:
        gc.collect(0 if middle <= OLD_MAX else 1 if old <= OLD_MAX else 2)
