"""`amphost events`: what people and faults did to a running system, oldest first.

Rules. Events are numbered without holes; the system keeps the newest, and what it no longer has is
said, never left out silently (the recording has all of them).
"""

from __future__ import annotations

import argparse
import json
import time
from typing import TYPE_CHECKING, Any

from amphost.cli import running

if TYPE_CHECKING:
    from collections.abc import Iterator

_ABOUT = """\
Print every change of mode, value and parameter, every start of a role, every fault and every
refusal, with its number, its time and who asked for it. With --follow, also those that come, until
Ctrl-C.
"""
POLL_S = 0.1


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.description = _ABOUT
    parser.add_argument("--follow", action="store_true", help="go on with those that come")
    parser.add_argument(
        "--after", type=int, default=0, metavar="N", help="only those behind number N"
    )
    running.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Print what there is; follow if that is wanted."""
    system = running.find(args)
    last = max(args.after, 0)
    while True:
        for event in newer(system, last):
            missing = event["number"] - last - 1
            if missing:
                note = {"event": "missing", "count": missing}
                print(json.dumps(note) if args.json else f"({missing} older ones are not kept)")
            last = event["number"]
            print(json.dumps(event) if args.json else line(event), flush=True)
        if not args.follow:
            return 0
        time.sleep(POLL_S)


def newer(system: running.Running, last: int) -> Iterator[dict[str, Any]]:
    """Yield the events behind number `last`, page by page."""
    while True:
        reply = system.ask("events", after=last)
        yield from reply["events"]
        if not reply["events"] or reply["events"][-1]["number"] >= reply["newest"]:
            return
        last = reply["events"][-1]["number"]


def line(event: dict[str, Any]) -> str:
    """Write an event for people."""
    wall_s, ms = divmod(event["wall_ns"] // 1_000_000, 1000)
    at = f"{time.strftime('%H:%M:%S', time.localtime(wall_s))}.{ms:03d}"
    who = "" if event["uid"] < 0 else f"  ({running.user(event['uid'])}, process {event['pid']})"
    return f"{event['number']:5d}  {at}  {event['text']}{who}"
