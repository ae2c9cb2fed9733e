"""`amphost run FILE`: plan, start, watch, stop in order, report.

Rules. The report goes to stdout, everything else to stderr. Exit 0 when the run ended as it
should, 1 after a fault of the control path, or when a role did not go on to the end, tracking
missed its bound or the disk did not take the recording, 130 after Ctrl-C; what kept a run from
starting, or ended it, has its own code.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amphost.cli.main import STARTED_NS
from amphost.cli.screen import Screen
from amphost.cli.stopper import Stopper
from amphost.errors import AmphostError, NoPermissionError, UsageError
from amphost.lifecycle import CONTROL_PATH, Mode, RoleState
from amphost.telemetry.recording import LIMIT_REACHED

if TYPE_CHECKING:
    from amphost.plan.model import Plan
    from amphost.supervisor.supervisor import Supervisor

INTERRUPTED = 130
USAGE_FIRST_S = 0.5
USAGE_S = 5.0
Failure = tuple[int, str]
"""Exit code and reason."""
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "": 1.0}


def duration_s(text: str) -> float:
    """Read `10s`, `500ms`, `2m`, `1h` or plain seconds."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(ms|s|min|m|h|)", text.strip())
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
        help="stop after TIME, counted from arming (10s, 500ms, 2m), or, with exit 1, when it "
        "has not been armed within the time to start and TIME; without it: until Ctrl-C",
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument(
        "--fresh",
        action="store_true",
        help="read the spec and make the plan anew, also where nothing has changed",
    )
    parser.add_argument(
        "--fold",
        action="store_true",
        help="put roles whose cores are not there onto those that are",
    )
    parser.add_argument(
        "--hold",
        metavar="ROLE",
        default="",
        help="do not start ROLE: print the command that starts it under a debugger",
    )
    parser.add_argument("--runtime-dir", type=Path, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Run a system and return the exit code."""
    from amphost.cli.kept import prepare_kept  # spec and plan cost time to import: not for --help
    from amphost.supervisor.startup import Startup

    startup = Startup(STARTED_NS)
    plan, attachments, kept = prepare_kept(
        args.file, startup.done, fresh=args.fresh, fold=args.fold
    )
    startup.plan_kept = kept
    _check_hold(plan, args.hold)
    from amphost.supervisor.report import build
    from amphost.supervisor.runtime_dir import RuntimeDir, default_base, default_state
    from amphost.supervisor.stopping import stop
    from amphost.supervisor.supervisor import Supervisor

    stopper = Stopper()
    watched: list[Supervisor] = []
    screen = Screen(lambda: _status(watched[0]) if watched else "")
    own = args.runtime_dir
    runtime = RuntimeDir(own or default_base(), plan.system, None if own else default_state())
    clean = False
    try:
        supervisor = Supervisor(plan, runtime, attachments, screen.say, startup, args.hold)
        watched.append(supervisor)
        try:
            supervisor.start()
            failure = _drive(supervisor, args.duration, stopper, screen)
            stop(supervisor, lambda: stopper.at_once)
            _complete_recordings(supervisor)
            screen.clear()
            report = build(supervisor)
        finally:
            supervisor.close()
        if stopper.at_once and failure is None:
            failure = INTERRUPTED, "interrupted twice: every process was ended at once"
        clean = supervisor.modes.mode is not Mode.SAFE and failure is None
    finally:
        runtime.close(clean=clean)
    _print(report, failure, as_json=args.json)
    return exit_code(report, failure, interrupted=stopper.interrupted)


def _check_hold(plan: Plan, role: str) -> None:
    """Refuse to hold what is no role of this system."""
    names = [one.name for one in plan.roles]
    if role and role not in names:
        raise UsageError(f"--hold: there is no role {role}; the roles are {', '.join(names)}")
    host = next((one.shares for one in plan.roles if one.name == role), "")
    if host:
        raise UsageError(f"--hold: {role} runs in the process of {host}; hold {host}")


def _drive(
    supervisor: Supervisor, duration: float | None, stopper: Stopper, screen: Screen
) -> Failure | None:
    """Turn the supervisor until it is time to stop; return exit code and reason of a failure."""
    from amphost.cli.unarmed import Unarmed

    sampler = _Sampler(supervisor)
    arm_now = supervisor.plan.arm == "on_start"
    why_not = _why_disarmed(supervisor)
    if arm_now and why_not:
        arm_now = False
        screen.say(
            f"{why_not}: starting DISARMED; look at the machine, "
            f"then `amphost arm {supervisor.plan.system}`"
        )
    unarmed = Unarmed(supervisor, duration, why_not)
    while not (stopper.asked or supervisor.stop_asked):
        supervisor.step()
        trouble = supervisor.trouble() or unarmed.over()
        if trouble is not None:
            return trouble
        if arm_now and supervisor.modes.mode is Mode.DISARMED and not supervisor.not_ready():
            try:
                supervisor.arm()
                arm_now = False
            except NoPermissionError as error:
                return error.exit_code, str(error)
            except AmphostError:
                continue  # a role has fallen out of readiness just now: the next turn tries again
        if supervisor.modes.armed_ns:
            armed_s = time.monotonic() - supervisor.modes.armed_ns / 1e9
            sampler.turn(armed_s)
            if duration is not None and armed_s >= duration:
                break
        screen.refresh()
    sampler.sample()
    return None


def _why_disarmed(supervisor: Supervisor) -> str:
    """Return why `arm: on_start` does not count: it is for a start that a person made."""
    if supervisor.runtime.ended_unclean:
        return "the last run of this system did not end cleanly"
    if os.environ.get("SYSTEMD_EXEC_PID") == str(os.getpid()):
        return "a service manager has started this run"
    return ""


def _status(supervisor: Supervisor) -> str:
    """Return the status line."""
    parts = [supervisor.modes.mode.name]
    if supervisor.modes.armed_ns:
        parts.append(f"{time.monotonic() - supervisor.modes.armed_ns / 1e9:6.1f} s")
    for name, role in supervisor.roles.items():
        owner = supervisor.segments.mapped[name].owner
        wakeup = owner.summary_us("wakeup") if role.plan.kind != "telemetry" else None
        if wakeup is not None:
            parts.append(f"{name} wake p99 {wakeup['p99']:.0f} us max {wakeup['max']:.0f}")
    return "  ".join(parts)


def _complete_recordings(supervisor: Supervisor) -> None:
    """Give a recording that its role left cut the index and footer that readers ask for."""
    for role in supervisor.roles.values():
        telemetry = role.plan.telemetry
        if telemetry is None or not telemetry.directory or role.reports.get("complete"):
            continue
        from amphost.telemetry.recover import finalise_all

        for result in finalise_all(Path(telemetry.directory)):
            supervisor.say(f"{result.path}: {result.outcome.value}, {result.messages} samples")


class _Sampler:
    """Samples the roles' use of the machine from half a second after arming on, every five.

    Synchronization: main thread.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._next_s = USAGE_FIRST_S

    def turn(self, armed_s: float) -> None:
        """Sample if it is due, `armed_s` seconds after the newest act of arming."""
        if armed_s >= self._next_s:
            self._next_s = armed_s + USAGE_S
            self.sample()

    def sample(self) -> None:
        """Sample every role that has a process."""
        supervisor = self._supervisor
        for name, figures in supervisor.usage.sample(supervisor.pids()).items():
            supervisor.roles[name].usage = figures


def _print(report: dict[str, Any], failure: Failure | None, *, as_json: bool) -> None:
    from amphost.cli.report_text import render

    print(json.dumps(report) if as_json else render(report))
    if failure is not None:
        print(f"amphost: {failure[1]}", file=sys.stderr)


def _unrecorded(report: dict[str, Any]) -> bool:
    """Return whether the disk did not take all of what was to be recorded."""
    recording = report["recording"]
    asked_for = ("", None, LIMIT_REACHED)
    return (
        recording is not None and bool(recording["lost"]) and recording["reason"] not in asked_for
    )


def exit_code(report: dict[str, Any], failure: Failure | None, *, interrupted: bool) -> int:
    """Return what a run ends with."""
    if failure is not None:
        return failure[0]
    tracking = report["tracking"]
    missed = tracking is not None and not tracking["ok"] and report["armings"] > 0
    dead = any(role["state"] == RoleState.DEAD.name for role in report["roles"].values())
    failed = any(fault["kind"] in CONTROL_PATH for fault in report["faults"])
    if report["mode"] == Mode.SAFE.name or failed or missed or dead or _unrecorded(report):
        return 1
    return INTERRUPTED if interrupted else 0
