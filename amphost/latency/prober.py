"""The process that measures: settled as a control role would be, and then nothing but a probe.

Rules. `python -I -m amphost.latency.prober`, started by `measure`. One JSON object a line comes in
on stdin and is answered on stdout: first the setting, then one slice after another; the latencies
of a slice follow its answer as raw 64-bit words where they were asked for. It ends with its stdin,
and so with whoever started it. Ctrl-C is its starter's.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import time
from array import array
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from amphost.probe import SKIPPED, Probe
from amphost.roles.settle import settle

if TYPE_CHECKING:
    from typing import BinaryIO

NAME = "amp-latency"
NS_PER_S = 1_000_000_000
REST_SHARE = 6
"""Before and after a look for gaps it rests, one part in so many of it: with a slice of `spin`
beside it Linux would take the core from both, as from whoever never sleeps."""
_TIMER_SLACK_NS = 1


def main() -> int:
    """Answer until stdin ends; return the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asked, answers = sys.stdin.buffer, sys.stdout.buffer
    line = asked.readline()
    if not line:
        return 0
    setting = json.loads(line)
    granted = _settle(setting)
    probes = {wait: Probe(wait, setting["period_ns"]) for wait in setting["waits"]}
    trace = array("q", [SKIPPED]) * setting["slice_periods"] if setting["trace"] else None
    margins = {wait: probe.calibrate() for wait, probe in probes.items()}
    gc.collect()
    gc.freeze()
    _answer(answers, {"granted": granted, "margins_ns": margins})
    for line in asked:
        _serve(json.loads(line), probes, trace, answers)
    return 0


def _settle(setting: dict[str, Any]) -> dict[str, Any]:
    plan = SimpleNamespace(
        name=NAME,
        cores=[setting["core"]],
        policy="fifo",
        priority=setting["priority"],
        nice=0,
        lock_memory=True,
        timer_slack_ns=_TIMER_SLACK_NS,
        rttime_us=0,
    )
    return settle(plan)


def _serve(
    asked: dict[str, Any], probes: dict[str, Probe], trace: array[int] | None, out: BinaryIO
) -> None:
    """Measure one slice: wake-ups of `wait`, or gaps."""
    probe = probes[asked["wait"]]
    if "watch_ns" in asked:
        rest_s = asked["watch_ns"] / NS_PER_S / REST_SHARE
        time.sleep(rest_s)
        probe.watch(asked["watch_ns"])
        time.sleep(rest_s)
        _answer(out, probe.gaps())
        return
    periods = asked["periods"]
    kept = trace if asked["trace"] else None
    cpu_ns, began_ns = time.process_time_ns(), time.monotonic_ns()
    probe.run(periods, kept)
    used = {
        "cpu_ns": time.process_time_ns() - cpu_ns,
        "over_ns": time.monotonic_ns() - began_ns,
        "margin_ns": probe.margin_ns,
    }
    _answer(out, {**probe.wakeups(), **used, "words": 0 if kept is None else periods})
    if kept is not None:
        out.write(memoryview(kept)[:periods])
        out.flush()


def _answer(out: BinaryIO, answer: dict[str, Any]) -> None:
    out.write(json.dumps(answer).encode() + b"\n")
    out.flush()


if __name__ == "__main__":
    try:
        code = main()
    except BrokenPipeError:  # whoever started it has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code)
