"""From a file's name to the plan and what belongs beside its recording: for `plan` and `run`.

Rules. The shell around the pure stages: finds the files, reads this machine, resolves. Everything
that is wrong comes back as one AmphostError.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from amphost.machine import Machine, read_machine, to_json
from amphost.plan import encode
from amphost.plan.placement import ports
from amphost.plan.resolve import resolve
from amphost.spec import shipped
from amphost.spec.load import LoadedSpec, load

if TYPE_CHECKING:
    from collections.abc import Callable

    from amphost.plan.model import Plan

Attachment = tuple[str, str, bytes]


def load_named(file: str) -> LoadedSpec:
    """Load a spec by path, or a shipped example by name."""
    return load(shipped.find_spec(file), boards=shipped.board_folders())


def read_host(loaded: LoadedSpec) -> Machine:
    """Read this machine, with the ports that the spec needs."""
    return read_machine(
        allowed=os.sched_getaffinity(0),
        page_size=os.sysconf("SC_PAGESIZE"),
        ports=ports(loaded),
    )


def prepare(
    file: str, done: Callable[[str], None] = lambda _: None
) -> tuple[Plan, list[Attachment]]:
    """Return the plan of a spec on this machine, and the texts it came from.

    `done` is told when a phase of the start is over.
    """
    loaded = load_named(file)
    done("spec")
    machine = read_host(loaded)
    plan = resolve(loaded, machine, base=Path.cwd())
    attachments = [
        ("spec.yaml", "application/yaml", loaded.text.encode()),
        ("board.yaml", "application/yaml", loaded.board_text.encode()),
        ("plan.json", "application/json", encode.to_json(plan).encode()),
        ("machine.json", "application/json", to_json(machine).encode()),
    ]
    done("plan")
    return plan, attachments
