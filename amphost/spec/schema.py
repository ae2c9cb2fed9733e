"""The JSON Schemas that editors read, made from the models and the table of blocks.

Rules. Draft 7, since that is what the YAML language server knows; nothing in it that only
pydantic understands. The shipped files are these functions' output, byte for byte (a test holds
them to it), and messages take their words from those (`spec.shipped_schema`). Pure.
"""

from __future__ import annotations

import functools
import json
from typing import Any

from amphost.laws.blocks import BLOCKS, TUNABLE
from amphost.laws.reference import schema as block_schema
from amphost.spec.model import Board, ControlRole, Spec
from amphost.spec.value_types import NAME_PATTERN, Model

__all__ = ["board_schema", "schema_text", "spec_schema"]

Node = dict[str, Any]
_DRAFT = "http://json-schema.org/draft-07/schema#"
TUNABLE_TEXT = "Its parameters may change while it runs."
C_TEXT = "Instead of blocks: a C file, relative to this one; `amphost build` compiles it."
_BLOCK_PATTERN = NAME_PATTERN.replace("^", "^(?!c$)", 1)
_HIDDEN = ("title", "discriminator")


@functools.cache
def spec_schema() -> Node:
    """Return the schema of a spec file; it is made once, do not change it."""
    schema = _schema_of(Spec, "amphost spec")
    law = schema["definitions"][ControlRole.__name__]["properties"]["law"]
    del law["additionalProperties"]
    law["minProperties"] = 1
    law["properties"] = {"c": {"type": "string", "minLength": 1, "description": C_TEXT}}
    law["patternProperties"] = {_BLOCK_PATTERN: {"$ref": "#/definitions/Block"}}
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
    raw = model.model_json_schema(ref_template="#/definitions/{model}")
    definitions = raw.pop("$defs")
    schema: Node = {"$schema": _DRAFT, "title": title, **_plain(raw)}
    schema["definitions"] = {name: _plain(node) for name, node in sorted(definitions.items())}
    return schema


def _plain(node: Any) -> Any:  # JSON
    """Return `node` as draft 7 has it, without pydantic's own keywords."""
    if isinstance(node, list):
        return [_plain(one) for one in node]
    if isinstance(node, float) and node.is_integer() and abs(node) < 2**53:
        return int(node)
    if not isinstance(node, dict):
        return node
    kept = {key: _plain(node[key]) for key in sorted(node) if key not in _HIDDEN}
    if "properties" in node:  # a mapping of names, in the order of the model
        kept["properties"] = {key: _plain(value) for key, value in node["properties"].items()}
    if "patternProperties" in kept:
        kept["additionalProperties"] = False
    if "prefixItems" in kept:
        kept["items"] = kept.pop("prefixItems")[0]
    return _one_choice(kept)


def _one_choice(node: Node) -> Node:
    """Drop the null of an optional key (an empty value is refused); keep no word beside a $ref."""
    choices = [one for one in node.get("anyOf", []) if one != {"type": "null"}]
    if len(choices) == 1:
        rest = {key: value for key, value in node.items() if key not in ("anyOf", "default")}
        node = {**rest, **choices[0]}
    if "$ref" in node and len(node) > 1:
        node = {**node, "allOf": [{"$ref": node["$ref"]}]}
        del node["$ref"]
    return node


def _described_block() -> Node:
    """Return a block's schema with a sentence on every key."""
    block: Any = block_schema()
    for op, choice in zip(BLOCKS, block["oneOf"], strict=True):
        for key, text in ((op, BLOCKS[op].text), (TUNABLE, TUNABLE_TEXT)):
            if key in choice["properties"]:
                choice["properties"][key].setdefault("description", text)
    return {"description": "The operation, its sources, its parameters.", **block}
