"""`amphost latency`: how late does this machine wake a control role, before anything else runs?

Rules. The result goes to stdout, as text or with `--json` as one object; progress goes to stderr.
Without the rights of a role it measures what there is, and says so. Files that it is to write are
opened before it measures. Ctrl-C ends it early, with what was measured so far and exit code 130.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from amphost.cli.run import INTERRUPTED, duration_s
from amphost.errors import AmphostError, HardwareMissingError, NoPermissionError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    from amphost.latency.measure import Measurement, Setting
    from amphost.latency.report import Findings
    from amphost.machine import Machine

NS_PER_S = 1_000_000_000
RATE_MOST = 20_000
TRACE_MOST = 50_000_000
"""Most periods of a trace: they are kept in memory until the end."""
WAITS = ("sleep", "hybrid", "spin")
_ABOUT = """\
Wakes up on time, again and again, exactly as a control role does but with no law to compute, and
tells how late it was. Measure the core that the role will have, under the load that it will meet.
It takes nothing but that core. The core of a system that runs is refused: its loops would stop.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = _ABOUT
    add = parser.add_argument
    add("--core", type=_core, metavar="N", help="the core to measure (default: an isolated one)")
    add(
        "--for",
        dest="duration",
        type=duration_s,
        default=60.0,
        metavar="TIME",
        help="how long each contestant is measured: 60s (the default), 10m, 1h",
    )
    add(
        "--rate",
        type=_rate,
        default=1000.0,
        metavar="HZ",
        help="wake-ups per second, 1 to 20000 (default: 1000)",
    )
    add(
        "--priority",
        type=_priority,
        default=80,
        metavar="P",
        help="SCHED_FIFO priority, 1 to 99 (default: 80)",
    )
    add("--wait", choices=WAITS, default="hybrid", help="how to wait (default: hybrid)")
    add("--compare", action="store_true", help="sleep and hybrid in alternating slices")
    add("--no-cyclictest", action="store_true", help="leave cyclictest out where it is installed")
    add("--json", action="store_true", help="print one object")
    add("--svg", type=Path, metavar="FILE", help="draw the histogram into FILE")
    add(
        "--save-trace",
        type=Path,
        metavar="FILE",
        help="write every latency into FILE, for replay in virtual time",
    )
    add("--runtime-dir", type=Path, help=argparse.SUPPRESS)
    parser.set_defaults(refuse=parser.error)


def _core(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 5):
        raise argparse.ArgumentTypeError(f"{text!r} is no core; write its number, as in --core 3")
    return int(text)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 1 <= rate <= RATE_MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is no rate from 1 to {RATE_MOST} Hz")
    return rate


def _priority(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 99):
        raise argparse.ArgumentTypeError(f"{text!r} is no priority from 1 to 99")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Measure, print, and return the exit code."""
    from amphost.cli.screen import Screen  # what measures is not for --help
    from amphost.cli.stopper import Stopper
    from amphost.latency import measure
    from amphost.machine import read_machine

    machine = read_machine(allowed=os.sched_getaffinity(0))
    core = choose_core(machine, args.core)
    setting = _setting(args, core, machine)
    _refuse_occupied(core, args.runtime_dir)
    with ExitStack() as opened:
        svg = _open(opened, args.svg)
        trace = _open(opened, args.save_trace)
        stopper = Stopper()
        watched: list[Measurement] = []
        screen = Screen(lambda: status(watched[0]) if watched else "")

        def turn() -> bool:
            screen.refresh()
            return stopper.asked

        with measure.Measurement(setting, turn) as measurement:
            watched.append(measurement)
            done = measurement.run()
        screen.clear()
        findings = _findings(args, machine, measurement, done=done)
        _write_files(findings, measurement, svg, trace)
    _print(findings, as_json=args.json)
    return 0 if done else INTERRUPTED


def choose_core(machine: Machine, asked: int | None) -> int:
    """Return the core to measure: the one asked for, else an isolated one, else the last."""
    usable = machine.usable or machine.allowed
    if asked is None:
        isolated = [core for core in usable if core in machine.isolated]
        return max(isolated or usable)
    if asked not in usable:
        raise HardwareMissingError(
            [f"--core: core {asked} is not there, or not allowed; these are: {list(usable)}"]
        )
    return asked


def _refuse_occupied(core: int, base: Path | None) -> None:
    """Refuse the core of a running system: measuring it would stop that system's loops."""
    from amphost.latency.occupied import occupants
    from amphost.supervisor.runtime_dir import default_base

    there = occupants(base or default_base(), core)
    if there:
        raise AmphostError(
            f"core {core} is in use by {', '.join(there)}, which a measurement would stop;"
            " stop that system first, or measure another core"
        )


