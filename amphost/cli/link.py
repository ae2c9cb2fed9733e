"""`amphost link [FILE]`: what a line does, second by second, and its raw trace.

Rules. Of a running system it maps the io role's memory for reading alone: nobody notices. Of a file
whose system does not run it opens the port itself and shakes hands as a host that never arms. Data
goes to stdout, what happens to stderr. Exit 0 when the time is over, 1 when the device was refused
or never answered or the system has ended, 69 without a port, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amphost.cli import running
from amphost.cli.run import duration_s
from amphost.errors import HardwareMissingError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from amphost.cli.link_monitor import Followed

DECODE = "decode"
OPEN_S = 10.0
_ABOUT = """\
Show what goes over the line of a device: session, identity, frames, errors by kind, round trips,
the device's clock, the load of the line; once a second, until Ctrl-C or for TIME. FILE is a system
or a board file, or a shipped example. Of a system that runs, memory is read and nothing disturbed;
of any other the port is opened, and the device is never armed. --trace writes every byte to a file,
which `amphost link decode TRACE` prints as frames.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.description = _ABOUT
    parser.add_argument(
        "file",
        nargs="?",
        metavar="FILE",
        help="a system or board file, or `decode`; without one: the system that runs",
    )
    parser.add_argument("trace_file", nargs="?", metavar="TRACE", help="with decode: the trace")
    parser.add_argument("--device", metavar="NAME", help="which device, where there are several")
    parser.add_argument("--port", help="open this port, whatever the file says")
    parser.add_argument(
        "--for", dest="duration", type=duration_s, metavar="TIME", help="end after TIME (10s, 2m)"
    )
    parser.add_argument("--trace", type=Path, metavar="OUT", help="write every byte to a file")
    parser.add_argument(
        "--board", metavar="FILE", help="with decode: whose names and units the values have"
    )
    parser.add_argument(
        "--errors", action="store_true", help="with decode: only what is wrong, and why"
    )
    running.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Follow the lines that are meant, or print a trace."""
    if args.file == DECODE:
        from amphost.cli import link_decode

        link_decode.refuse_without_trace(args)
        return link_decode.run(args)
    _refuse_words_of_decode(args)
    from amphost.cli.link_monitor import follow

    with ExitStack() as opened:
        return follow(args, _lines(args, opened), opened)


def _refuse_words_of_decode(args: argparse.Namespace) -> None:
    if args.trace_file is not None:
        raise UsageError(f"{args.trace_file}: one file is shown at a time; or write `link decode`")
    if args.board or args.errors:
        raise UsageError("--board and --errors are for `amphost link decode TRACE`")


def _lines(args: argparse.Namespace, opened: ExitStack) -> list[Followed]:
    if args.file is None:
        return _of_system(running.find(args), args.device, opened)
    from amphost.cli.link_files import read_named

    named = read_named(args.file)
    if named.system and not args.port:
        for system in running.every(args):
            if system.name == named.system:
                return _of_system(system, args.device, opened)
    return [_own(args, named, opened)]


def _of_system(system: running.Running, device: str | None, opened: ExitStack) -> list[Followed]:
    from amphost.cli.link_running import RunningLine, devices_of

    devices = devices_of(system)
    if device is not None and device not in devices:
        raise UsageError(f"{system.name} has no device {device}; it has {', '.join(devices)}")
    if not devices:
        raise UsageError(f"{system.name} has no device")
    wanted = devices if device is None else [device]
    return [opened.enter_context(RunningLine(system, one)) for one in wanted]


def _own(args: argparse.Namespace, named: Any, opened: ExitStack) -> Followed:
    from amphost.cli.link_files import device_of
    from amphost.cli.link_own import OwnLine

    device = device_of(named, args.device, args.file)
    spec = named.devices[device]
    port = args.port or spec.address
    if not port:
        why = (
            f"{device}: it has no port of its own, it exists only while its system runs; start "
            f"that with `amphost run {args.file}`, or give --port"
        )
        raise HardwareMissingError([why])
    _say(f"{device}: opening {port} at {spec.baud} baud")
    line = opened.enter_context(
        OwnLine(device, spec, named.board, port, named.where, _teller(device))
    )
    line.wait_open(OPEN_S)
    line.check()
    return line


def _teller(device: str) -> Callable[[dict[str, Any]], None]:
    def told(fields: dict[str, Any]) -> None:
        if fields.get("port"):
            _say(f"{device}: the port is away: {fields['port']}")

    return told


def _say(text: str) -> None:
    print(f"amphost: {text}", file=sys.stderr, flush=True)
