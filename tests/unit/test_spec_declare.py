from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest

from amphost.spec.declare import BeforeValidator, Field, Model, record_of, values_of
from amphost.spec.shapes import Violation

Name = Annotated[str, Field(pattern="^[a-z]+$")]
Small = Annotated[int, Field(ge=0, le=9)]


class Leaf(Model):
    """A leaf."""

    kind: Literal["leaf"] = Field(description="It is a leaf.")
    size: Annotated[float, Field(gt=0.0)] = Field(description="How large it is.")


class Stone(Model):
    """A stone."""

    kind: Literal["stone"] = Field(description="It is a stone.")
    weight: Small = Field(3, description="How heavy it is.")


def _short(value: object) -> object:
    return {"from": value} if isinstance(value, str) else value


class Place(Model):
    """A place."""

    source: Name = Field(alias="from", description="Where it is from.")
    age: Annotated[Small, Field(le=5)] | None = Field(None, description="How old it is.")


class Everything(Model):
    """Every shape there is."""

    things: dict[Name, Annotated[Leaf | Stone, Field(discriminator="kind")]] = Field(
        min_length=1, description="Things."
    )
    place: Annotated[Place, BeforeValidator(_short, Name | Place)] = Field(description="Place.")
    pair: tuple[Small, Small] = Field((1, 2), description="Two.")
    several: list[Small] = Field(default_factory=list, max_length=2, description="Some.")
    either: bool | Small = Field(True, description="One or the other.")
    text: Annotated[str, Field(min_length=1, max_length=3)] = Field("x", description="Text.")
    rest: Any = Field(None, description="Whatever.")


GOOD: dict[str, object] = {"things": {"a": {"kind": "stone"}}, "place": "here"}


def read(value: object, model: type[Model] = Everything) -> tuple[Any, list[Violation]]:
    """Read a value as a model; return it with what is wrong."""
    found: list[Violation] = []
    return record_of(model).read(value, (), found), found


def wrongs(value: object) -> list[tuple[str, str]]:
    """Return path and kind of every violation."""
    return [(".".join(map(str, one.path)), one.kind) for one in read(value)[1]]


def test_good_values_become_an_instance_with_its_defaults() -> None:
    """What the plan reads is what the file says."""
    everything, found = read(GOOD)
    assert found == []
    assert isinstance(everything.things["a"], Stone)
    assert everything.things["a"].weight == 3
    assert (everything.place.source, everything.place.age) == ("here", None)
    assert (everything.pair, everything.several, everything.either) == ((1, 2), [], True)


def test_whole_number_is_a_number_where_any_is_meant() -> None:
    """`rate_hz: 1000` and `rate_hz: 1000.0` are the same file."""
    leaf, found = read({"kind": "leaf", "size": 2}, Leaf)
    assert found == []
    assert isinstance(leaf.size, float)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"things": {}}, [("things", "size")]),
        ({"things": []}, [("things", "wrong")]),
        ({"things": {"B": {"kind": "stone"}}}, [("things.B", "bad_name")]),
        ({"things": {"a": 1}}, [("things.a", "wrong")]),
        ({"things": {"a": {}}}, [("things.a.kind", "no_kind")]),
        ({"things": {"a": {"kind": "x"}}}, [("things.a.kind", "unknown_kind")]),
        ({"things": {"a": {"kind": ["x"]}}}, [("things.a.kind", "unknown_kind")]),
        ({"things": {"a": {"kind": "leaf"}}}, [("things.a.size", "missing")]),
        ({"things": {"a": {"kind": "leaf", "size": 0}}}, [("things.a.size", "range")]),
        ({"things": {"a": {"kind": "leaf", "size": True}}}, [("things.a.size", "wrong")]),
        ({"things": {"a": {"kind": "stone", "weight": 1.0}}}, [("things.a.weight", "wrong")]),
        ({"things": {"a": {"kind": "stone", "y": 1}}}, [("things.a.y", "unknown_key")]),
        ({"place": "HERE"}, [("place", "pattern")]),
        ({"place": "here\n"}, [("place", "pattern")]),
        ({"place": {"from": "HERE"}}, [("place.from", "pattern")]),
        ({"place": {"from": "here", "age": 6}}, [("place.age", "range")]),
        ({"place": 7}, [("place", "wrong")]),
        ({"pair": [1]}, [("pair", "wrong")]),
        ({"pair": [1, 2, 3]}, [("pair", "size")]),
        ({"pair": [1, "x"]}, [("pair.1", "wrong")]),
        ({"several": [1, 2, 3]}, [("several", "size")]),
        ({"several": [1, 10]}, [("several.1", "range")]),
        ({"either": "x"}, [("either", "wrong")]),
        ({"text": ""}, [("text", "size")]),
        ({"text": "long"}, [("text", "size")]),
        ({"text": 1}, [("text", "wrong")]),
        ({"more": 1, "text": 1}, [("text", "wrong"), ("more", "unknown_key")]),
    ],
)
def test_each_wrong_value_is_told_at_its_place(
    change: dict[str, object], expected: list[tuple[str, str]]
) -> None:
    """All at once, and at the path that the user wrote."""
    assert wrongs({**GOOD, **change}) == expected