def _setting(args: argparse.Namespace, core: int, machine: Machine) -> Setting:
    from amphost.latency.measure import Setting, find_cyclictest

    period_ns = round(NS_PER_S / args.rate)
    periods = round(args.duration * NS_PER_S) // period_ns
    if periods == 0:
        args.refuse(f"--for is shorter than one period of {period_ns / 1e6:g} ms")
    if args.save_trace is not None and periods > TRACE_MOST:
        args.refuse(f"--save-trace keeps at most {TRACE_MOST} periods; shorten --for")
    waits = dict.fromkeys((args.wait, *(("hybrid", "sleep") if args.compare else ())))
    most = machine.priority_max
    return Setting(
        core=core,
        priority=min(args.priority, most) if most else args.priority,
        period_ns=period_ns,
        periods=periods,
        waits=tuple(waits),
        cyclictest=None if args.no_cyclictest else find_cyclictest(),
        trace=args.save_trace is not None,
    )


def _open(opened: ExitStack, path: Path | None) -> TextIO | None:
    """Open what is to be written beside its place, so that an older file stays until it is done."""
    if path is None:
        return None
    part = path.with_name(f"{path.name}.part")
    try:
        file = part.open("w", encoding="utf-8")
    except PermissionError as error:
        raise NoPermissionError(f"{path} cannot be written: {error.strerror}") from error
    opened.callback(part.unlink, missing_ok=True)
    return opened.enter_context(file)


def _write_files(
    findings: Findings, measurement: Measurement, svg: TextIO | None, trace: TextIO | None
) -> None:
    if not findings.results[0].tally.n:
        return
    if svg is not None:
        from amphost.latency.svg import picture

        tallies = {result.name: result.tally for result in findings.results}
        rate = f"{1e9 / findings.period_ns:g} Hz"
        title = f"Wake-up latency on core {findings.core}, {rate}"
        _finish(svg, lambda file: file.write(picture(tallies, title, _notes(findings))))
    if trace is not None:
        from amphost.latency.trace import TraceHead, lines

        head = TraceHead(
            date=findings.date,
            machine=_notes(findings)[0],
            period_ns=findings.period_ns,
            wait=findings.results[0].name,
            core=findings.core,
            policy=findings.granted["policy"],
            priority=findings.granted["priority"],
        )
        _finish(trace, lambda file: file.writelines(lines(head, measurement.trace)))


def _finish(file: TextIO, write: Callable[[TextIO], object]) -> None:
    write(file)
    file.flush()
    Path(file.name).replace(file.name.removesuffix(".part"))


def _notes(findings: Findings) -> list[str]:
    from amphost.latency.machine_line import machine_line

    policy = f"{findings.granted['policy']} {findings.granted['priority']}"
    return [machine_line(findings.machine, findings.core), f"{policy}, {findings.date}"]


def status(measurement: Measurement) -> str:
    """Return the status line."""
    setting = measurement.setting
    first = measurement.found[setting.waits[0]]
    text = f"{first.ticks + (first.skipped or 0)} of {setting.periods} periods"
    if first.tally.n:
        p50 = first.tally.quantile_ns(1, 2)
        text += f", {setting.waits[0]} p50 {(p50 or 0) / 1e3:.1f} us max"
        text += f" {first.tally.max_ns / 1e3:.1f} us"
    return f"{text}, about {measurement.left_s:.0f} s left"


def _findings(
    args: argparse.Namespace, machine: Machine, measurement: Measurement, *, done: bool
) -> Findings:
    from amphost.latency.measure import find_cyclictest
    from amphost.latency.report import Findings, GapsSeen, Result

    setting = measurement.setting
    results = tuple(
        Result(
            name=name,
            tally=found.tally,
            skipped=found.skipped,
            cpu_share=found.cpu_ns / found.over_ns if found.cpu_ns and found.over_ns else None,
            margin_ns=found.margin_ns,
        )
        for name, found in measurement.found.items()
    )
    gaps = measurement.gaps
    return Findings(
        machine=machine,
        date=dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        core=setting.core,
        priority=args.priority,
        period_ns=setting.period_ns,
        periods=setting.periods,
        granted=measurement.granted,
        idle_held=measurement.idle_held,
        results=results,
        gaps=GapsSeen(tally=gaps.tally, watched_ns=gaps.watched_ns, gone_ns=gaps.gone_ns),
        cyclictest=measurement.cyclictest_version,
        cyclictest_found=None if args.no_cyclictest else find_cyclictest() is not None,
        lacks=tuple(measurement.lacks),
        interrupted=not done,
    )


def _print(findings: Findings, *, as_json: bool) -> None:
    from amphost.latency.drawing import Paper, is_utf8
    from amphost.latency.report import build, render

    if as_json:
        print(json.dumps(build(findings)))
        return
    width = shutil.get_terminal_size().columns
    paper = Paper(width=width, utf8=is_utf8(os.environ, sys.stdout.encoding))
    print(render(findings, paper))
