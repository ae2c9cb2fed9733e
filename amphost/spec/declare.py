"""Declare a mapping of a file: a class, an annotation a key, a sentence for its user.

Rules. `class ReadSpec(Model)` with `max_age_ms: Milliseconds | None = Field(None, description=...)`
says it all: its reading and its JSON Schema come from the one shape that is made of it, when a file
is first read. Unknown keys are refused, instances are frozen. An annotation that has no shape is a
TypeError. Any name may be a key, so a Model has no method but those of the language. Pure.

Understood: str, int, float, bool, Any, Literal of texts, a Model, `X | None`, `X | Y` (the first
that fits), dict[name, X], list[X], tuple[X, Y], and Annotated[X, Field(...)] around any of them;
Field(discriminator="kind") on a union of models; BeforeValidator(function, shown) for short forms.
"""

from __future__ import annotations

from collections.abc import Callable
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

from amphost.spec import shapes
from amphost.spec.positions import KeyPath
from amphost.spec.shapes import Shape, Violation

__all__ = ["BeforeValidator", "Field", "Key", "Model", "Record", "record_of", "values_of"]

_NOTHING: Any = object()
_BOUNDS = ("ge", "gt", "le", "lt")
_SIZES = {"min_length": "least", "max_length": "most"}


class Key:
    """What a Field says of its key: `alias` is its name in the file; `limits` are of its value.

    Synchronization: none required; nobody changes it.
    """

    __slots__ = ("alias", "default", "default_factory", "description", "discriminator", "limits")

    def __init__(
        self,
        default: Any,
        default_factory: Callable[[], Any] | None,
        alias: str | None,
        description: str,
        discriminator: str | None,
        limits: dict[str, Any],
    ) -> None:
        self.default = default
        self.default_factory = default_factory
        self.alias = alias
        self.description = description
        self.discriminator = discriminator
        self.limits = limits

    @property
    def required(self) -> bool:
        """Whether the file must have it."""
        return self.default is _NOTHING and self.default_factory is None

    def value(self) -> Any:
        """Return what it is where the file does not have it."""
        return self.default if self.default_factory is None else self.default_factory()


def Field(  # noqa: N802 - it stands where a type's name would
    default: Any = _NOTHING,
    *,
    default_factory: Callable[[], Any] | None = None,
    alias: str | None = None,
    description: str = "",
    discriminator: str | None = None,
    **limits: Any,
) -> Any:
    """Declare a key, or limit a type.

    `limits` are ge, gt, le, lt of a number; min_length, max_length of what has a size; pattern of a
    text, which holds for all of it.
    """
    return Key(default, default_factory, alias, description, discriminator, limits)


class BeforeValidator:
    """A short form: `convert` makes it long and returns anything else as it is; `shown` is both.

    Synchronization: none required; nobody changes it.
    """

    def __init__(self, convert: Callable[[object], object], shown: Any) -> None:
        self.convert = convert
        self.shown = shown


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(Field,))
class Model:  # noqa: PLW1641 - no hash: some of its values are mappings
    """A mapping whose keys are all known.

    Synchronization: none required; frozen.
    """

    def __init__(self, **values: Any) -> None:
        """Take values that are known to be good: nothing is checked here."""
        for name, place in record_of(type(self)).places.items():
            if name not in values and place.key.required:
                raise TypeError(f"{type(self).__name__} needs {name}")
            self.__dict__[name] = values.pop(name) if name in values else place.key.value()
        if values:
            raise TypeError(f"{type(self).__name__} has no {', '.join(values)}")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} does not change")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} does not go")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items())
        return f"{type(self).__name__}({values})"


def values_of(model: Model) -> dict[str, Any]:
    """Return every value of an instance by its attribute's name, in order."""
    return dict(model.__dict__)


class Place:
    """One key of a mapping: its name in the file, what is said of it, its shape.

    Synchronization: none required; nobody changes it.
    """

    __slots__ = ("key", "name", "shape")

    def __init__(self, attribute: str, key: Key, shape: Shape) -> None:
        self.name = key.alias or attribute
        self.key = key
        self.shape = shape

    def schema(self, named: dict[str, Any]) -> dict[str, Any]:
        """Return the schema of its value, with its sentence and its default."""
        node = dict(self.shape.schema(named))
        text = self.key.description
        if "$ref" in node:  # draft 7 ignores every word beside it
            name = node["$ref"].rsplit("/", 1)[1]
            if not text or text == named[name].get("description"):
                return node
            return {"description": text, "allOf": [node]}
        if self.key.default not in (_NOTHING, None):
            node["default"] = shapes.whole(self.key.default)
        return shapes.in_order({"description": text, **node})


