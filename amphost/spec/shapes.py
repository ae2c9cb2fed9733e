"""What a value of a file may be: one class a shape, each with its reading and its JSON Schema.

Rules. Strict: nothing is turned into something else but a whole number where any number is meant.
`read` returns the value and never raises for what a file holds; what is wrong goes to `found`, one
violation a value, with the path as the user sees it. A shape is made once and never changes. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from amphost.spec.positions import KeyPath

__all__ = [
    "Anything",
    "Choice",
    "Converted",
    "Either",
    "Flag",
    "Items",
    "Kinds",
    "Named",
    "Optional",
    "Real",
    "Row",
    "Shape",
    "Text",
    "Violation",
    "Whole",
    "in_order",
    "whole",
]

_EXACT = 2**53  # every smaller whole number is one float
_LAST = ("additionalProperties", "items", "allOf")  # of a node that is not a Record


class Violation:
    """One value that does not have its shape.

    `kind` is one of: missing, unknown_key, bad_name, no_kind, unknown_kind, size, range, pattern,
    wrong. `kinds` are the kinds that there are, for unknown_kind.

    Synchronization: none required; nobody changes it.
    """

    __slots__ = ("kind", "kinds", "path", "value")

    def __init__(self, path: KeyPath, kind: str, value: object, kinds: Sequence[str] = ()) -> None:
        self.path = path
        self.kind = kind
        self.value = value
        self.kinds = kinds


class Shape(Protocol):
    """What a value may be.

    Synchronization: none required; nobody changes one.
    """

    def read(self, value: object, path: KeyPath, found: list[Violation]) -> Any:
        """Return the value as the model has it; add what is wrong to `found`."""

    def schema(self, named: dict[str, Any]) -> dict[str, Any]:
        """Return its JSON Schema; mappings with a name of their own go into `named`."""


class Text:
    """A text, as it stands.

    Synchronization: none required; nobody changes it.
    """

    def __init__(
        self, *, least: int | None = None, most: int | None = None, pattern: str | None = None
    ) -> None:
        self._least, self._most, self._pattern = least, most, pattern
        self._fits = None if pattern is None else re.compile(pattern).fullmatch

    def read(self, value: object, path: KeyPath, found: list[Violation]) -> object:
        if not isinstance(value, str):
            found.append(Violation(path, "wrong", value))
        elif _outside(len(value), self._least, self._most):
            found.append(Violation(path, "size", value))
        elif self._fits is not None and self._fits(value) is None:
            found.append(Violation(path, "pattern", value))
        return value

    def schema(self, named: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - every shape has it
        bounds = {"maxLength": self._most, "minLength": self._least, "pattern": self._pattern}
        return {**_given(bounds), "type": "string"}


class _Number:
    """A number within bounds."""

    _type = ""

    def __init__(
        self,
        *,
        ge: float | None = None,
        gt: float | None = None,
        le: float | None = None,
        lt: float | None = None,
    ) -> None:
        self._ge, self._gt, self._le, self._lt = ge, gt, le, lt

    def _check(self, number: float, path: KeyPath, found: list[Violation]) -> None:
        inside = (
            (self._ge is None or number >= self._ge)
            and (self._gt is None or number > self._gt)
            and (self._le is None or number <= self._le)
            and (self._lt is None or number < self._lt)
        )
        if not inside:
            found.append(Violation(path, "range", number))

    def schema(self, named: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - every shape has it
        bounds = {
            "exclusiveMaximum": self._lt,
            "exclusiveMinimum": self._gt,
            "maximum": self._le,
            "minimum": self._ge,
        }
        return {**{key: whole(one) for key, one in _given(bounds).items()}, "type": self._type}


class Whole(_Number):
    """A whole number.

    Synchronization: none required; nobody changes it.
    """

    _type = "integer"

    def read(self, value: object, path: KeyPath, found: list[Violation]) -> object:
        if isinstance(value, int) and not isinstance(value, bool):
            self._check(value, path, found)
        else:
            found.append(Violation(path, "wrong", value))
        return value


class Real(_Number):
    """A number, which a whole one is too. It is finite: the reader of YAML refuses any other.

    Synchronization: none required; nobody changes it.
    """

    _type = "number"

    def read(self, value: object, path: KeyPath, found: list[Violation]) -> object:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            self._check(value, path, found)
            return float(value)
        found.append(Violation(path, "wrong", value))
        return value


class Flag:
    """`true` or `false`.

    Synchronization: none required; nobody changes it.
    """

    def read(self, value: object, path: KeyPath, found: list[Violation]) -> object:
        if not isinstance(value, bool):
            found.append(Violation(path, "wrong", value))
        return value

    def schema(self, named: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - every shape has it
        return {"type": "boolean"}


class Anything:
    """Any value: somebody else reads it.

    Synchronization: none required; nobody changes it.
    """

    def read(self, value: object, path: KeyPath, found: list[Violation]) -> object:  # noqa: ARG002
        return value

    def schema(self, named: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - every shape has it
        return {}


class Choice:
    """One of a few texts.

    Synchronization: none required; nobody changes it.
    """

    def __init__(self, choices: Sequence[str]) -> None:
        self.choices = tuple(choices)

    def read(self, value: object, path: KeyPath, found: list[Violation]) -> object:
        if not isinstance(value, str) or value not in self.choices:
            found.append(Violation(path, "wrong", value))
        return value

    def schema(self, named: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - every shape has it
        if len(self.choices) == 1:
            return {"const": self.choices[0], "type": "string"}
        return {"enum": list(self.choices), "type": "string"}


class Optional:
    """A shape, or nothing: the key is not there, or its value was refused and said so.

    Synchronization: none required; nobody changes it.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape

    def read(self, value: object, path: KeyPath, found: list[Violation]) -> object:
        return None if value is None else self._shape.read(value, path, found)

    def schema(self, named: dict[str, Any]) -> dict[str, Any]:
        return self._shape.schema(named)  # an empty value is refused


