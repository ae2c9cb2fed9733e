"""Build the C programs and play all slices, in rounds of a shuffled order.

Rules. A round plays every candidate under every load, in an order that a seed gives; a load is
started once in a round and all candidates are played under it. What a slice measures in its first
moments is left out. Who fails twice in a row is left out from then on and named; it ends no other.
This process keeps to the other cores.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from bench.compiling import compile_program
from bench.install import PLACE, ROOT
from bench.loop import growth, linuxcnc
from bench.loop.candidates import GAPS, LINUXCNC, LOADS, OURS, PYTHON, Candidate
from bench.loop.parse import Reading, of_cyclictest, of_gaps, of_python, of_role
from bench.loop.running import CpuMeter, FailedError, run, started, threads_on

HERE = Path(__file__).parent
PROGRAMS = PLACE / "loop"
NATIVE = ROOT / "native"
WARM_UP_S = 0.2
GRACE_S = 15.0
ROUNDS_MIN = 2
PRIORITY = 80
PERIOD = "period"
C_PROGRAMS = (OURS, PERIOD, GAPS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How often, how long, and where.

    Synchronization: none required, immutable.
    """

    rounds: int
    limit_s: float  # no further round begins when it would not end within this time
    slice_s: float
    cores: tuple[int, ...]  # the measured one, then the others
    seed: int
    is_quick: bool = False


@dataclass(slots=True, kw_only=True)
class Played:
    """Everything that the rounds gave.

    Synchronization: one thread.
    """

    rounds: list[dict[tuple[str, str], list[Reading]]] = field(default_factory=list)
    costs: list[dict[tuple[str, int], dict[str, float]]] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def include_folders() -> list[Path]:
    """Return where the programs and the library find their headers."""
    folders = ("include", "device/include", "device/ports/host")
    return [HERE / "c", *(NATIVE / folder for folder in folders)]


def build() -> dict[str, str]:
    """Compile the programs; return program -> reason for what does not compile."""
    library = [
        source
        for folder in ("src", "device/src", "device/ports/host")
        for source in sorted((NATIVE / folder).glob("*.c"))
    ]

    def make(program: str) -> str | None:
        sources = [HERE / "c" / f"{program}.c", *([] if program == GAPS else library)]
        return compile_program(PROGRAMS / program, sources, defines=(), includes=include_folders())

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        reasons = list(pool.map(make, C_PROGRAMS))
    return {name: why for name, why in zip(C_PROGRAMS, reasons, strict=True) if why is not None}


def command_of(one: Candidate, course: Course, phase_us: int) -> list[str]:
    """Return the command line of one slice on a grid of this phase; LinuxCNC has none."""
    core, other = course.cores[:2]
    seconds = f"{course.slice_s:g}"
    last = [str(PRIORITY), str(int(one.awake)), str(phase_us)]
    if one.program == OURS:
        words = [one.kind, str(one.rate), seconds, str(core), str(other), *last]
        return [str(PROGRAMS / OURS), *words]
    if one.program == GAPS:
        return [str(PROGRAMS / GAPS), seconds, str(core), str(PRIORITY)]
    seconds_with_warm_up = f"{course.slice_s + WARM_UP_S:g}"
    if one.program == PYTHON:
        words = [one.kind, str(one.rate), seconds_with_warm_up, str(core), *last]
        return [sys.executable, "-I", str(HERE / "python" / "paced.py"), *words]
    loops = int((course.slice_s + WARM_UP_S) * one.rate)
    return [
        "cyclictest", "--quiet", "--verbose", "--nsecs", "--mlockall", "--threads=1",
        f"--affinity={core}", f"--mainaffinity={other}", f"--priority={PRIORITY}",
        f"--interval={1_000_000 // one.rate}", f"--loops={loops}",
        *([] if course.is_quick else [f"--secaligned={phase_us}"]),  # waits for a full second
        *([] if one.awake else ["--laptop"]),
    ]  # fmt: skip


def read(one: Candidate, text: str) -> Reading:
    """Read what a program printed; LinuxCNC reads for itself."""
    skip = int(WARM_UP_S * one.rate)
    try:
        if one.program == OURS:
            return of_role(text)
        if one.program == GAPS:
            return of_gaps(text)
        if one.program == PYTHON:
            return of_python(text, skip=skip)
        return of_cyclictest(text, skip=skip)
    except ValueError as error:
        raise FailedError(str(error)) from None


def play_once(one: Candidate, course: Course, phase_us: int) -> Reading:
    """Play one slice of one candidate."""
    core = course.cores[0]
    try:
        if one.program == LINUXCNC:
            return linuxcnc.play(
                rate=one.rate, seconds=course.slice_s, core=core, priority=PRIORITY
            )
        text, cpu = run(
            command_of(one, course, phase_us),
            limit_s=course.slice_s + GRACE_S,
            meter=lambda pid: CpuMeter(lambda: threads_on(core, pid), course.slice_s),
        )
    except (OSError, ValueError) as error:
        raise FailedError(str(error)[:160]) from None
    found = read(one, text)
    return Reading(
        latency=found.latency,
        cpu=None if one.program == GAPS else cpu,  # how long it naps is no figure
        execution=found.execution,
        margin_ns=found.margin_ns,
        skipped=found.skipped,
    )


