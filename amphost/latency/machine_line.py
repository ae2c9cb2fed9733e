"""The machine that a figure was measured on, in one line.

Rules. Pure. What the machine does not show is said to be unknown, never guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amphost.machine import Machine


def machine_line(machine: Machine, core: int) -> str:
    """Return model, Linux, isolation, governor and whether it is virtual, for one core."""
    return ", ".join(
        (
            machine.model or "unknown model",
            f"Linux {machine.linux or 'unknown'}",
            _choice(machine.preempt_rt, "PREEMPT_RT", "no PREEMPT_RT", "PREEMPT_RT unknown"),
            f"core {core} {'isolated' if core in machine.isolated else 'not isolated'}",
            f"governor {dict(machine.governors).get(core, 'not shown')}",
            _choice(machine.virtual, "virtual machine", "not virtual", "virtual or not: unknown"),
        )
    )


def throttling(machine: Machine) -> str:
    """Say how much of a second Linux leaves to real-time threads."""
    limit = machine.rt_runtime_us
    if limit is None:
        return "unknown"
    return "off" if limit < 0 else f"{limit / 1e6:g} of each s"


def _choice(fact: bool | None, yes: str, no: str, unknown: str) -> str:
    return unknown if fact is None else yes if fact else no
