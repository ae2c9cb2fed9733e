"""Every rule between values, all at once: the spec against itself and against its board.

Rules. Takes models that are valid one by one, with their holes; a rule that would need a missing
part says nothing. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from amphost.laws.blocks import BlockSpec
from amphost.spec.check_programs import program_problems
from amphost.spec.check_reads import device_read_problems, read_problems, tracking_problems
from amphost.spec.check_roles import role_problems
from amphost.spec.check_values import value_problems
from amphost.spec.decode import Holes
from amphost.spec.law import c_file, check_law, read_law
from amphost.spec.model import Board, ControlRole, IoRole, Spec
from amphost.spec.positions import Problem
from amphost.spec.signals import Signals

__all__ = ["check_spec"]

Laws = Mapping[str, tuple[BlockSpec, ...]]
_SHORT_S = 1e-9  # in place of an unknown period: every frequency fits it


def check_spec(spec: Spec, board: Board | None, holes: Holes) -> tuple[Laws, list[Problem]]:
    """Check a spec; `board` is None where it could not be read. Return its laws and problems."""
    signals = Signals(spec, board, holes)
    laws: dict[str, tuple[BlockSpec, ...]] = {}
    problems = [*value_problems(spec), *role_problems(spec, board, holes)]
    for name, role in spec.roles.items():
        if isinstance(role, IoRole):
            problems += device_read_problems(name, role, board, signals, holes)
        elif isinstance(role, ControlRole):
            laws[name], found = _control(name, role, signals, holes)
            problems += found
    problems += program_problems(spec, signals, holes)
    problems += tracking_problems(spec, signals, holes)
    return laws, problems


def _control(
    name: str, role: ControlRole, signals: Signals, holes: Holes
) -> tuple[tuple[BlockSpec, ...], list[Problem]]:
    inputs, problems = read_problems(name, role.reads, signals)
    blocks, law_problems = read_law(name, role.law)
    broken = any(holes.within("roles", name, key) for key in ("reads", "law", "writes"))
    if not law_problems and not broken and c_file(role.law) is None:
        units = {key: "" if one is None else one.unit for key, one in inputs.items()}
        outputs = {key: one.unit for key, one in role.writes.items()}
        unread = holes.at("roles", name, "rate_hz")
        dt_s = _SHORT_S if unread else 1.0 / role.rate_hz
        law_problems = check_law(name, blocks, units, outputs, dt_s=dt_s)
    return blocks, problems + law_problems
