"""From a file's name to the plan and what belongs beside its recording: for `plan` and `run`.

Rules. The shell around the pure stages: finds the files, reads this machine, resolves. Everything
that is wrong comes back as one AmphostError.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from amphost.cli.kept import attachments, read_host
from amphost.plan import encode
from amphost.plan.placement import ports
from amphost.plan.resolve import resolve
from amphost.spec import shipped
from amphost.spec.files import Sight, noting
from amphost.spec.load import LoadedSpec, load

if TYPE_CHECKING:
    from amphost.cli.kept import Attachment
    from amphost.machine import Machine
    from amphost.plan.model import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A plan with all that it was made of.

    Synchronization: none required; immutable.
    """

    plan: Plan
    machine: Machine
    ports: Sequence[str]
    texts: tuple[str, str, str]  # spec, board, plan
    seen: Sequence[Sight]


def load_named(file: str) -> LoadedSpec:
    """Load a spec by path, or a shipped example by name."""
    return load(shipped.find_spec(file), boards=shipped.board_folders())


def prepare_noted(file: str, done: Callable[[str], None], *, fold: bool = False) -> Made:
    """Return the plan of a spec on this machine; `done` is told when a phase is over."""
    with noting() as seen:
        loaded = load_named(file)
        done("spec")
        needed = ports(loaded)
        machine = read_host(needed)
        plan = resolve(loaded, machine, base=Path.cwd(), fold=fold)
    texts = (loaded.text, loaded.board_text, encode.to_json(plan))
    done("plan")
    return Made(plan=plan, machine=machine, ports=needed, texts=texts, seen=seen)


def prepare(file: str) -> tuple[Plan, list[Attachment]]:
    """Return the plan of a spec on this machine, and the texts it came from."""
    made = prepare_noted(file, lambda _: None)
    return made.plan, attachments(*made.texts, made.machine)