class Record:
    """A mapping as its class declares it.

    Synchronization: none required; nobody changes it.
    """

    def __init__(self, model: type[Model], places: dict[str, Place]) -> None:
        self.model = model
        self.places = places
        """Every key by its attribute's name, in order."""

    def read(self, value: object, path: KeyPath, found: list[Violation]) -> Any:
        """Return an instance; with anything added to `found` it is not to be used."""
        if not isinstance(value, dict):
            found.append(Violation(path, "wrong", value))
            return value
        instance = object.__new__(self.model)
        values, left = instance.__dict__, dict(value)
        for attribute, place in self.places.items():
            if place.name in left:
                below = left.pop(place.name)
                values[attribute] = place.shape.read(below, (*path, place.name), found)
            elif place.key.required:
                found.append(Violation((*path, place.name), "missing", value))
            else:
                values[attribute] = place.key.value()
        found += [Violation((*path, name), "unknown_key", left[name]) for name in left]
        return instance

    def schema(self, named: dict[str, Any]) -> dict[str, Any]:
        """Return a reference; the schema itself goes into `named`."""
        name = self.model.__name__
        if name not in named:
            named[name] = {"description": (self.model.__doc__ or "").strip()}
            named[name] = self.whole_schema(named)
        return {"$ref": f"#/definitions/{name}"}

    def whole_schema(self, named: dict[str, Any]) -> dict[str, Any]:
        """Return the schema itself."""
        every = self.places.values()
        required = [place.name for place in every if place.key.required]
        return {
            "additionalProperties": False,
            "description": (self.model.__doc__ or "").strip(),
            "properties": {place.name: place.schema(named) for place in every},
            **({"required": required} if required else {}),
            "type": "object",
        }


_RECORDS: dict[type[Model], Record] = {}


def record_of(model: type[Model]) -> Record:
    """Return the shape that a class declares; it is made once."""
    made = _RECORDS.get(model)
    if made is None:
        made = _RECORDS[model] = _record(model)
    return made


def _record(model: type[Model]) -> Record:
    places = {}
    for attribute, hint in get_type_hints(model, include_extras=True).items():
        key = model.__dict__.get(attribute)
        if not isinstance(key, Key):
            raise TypeError(f"{model.__name__}.{attribute}: declare it with Field(...)")
        places[attribute] = Place(attribute, key, _shape(hint, key.limits, key.discriminator))
    return Record(model, places)


def _shape(hint: Any, limits: dict[str, Any], discriminator: str | None = None) -> Shape:
    """Return the shape of an annotation; the limits that stand further out win."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _annotated(inner, limits)
    if origin in (Union, UnionType):
        return _union(inner, limits, discriminator)
    if origin is Literal:
        return shapes.Choice(inner)
    if origin is not None:
        return _collection(origin, inner, limits)
    if isinstance(hint, type) and issubclass(hint, Model):
        return record_of(hint)
    return _scalar(hint, limits)


def _collection(origin: Any, inner: tuple[Any, ...], limits: dict[str, Any]) -> Shape:
    if origin is dict:
        return shapes.Named(_text(inner[0]), _shape(inner[1], {}), **_sizes(limits))
    if origin is list:
        return shapes.Items(_shape(inner[0], {}), **_sizes(limits))
    if origin is tuple:
        return shapes.Row([_shape(one, {}) for one in inner])
    raise TypeError(f"{origin!r} is no type of a value in a file")


def _scalar(hint: Any, limits: dict[str, Any]) -> Shape:
    if hint is str:
        return shapes.Text(pattern=limits.get("pattern"), **_sizes(limits))
    if hint is bool:
        return shapes.Flag()
    if hint is Any:
        return shapes.Anything()
    bounds = {name: limits[name] for name in _BOUNDS if name in limits}
    if hint is int:
        return shapes.Whole(**bounds)
    if hint is float:
        return shapes.Real(**bounds)
    raise TypeError(f"{hint!r} is no type of a value in a file")


def _annotated(inner: tuple[Any, ...], limits: dict[str, Any]) -> Shape:
    """Return the shape of Annotated[type, ...]."""
    hint, *notes = inner
    within: dict[str, Any] = {}
    discriminator = None
    for note in notes:
        if isinstance(note, BeforeValidator):
            return shapes.Converted(note.convert, _shape(hint, limits), _shape(note.shown, {}))
        if not isinstance(note, Key):
            raise TypeError(f"{note!r} says nothing of a value in a file")
        within |= note.limits
        discriminator = note.discriminator or discriminator
    return _shape(hint, {**within, **limits}, discriminator)


def _union(inner: tuple[Any, ...], limits: dict[str, Any], discriminator: str | None) -> Shape:
    given = [one for one in inner if one is not NoneType]
    if discriminator is not None:
        if discriminator != "kind":
            raise TypeError(f"{discriminator!r}: kinds are told apart by `kind`")
        read: Shape = shapes.Kinds({kind: record for one in given for kind, record in _kinds(one)})
    elif len(given) == 1:
        read = _shape(given[0], limits)
    else:
        read = shapes.Either([_shape(one, limits) for one in given])
    return shapes.Optional(read) if len(given) < len(inner) else read


def _kinds(model: type[Model]) -> list[tuple[str, Record]]:
    record = record_of(model)
    choice = record.places["kind"].shape
    assert isinstance(choice, shapes.Choice)
    return [(kind, record) for kind in choice.choices]


def _text(hint: Any) -> shapes.Text:
    shape = _shape(hint, {})
    if not isinstance(shape, shapes.Text):
        raise TypeError(f"{hint!r} is no type of a key")
    return shape


def _sizes(limits: dict[str, Any]) -> dict[str, int]:
    return {ours: limits[name] for name, ours in _SIZES.items() if name in limits}
