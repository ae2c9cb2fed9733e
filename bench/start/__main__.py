"""`./dev bench start`: measure, print, and with --write keep the result.

Rules. The report, or with --json the result, goes to stdout; progress to stderr. Never a verdict on
the code: the exit code is 0 whatever the figures, 1 only when no start could be measured.
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
from bench.benchmarks import ALL, START
from bench.start import measure, report


def arguments(words: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="./dev bench start", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--quick", action="store_true", help="one round, few bad files")
    parser.add_argument("--write", action="store_true", help="keep it in bench/RESULTS.md, README")
    parser.add_argument("--rounds", type=int, help="rounds; 12 without it")
    parser.add_argument("--seed", type=int, default=time.time_ns() & 0xFFFF, help="of the order")
    return parser.parse_args(words)


def main() -> int:
    """Measure, print, keep."""
    options = arguments(sys.argv[1:])
    load, steal = os.getloadavg()[0], machine.steal_ticks()
    with tempfile.TemporaryDirectory(prefix="amphost-bench-") as folder:
        rounds, disturbed = measure.play(
            options.rounds or (1 if options.quick else 12),
            Path(folder),
            quick=options.quick,
            seed=options.seed,
        )
    line = machine.describe(
        cores=(0, 1),
        policy="as the plan has it",
        command=shlex.join(["./dev", "bench", "start", *sys.argv[1:]]),
        steal_before=steal,
        load=load,
    )
    found = report.result(rounds, disturbed, line)
    if options.write:
        pages.keep(START, found)
        pages.render(ALL)
    print(json.dumps(found, indent=2) if options.json else report.markdown(found))
    return 0 if "kept_startup_ms" in found["figures"] else 1


if __name__ == "__main__":
    sys.exit(main())
