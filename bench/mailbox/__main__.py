"""`./dev bench mailbox`: measure, print, and with --write keep the result.

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
from typing import Any

from bench import machine, pages
from bench.benchmarks import ALL, MAILBOX
from bench.mailbox import peers, play, profile, report
from bench.mailbox.jobs import all_jobs

LIMIT_S = 150.0  # of the rounds, unless their number is given


def arguments(words: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="./dev bench mailbox", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--quick", action="store_true", help="one short round: to see it work")
    parser.add_argument("--write", action="store_true", help="keep it in bench/RESULTS.md, README")
    parser.add_argument("--render", action="store_true", help="render from the kept results only")
    parser.add_argument(
        "--rounds", type=int, help="rounds; without it as many as 150 s hold, at most 12"
    )
    parser.add_argument("--cores", help="two or more cores, such as 2,3")
    parser.add_argument("--only", help="jobs whose key or label holds this word")
    parser.add_argument("--seed", type=int, default=time.time_ns() & 0xFFFF, help="of the order")
    return parser.parse_args(words)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Prepare, play all rounds, gather."""
    cores = tuple(map(int, options.cores.split(","))) if options.cores else play.default_cores()
    if len(cores) < 2:
        raise SystemExit("bench: two cores are needed")
    course = play.Course(
        rounds=options.rounds or (1 if options.quick else 12),
        share=0.1 if options.quick else 1.0,
        limit_s=float("inf") if options.rounds else LIMIT_S,
        cores=cores,
        seed=options.seed,
    )
    here = peers.prepare()
    jobs = [j for j in all_jobs() if not options.only or options.only in f"{j.key} {j.label}"]
    broken = play.build(jobs)
    absent = dict(here.absent)
    absent |= {f"{j.label} ({j.payload})": broken[j.program] for j in jobs if j.program in broken}
    able = [j for j in jobs if j.peer not in here.absent and j.program not in broken]
    load, steal = os.getloadavg()[0], machine.steal_ticks()
    try:
        rounds, failed = play.play(able, course, play.say)
    finally:
        play.clear_away()
    line = machine.describe(
        cores=cores[:2],
        policy=f"C to C {'fifo 5' if machine.may_fifo() else 'other'}, the rest other",
        command=shlex.join(["./dev", "bench", "mailbox", *sys.argv[1:]]),
        steal_before=steal,
        load=load,
    )
    found = report.result(
        able, rounds, machine=line, versions=here.versions, absent=absent | failed
    )
    if not options.quick:
        found["profile"] = profile.hints(found, course)
    return found


def main() -> int:
    """Measure, print, keep."""
    options = arguments(sys.argv[1:])
    if options.render:
        pages.render(ALL)
        return 0
    found = measure(options)
    if options.write:
        pages.keep(MAILBOX, found)
        pages.render(ALL)
    print(json.dumps(found, indent=2) if options.json else report.markdown(found))
    return 0 if any(row["ours"] for row in found["rows"]) else 1


if __name__ == "__main__":
    sys.exit(main())
