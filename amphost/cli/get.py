"""`amphost get [NAME...]`: what a running system's signals, values and parameters are now.

Rules. A name may be a whole one, or the beginning of some: `control` is all of that role. Exit 1
when there is no such name, or nothing runs.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from amphost.cli import running

_ABOUT = """\
Print the newest value of signals (ROLE.SIGNAL), operator values (operator.NAME) and the numbers of
tunable blocks (ROLE.BLOCK.NUMBER): value, unit, age, range, and who set it last. A name may be the
beginning of several; without one, everything is printed.
"""
_HEAD = ("name", "value", "unit", "age", "range", "by")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.description = _ABOUT
    parser.add_argument("names", nargs="*", metavar="NAME", help="operator.target, control, ...")
    running.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Ask and print."""
    values = running.find(args).values(args.names)
    print(json.dumps(values) if args.json else table(values))
    return 0


def table(values: list[dict[str, Any]]) -> str:
    """Write values as a table."""
    rows = [_HEAD, *(_row(entry) for entry in values)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    low, high = entry["low"], entry["high"]
    return (
        entry["name"],
        running.number(entry["value"]),
        entry["unit"],
        "-" if entry["age_s"] is None else _age(entry["age_s"]),
        "-" if low is None or high is None else f"{low:g} to {high:g}",
        running.by(entry),
    )


def _age(age_s: float) -> str:
    return f"{age_s * 1e3:.1f} ms" if age_s < 1 else f"{age_s:.1f} s"
