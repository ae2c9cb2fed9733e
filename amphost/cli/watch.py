"""`amphost watch NAME...`: print what changes, a line for each change, until Ctrl-C.

Rules. It looks at the newest values so often and no more: what came and went between two looks is
not printed (the recording has it). A value is printed when it is another one than last time. Exit
1 when the system ends, 130 after Ctrl-C, 0 when the time is over.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from amphost.cli import running
from amphost.cli.run import duration_s

_ABOUT = """\
Print the values of signals, operator values or tunable numbers whenever they change, looking RATE
times a second; a name may be the beginning of several. Until Ctrl-C, or for TIME.
"""
RATE_HZ = 10.0
RATE_MAX_HZ = 50.0


def rate_hz(text: str) -> float:
    """Read how often to look."""
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate <= RATE_MAX_HZ:
        raise argparse.ArgumentTypeError(f"{text!r} is no rate; give up to {RATE_MAX_HZ:g} (Hz)")
    return rate


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.description = _ABOUT
    parser.add_argument("names", nargs="+", metavar="NAME", help="operator.target, control, ...")
    parser.add_argument(
        "--rate",
        type=rate_hz,
        default=RATE_HZ,
        metavar="HZ",
        help=f"looks a second, up to {RATE_MAX_HZ:g}; default {RATE_HZ:g}",
    )
    parser.add_argument(
        "--for", dest="duration", type=duration_s, metavar="TIME", help="end after TIME (10s, 2m)"
    )
    running.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Look again and again."""
    system = running.find(args)
    began_s = next_s = time.monotonic()
    shown: dict[str, Any] = {}
    while args.duration is None or time.monotonic() - began_s < args.duration:
        values = system.values(args.names)
        since_s = time.monotonic() - began_s
        for entry in values:
            if entry["name"] not in shown or shown[entry["name"]] != entry["value"]:
                shown[entry["name"]] = entry["value"]
                print(_line(entry, since_s, as_json=args.json), flush=True)
        next_s = max(next_s + 1 / args.rate, time.monotonic())  # late: no burst to catch up
        time.sleep(max(next_s - time.monotonic(), 0))
    return 0


def _line(entry: dict[str, Any], since_s: float, *, as_json: bool) -> str:
    if as_json:
        return json.dumps({"t_s": round(since_s, 6), **entry})
    unit = "" if entry["unit"] == "1" else f" {entry['unit']}"
    return f"{since_s:9.3f}  {entry['name']}  {running.number(entry['value'])}{unit}"
