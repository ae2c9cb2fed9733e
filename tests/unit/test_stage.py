"""What roles of a user's code share, in a process that may do little."""

from __future__ import annotations

import subprocess
import sys

from tests.rights import without_rights

LOWERED = """
import os
from types import SimpleNamespace
from amphost.roles.stage import OrdinaryPriority
os.sched_setscheduler(0, os.SCHED_OTHER | os.SCHED_RESET_ON_FORK, os.sched_param(0))
with OrdinaryPriority(SimpleNamespace(plan=SimpleNamespace(policy="fifo", priority=9, nice=0))):
    print(os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK == os.SCHED_OTHER)
"""


def test_a_priority_is_lowered_by_a_user_who_has_it_by_a_limit_alone() -> None:
    """Linux lets only the privileged take away that children start without the priority."""
    command = [*without_rights(), sys.executable, "-c", LOWERED]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.stdout, run.returncode) == ("True\n", 0), run.stderr
