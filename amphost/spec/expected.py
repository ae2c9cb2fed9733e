"""What may stand at a path, in words, read from the JSON Schema.

Rules. One source for editors and for messages: both say the same of every key. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amphost.spec.positions import KeyPath
from amphost.spec.value_types import (
    CLASS_PATTERN,
    CORE_FIRMWARE_PATTERN,
    NAME_PATTERN,
    PORT_PATTERN,
    SOURCE_PATTERN,
    STREAM_PATTERN,
    UNIT_PATTERN,
    USB_PATTERN,
)

__all__ = ["NAME_RULE", "expected_at", "keys_at", "node_at", "value_at"]

NAME_RULE = "a to z, 0 to 9 and _, a letter first, at most 32 characters"
_PATTERNS = {
    NAME_PATTERN: f"a name ({NAME_RULE})",
    SOURCE_PATTERN: "a source, written role.signal or operator.name",
    UNIT_PATTERN: "a unit such as rad, V or rad/s (at most 16 characters, no space)",
    CLASS_PATTERN: "a class, written file.py:Class or package.module:Class",
    STREAM_PATTERN: "an address and a port such as 127.0.0.1:9870 or [::1]:9870",
    CORE_FIRMWARE_PATTERN: "the name of a file below /lib/firmware, such as motor.elf",
    USB_PATTERN: "vendor and product of a USB device, such as 2e8a:000a (`amphost ports` has them)",
    PORT_PATTERN: "a port such as /dev/serial/by-id/usb-..., socket://127.0.0.1:5333 or"
    " unix:///run/mcu.sock",
}
_KINDS = {"boolean": "true or false"}
_UNBOUNDED = 1e30
Node = Mapping[str, Any]


def node_at(schema: Node, root: object, path: KeyPath) -> Node | None:
    """Find the schema of what stands at `path` of the file `root`; None for unknown keys."""
    node, value = schema, root
    for part in path:
        found = _below(schema, _chosen(schema, node, value), part)
        if found is None:
            return None
        node = found
        value = _step(value, part)
    return _chosen(schema, node, value)


def keys_at(schema: Node, root: object, path: KeyPath) -> list[str]:
    """List the keys that may stand at `path`; empty where any name may, or no mapping."""
    node = node_at(schema, root, path)
    return list(node.get("properties", {})) if node is not None else []


def expected_at(schema: Node, root: object, path: KeyPath) -> str:
    """Say what a value at `path` must be: `a whole number from 0 to 255`."""
    node = node_at(schema, root, path)
    return "another value" if node is None else _words(schema, node)


def _number_words(noun: str, node: Node) -> str:
    """Say what number `node` allows."""
    low, high = node.get("minimum"), node.get("maximum")
    if high is not None and high >= _UNBOUNDED:
        high = None
    if low is not None and low <= -_UNBOUNDED:
        low = None
    above = node.get("exclusiveMinimum")
    if above is not None:
        most = "" if high is None else f", at most {high:g}"
        return f"{noun} above {above:g}{most}"
    if low is not None and high is not None:
        return f"{noun} from {low:g} to {high:g}"
    return noun if low is None else f"{noun}, at least {low:g}"


def value_at(root: object, path: KeyPath) -> object:
    """Return what stands at `path` of the file `root`; None for nothing."""
    for part in path:
        root = _step(root, part)
    return root


def _words(schema: Node, node: Node) -> str:
    if "const" in node or "enum" in node:
        return "one of " + ", ".join(node["enum"]) if "enum" in node else str(node["const"])
    choices = node.get("anyOf", node.get("oneOf"))
    if choices is not None:
        return _words(schema, _resolved(schema, choices[0]))
    kind = node.get("type", "")
    if kind == "string":
        return _PATTERNS.get(node.get("pattern", ""), "text")
    if kind in ("integer", "number"):
        return _number_words("a whole number" if kind == "integer" else "a number", node)
    if kind == "array":
        return _list_words(_resolved(schema, node.get("items", {})), node)
    return _KINDS.get(kind, "a mapping")


def _list_words(item: Node, node: Node) -> str:
    """Say what list `node` allows: a range has two numbers, any other list as many as one likes."""
    if node.get("minItems") == node.get("maxItems") == 2:
        return "two numbers, [low, high]"
    return "a list of whole numbers" if item.get("type") == "integer" else "a list of texts"


def _resolved(schema: Node, node: Node) -> Node:
    while "$ref" in node or "allOf" in node:
        reference = node["$ref"] if "$ref" in node else node["allOf"][0]["$ref"]
        own = {key: node[key] for key in ("description",) if key in node}
        node = {**schema["definitions"][reference.rsplit("/", 1)[1]], **own}
    return node


def _chosen(schema: Node, node: Node, value: object) -> Node:
    """Resolve references, and of several forms take the one that `value` looks like."""
    node = _resolved(schema, node)
    if "oneOf" in node and isinstance(value, dict):
        for choice in node["oneOf"]:
            resolved = _resolved(schema, choice)
            keys = resolved.get("properties", {})
            kind = keys.get("kind", {}).get("const")
            if keys and kind == (value.get("kind") if "kind" in keys else None):
                return resolved  # of several kinds, or the only mapping among them
    if "anyOf" in node and isinstance(value, dict):
        return _resolved(schema, node["anyOf"][-1])
    return node


def _below(schema: Node, node: Node, part: str | int) -> Node | None:
    if isinstance(part, int):
        items = node.get("items")
        return None if items is None else _resolved(schema, items)
    properties = node.get("properties", {})
    if part in properties:
        return _resolved(schema, properties[part])
    for below in node.get("patternProperties", {}).values():
        return _resolved(schema, below)
    return None


def _step(value: object, part: str | int) -> object:
    if isinstance(value, dict):
        return value.get(part)
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return None
