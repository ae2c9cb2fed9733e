"""The JSON Schemas that editors read, made from the models and the table of blocks.

Rules. Draft 7, since that is what the YAML language server knows. The shipped
files are these functions' output, byte for byte (a test holds them to it); messages take the
description of a key from here too. Pure.
"""

from __future__ import annotations

import functools
import json
from typing import Any

from amphost.laws.blocks import BLOCKS, TUNABLE
from amphost.laws.reference import schema as block_schema
from amphost.spec.declare import record_of
from amphost.spec.model import Board, ControlRole, Spec
from amphost.spec.value_types import NAME_PATTERN, Model

__all__ = ["board_schema", "schema_text", "spec_schema"]

Node = dict[str, Any]
_DRAFT = "http://json-schema.org/draft-07/schema#"
TUNABLE_TEXT = "Its parameters may change while it runs."


@functools.cache
def spec_schema() -> Node:
    """Return the schema of a spec file; it is made once, do not change it."""
    schema = _schema_of(Spec, "amphost spec")
    law = schema["definitions"][ControlRole.__name__]["properties"]["law"]
    law["minProperties"] = 1
    law["patternProperties"] = {NAME_PATTERN: {"$ref": "#/definitions/Block"}}
    law["additionalProperties"] = False
    schema["definitions"]["Block"] = _described_block()
    return schema


@functools.cache
def board_schema() -> Node:
    """Return the schema of a board file; it is made once, do not change it."""
    return _schema_of(Board, "amphost board")


def schema_text(schema: Node) -> str:
    """Write a schema as its file holds it."""
    return json.dumps(schema, indent=2, ensure_ascii=True) + "\n"


def _schema_of(model: type[Model], title: str) -> Node:
    definitions: dict[str, Node] = {}
    schema = {"$schema": _DRAFT, "title": title, **record_of(model).whole_schema(definitions)}
    schema["definitions"] = dict(sorted(definitions.items()))
    return schema


def _described_block() -> Node:
    """Return a block's schema with a sentence on every key."""
    block: Any = block_schema()
    for op, choice in zip(BLOCKS, block["oneOf"], strict=True):
        for key, text in ((op, BLOCKS[op].text), (TUNABLE, TUNABLE_TEXT)):
            if key in choice["properties"]:
                choice["properties"][key].setdefault("description", text)
    return {"description": "The operation, its sources, its parameters.", **block}
