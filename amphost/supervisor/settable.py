"""What people may set in a running system, by name: operator values, a law's tunable numbers, and
the parameters of devices.

Rules. Pure. The names are those of the plan, in its order: `operator.NAME`, `ROLE.BLOCK.NUMBER`
for what a `tunable: true` block holds, `ROLE.NAME` for a device's parameter. A name's number,
counted from 1, is what events carry in its place. Names and values from outside are hostile: what
is not exactly one of these is refused, and never quoted at length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from amphost.errors import AmphostError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from amphost.plan.model import NumberPlan, OperatorValue, ParameterPlan, Plan, TunableBlock

NAME_MAX = 200
QUOTED_MAX = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Settable:
    """One name. `place` is its place among those of its role, `block` a law's that holds it.

    Synchronization: none required; immutable.
    """

    name: str
    number: int
    unit: str
    low: float
    high: float
    initial: float | None
    role: str
    place: int
    key: str = ""
    block: TunableBlock | None = None
    of_device: bool = False

    def check(self, value: float) -> None:
        """Refuse what is outside the range; AmphostError names range and unit."""
        if not self.low <= value <= self.high:
            raise AmphostError(
                f"{self.name}: {value:g} is not within {self.low:g} to {self.high:g} {self.unit}"
            )


def settables(plan: Plan) -> dict[str, Settable]:
    """Return everything that may be set, by name, in the plan's order."""
    table: dict[str, Settable] = {}
    for place, value in enumerate(plan.supervisor.operator.values):
        _add(table, _operator(value, place, len(table) + 1))
    for role in plan.roles:
        for block in role.control.tunables if role.control is not None else ():
            for place, number in enumerate(block.numbers):
                _add(table, _number(role.name, block, number, place, len(table) + 1))
        for place, parameter in enumerate(role.io.parameters if role.io is not None else ()):
            _add(table, _parameter(role.name, parameter, place, len(table) + 1))
    return table


def _add(table: dict[str, Settable], one: Settable) -> None:
    table[one.name] = one


def _operator(value: OperatorValue, place: int, number: int) -> Settable:
    return Settable(
        name=f"operator.{value.name}",
        number=number,
        unit=value.unit,
        low=value.low,
        high=value.high,
        initial=value.initial,
        role="operator",
        place=place,
    )


def _number(role: str, block: TunableBlock, plan: NumberPlan, place: int, number: int) -> Settable:
    return Settable(
        name=f"{role}.{block.name}.{plan.name}",
        number=number,
        unit=plan.unit,
        low=plan.low,
        high=plan.high,
        initial=plan.value,
        role=role,
        place=place,
        key=plan.name,
        block=block,
    )


def _parameter(role: str, plan: ParameterPlan, place: int, number: int) -> Settable:
    return Settable(
        name=f"{role}.{plan.name}",
        number=number,
        unit=plan.unit,
        low=plan.low,
        high=plan.high,
        initial=plan.value,
        role=role,
        place=place,
        key=plan.name,
        of_device=True,
    )


def quoted(text: str) -> str:
    """Show what somebody sent: in ASCII, on one line, short."""
    shown = ascii(text)
    return shown if len(shown) <= QUOTED_MAX else f"{shown[:QUOTED_MAX]}..."


def unknown(name: str, known: Iterable[str], what: str) -> AmphostError:
    """Return the refusal of a name that is none of the known ones."""
    if len(name) > NAME_MAX:
        return AmphostError(f"{quoted(name)} is no name: it is longer than {NAME_MAX} characters")
    import difflib  # only on the way out

    close = difflib.get_close_matches(name, list(known), n=1)
    guess = f"did you mean {close[0]}? " if close else ""
    return AmphostError(f"{quoted(name)} is {what}; {guess}`amphost get` lists all")


def changes_of(raw: object, table: Mapping[str, Settable], most: int) -> dict[str, float]:
    """Read what a client wants set, as name -> value; AmphostError where it is anything else."""
    if not isinstance(raw, dict) or not raw:
        raise AmphostError('nothing to set: send {"values": {"operator.target": 1.5}}')
    if len(raw) > most:
        raise AmphostError(f"{len(raw)} values at once; at most {most}")
    changes = {}
    for name, value in raw.items():
        if name not in table:
            raise unknown(name, table, "nothing that can be set")
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise AmphostError(f"{name}: {quoted(str(value)[:NAME_MAX])} is not a number")
        changes[name] = _float(name, value)
        table[name].check(changes[name])
    return changes


def _float(name: str, value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        raise AmphostError(f"{name}: that number is too large") from None
