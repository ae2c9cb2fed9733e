"""The worker role: take an item, work on it, publish what came of it, take the next.

Rules. An item is done with when its result stands in the worker's channel: whoever dies before is
given that one item again, and no other. An item whose work raised an exception is done with too, so
that it cannot end every successor. Asked to leave, a worker first empties its queue.
"""

from __future__ import annotations

from amphost.items import Assembly, Item
from amphost.roles import stage

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from amphost.plan.program_model import PythonPlan
    from amphost.role_api import Role
    from amphost.roles.context import Context

IDLE_S = 0.05
"""So often a worker without work beats, and looks whether it is asked to leave."""


def run(context: Context, ready: Callable[[], None]) -> str:
    """Load the class, set it up, work until the end; return why it ended."""
    plan = context.plan.python
    assert plan is not None
    role, user = stage.open_user(context, plan)
    stage.set_up(context, plan, role, user)
    worker = Worker(context, plan, role, user)
    ready()
    try:
        return worker.run()
    finally:
        stage.call(user, "close", plan)


class Worker:
    """One worker; its queue goes on where its predecessor left it.

    Synchronization: one thread.
    """

    def __init__(self, context: Context, plan: PythonPlan, role: Role, user: Any) -> None:
        assert plan.worker is not None
        self._context, self._plan, self._role = context, plan, role
        self._work = user.work
        self._owner = context.segment.owner
        queue = context.segments[plan.worker.queue]
        self._queue = queue.queue_reader(context.segment)
        self._waiter = queue.waiter(context.segment)
        self._assembly = Assembly()
        self._errors = stage.Errors(context, plan, role, "work")
        self._publish = context.segment.publish
        self._owner.beat(context.now())

    def run(self) -> str:
        """Work on every item until the end; return why it ended."""
        context = self._context
        while True:
            message = self._queue.take()
            if message is not None:
                item = self._assembly.add(message)
                if item is not None:
                    self._one(*item)
                continue
            now_ns = context.now()
            self._owner.beat(now_ns)
            if context.wanted_end():
                return "ended"
            if not context.supervisor_alive(now_ns):
                return "supervisor_lost"
            self._waiter.wait(self._queue.position, IDLE_S)

    def _one(self, number: int, t_ns: int, data: bytes) -> None:
        owner, role, context = self._owner, self._role, self._context
        began_ns = context.now()
        owner.at("law")
        owner.record("wakeup", began_ns - t_ns)
        role.begin(began_ns, number, context.system_mode()[0])
        role.item = Item(number, data, (began_ns - t_ns) / 1e6)
        before = role.written()
        try:
            self._work(role)
        except Exception as error:  # noqa: BLE001 - whatever a user's code raises is counted
            role.restore(before)
            self._finish()
            self._errors.take(error)
        else:
            done_ns = context.now()
            self._publish(done_ns, 0, (*role.written(), number, done_ns - t_ns))
            owner.add("published")
            self._finish()
        self._errors.count_refused()
        done_ns = context.now()
        owner.record("execution", done_ns - began_ns)
        owner.record("response", done_ns - t_ns)
        owner.beat(done_ns)
        stage.collect()

    def _finish(self) -> None:
        self._queue.done()
        self._owner.add("ticks")
