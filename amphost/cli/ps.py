"""`amphost ps`: which systems run, and their roles."""

from __future__ import annotations

import argparse
import json
import sys

from amphost.cli import figures_text, running
from amphost.supervisor.control_socket import NotRunningError


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.description = (
        "Print the running systems and their roles, one line a role. CPU is the average since the"
        " start, memory that of the newest sample, up to five seconds old. Exit code 0, also when"
        " nothing runs."
    )
    running.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Ask every system, print a table."""
    asked = [running.find(args)] if args.system else running.every(args)
    systems = []
    for system in asked:
        try:
            systems.append(system.ask("figures"))
        except NotRunningError as error:
            if args.system:
                raise
            print(f"amphost: {error}", file=sys.stderr)
    if args.json:
        print(json.dumps(systems))
    elif systems:
        print(figures_text.plain(figures_text.ps_block(systems)))
    else:
        print("amphost: nothing runs", file=sys.stderr)
    return 0
