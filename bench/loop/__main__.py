"""`./dev bench loop`: measure, print, and with --write keep the result.

Rules. The report, or with --json the result, goes to stdout; progress to stderr. Never a verdict on
the code: the exit code is 0 whatever the figures, 1 only when nothing of ours could be measured.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import time
from pathlib import Path
from typing import Any

from bench import install, machine, pages
from bench.benchmarks import ALL, LOOP
from bench.loop import play, profile, report
from bench.loop.candidates import CANDIDATES, LOADS, PACKAGES, STRESS, Candidate

LIMIT_S = 460.0  # of the rounds, unless their number is given
SLICE_S = 0.9


def cores_of(text: str) -> tuple[int, ...]:
    """Read the cores that are asked for, the measured one first."""
    words = text.split(",")
    cores = tuple(int(word) for word in words if word.isdecimal())
    able = os.sched_getaffinity(0)
    if len(cores) != len(words) or len(set(cores)) < 2 or not set(cores) <= able:
        raise argparse.ArgumentTypeError(f"needs two or more of {sorted(able)}, such as 1,0")
    return cores


def arguments(words: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="./dev bench loop", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--quick", action="store_true", help="one short round: to see it work")
    parser.add_argument("--write", action="store_true", help="keep it in bench/RESULTS.md, README")
    parser.add_argument("--render", action="store_true", help="render from the kept results only")
    parser.add_argument(
        "--rounds", type=int, help="rounds; without it as many as 460 s hold, at most 4"
    )
    parser.add_argument(
        "--cores",
        type=cores_of,
        help="the measured core, then the others, such as 3,2; by default the last one first",
    )
    parser.add_argument("--only", help="candidates whose key or label holds this word")
    parser.add_argument("--seed", type=int, default=time.time_ns() & 0xFFFF, help="of the order")
    return parser.parse_args(words)


def _wanted(word: str | None) -> list[Candidate]:
    return [one for one in CANDIDATES if not word or word in f"{one.key} {one.label}"]


def _peers(wanted: list[Candidate]) -> tuple[dict[str, str], dict[str, str]]:
    """Install what these need; return the versions, and why what is absent is."""
    needed = {STRESS, *(one.package for one in wanted)}
    found = {name: install.debian(name, PACKAGES[name]) for name in PACKAGES if name in needed}
    versions = {name: install.debian_version(name) for name, why in found.items() if why is None}
    return versions, {name: why for name, why in found.items() if why is not None}


def _latency_device() -> str:
    try:
        with Path("/dev/cpu_dma_latency").open("wb"):
            return "held at 0 where no row says otherwise"
    except OSError:
        return "not there, or not for this user: every row with idle states"


def measure(options: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    """Prepare, play all rounds, gather; say whether anything of ours was measured."""
    cores = options.cores or tuple(sorted(os.sched_getaffinity(0), reverse=True))
    if len(cores) < 2:
        raise SystemExit("bench: two cores are needed")
    course = play.Course(
        rounds=options.rounds or (1 if options.quick else 4),
        slice_s=0.1 if options.quick else SLICE_S,
        limit_s=float("inf") if options.rounds else LIMIT_S,
        cores=cores,
        seed=options.seed,
        is_quick=options.quick,
    )
    wanted = _wanted(options.only)
    versions, absent = _peers(wanted)
    broken = play.build()
    able = [one for one in wanted if one.package not in absent and one.program not in broken]
    loads = [load for load in LOADS if load == "idle" or STRESS not in absent]
    if options.quick:
        loads = [load for load in loads if load != "other"]
    load, steal = os.getloadavg()[0], machine.steal_ticks()
    played = play.play(able, loads, course, play.say)
    named = {f"program {name}": why for name, why in broken.items()}
    policy = f"fifo {play.PRIORITY}" if machine.may_fifo() else "other"
    line = machine.describe(
        cores=cores,
        policy=f"{policy}, measured on core {cores[0]}",
        command=shlex.join(["./dev", "bench", "loop", *sys.argv[1:]]),
        steal_before=steal,
        load=load,
    )
    found = report.result(
        able,
        played.rounds,
        played.costs,
        machine=line | {"cpu_dma_latency": _latency_device()},
        versions=versions,
        absent=absent | named | played.failed,
    )
    if not options.quick:
        found["profile"] = profile.hints(found)
    return found, report.has_ours(played.rounds, able)


def main() -> int:
    """Measure, print, keep."""
    options = arguments(sys.argv[1:])
    if options.render:
        pages.render(ALL)
        return 0
    try:
        found, has_ours = measure(options)
    except KeyboardInterrupt:
        return 130
    if options.write and has_ours:
        pages.keep(LOOP, found)
        pages.render(ALL)
    print(json.dumps(found, indent=2) if options.json else report.markdown(found))
    return 0 if has_ours else 1


if __name__ == "__main__":
    sys.exit(main())
