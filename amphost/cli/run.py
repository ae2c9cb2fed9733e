"""`amphost run FILE`: plan, start, watch, stop in order, report.

Rules. The report goes to stdout, everything else to stderr: a status line on a terminal, plain
lines otherwise. Exit 0 when the run ended as it should, 1 when a fault latched SAFE, a role failed
or a bound of the report was missed, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amphost.cli.main import STARTED_NS
from amphost.errors import AmphostError
from amphost.lifecycle import Mode

if TYPE_CHECKING:
    from types import FrameType

    from amphost.supervisor.supervisor import Supervisor

INTERRUPTED = 130
STATUS_S = 0.2
USAGE_FIRST_S = 0.5
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "": 1.0}


def duration_s(text: str) -> float:
    """Read `10s`, `500ms`, `2m`, `1h` or plain seconds."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|min|m|h|)", text.strip())
    if found is None or float(found[1]) <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; write 10s, 500ms, 2m or 1h")
    return float(found[1]) * _UNITS[found[2]]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("file", help="a system YAML, or the name of a shipped example (motor)")
    parser.add_argument(
        "--for",
        dest="duration",
        type=duration_s,
        metavar="TIME",
        help="stop after TIME, counted from arming (10s, 500ms, 2m); without it: until Ctrl-C",
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--runtime-dir", type=Path, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Run a system and return the exit code."""
    from amphost.cli.prepare import prepare  # spec and plan cost time to import: not for --help

    plan, attachments = prepare(args.file)
    from amphost.supervisor.report import build
    from amphost.supervisor.runtime_dir import RuntimeDir, default_base
    from amphost.supervisor.stopping import stop
    from amphost.supervisor.supervisor import Supervisor

    runtime = RuntimeDir(args.runtime_dir or default_base(), plan.system)
    clean = False
    stopper = _Stopper()
    screen = _Screen()
    try:
        supervisor = Supervisor(plan, runtime, attachments, screen.say)
        try:
            supervisor.start()
            failure = _drive(supervisor, args.duration, stopper, screen)
            stop(supervisor)
            _complete_recordings(supervisor)
            screen.clear()

            report = build(supervisor, STARTED_NS)
        finally:
            supervisor.close()
        clean = supervisor.modes.mode is not Mode.SAFE and failure is None
    finally:
        runtime.close(clean=clean)
    return _finish(report, failure, stopper, as_json=args.json)


def _drive(
    supervisor: Supervisor, duration: float | None, stopper: _Stopper, screen: _Screen
) -> tuple[int, str] | None:
    """Turn the supervisor until it is time to stop; return exit code and reason of a failure."""
    from amphost.supervisor.usage import Usage

    usage = Usage()
    next_usage_s = None
    arm_now = supervisor.plan.arm == "on_start"
    if arm_now and supervisor.runtime.ended_unclean:
        arm_now = False
        screen.say(
            "the last run of this system did not end cleanly: starting DISARMED; "
            f"look at the machine, then `amphost arm {supervisor.plan.system}`"
        )
    while not (stopper.asked or supervisor.stop_asked):
        supervisor.step()
        trouble = supervisor.trouble()
        if trouble is not None:
            return trouble
        if arm_now and supervisor.modes.mode is Mode.DISARMED and not supervisor.not_ready():
            supervisor.arm()
            arm_now = False
        now_s = time.monotonic()
        if supervisor.modes.armed_ns:
            armed_s = now_s - supervisor.modes.armed_ns / 1e9
            if duration is not None and armed_s >= duration:
                break
            if next_usage_s is None:
                next_usage_s = now_s + USAGE_FIRST_S
        if next_usage_s is not None and now_s >= next_usage_s:
            _sample(usage, supervisor)
            next_usage_s = now_s + 5.0
        screen.show(supervisor)
    _sample(usage, supervisor)
    return None


def _complete_recordings(supervisor: Supervisor) -> None:
    """Give a recording that its role left cut the index and footer that readers ask for."""
    for role in supervisor.roles.values():
        telemetry = role.plan.telemetry
        if telemetry is None or not telemetry.directory or role.reports.get("complete"):
            continue
        from amphost.telemetry.recover import finalise_all

        for result in finalise_all(Path(telemetry.directory)):
            supervisor.say(f"{result.path}: {result.outcome.value}, {result.messages} samples")


def _sample(usage: Any, supervisor: Supervisor) -> None:
    pids = {name: run.pid for name, run in supervisor.roles.items() if run.child is not None}
    for name, figures in usage.sample(pids).items():
        supervisor.roles[name].usage = figures


def _finish(
    report: dict[str, Any], failure: tuple[int, str] | None, stopper: _Stopper, *, as_json: bool
) -> int:
    from amphost.cli.report_text import render

    print(json.dumps(report) if as_json else render(report))
    if failure is not None:
        print(f"amphost: {failure[1]}", file=sys.stderr)
        return failure[0]
    tracking = report["tracking"]
    if report["mode"] == "SAFE" or (tracking is not None and not tracking["ok"]):
        return 1
    return INTERRUPTED if stopper.interrupted else 0


class _Stopper:
    """Remembers that a signal asked for the end; a second Ctrl-C ends at once.

    Synchronization: main thread.
    """

    def __init__(self) -> None:
        self.asked = False
        self.interrupted = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._take)

    def _take(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self.asked and number == signal.SIGINT:
            raise AmphostError("interrupted twice: every process was ended at once")
        self.asked = True
        self.interrupted = number == signal.SIGINT


class _Screen:
    """One status line on a terminal, plain lines elsewhere; all on stderr.

    Synchronization: main thread.
    """

    def __init__(self) -> None:
        self._live = sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._next_s = 0.0
        self._drawn = False

    def say(self, line: str) -> None:
        """Print one line of what has happened."""
        self.clear()
        print(f"amphost: {line}", file=sys.stderr, flush=True)

    def show(self, supervisor: Supervisor) -> None:
        """Refresh the status line, on a terminal, five times a second."""
        now_s = time.monotonic()
        if not self._live or now_s < self._next_s:
            return
        self._next_s = now_s + STATUS_S
        parts = [supervisor.modes.mode.name]
        if supervisor.modes.armed_ns:
            parts.append(f"{now_s - supervisor.modes.armed_ns / 1e9:6.1f} s")
        for name, role in supervisor.roles.items():
            owner = supervisor.segments.mapped[name].owner
            wakeup = owner.summary_us("wakeup") if role.plan.kind != "telemetry" else None
            if wakeup is not None:
                parts.append(f"{name} wake p99 {wakeup['p99']:.0f} us max {wakeup['max']:.0f}")
        width = os.get_terminal_size(sys.stderr.fileno()).columns
        line = "  ".join(parts)[: width - 1]
        print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
        self._drawn = True

    def clear(self) -> None:
        """Take the status line away."""
        if self._drawn:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._drawn = False
