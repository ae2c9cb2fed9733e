"""Build the C programs and play all jobs, in rounds of a shuffled order.

Rules. Everything that is compared stands in one run: a round plays each job, in blocks of those
that are compared, in an order that a seed gives. A job that fails is left out from then on and
named with its reason; it ends no other.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.compiling import compile_program
from bench.install import PLACE, ROOT
from bench.mailbox.jobs import C_PYTHON, PYTHON, C, Job
from bench.mailbox.peers import PYTHON as INTERPRETER

HERE = Path(__file__).parent
LIBRARY = ROOT / "amphost" / "_native" / "libamphost_mailbox.a"
PROGRAMS = PLACE / "c"
LIMIT_S = 40
ROUNDS_MIN = 3
# Within a round; a C program runs for some milliseconds only, so one disturbance is a whole run.
PLAYS = {C: 3, C_PYTHON: 1, PYTHON: 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How often, how long, and where.

    Synchronization: none required, immutable.
    """

    rounds: int
    limit_s: float  # no further round begins when it would not end within this time
    share: float  # of each job's count
    cores: tuple[int, ...]
    seed: int


def build(jobs: Sequence[Job]) -> dict[str, str]:
    """Compile what the jobs need; return program -> reason for what does not compile."""
    PROGRAMS.mkdir(parents=True, exist_ok=True)
    programs = sorted({(_file(job), job.source, job.defines) for job in jobs if job.source})
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        reasons = list(pool.map(lambda one: _compile(*one), programs))
    return {
        name: why for (name, _, _), why in zip(programs, reasons, strict=True) if why is not None
    }


def _compile(program: str, source: str, defines: tuple[str, ...]) -> str | None:
    return compile_program(
        PROGRAMS / program,
        [HERE / "c" / source, LIBRARY],
        defines=defines,
        includes=[HERE / "c", ROOT / "native" / "include"],
    )


def _file(job: Job) -> str:
    return "to_python" if job.group == C_PYTHON else job.program


def command_of(job: Job, course: Course) -> list[str]:
    """Return the command line that plays this job once."""
    count = str(max(int(job.count * course.share), min(job.count, 40)))
    cores = [str(core) for core in course.cores]
    if job.group == PYTHON:
        mode, size = job.arguments
        return [
            str(INTERPRETER),
            str(HERE / "python" / "pair.py"),
            job.program,
            mode,
            count,
            *cores[:2],
            size,
        ]
    program = str(PROGRAMS / _file(job))
    if job.group == C_PYTHON:
        script = str(HERE / "python" / "from_c.py")
        return [str(INTERPRETER), script, program, job.program, *job.arguments, count, *cores[:2]]
    if job.mode == "publish":
        return [program, *job.arguments, count, *cores]
    return [program, *job.arguments, count, *cores[:2]]


def _play_once(job: Job, course: Course) -> tuple[dict[str, float] | None, str]:
    try:
        done = subprocess.run(
            command_of(job, course), capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return None, f"no end within {LIMIT_S} s"
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    try:
        readings: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return None, lines[-1][:160] if lines else f"exit code {done.returncode}"
    return readings, ""


def _middle(taken: list[dict[str, float]]) -> dict[str, float]:
    """Take the median of each field."""
    return {name: statistics.median(one[name] for one in taken) for name in taken[0]}


def shuffled(jobs: Sequence[Job], order: random.Random) -> list[Job]:
    """Return what one round plays: what is compared stands close together, in blocks."""
    blocks: dict[tuple[str, str, bool], list[Job]] = {}
    for job in jobs:
        blocks.setdefault((job.group, job.mode, job.payload == "1 KiB"), []).append(job)
    units = [block for block in blocks.values() for _ in range(PLAYS[block[0].group])]
    order.shuffle(units)
    return [job for block in units for job in order.sample(block, len(block))]


def play(
    jobs: Sequence[Job], course: Course, tell: Callable[[str], None]
) -> tuple[list[dict[tuple[str, str], dict[str, float]]], dict[str, str]]:
    """Play all rounds; return the readings of each, and label -> reason of what failed."""
    order = random.Random(course.seed)
    left = list(jobs)
    failed: dict[str, str] = {}
    rounds = []
    started = time.monotonic()
    for number in range(course.rounds):
        began = time.monotonic()
        if number >= ROUNDS_MIN and (began - started) * (1 + 1 / number) > course.limit_s:
            tell(f"the time is over after {number} rounds")
            break
        plays = shuffled(left, order)
        taken: dict[tuple[str, str], list[dict[str, float]]] = {}
        for job in plays:
            if job not in left:
                continue
            readings, why = _play_once(job, course)
            if readings is None:
                readings, why = _play_once(job, course)  # a blackout of the host is no verdict
            if readings is None:
                left.remove(job)
                failed[f"{job.label} ({job.mode}, {job.payload})"] = why
            else:
                taken.setdefault((job.key, job.mode), []).append(readings)
        played = {key: _middle(all_of) for key, all_of in taken.items()}
        rounds.append(played)
        tell(f"round {number + 1} of {course.rounds}: {time.monotonic() - began:.1f} s")
    return rounds, failed


def clear_away() -> None:
    """Remove what candidates of this process left under a name of theirs."""
    for folder in (Path("/dev/shm"), Path(tempfile.gettempdir())):  # noqa: S108 - names are ours
        for path in folder.glob(f"*amphost-bench-{os.getpid()}-*"):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def default_cores() -> tuple[int, ...]:
    """Return the cores that this process may use."""
    return tuple(sorted(os.sched_getaffinity(0)))


def say(text: str) -> None:
    """Tell of progress, beside the output."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


__all__ = ["C", "Course", "build", "command_of", "default_cores", "play", "say"]
