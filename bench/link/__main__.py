"""`./dev bench link`: measure, print, and with --write keep the result.

Rules. The report, or with --json the result, goes to stdout; progress to stderr. Never a verdict on
the code: the exit code is 0 whatever the figures, 1 only when nothing of ours could be measured.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import tempfile
import time
from pathlib import Path

from bench import machine, pages
from bench.benchmarks import ALL, LINK
from bench.link import cortex_m, play, report


def arguments(words: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="./dev bench link", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--quick", action="store_true", help="one short round: to see it work")
    parser.add_argument("--write", action="store_true", help="keep it in bench/RESULTS.md, README")
    parser.add_argument("--rounds", type=int, help="rounds; 8 without it")
    parser.add_argument("--seed", type=int, default=time.time_ns() & 0xFFFF, help="of the order")
    return parser.parse_args(words)


def main() -> int:
    """Measure, print, keep."""
    options = arguments(sys.argv[1:])
    course = play.Course(
        rounds=options.rounds or (1 if options.quick else 8),
        slice_s=0.2 if options.quick else 1.0,
        system_s=1.5 if options.quick else 3.0,
        cores=play.cores(),
        seed=options.seed,
    )
    absent = play.build()
    load, steal = os.getloadavg()[0], machine.steal_ticks()
    with tempfile.TemporaryDirectory(prefix="amphost-bench-") as folder:
        rounds, failed = play.play(course, Path(folder))
    device = cortex_m.measure()
    if isinstance(device, str):
        device, failed["cortex_m"] = {}, device
    line = machine.describe(
        cores=course.cores,
        policy=f"{'fifo' if machine.may_fifo() else 'other'}, host on core {course.cores[0]}",
        command=shlex.join(["./dev", "bench", "link", *sys.argv[1:]]),
        steal_before=steal,
        load=load,
    )
    found = report.result(rounds, play.lines(), device, absent | failed, line)
    has_ours = "codec.ours.encode_ns" in found["figures"]
    if options.write and has_ours:
        pages.keep(LINK, found)
        pages.render(ALL)
    print(json.dumps(found, indent=2) if options.json else report.markdown(found))
    return 0 if has_ours else 1


if __name__ == "__main__":
    sys.exit(main())
