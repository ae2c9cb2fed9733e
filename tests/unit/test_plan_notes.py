"""What a machine lacks is said, once, with what follows; what it has is not mentioned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from amphost.machine import UNLIMITED, Machine, read_machine
from amphost.plan.model import Plan

MACHINES = Path(__file__).parents[1] / "fake_machines"
Planning = Callable[..., Plan]
ISOLATED = ("    core: 1\n", "    core: 3\n")
PI = read_machine(MACHINES / "pi5")


def notes_on(plan_of: Planning, machine: Machine, *changes: tuple[str, str]) -> tuple[str, ...]:
    """Return the notes of the plan with control on an isolated core."""
    return plan_of(ISOLATED, *changes, machine=machine).notes


def test_a_machine_with_everything_has_no_notes(plan_of: Planning) -> None:
    """The control of every test below."""
    assert notes_on(plan_of, PI) == ()


def test_without_rights_the_plan_stands_and_says_degraded(plan_of: Planning) -> None:
    """A laptop must be able to run the first example."""
    assert notes_on(plan_of, replace(PI, rtprio_max=0)) == (
        (
            "no real-time rights: everything then runs degraded under SCHED_OTHER;"
            " grant CAP_SYS_NICE or raise RLIMIT_RTPRIO to 80"
        ),
    )


def test_without_rights_a_strict_spec_does_not_arm(plan_of: Planning) -> None:
    """The same lack, another consequence."""
    strict = ("safe_within_ms: 200", "safe_within_ms: 200, allow_degraded: false")
    (note,) = notes_on(plan_of, replace(PI, rtprio_max=None), strict)
    assert "nothing arms, since the spec does not allow degraded" in note


def test_a_priority_limit_below_the_plan_is_named(plan_of: Planning) -> None:
    """Some distributions grant 75 and no more."""
    (note,) = notes_on(plan_of, replace(PI, rtprio_max=79))
    assert note == (
        "real-time priorities end at 79, the plan needs 80: what stands above runs degraded;"
        " grant CAP_SYS_NICE or raise RLIMIT_RTPRIO to 80"
    )
    assert notes_on(plan_of, replace(PI, rtprio_max=80)) == ()


def test_capabilities_make_limits_moot(plan_of: Planning) -> None:
    """Root has both by capability and neither by limit."""
    root = replace(PI, rtprio_max=0, memlock_max=0, cap_sys_nice=True, cap_ipc_lock=True)
    assert notes_on(plan_of, root) == ()


@pytest.mark.parametrize(
    ("limit", "noted"),
    [(8 << 20, True), ((64 << 20) - 1, True), (64 << 20, False), (UNLIMITED, False)],
)
def test_a_small_memory_lock_limit_is_named(plan_of: Planning, limit: int, noted: bool) -> None:
    """Debian's default of 8 MiB is less than a Python process maps."""
    found = notes_on(plan_of, replace(PI, memlock_max=limit))
    assert any("RLIMIT_MEMLOCK" in note for note in found) is noted


def test_the_memory_lock_note_has_both_numbers(plan_of: Planning) -> None:
    """In the unit that limits.conf takes."""
    assert notes_on(plan_of, replace(PI, memlock_max=8 << 20)) == (
        (
            "RLIMIT_MEMLOCK is 8192 KiB: memory may stay unlocked and page faults disturb the"
            " loops; grant CAP_IPC_LOCK or raise it to 65536 KiB"
        ),
    )


def test_governors_of_control_cores_alone_matter(plan_of: Planning) -> None:
    """Core 0 may save energy."""
    slow = replace(PI, governors=((0, "powersave"), (3, "ondemand")))
    assert notes_on(plan_of, slow) == (
        "core 3 runs under the governor ondemand: set it to performance",
    )


def test_a_virtual_machine_and_missing_files_are_named(plan_of: Planning) -> None:
    """Whoever reads a report must know what it was measured on."""
    bare = replace(PI, virtual=True, cpu_dma_latency=False, page_size=None)
    assert notes_on(plan_of, bare) == (
        "the page size cannot be read: 4096 was taken",
        "a virtual machine: its host may stop any core for milliseconds",
        "no /dev/cpu_dma_latency to write to: idle states make wake-ups late; run as root",
    )


def test_bounds_below_the_floor_are_named(plan_of: Planning) -> None:
    """Allowed, and the cause of the next trip."""
    changes = (
        ("    rate_hz: 1000\n", "    rate_hz: 1000\n    blackout_ms: 3\n"),
        ("position: io.position", "position: {from: io.position, max_age_ms: 4}"),
    )
    assert notes_on(plan_of, PI, *changes) == (
        "control: blackout of 3 ms is below the floor of 5 ms: this machine may trip it by itself",
        (
            "control reads io.position: max age of 4 ms is below the floor of 5 ms:"
            " this machine may trip it by itself"
        ),
    )
