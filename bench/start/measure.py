"""Play rounds of starts, imports and bad files, each beside a bare interpreter of the same round.

Rules. Every round plays every candidate once, in shuffled order. A run that was disturbed (it did
not end as it should, or a fault came) is counted and gives no figure. Times are wall clock from the
outside, but for the start of a run, which its own report tells.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LIMIT_S = 30.0
ARMED = "700ms"  # memory is sampled half a second after arming
KINDS = ("control", "io", "python", "telemetry")
SPAWN = """
import multiprocessing as m, time
def work(q): q.put(1)
if __name__ == "__main__":
    c = m.get_context("spawn"); q = c.Queue()
    every = [c.Process(target=work, args=(q,)) for _ in range(4)]
    [one.start() for one in every]; [q.get() for _ in every]; print(time.monotonic_ns())
    [one.join() for one in every]
"""

BAD_EVERY = 4  # rounds: each file takes a sixth of a second
Round = dict[str, Any]


def play(rounds: int, folder: Path, *, quick: bool, seed: int) -> tuple[list[Round], list[str]]:
    """Return the figures of each round by name, and what was disturbed."""
    order = random.Random(seed)
    (folder / "spawn.py").write_text(SPAWN, encoding="utf-8")
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    _run(folder, environment)  # writes byte code, keeps the plan
    bad = sorted((ROOT / "tests" / "bad_specs").glob("*.yaml"))
    found: list[Round] = []
    disturbed: list[str] = []
    for number in range(rounds):
        figures: Round = {"bare_ms": _wall_ms(["-c", "pass"])}
        todo: list[tuple[str, Callable[[], Any]]] = [
            ("fresh", lambda: _run(folder, environment, "--fresh")),
            ("kept", lambda: _run(folder, environment)),
            ("spawn_ms", lambda: _spawn_ms(folder)),
            *((f"import_{kind}_ms", _import_of(kind)) for kind in KINDS),
        ]
        if number % BAD_EVERY == 0:
            files = bad[:: len(bad) // 4] if quick else bad
            todo += [("bad_ms", lambda files=files: {one.stem: _check_ms(one) for one in files})]
        order.shuffle(todo)
        for name, job in todo:
            figure = job()
            if isinstance(figure, str):
                disturbed.append(f"round {number}, {name}: {figure}")
            else:
                figures[name] = figure
        found.append(figures)
        print(f"bench: round {number + 1} of {rounds}", file=sys.stderr)
    return found, disturbed


def _run(folder: Path, environment: dict[str, str], *options: str) -> Any:
    """Run the motor; return what its report says of the start and of memory, or why not."""
    command = [sys.executable, "-m", "amphost", "run", "motor", "--json", "--for", ARMED, *options]
    command += ["--runtime-dir", str(folder / "run")]
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True,
            timeout=LIMIT_S, check=False,
        )  # fmt: skip
        report = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        return f"no report ({type(error).__name__})"
    if report["startup_ms"] is None or report["faults"]:
        return "; ".join(fault["text"] for fault in report["faults"]) or "never armed"
    roles = report["roles"].items()
    return {
        "startup_ms": report["startup_ms"],
        "from_exec_ms": report["startup_from_exec_ms"],
        "plan_kept": report["plan_kept"],
        "phases_ms": report["startup_phases_ms"],
        "memory_mb": {name: {"uss": one["uss_mb"], "pss": one["pss_mb"]} for name, one in roles},
    }


def _wall_ms(words: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-I", *words], capture_output=True, check=False)
    return (time.perf_counter() - began) * 1e3


def _import_of(kind: str) -> Callable[[], float]:
    return lambda: _wall_ms(["-c", f"import amphost.roles.entry, amphost.roles.{kind}"])


def _check_ms(file: Path) -> float:
    return _wall_ms(["-m", "amphost", "check", str(file)])


def _spawn_ms(folder: Path) -> Any:
    began_ns = time.monotonic_ns()
    done = subprocess.run(
        [sys.executable, "-I", str(folder / "spawn.py")],
        capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    try:
        return (int(done.stdout) - began_ns) / 1e6
    except ValueError:
        return f"it ended with {done.returncode}"
