from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from amphost.laws.blocks import BLOCKS
from amphost.spec.board import Board
from amphost.spec.expected import expected_at, keys_at
from amphost.spec.model import ControlRole, Spec
from amphost.spec.schema import board_schema, schema_text, spec_schema

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "amphost" / "spec"


@pytest.mark.parametrize(
    ("name", "schema"), [("schema.json", spec_schema()), ("board.schema.json", board_schema())]
)
def test_shipped_schema_is_current(name: str, schema: dict[str, Any]) -> None:
    """Editors read the shipped file: `amphost schema > amphost/spec/schema.json` renews it."""
    assert (FOLDER / name).read_text(encoding="utf-8") == schema_text(schema)


def nodes(node: object) -> Iterator[dict[str, Any]]:
    """Yield every mapping of a schema."""
    if isinstance(node, dict):
        yield node
        for below in node.values():
            yield from nodes(below)
    elif isinstance(node, list):
        for below in node:
            yield from nodes(below)


@pytest.mark.parametrize("schema", [spec_schema(), board_schema()])
def test_every_key_has_a_sentence(schema: dict[str, Any]) -> None:
    """It is what an editor shows on hover, and the first documentation anyone reads."""
    described = 0
    for node in nodes(schema):
        for key, value in node.get("properties", {}).items():
            if isinstance(value, dict) and "type" in node and node["type"] == "object":
                reference = value.get("$ref", "")
                target = schema["definitions"].get(reference.rsplit("/", 1)[-1], value)
                assert value.get("description") or target.get("description"), key
                described += 1
    assert described > 20


@pytest.mark.parametrize("schema", [spec_schema(), board_schema()])
def test_references_stand_alone_and_lead_somewhere(schema: dict[str, Any]) -> None:
    """Draft 7 ignores every word beside a $ref."""
    for node in nodes(schema):
        if "$ref" in node:
            assert list(node) == ["$ref"]
            assert node["$ref"].removeprefix("#/definitions/") in schema["definitions"]


@pytest.mark.parametrize("schema", [spec_schema(), board_schema()])
def test_only_words_of_draft_7_are_used(schema: dict[str, Any]) -> None:
    """The YAML language server takes draft 7; what it does not know it does not check."""
    text = schema_text(schema)
    for word in ("prefixItems", "$defs", "discriminator", '"title": "Kind"', '"null"'):
        assert word not in text
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert json.loads(text) == schema


def test_unknown_keys_are_refused_everywhere() -> None:
    """A misspelt key that is silently ignored is the worst of all."""
    for schema in (spec_schema(), board_schema()):
        for node in nodes(schema):
            if node.get("type") == "object" and "properties" in node:
                assert node["additionalProperties"] is False


def test_every_block_of_a_law_is_known() -> None:
    """The schema is made from the table of blocks, so it cannot lag behind."""
    choices = spec_schema()["definitions"]["Block"]["oneOf"]
    assert [next(iter(choice["properties"])) for choice in choices] == list(BLOCKS)


def test_schema_and_model_name_the_same_keys() -> None:
    """Two descriptions of one file would drift apart."""
    schema = spec_schema()
    assert set(schema["properties"]) == set(Spec.model_fields)
    assert set(schema["definitions"]["ControlRole"]["properties"]) == set(ControlRole.model_fields)
    assert set(board_schema()["properties"]) == set(Board.model_fields)


def test_messages_are_made_from_the_schema() -> None:
    """What a message asks for is what the schema allows."""
    root = {"roles": {"io": {"kind": "io"}, "c": {"kind": "control", "reads": {"x": {}}}}}
    schema = spec_schema()
    assert expected_at(schema, root, ("roles", "io", "core")) == "a whole number from 0 to 255"
    assert expected_at(schema, root, ("safety", "arm")) == "one of on_start, manual"
    assert "device" in keys_at(schema, root, ("roles", "io"))
    assert "rate_hz" in keys_at(schema, root, ("roles", "c"))
    assert "max_age_ms" in keys_at(schema, root, ("roles", "c", "reads", "x"))


def test_first_line_of_each_shipped_yaml_names_its_schema() -> None:
    """Editors find the schema by this line."""
    files = [*(ROOT / "examples").glob("*.yaml"), *(ROOT / "boards").glob("*.yaml")]
    assert len(files) >= 4
    for path in files:
        first = path.read_text(encoding="utf-8").splitlines()[0]
        named = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
        assert named is not None, path
        assert (path.parent / named[1]).resolve().is_file()
