"""Verbs that ask a running system through its control socket: arm, disarm, acknowledge, stop.

Rules. One module for verbs that differ in nothing but a word. The reply's mode goes to stdout.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from amphost.supervisor.control_socket import ask
from amphost.supervisor.runtime_dir import default_base


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of every such verb."""
    parser.add_argument("system", help="the `name:` of the running system")
    parser.add_argument("--json", action="store_true", help="print the system's state as JSON")
    parser.add_argument("--runtime-dir", type=Path, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Ask, print the mode, return 0; an AmphostError says why not."""
    base = args.runtime_dir or default_base()
    state = ask(base / args.system / "control.sock", args.verb)
    print(json.dumps(state) if args.json else state["mode"])
    return 0
