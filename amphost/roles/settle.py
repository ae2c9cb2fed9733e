"""Settle a process where its plan wants it, and read back what Linux really granted.

Rules. A refusal is no error here: the process goes on with what it got and reports it; whether
that is enough is decided by whoever arms. Every setting is read back, never assumed.
"""

from __future__ import annotations

import os
import resource

from amphost import platform

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

POLICIES = {os.SCHED_FIFO: "fifo", os.SCHED_RR: "rr", os.SCHED_OTHER: "other"}
STACK_BYTES = 65536


def pin(cores: Sequence[int]) -> list[int]:
    """Pin this process to `cores`; return the cores it may really use."""
    if cores:
        try:
            os.sched_setaffinity(0, cores)
        except OSError:
            pass  # the read-back says so
    return sorted(os.sched_getaffinity(0))


def raise_limits() -> None:
    """Use what this user may have: soft limits for priority and locked memory up to the hard."""
    for limit in (resource.RLIMIT_RTPRIO, resource.RLIMIT_MEMLOCK):
        hard = resource.getrlimit(limit)[1]
        resource.setrlimit(limit, (hard, hard))


def schedule(
    policy: str, priority: int, nice: int, *, children_too: bool = False
) -> tuple[str, int]:
    """Ask for a policy and priority; return those that stand. Children start without them, unless
    `children_too`: who waits until a child has exec'd waits as long as the child for a core.
    """
    try:
        if policy == "fifo":
            wanted = os.SCHED_FIFO | (0 if children_too else os.SCHED_RESET_ON_FORK)
            os.sched_setscheduler(0, wanted, os.sched_param(priority))
        elif nice:
            os.setpriority(os.PRIO_PROCESS, 0, nice)
    except OSError:
        pass  # the read-back says so
    got = os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK
    return POLICIES.get(got, str(got)), os.sched_getparam(0).sched_priority


def lock(wanted: bool) -> bool:
    """Lock this process's memory if `wanted`; return whether it is locked."""
    if not wanted:
        return False
    try:
        platform.lock_memory(STACK_BYTES)
    except OSError:
        return False
    return True


def limit_rttime(limit_us: int) -> int:
    """Limit how long this process may run real-time without sleeping; return the limit, 0: none."""
    if limit_us:
        hard = resource.getrlimit(resource.RLIMIT_RTTIME)[1]
        soft = limit_us if hard == resource.RLIM_INFINITY else min(limit_us, hard)
        resource.setrlimit(resource.RLIMIT_RTTIME, (soft, hard))
    soft = resource.getrlimit(resource.RLIMIT_RTTIME)[0]
    return 0 if soft == resource.RLIM_INFINITY else soft


def settle(plan: Any) -> dict[str, Any]:
    """Apply a plan's cores, policy, lock, slack, limit and name; return what was granted.

    `plan` has name, cores, policy, priority, nice, lock_memory, timer_slack_ns and rttime_us.
    """
    platform.set_name(plan.name)
    cores = pin(plan.cores)
    raise_limits()
    locked = lock(plan.lock_memory)
    rttime_us = limit_rttime(plan.rttime_us)
    slack_ns = platform.set_timer_slack(plan.timer_slack_ns)
    policy, priority = schedule(plan.policy, plan.priority, plan.nice)
    return {
        "cores": cores,
        "policy": policy,
        "priority": priority,
        "memory_locked": locked,
        "timer_slack_ns": slack_ns,
        "rttime_us": rttime_us,
    }
