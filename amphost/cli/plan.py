"""`amphost plan FILE`: what would run where, and every bound, without running anything.

Rules. The plan goes to stdout: tables, or with `--json` the whole plan as one object whose keys are
those of `amphost.plan.model`. What is wrong goes to stderr, one line each; exit 69 when this
machine lacks what the spec names, 78 when the spec is wrong or does not fit.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from amphost.cli.lasting import making_what_lasts

if TYPE_CHECKING:
    from amphost.machine import Machine
    from amphost.plan.model import Plan
    from amphost.spec.load import LoadedSpec


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("file", help="a spec, or the name of a shipped example (motor)")
    parser.add_argument("--json", action="store_true", help="print the whole plan as JSON")
    parser.add_argument(
        "--fold",
        action="store_true",
        help="put roles whose cores are not there onto those that are",
    )
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Print the plan and return the exit code."""
    with making_what_lasts():
        from amphost.cli.prepare import load_named  # pydantic and yaml: not for --help
        from amphost.plan.encode import to_json
        from amphost.plan.render import render
        from amphost.plan.resolve import resolve

        loaded = load_named(args.file)
    machine = _machine(loaded, args.root)
    plan = resolve(loaded, machine, base=Path.cwd(), fold=args.fold)
    if args.json:
        print(to_json(plan))
    else:
        print(f"{render(plan, machine).rstrip()}\n\n{_measuring(plan)}")
    return 0


def _measuring(plan: Plan) -> str:
    """Return how each control role's wake-ups can be measured before anything else runs."""
    lines = ["MEASURE IT FIRST"]
    for role in plan.roles:
        if role.control is not None:
            words = f"--core {role.cores[0]} --rate {1e9 / role.control.period_ns:g}"
            words += f" --priority {role.priority} --wait {role.control.wait}"
            lines.append(f"  {role.name}: amphost latency {words}")
    return "\n".join(lines)


def _machine(loaded: LoadedSpec, root: Path | None) -> Machine:
    """Read this host, or the files of another one, which has no process of ours to ask."""
    from amphost.cli.kept import read_host
    from amphost.machine import read_machine
    from amphost.plan.placement import ports

    return read_host(ports(loaded)) if root is None else read_machine(root, ports=ports(loaded))
