"""Who writes what: the signals that a source may name.

Rules. `operator.name` is a value from outside, `role.name` an output of a control role or a
value that an io role's device sends; telemetry writes nothing that others may read. A part of the
file that could not be read makes its signals unknown, not wrong. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from amphost.spec.decode import Holes
from amphost.spec.model import Board, ControlRole, ExecRole, IoRole, PythonRole, Spec
from amphost.spec.positions import KeyPath, Problem
from amphost.spec.wording import did_you_mean

__all__ = ["OPERATOR", "Signal", "Signals"]

OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """What a source delivers. `period_s` is None where it has no rhythm of its own.

    Synchronization: none required; immutable.
    """

    source: str
    unit: str
    low: float
    high: float
    period_s: float | None


class Signals:
    """The signals of one spec on one board; `board` is None when it could not be read.

    Synchronization: none required; immutable.
    """

    def __init__(self, spec: Spec, board: Board | None, holes: Holes) -> None:
        self._spec, self._board, self._holes = spec, board, holes

    def find(self, source: str, reader: str, path: KeyPath) -> Signal | Problem | None:
        """Find `source` for the role `reader`; None where a broken part hides it."""
        writer, _, name = source.partition(".")
        if writer == reader:
            remedy = "name another role, or use the law's own signal"
            return Problem(path=path, rule=f"{source} is what this role writes", remedy=remedy)
        there = None if self._hidden(writer, name) else self._of(writer)
        if there is not None:
            return there[name] if name in there else self._unknown(path, source, list(there))
        if writer == OPERATOR or writer in self._spec.roles or self._hidden(writer, name):
            return None
        known = [OPERATOR, *self._spec.roles]
        remedy = did_you_mean(writer, known) + f"the roles are {', '.join(self._spec.roles)}"
        return Problem(path=path, rule=f"there is no role {writer}", remedy=remedy)

    def _unknown(self, path: KeyPath, source: str, known: list[str]) -> Problem:
        writer, _, name = source.partition(".")
        role = self._spec.roles.get(writer)
        if isinstance(role, ControlRole) and name in role.law:
            remedy = f"add {name} to roles.{writer}.writes"
            return Problem(path=path, rule=f"{source} is a signal of the law alone", remedy=remedy)
        if known:
            remedy = did_you_mean(name, known) + f"{writer} has {', '.join(known)}"
        else:
            remedy = f"{writer} has nothing to read"
        return Problem(path=path, rule=f"there is no signal {source}", remedy=remedy)

    def _hidden(self, writer: str, name: str) -> bool:
        """Say whether a source may well be there, in a part that could not be read."""
        holes = self._holes
        if writer == OPERATOR:
            unnamed = holes.misnamed(OPERATOR) and name not in self._spec.operator
            return unnamed or holes.at(OPERATOR, name)
        if writer not in self._spec.roles:
            return holes.misnamed("roles") or holes.at("roles", writer)
        return holes.at("roles", writer, "writes", name) or holes.at("roles", writer, "device")

    def _of(self, writer: str) -> dict[str, Signal] | None:
        """Return what a writer writes; None where there is no such role, or no board is known."""
        if writer == OPERATOR:
            return {
                name: _signal(writer, name, one.unit, one.range, None)
                for name, one in self._spec.operator.items()
            }
        role = self._spec.roles.get(writer)
        if isinstance(role, (ControlRole, PythonRole, ExecRole)):
            unread = self._holes.at("roles", writer, "rate_hz")
            period_s = None if unread else 1.0 / role.rate_hz
            return {
                name: _signal(writer, name, one.unit, one.range, period_s)
                for name, one in role.writes.items()
            }
        if isinstance(role, IoRole):
            if self._board is None or role.device not in self._board.devices:
                return None
            device = self._board.devices[role.device]
            return {
                name: _signal(writer, name, one.unit, one.range, 1.0 / device.state_rate_hz)
                for name, one in device.sends.items()
            }
        return None if role is None else {}


def _signal(
    writer: str, name: str, unit: str, limits: tuple[float, float], period_s: float | None
) -> Signal:
    low, high = limits
    return Signal(source=f"{writer}.{name}", unit=unit, low=low, high=high, period_s=period_s)
