"""What the roles of a user's Python code share: loading, setting up, logging, collecting.

Rules. Imported by such roles alone. A user's code is loaded and set up under no real-time priority;
from then on the collector runs where the role says, and what exists by then is frozen.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import sys

from amphost import user_code
from amphost.role_api import Role
from amphost.roles.settle import schedule

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from typing import Any

    from amphost.plan.program_model import PythonPlan
    from amphost.roles.context import Context

LOGGED_MAX = 100
YOUNG_MAX = 700
OLD_MAX = 10
"""The collector's own thresholds, applied where nothing waits."""


def log(text: str) -> None:
    """Write to the role's log."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def open_user(context: Context, plan: PythonPlan) -> tuple[Role, Any]:
    """Prepare this process for a user's code, and load its class; `set_up` comes after."""
    context.die_with_supervisor()
    faulthandler.enable(file=sys.stderr, all_threads=True)
    name = context.plan.name
    with OrdinaryPriority(context):
        user = user_code.load(plan, name)
    role = Role(
        name,
        plan.inputs,
        plan.outputs,
        plan.parameters,
        plan.period_ns,
        lambda text: log(f"{name}: {text}"),
    )
    return role, user


def set_up(context: Context, plan: PythonPlan, role: Role, user: Any) -> None:
    """Call the user's `setup`; no collection happens by itself from here on, unless it says so."""
    gc.disable()
    with OrdinaryPriority(context):
        call(user, "setup", plan, role)


def call(user: Any, method: str, plan: PythonPlan, *arguments: Any) -> None:
    """Call an optional method of the user's class."""
    function = getattr(user, method, None)
    if function is None:
        return
    try:
        function(*arguments)
    except Exception as error:
        log(user_code.trace(error))
        raise user_code.wrong(error, method, plan.file) from error


class OrdinaryPriority:
    """While a user's code is imported and set up, it runs under no real-time priority.

    Synchronization: one thread.
    """

    def __init__(self, context: Context) -> None:
        self._plan = context.plan

    def __enter__(self) -> None:
        if self._plan.policy == "fifo":
            wanted = os.SCHED_OTHER | os.SCHED_RESET_ON_FORK  # only root may take that flag away
            os.sched_setscheduler(0, wanted, os.sched_param(0))

    def __exit__(self, *_: object) -> None:
        if self._plan.policy == "fifo":
            schedule(self._plan.policy, self._plan.priority, self._plan.nice)


class Errors:
    """The exceptions of a user's code: counted, logged once for each place, and what follows.

    Synchronization: one thread.
    """

    def __init__(self, context: Context, plan: PythonPlan, role: Role, method: str) -> None:
        self._owner = context.segment.owner
        self._plan, self._role, self._method = plan, role, method
        self._refused = 0
        self._logged: set[str] = set()

    def take(self, error: Exception) -> None:
        """Count a failed call; raise UserCodeError where it is to end the role."""
        self._owner.add("step_errors")
        self.count_refused()
        wrong = user_code.wrong(error, self._method, self._plan.file)
        place = str(wrong).partition(f": {self._method}: ")[0]
        if place not in self._logged and len(self._logged) < LOGGED_MAX:
            self._logged.add(place)
            log(user_code.trace(error))
        if self._plan.on_error == "restart":
            raise wrong from error

    def count_refused(self) -> None:
        """Count the writes that were refused since the last time."""
        refused = self._role.refused_writes()
        if refused != self._refused:
            self._owner.add("refused_writes", refused - self._refused)
            self._refused = refused


def collect() -> None:
    """Collect as Python's own thresholds would, but here, where nothing waits for it."""
    young, middle, old = gc.get_count()
    if young > YOUNG_MAX:
        gc.collect(0 if middle <= OLD_MAX else 1 if old <= OLD_MAX else 2)
