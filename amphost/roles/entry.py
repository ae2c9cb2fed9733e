"""How a role process begins and ends: handover, settling, segments, the role's own code, status.

Rules. `python -I -m amphost.roles NAME --plan-fd N`, started by the supervisor; with `--held
PID:N` by hand, under a debugger, in place of a child of supervisor PID. Status
lines of JSON go to the supervisor: `ready` with what Linux granted, `report` in between, then
`ended` or `failed`. SIGINT is the supervisor's: Ctrl-C must not stop a role before its outputs are
safe; that of a held role is its debugger's. Each kind is imported only by the process that runs it.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # signal makes enums: 4 ms and 0.9 MB
import gc
import os
import sys

from amphost.errors import AmphostError
from amphost.roles import handover
from amphost.roles.context import Context
from amphost.roles.settle import settle

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from typing import Any

    from amphost.plan.model import RolePlan
    from amphost.roles.handover import Run

KINDS = {
    "control": "amphost.roles.control",
    "exec": "amphost.roles.exec",
    "io": "amphost.roles.io",
    "python": "amphost.roles.python",
    "telemetry": "amphost.roles.telemetry",
    "worker": "amphost.roles.worker",
}
ENDED_BADLY = 1


def main(arguments: list[str]) -> int:
    """Run one role; return the exit code."""
    held = arguments[1:2] == ["--held"]
    number = arguments[2].replace(":", "", held) if len(arguments) == 3 else ""
    if not number.isdigit() or (not held and arguments[1] != "--plan-fd"):
        usage = "python -I -m amphost.roles NAME --plan-fd N, or --held PID:N by hand"
        print(f"usage: {usage}", file=sys.stderr)
        return 2
    try:
        if held:
            plan, run = handover.read_held(arguments[2])
        else:
            _signal.signal(_signal.SIGINT, _signal.SIG_IGN)
            plan, run = handover.read(int(arguments[2]))
    except AmphostError as error:
        print(f"{arguments[0]}: {error}", file=sys.stderr)
        return error.exit_code
    try:
        return _run(plan, run)
    except AmphostError as error:
        print(f"{plan.name}: {error}", file=sys.stderr)
        handover.status(run.status_fd, "failed", error=str(error), exit=error.exit_code)
        return error.exit_code
    except OSError as error:
        print(f"{plan.name}: {error}", file=sys.stderr)
        handover.status(run.status_fd, "failed", error=str(error), exit=ENDED_BADLY)
        return ENDED_BADLY


def _run(plan: RolePlan, run: Run) -> int:
    role: Any = __import__(KINDS[plan.kind], fromlist=["run"])
    os.set_inheritable(run.status_fd, False)
    context = Context(plan, run)
    granted = settle(plan)

    def ready(**more: str) -> None:
        gc.collect()
        gc.freeze()
        handover.status(run.status_fd, "ready", granted={**granted, **more})

    end = role.run(context, ready)
    handover.status(run.status_fd, "ended", end=end)
    code = 0 if end == "ended" else ENDED_BADLY
    if plan.kind == "control":
        os._exit(code)  # its sandbox knows no other way out
    return code
