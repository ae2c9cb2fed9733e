"""Find the running system that a verb means, and ask it.

Rules. Verbs that name values take `--system`; without it they mean the one system that runs. A
directory that a killed run left behind is no running system. Who asked and when is told in words
for people; `--json` has the numbers.
"""

from __future__ import annotations

import argparse
import pwd
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from amphost.errors import UsageError
from amphost.supervisor.control_socket import NotRunningError, ask
from amphost.supervisor.runtime_dir import default_base

SOCKET = "control.sock"
CONNECT_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A running system.

    Synchronization: none required; each question is a connection of its own.
    """

    name: str
    path: Path

    def ask(self, verb: str, **fields: object) -> dict[str, Any]:
        """Ask; AmphostError says what it said no to, or that the system has ended."""
        try:
            return ask(self.path, verb, fields)
        except NotRunningError as error:
            raise NotRunningError(f"{self.name} has ended, or is not running") from error

    def values(self, names: list[str]) -> list[dict[str, Any]]:
        """Return what stands behind names, page by page."""
        values: list[dict[str, Any]] = []
        start: int | None = 0
        while start is not None:
            reply = self.ask("get", **{"names": names, "from": start})
            values += reply["values"]
            start = reply["more"]
        return values


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare which system is meant, and how the answer is printed."""
    parser.add_argument("--system", metavar="NAME", help="which, where more than one system runs")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--runtime-dir", type=Path, help=argparse.SUPPRESS)


def find(args: argparse.Namespace) -> Running:
    """Return the system that is meant."""
    base: Path = args.runtime_dir or default_base()
    if args.system:
        if "/" in args.system:
            raise UsageError(f"--system: {args.system!r} is no system's name")
        return Running(name=args.system, path=base / args.system / SOCKET)
    running = every(args)
    if not running:
        raise NotRunningError(f"nothing runs below {base}; start it with `amphost run`")
    if len(running) > 1:
        names = ", ".join(one.name for one in running)
        raise UsageError(f"{names} run: say which one with --system NAME")
    return running[0]


def every(args: argparse.Namespace) -> list[Running]:
    """Return every system that runs, by name."""
    base: Path = args.runtime_dir or default_base()
    paths = [path for path in sorted(base.glob(f"*/{SOCKET}")) if _listens(path)]
    return [Running(name=path.parent.name, path=path) for path in paths]


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(CONNECT_S)
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True


@cache
def user(uid: int) -> str:
    """Name a user."""
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return f"uid {uid}"


def number(value: float | None) -> str:
    """Write a value for people."""
    if value is None:
        return "-"
    if isinstance(value, (bool, int)):
        return str(value).lower()
    return f"{value:.9g}"


def by(entry: dict[str, Any]) -> str:
    """Say where a value comes from."""
    if entry["uid"] is None:
        return str(entry["by"])
    return f"{user(entry['uid'])}, process {entry['pid']}"
