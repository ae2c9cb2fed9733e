"""What a measured latency is good for, and what would improve it on this machine.

Rules. Pure. The bands are those of LinuxCNC's latency test, and as there the largest value decides,
not a mean: one late period is one jerk of the tool. Advice names what this machine lacks, the most
effective first, each with what to do; it promises no figure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amphost.machine import Machine

DRAWS_WELL_NS = 20_000
_NS_PER_US = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """One band: latencies up to `most_ns`, None for the last one.

    Synchronization: none required; immutable.
    """

    name: str
    most_ns: int | None
    text: str


BANDS = (
    Band(name="very good", most_ns=20_000, text="steps may be timed by software"),
    Band(name="good", most_ns=50_000, text="servo loops at 1 kHz and above; slow software steps"),
    Band(
        name="hardware only",
        most_ns=500_000,
        text="only with a board that does the timing in hardware",
    ),
    Band(name="unacceptable", most_ns=None, text="not for moving anything that may do harm"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What was measured and under which settings, as far as advice depends on it.

    Synchronization: none required; immutable.
    """

    core: int
    wait: str
    fifo: bool
    locked: bool
    idle_held: bool
    max_ns: int
    gap_max_ns: int | None  # None: nobody looked


def band_of(max_ns: int) -> Band:
    """Return the band that the largest latency belongs to."""
    for band in BANDS:
        if band.most_ns is None or max_ns <= band.most_ns:
            return band
    raise AssertionError("the last band has no end")


def advice(machine: Machine, seen: Circumstances) -> list[str]:
    """List what would improve the latency here, the most effective first; it may be nothing."""
    return [*_rights(machine, seen), *_hardware(machine, seen), *_system(machine, seen)]


def _rights(machine: Machine, seen: Circumstances) -> Iterator[str]:
    if not seen.fifo and not machine.realtime_rights:
        yield (
            "run it with real-time rights (as root, or with CAP_SYS_NICE or RLIMIT_RTPRIO): without"
            " them every other program may go first"
        )
    if not seen.locked:
        yield "let it lock its memory (CAP_IPC_LOCK, or RLIMIT_MEMLOCK without limit)"
    if not seen.idle_held:
        yield (
            "let it hold /dev/cpu_dma_latency at 0 (as root, or by a udev rule that makes it"
            " writable): idle states make every wake-up later"
        )


def _hardware(machine: Machine, seen: Circumstances) -> Iterator[str]:
    governor = dict(machine.governors).get(seen.core)
    if governor not in (None, "performance"):
        yield (
            f"set the governor of core {seen.core} from {governor} to performance: its clock must"
            " not have to speed up first"
        )
    stolen = seen.gap_max_ns is not None and 2 * seen.gap_max_ns >= seen.max_ns
    if machine.virtual and stolen and seen.max_ns > DRAWS_WELL_NS:
        yield (
            f"use a machine of its own: this virtual one stood still for"
            f" {(seen.gap_max_ns or 0) / _NS_PER_US:.0f} us while nothing here slept"
        )


def _system(machine: Machine, seen: Circumstances) -> Iterator[str]:
    if machine.preempt_rt is False:
        yield "run a Linux with PREEMPT_RT: this one may not be interrupted where it is busy"
    if seen.core not in machine.isolated and len(machine.online) > 1:
        core = seen.core or max(machine.online)
        yield (
            f"isolate a core (isolcpus={core} nohz_full={core} rcu_nocbs={core} on the command line"
            f" of Linux) and measure that one: other work shares core {seen.core}"
        )
    if seen.wait == "sleep" and seen.max_ns > DRAWS_WELL_NS:
        yield "wait with --wait hybrid: it spends some of the core's time to be there in time"
