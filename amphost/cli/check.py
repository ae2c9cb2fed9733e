"""`amphost check FILE`: is this spec right, on whatever machine?

Rules. The verdict goes to stdout, problems to stderr, one line each; with `--json` both go to
stdout as one object with the keys file, ok, system, board, problems. Looks at no machine: what a
machine must have is `amphost plan`'s.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from typing import TYPE_CHECKING, Any

from amphost.cli.lasting import making_what_lasts
from amphost.errors import PlanError, SpecError

if TYPE_CHECKING:
    from amphost.spec.load import LoadedSpec
    from amphost.spec.model import RoleSpec

_LINE = re.compile(
    r"(?P<file>.*?):(?P<line>\d+):(?P<column>\d+): (?P<path>.*?): (?P<rule>.*?); (?P<remedy>.*)",
    re.DOTALL,
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("file", help="a spec, or the name of a shipped example (motor)")
    parser.add_argument("--json", action="store_true", help="print the verdict as JSON")


def run(args: argparse.Namespace) -> int:
    """Check a spec, print the verdict, return the exit code."""
    try:
        loaded = _load(args.file)
    except (SpecError, PlanError) as error:
        if not args.json:
            raise
        print(json.dumps(_verdict(args.file, None, error.problems)))
        return error.exit_code
    if args.json:
        print(json.dumps(_verdict(str(loaded.path), loaded, [])))
    else:
        _print(loaded)
    return 0


def _load(name: str) -> LoadedSpec:
    """Load a spec and check what the plan can check of it without a machine."""
    with making_what_lasts():
        from amphost.spec import shipped  # pydantic and yaml: not for --help
        from amphost.spec.load import load

        loaded = load(shipped.find_spec(name), boards=shipped.board_folders())
        from amphost.plan.resolve import problems  # not for a file that is refused already

        found = problems(loaded)
    if found:
        raise PlanError(found)
    return loaded


def _verdict(file: str, loaded: LoadedSpec | None, problems: list[str]) -> dict[str, Any]:
    return {
        "file": file,
        "ok": loaded is not None,
        "system": None if loaded is None else loaded.spec.name,
        "board": None if loaded is None else loaded.board.name,
        "problems": [_problem(line) for line in problems],
    }


def _problem(line: str) -> dict[str, Any]:
    found = _LINE.fullmatch(line)
    if found is None:
        return {"message": line}
    parts: dict[str, Any] = {**found.groupdict(), "message": line}
    return {**parts, "line": int(parts["line"]), "column": int(parts["column"])}


def _print(loaded: LoadedSpec) -> None:
    spec = loaded.spec
    width = max(len(name) for name in spec.roles)
    print(f"{loaded.path}: ok")
    print(f"  {spec.name} on board {loaded.board.name} ({loaded.board_path})")
    for name, role in spec.roles.items():
        print(f"  {name:<{width}}  {_role(role, loaded)}")
    print(f"  safe within {spec.safety.safe_within_ms:g} ms of any single fault")
    sys.stdout.flush()


def _role(role: RoleSpec, loaded: LoadedSpec) -> str:
    from amphost.port_address import shown
    from amphost.spec.program_roles import WorkerRole, cores_of

    if role.kind == "control":
        reads = ", ".join(read.source for read in role.reads.values()) or "nothing"
        rest = f"{role.rate_hz:g} Hz, reads {reads}, writes {', '.join(role.writes)}"
        return f"core {role.core:<3} fifo {role.priority:<2}  {rest}"
    if role.kind == "io":
        device = loaded.board.devices[role.device]
        end = "loopback" if device.address is None else shown(device.address)
        end = end if device.emulator is None else device.emulator.machine
        end += " behind INJECTED FAULTS" if device.faults is not None else ""
        values = f"sends {', '.join(device.sends) or 'nothing'}"
        accepts = f"accepts {', '.join(device.accepts) or 'nothing'}"
        rest = f"{role.device} ({end}, {device.baud} baud) {values}, {accepts}"
        if role.shares:
            rest += f"; in the process of {role.shares}"
        return f"core {role.core:<3} fifo {role.priority:<2}  {rest}"
    if isinstance(role, WorkerRole):
        return f"core {role.core:<3} other    works for {role.producer}: {role.class_}"
    if role.kind == "python" or role.kind == "exec":  # noqa: PLR1714 - mypy narrows this form
        what = role.class_ if role.kind == "python" else role.command[0]
        reads = ", ".join(read.source for read in role.reads.values()) or "nothing"
        rest = f"{what} at {role.rate_hz:g} Hz, reads {reads}"
        policy = f"fifo {role.priority:<2}" if role.priority else "other  "
        cores = ",".join(map(str, cores_of(role)))
        return f"core {cores:<3} {policy}  {rest}, writes {', '.join(role.writes) or 'nothing'}"
    to = "records nothing" if role.record is None else f"records to {role.record.to}"
    return f"core {role.core:<3} other    {to}"
