"""`amphost set NAME VALUE`, `amphost set NAME=VALUE...`: change a running system.

Rules. What is set together holds together, from one period on, or not at all. Exit 0: operator
values are set; a law's numbers are on their way, or with `--wait`, hold. Exit 1: the system, or
the role, said no, and nothing was changed.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from typing import Any

from amphost.cli import running
from amphost.errors import AmphostError, UsageError

_ABOUT = """\
Set operator values (operator.NAME), or numbers of a law's tunable blocks (ROLE.BLOCK.NUMBER).
Several are applied together, at one period's boundary, all or none of them. An operator value that
is set stands in place of its profile until the next arming. Ranges are those of the spec.
"""
WAIT_S = 10.0
POLL_S = 0.01


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.description = _ABOUT
    parser.add_argument("words", nargs="+", metavar="NAME VALUE | NAME=VALUE")
    parser.add_argument(
        "--wait", action="store_true", help="until the role has applied it, or refused it"
    )
    running.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Set, and say what became of it."""
    values = assignments(args.words)
    system = running.find(args)
    outcome = system.ask("set", values=values)
    if args.wait and outcome["state"] == "sent":
        outcome |= _wait(system, outcome["id"])
    if outcome["state"] == "refused":
        role, names = outcome["role"], ", ".join(values)
        raise AmphostError(f"{names}: refused by {role}: {outcome['reason']}; nothing was changed")
    if args.json:
        print(json.dumps({**outcome, "values": values}))
    else:
        for name, value in values.items():
            print(f"{name} {value:.9g}: {_said(outcome)}")
    return 0


def assignments(words: list[str]) -> dict[str, float]:
    """Read `NAME VALUE` or `NAME=VALUE...`."""
    if len(words) == 2 and "=" not in words[0]:
        words = ["=".join(words)]
    values: dict[str, float] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name:
            raise UsageError(f"{word!r}: write NAME VALUE, or NAME=VALUE for each")
        if name in values:
            raise UsageError(f"{name} is set twice")
        values[name] = _number(name, text)
    return values


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"{name}: {text!r} is not a number")
    return value


def _wait(system: running.Running, message: int) -> dict[str, Any]:
    end_s = time.monotonic() + WAIT_S
    while time.monotonic() < end_s:
        outcome = system.ask("outcome", id=message)
        if outcome["state"] != "sent":
            return outcome
        time.sleep(POLL_S)
    raise AmphostError(f"no answer from the role within {WAIT_S:g} s; see `amphost events`")


def _said(outcome: dict[str, Any]) -> str:
    if "device_us" in outcome:
        at_s = outcome["device_us"] / 1e6
        when = f" at {at_s:.6f} s of its clock" if at_s else ""
        return f"acknowledged by the device of {outcome['role']}{when}"
    if "tick" in outcome:
        return f"applied at tick {outcome['tick']} of {outcome['role']}"
    return "set" if outcome["state"] == "applied" else "sent"