def test_either_takes_the_first_shape_that_fits() -> None:
    """A flag or a number: neither is turned into the other."""
    assert read({**GOOD, "either": False})[0].either is False
    assert read({**GOOD, "either": 7})[0].either == 7


def test_instance_does_not_change_and_equals_its_like() -> None:
    """Whoever holds a spec may rely on it."""
    one, other = read({"kind": "stone"}, Stone)[0], read({"kind": "stone"}, Stone)[0]
    assert one == other != Stone(kind="stone", weight=4)
    assert values_of(one) == {"kind": "stone", "weight": 3}
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)
    assert repr(one) == "Stone(kind='stone', weight=3)"
    with pytest.raises(AttributeError):
        one.weight = 5
    with pytest.raises(AttributeError):
        del one.weight


def test_instance_by_hand_needs_what_the_class_declares() -> None:
    """A misspelt name in our own code is an error of ours."""
    with pytest.raises(TypeError, match="needs kind"):
        Stone()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="has no colour"):
        Stone(kind="stone", colour=1)  # type: ignore[call-arg]


def test_annotation_without_a_shape_is_refused() -> None:
    """It would be a key that nobody checks."""

    class Odd(Model):
        """Odd."""

        key: bytes = Field(description="Odd.")

    with pytest.raises(TypeError, match="no type of a value"):
        record_of(Odd)


def test_key_without_a_field_is_refused() -> None:
    """It would be a key without a sentence, or with a default that nobody declared."""

    class Bare(Model):
        """Bare."""

        key: int = 3

    with pytest.raises(TypeError, match=r"Bare.key: declare it with Field"):
        record_of(Bare)


def test_schema_says_the_same_as_the_reading() -> None:
    """An editor and `amphost check` must not differ."""
    named: dict[str, Any] = {}
    node = record_of(Everything).whole_schema(named)
    below = node["properties"]
    assert node["required"] == ["things", "place"]
    assert below["things"]["minProperties"] == 1
    assert below["things"]["patternProperties"]["^[a-z]+$"]["oneOf"] == [
        {"$ref": "#/definitions/Leaf"},
        {"$ref": "#/definitions/Stone"},
    ]
    assert below["place"]["anyOf"][1] == {"$ref": "#/definitions/Place"}
    assert (below["pair"]["minItems"], below["pair"]["maxItems"]) == (2, 2)
    assert below["several"]["maxItems"] == 2
    assert below["either"]["default"] is True
    assert named["Place"]["properties"]["age"]["maximum"] == 5
    assert named["Leaf"]["properties"]["size"]["exclusiveMinimum"] == 0
