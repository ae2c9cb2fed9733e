"""Build what is measured and play it, in rounds of a shuffled order.

Rules. A round plays every candidate once: one frame in C and in Python, a round trip over a pty
with and without us, and two whole systems. What fails is named with the reason, and ends no other.
Idle states are held off all the while, where that is allowed: a round trip is mostly waking up.
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.compiling import compile_program
from bench.install import PLACE, ROOT, run
from bench.link.systems import RATES, of_system

HERE = Path(__file__).parent
PROGRAMS = PLACE / "link"
NATIVE = ROOT / "native"
PYTHON = PROGRAMS / "venv" / "bin" / "python"
PACKAGES = ("cobs==1.2.2", "pyserial==3.5")
C_PROGRAMS = ("codec", "roundtrip", "line")
CODECS = ("cobs", "pure")
TRIPS = ("raw", "poll", "ours")
BAUDS = (115_200, 1_000_000)
VALUES = (1, 2, 16)
PRIORITY = 80
DEFINES = ("AMP_CRC_ENTRIES=1024",)  # as the host is built
LIMIT_S = 60.0

Round = dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How often, how long, and where.

    Synchronization: none required, immutable.
    """

    rounds: int
    slice_s: float
    system_s: float
    cores: tuple[int, int]
    seed: int


def build() -> dict[str, str]:
    """Compile the programs and install the peers; return what cannot be had, with the reason."""
    folders = ("include", "device/include", "device/ports/host", "src")
    includes = [ROOT / "bench" / "loop" / "c", *(NATIVE / folder for folder in folders)]
    library = [
        source
        for folder in ("src", "device/src", "device/ports/host")
        for source in sorted((NATIVE / folder).glob("*.c"))
    ]
    absent = {}
    for name in C_PROGRAMS:
        sources = [HERE / "c" / f"{name}.c", *library]
        why = compile_program(PROGRAMS / name, sources, defines=DEFINES, includes=includes)
        if why is not None:
            absent[name] = why
    if not PYTHON.exists():
        run(sys.executable, "-m", "venv", str(PROGRAMS / "venv"))
    why = run(str(PYTHON), "-m", "pip", "-q", "install", *PACKAGES)
    if why is not None:
        absent["packages"] = why
    return absent


def _printed(command: Sequence[str | Path]) -> Any:
    """Return the JSON that a program prints; the reason as text where it prints none."""
    try:
        done = subprocess.run(
            [str(word) for word in command],
            capture_output=True, text=True, timeout=LIMIT_S, check=False,
        )  # fmt: skip
        return json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return "it did not end"
    except ValueError:
        return (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1][:160]


@contextlib.contextmanager
def _awake() -> Iterator[None]:
    """Keep the machine out of its idle states for the length of the block, if it may."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            line = stack.enter_context(Path("/dev/cpu_dma_latency").open("wb", buffering=0))
            line.write(bytes(4))
        yield


def _jobs(course: Course, folder: Path) -> dict[str, Callable[[], Any]]:
    near, far = map(str, course.cores)
    seconds = f"{course.slice_s:g}"
    sizes = _printed([PROGRAMS / "roundtrip", "sizes"])
    jobs: dict[str, Callable[[], Any]] = {
        "codec.ours": lambda: _printed([PROGRAMS / "codec", seconds, near]),
    }
    for kind in CODECS:
        command = [PYTHON, HERE / "python" / "codec.py", kind, seconds, near]
        jobs[f"codec.{kind}"] = lambda command=command: _printed(command)
    if isinstance(sizes, dict):
        line = [seconds, near, far, str(PRIORITY), str(sizes["out"]), str(sizes["back"])]
        for kind in TRIPS:
            command = [PROGRAMS / "roundtrip", kind, *line]
            jobs[f"trip.{kind}"] = lambda command=command: _printed(command)
        by_pyserial = [PYTHON, HERE / "python" / "roundtrip.py", PROGRAMS / "roundtrip", *line]
        jobs["trip.pyserial"] = lambda: _printed(by_pyserial)
    for rate in RATES:
        jobs[f"system.{rate}"] = lambda rate=rate: of_system(rate, course.system_s, folder)
    return jobs


def play(course: Course, folder: Path) -> tuple[list[Round], dict[str, str]]:
    """Return the figures of each round by candidate, and why what failed did."""
    order = random.Random(course.seed)
    rounds: list[Round] = []
    failed: dict[str, str] = {}
    with _awake():
        for number in range(course.rounds):
            jobs = list(_jobs(course, folder).items())
            order.shuffle(jobs)
            found: Round = {}
            began = time.monotonic()
            for name, job in jobs:
                figure = job()
                if isinstance(figure, dict):
                    found[name] = figure
                else:
                    failed[f"round {number + 1}, {name}"] = str(figure)
            rounds.append(found)
            took = time.monotonic() - began
            print(f"bench: round {number + 1} of {course.rounds}: {took:.0f} s", file=sys.stderr)
    return rounds, failed


def lines() -> list[dict[str, float]]:
    """Return what a line carries in the long run, by its speed and the values of a frame."""
    found = []
    for baud in BAUDS:
        for values in VALUES:
            figure = _printed([PROGRAMS / "line", str(baud), str(values)])
            if isinstance(figure, dict):
                found.append({"baud": baud, "values": values, **figure})
    return found


def cores() -> tuple[int, int]:
    """Return the two cores that are measured on."""
    able = sorted(os.sched_getaffinity(0))
    if len(able) < 2:
        raise SystemExit("bench: two cores are needed")
    return able[-1], able[0]