class Row:
    """A list of a fixed length, each place with its shape.

    Synchronization: none required; nobody changes it.
    """

    def __init__(self, shapes: Sequence[Shape]) -> None:
        self._shapes = shapes

    def read(self, value: object, path: KeyPath, found: list[Violation]) -> object:
        if not isinstance(value, list):
            found.append(Violation(path, "wrong", value))
            return value
        read = [
            shape.read(one, (*path, index), found)
            for index, (shape, one) in enumerate(zip(self._shapes, value, strict=False))
        ]
        if len(value) != len(self._shapes):
            kind = "size" if len(value) > len(self._shapes) else "wrong"
            found.append(Violation(path, kind, value))
        return tuple(read)

    def schema(self, named: dict[str, Any]) -> dict[str, Any]:
        count = len(self._shapes)
        items = self._shapes[0].schema(named)
        return {"items": items, "maxItems": count, "minItems": count, "type": "array"}


class Items:
    """A list of any length within bounds.

    Synchronization: none required; nobody changes it.
    """

    def __init__(self, shape: Shape, *, least: int | None = None, most: int | None = None) -> None:
        self._shape, self._least, self._most = shape, least, most

    def read(self, value: object, path: KeyPath, found: list[Violation]) -> object:
        if not isinstance(value, list):
            found.append(Violation(path, "wrong", value))
            return value
        if _outside(len(value), self._least, self._most):
            found.append(Violation(path, "size", value))
        return [self._shape.read(one, (*path, at), found) for at, one in enumerate(value)]

    def schema(self, named: dict[str, Any]) -> dict[str, Any]:
        bounds = _given({"maxItems": self._most, "minItems": self._least})
        return {"items": self._shape.schema(named), **bounds, "type": "array"}


