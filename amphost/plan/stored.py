"""A plan as text that becomes the same plan again.

Rules. JSON with a mark for what JSON has not: a tuple, and the class of a value. What comes back is
equal to what was written, types included; a plan that holds anything else (a user's parameters, a
program of theirs) is a TypeError and is not stored. Only the classes of `plan.model` are made, so a
text can bring in data and no code. Pure.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from amphost import lean_json
from amphost.plan import model, second_core_model
from amphost.plan.model import Plan

__all__ = ["from_text", "to_text"]

_CLASS = "class"
_TUPLE = "tuple"
_MODULES = (model.__name__, second_core_model.__name__)
_NAMES = {
    name: tuple(one.name for one in fields(made))
    for name, made in vars(model).items()
    if isinstance(made, type) and is_dataclass(made) and made.__module__ in _MODULES
}


def to_text(plan: Plan) -> str:
    """Write a plan; TypeError for one that would not come back as it is."""
    return lean_json.dumps(_plain(plan))


def from_text(text: str) -> Plan:
    """Read a plan; ValueError for a text that `to_text` of this version has not written."""
    try:
        plan = lean_json.loads(text.encode(), _value)
    except (TypeError, KeyError) as error:
        raise ValueError(f"no stored plan: {error}") from error
    if isinstance(plan, Plan):
        return plan
    raise ValueError("no stored plan")


def _plain(value: Any) -> Any:
    name = type(value).__name__
    if name in _NAMES and type(value) is getattr(model, name):
        return {_CLASS: name, _TUPLE: [_plain(getattr(value, one)) for one in _NAMES[name]]}
    if type(value) is tuple:
        return {_TUPLE: [_plain(one) for one in value]}
    if value is None or type(value) in (str, int, float, bool):
        return value
    raise TypeError(f"a plan with a {name} is not stored")


def _value(marked: dict[str, Any]) -> Any:
    values = marked[_TUPLE]
    if _CLASS not in marked:
        return tuple(values)
    name = marked[_CLASS]
    named = dict(zip(_NAMES[name], values, strict=True))  # KeyError for what is none of them
    return getattr(model, name)(**named)