@contextlib.contextmanager
def loaded(load: str, course: Course) -> Iterator[None]:
    """Keep a load on its cores for the length of the block."""
    if load == "idle":
        yield
        return
    cores = course.cores[1:] if load == "other" else course.cores
    command = ["stress-ng", "--quiet", "--taskset", ",".join(map(str, cores))]
    count = str(len(cores))
    command += ["--cpu", count, "--vm", count, "--vm-bytes", "32M", "--timeout", "600"]
    with started(command, subprocess.DEVNULL, subprocess.DEVNULL) as stress:
        time.sleep(0.3)
        yield
        if stress.poll() is not None:
            raise FailedError(f"stress-ng ended by itself with exit code {stress.returncode}")


def one_more_try(one: Candidate, course: Course, phase_us: int) -> Reading:
    """Play one slice, again if it fails: a blackout of the host is no verdict."""
    try:
        return play_once(one, course, phase_us)
    except FailedError:
        return play_once(one, course, phase_us)


def shuffled(
    candidates: Sequence[Candidate], order: random.Random, *, is_quick: bool
) -> list[tuple[Candidate, int]]:
    """Return what is played under one load, each with the phase of its grid in µs.

    Those of a block stand together, in any order, and share their phase: a grid that lies on the
    kernel's tick is late by that in one of four periods, and which does is chance.
    """
    blocks: dict[str, list[Candidate]] = {}
    for one in candidates:
        blocks.setdefault(one.block or one.key, []).append(one)
    units = [each for each in blocks.values() for _ in range(1 if is_quick else each[0].plays)]
    order.shuffle(units)
    played = []
    for unit in units:
        phase_us = order.randrange(1_000_000 // max(unit[0].rate, 1000))
        played += [(one, phase_us) for one in order.sample(unit, len(unit))]
    return played


def play_loads(
    candidates: Sequence[Candidate], loads: Sequence[str], course: Course,
    order: random.Random, played: Played,
) -> None:  # fmt: skip
    """Play one round of slices. What was played under a load that failed counts for nothing."""
    found: dict[tuple[str, str], list[Reading]] = {}
    for load in order.sample(loads, len(loads)):
        try:
            with loaded(load, course):
                under = _play_load(candidates, load, course, order, played)
        except (FailedError, OSError) as error:
            played.failed[f"load {load}"] = str(error)
        else:
            found |= under
    played.rounds.append(found)


def _play_load(
    candidates: Sequence[Candidate], load: str, course: Course, order: random.Random, played: Played
) -> dict[tuple[str, str], list[Reading]]:
    found: dict[tuple[str, str], list[Reading]] = {}
    for one, phase_us in shuffled(candidates, order, is_quick=course.is_quick):
        if one.key in played.failed:
            continue
        try:
            found.setdefault((one.key, load), []).append(one_more_try(one, course, phase_us))
        except FailedError as error:
            played.failed[one.key] = f"{one.label}, {LOADS[load]}: {error}"
    return found


def play_costs(course: Course, order: random.Random, played: Played) -> None:
    """Measure every point of the growth once."""
    cores = [str(core) for core in course.cores]
    found: dict[tuple[str, int], dict[str, float]] = {}
    for point in order.sample(growth.POINTS, len(growth.POINTS)):
        count = growth.COUNT // (10 if course.is_quick else 1)
        words = [*point.arguments(), str(count), *cores]
        try:
            text, _ = run([str(PROGRAMS / PERIOD), *words], limit_s=GRACE_S)
            found[point.kind, point.number] = json.loads(text)
        except (FailedError, OSError, ValueError) as error:
            played.failed[f"{PERIOD} {point.kind} {point.number}"] = str(error)[:160]
    played.costs.append(found)


def say(text: str) -> None:
    """Tell of progress, beside the output."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def play(
    candidates: Sequence[Candidate], loads: Sequence[str], course: Course,
    tell: Callable[[str], None],
) -> Played:  # fmt: skip
    """Play all rounds."""
    order = random.Random(course.seed)
    played = Played()
    os.sched_setaffinity(0, course.cores[1:])
    started_at = time.monotonic()
    for number in range(course.rounds):
        began = time.monotonic()
        if number >= ROUNDS_MIN and (began - started_at) * (1 + 1 / number) > course.limit_s:
            tell(f"the time is over after {number} rounds")
            break
        play_costs(course, order, played)
        play_loads(candidates, loads, course, order, played)
        tell(f"round {number + 1} of {course.rounds}: {time.monotonic() - began:.1f} s")
    return played