class Named:
    """A mapping from names to values of one shape.

    Synchronization: none required; nobody changes it.
    """

    def __init__(
        self, key: Text, shape: Shape, *, least: int | None = None, most: int | None = None
    ) -> None:
        self._key, self._shape, self._least, self._most = key, shape, least, most

    def read(self, value: object, path: KeyPath, found: list[Violation]) -> object:
        if not isinstance(value, dict):
            found.append(Violation(path, "wrong", value))
            return value
        read = {}
        for key, one in value.items():
            bad: list[Violation] = []
            self._key.read(key, (), bad)
            if bad:
                found.append(Violation((*path, key), "bad_name", key))
            read[key] = self._shape.read(one, (*path, key), found)
        if _outside(len(value), self._least, self._most):
            found.append(Violation(path, "size", value))
        return read

    def schema(self, named: dict[str, Any]) -> dict[str, Any]:
        bounds = _given({"maxProperties": self._most, "minProperties": self._least})
        below, pattern = self._shape.schema(named), self._key.schema(named).get("pattern")
        if pattern is None:
            return {
                **bounds,
                "type": "object",
                **({"additionalProperties": below} if below else {}),
            }
        node = {**bounds, "patternProperties": {pattern: below}, "type": "object"}
        return {**node, "additionalProperties": False}


class Kinds:
    """A mapping of one of several kinds, told apart by its key `kind`.

    Synchronization: none required; nobody changes it.
    """

    def __init__(self, shapes: Mapping[str, Shape]) -> None:
        self._shapes = shapes

    def read(self, value: object, path: KeyPath, found: list[Violation]) -> object:
        if not isinstance(value, dict):
            found.append(Violation(path, "wrong", value))
            return value
        if "kind" not in value:
            found.append(Violation((*path, "kind"), "no_kind", value, tuple(self._shapes)))
            return value
        kind = value["kind"]
        shape = self._shapes.get(kind) if isinstance(kind, str) else None
        if shape is None:
            found.append(Violation((*path, "kind"), "unknown_kind", kind, tuple(self._shapes)))
            return value
        return shape.read(value, path, found)

    def schema(self, named: dict[str, Any]) -> dict[str, Any]:
        return {"oneOf": [shape.schema(named) for shape in self._shapes.values()]}


class Either:
    """The first of several shapes that fits.

    Synchronization: none required; nobody changes it.
    """

    def __init__(self, shapes: Sequence[Shape]) -> None:
        self._shapes = shapes

    def read(self, value: object, path: KeyPath, found: list[Violation]) -> object:
        for shape in self._shapes:
            bad: list[Violation] = []
            read = shape.read(value, path, bad)
            if not bad:
                return read
        found.append(Violation(path, "wrong", value))
        return value

    def schema(self, named: dict[str, Any]) -> dict[str, Any]:
        return {"anyOf": [shape.schema(named) for shape in self._shapes]}


class Converted:
    """A shape with a shorter way of writing it, which `convert` makes long.

    What is wrong with a short form is wrong at its own place: it has no keys.

    Synchronization: none required; nobody changes it.
    """

    def __init__(self, convert: Callable[[object], object], shape: Shape, shown: Shape) -> None:
        self._convert, self._shape, self._shown = convert, shape, shown

    def read(self, value: object, path: KeyPath, found: list[Violation]) -> object:
        long = self._convert(value)
        bad: list[Violation] = []
        read = self._shape.read(long, path, bad)
        if long is not value:
            bad = [Violation(path, one.kind, one.value, one.kinds) for one in bad]
        found += bad
        return read

    def schema(self, named: dict[str, Any]) -> dict[str, Any]:
        return self._shown.schema(named)


def _outside(size: int, least: int | None, most: int | None) -> bool:
    return (least is not None and size < least) or (most is not None and size > most)


def _given(bounds: Mapping[str, Any]) -> dict[str, Any]:
    return {key: bound for key, bound in bounds.items() if bound is not None}


def whole(value: Any) -> Any:
    """Return a whole number as one, as JSON has it; anything else as it is."""
    small = isinstance(value, float) and value.is_integer() and abs(value) < _EXACT
    return int(value) if small else value


def in_order(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return a node with its keys in the order of the shipped schemas."""
    return {key: node[key] for key in sorted(node, key=lambda key: (key in _LAST, key))}
