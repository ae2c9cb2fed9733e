"""pydantic's errors in our words.

Rules. No text of pydantic's and no dump of a value reaches a user. The path is the user's (without
pydantic's tags), the rule says what the value is, the remedy what it must be. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic_core import ErrorDetails

from amphost.spec.expected import NAME_RULE, Node, expected_at, keys_at, node_at, value_at
from amphost.spec.positions import KeyPath, Problem, show

__all__ = ["did_you_mean", "path_of", "problem_of"]

_KEY = "[key]"
_TAGGED = (  # the mappings that are of several kinds; "" is any name
    ("roles", ""),
    ("devices", "", "loopback", "plant"),
    ("devices", "", "port"),
)
_OUT_OF_RANGE = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")
_SIZES = ("too_short", "too_long", "string_too_short", "string_too_long")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the remedy's beginning `did you mean x? `, or nothing."""
    import difflib  # only on the way out

    close = difflib.get_close_matches(word[:64], list(known), n=1)
    return f"did you mean {close[0]}? " if close else ""


def path_of(error: ErrorDetails, root: object) -> KeyPath:
    """Return where the error is, as the user sees the file `root`."""
    path = tuple(error["loc"])
    if _is_key(error):
        path = path[:-1]
    length = next((len(one) for one in _TAGGED if _begins(path, one)), 0)
    if 0 < length < len(path):
        path = (*path[:length], *path[length + 1 :])
    if error["type"].startswith("union_tag"):
        return (*path, "kind") if isinstance(error["input"], dict) else path
    if path[-1:] == ("from",) and isinstance(value_at(root, path[:-1]), str):
        return path[:-1]  # the short form of a read
    return path


def _begins(path: KeyPath, tagged: tuple[str, ...]) -> bool:
    if len(path) < len(tagged):
        return False
    return all(there in ("", here) for here, there in zip(path, tagged, strict=False))


def problem_of(error: ErrorDetails, schema: Node, root: object) -> Problem:
    """Say what is wrong with a value, and what may stand there."""
    path = path_of(error, root)
    if _is_key(error):
        return _bad_name(path)
    if error["type"] in ("missing", "union_tag_not_found"):
        return _missing(path, schema, root)
    if error["type"] == "extra_forbidden":
        return _unknown_key(path, schema, root)
    if error["type"] == "union_tag_invalid":
        kinds = [part.strip(" '") for part in str(error["ctx"]["expected_tags"]).split(",")]
        return _not_one_of(path, value_at(root, path), kinds)
    return _bad_value(error["type"], path, error["input"], schema, root)


def _bad_value(kind: str, path: KeyPath, value: object, schema: Node, root: object) -> Problem:
    node = node_at(schema, root, path) or {}
    if "enum" in node or "const" in node:
        return _not_one_of(path, value, node["enum"] if "enum" in node else [node["const"]])
    expected = expected_at(schema, root, path)
    remedy = f"give {expected}"
    if kind in _SIZES:
        rule = _size(value, node)
    elif kind in _OUT_OF_RANGE:
        rule = f"{show(value)} is out of range"
    elif kind == "string_pattern_mismatch":
        rule, remedy = f"{show(value)} is not allowed here", f"write {expected}"
    else:
        rule, remedy = _kind(value, node), _give(value, expected, node)
    return Problem(path=path, rule=rule, remedy=remedy)


def _is_key(error: ErrorDetails) -> bool:
    return error["loc"][-1:] == (_KEY,) and error["type"].startswith("string_")


def _bad_name(path: KeyPath) -> Problem:
    name = str(path[-1])
    better = "".join(one if one.isascii() and one.isalnum() else "_" for one in name.lower())
    better = better.strip("_")[:32]
    hint = f"write {better}: " if better[:1].isalpha() and better != name else "use "
    return Problem(path=path, rule="is not a name", remedy=f"{hint}{NAME_RULE}", key=True)


def _missing(path: KeyPath, schema: Node, root: object) -> Problem:
    if isinstance(path[-1], int):
        return _bad_value("", path[:-1], value_at(root, path[:-1]), schema, root)
    expected = expected_at(schema, root, path)
    if path[-1] == "kind":
        roles = "control, io, telemetry, python or exec"
        expected = roles if path[0] == "roles" else "dc_motor or another plant"
    return Problem(path=path, rule="is missing", remedy=f"add {path[-1]}: {expected}")


def _unknown_key(path: KeyPath, schema: Node, root: object) -> Problem:
    known = keys_at(schema, root, path[:-1])
    remedy = did_you_mean(str(path[-1]), known) or f"use one of {', '.join(known)}"
    return Problem(path=path, rule="there is no such key here", remedy=remedy.strip(), key=True)


def _not_one_of(path: KeyPath, value: object, known: list[str]) -> Problem:
    remedy = did_you_mean(value, known) if isinstance(value, str) else ""
    if len(known) == 1:
        rule, choice = f"{show(value)} is not {known[0]}", f"write {known[0]}"
    else:
        rule, choice = f"{show(value)} is not one of {', '.join(known)}", "write one of them"
    return Problem(path=path, rule=rule, remedy=remedy.strip() or choice)


def _size(value: Any, node: Node) -> str:  # whatever the file holds
    if not value:
        return "is empty"
    if isinstance(value, str):
        return f"is longer than {node.get('maxLength', 0)} characters"
    return f"has {len(value)} entries"


def _kind(value: object, node: Node) -> str:
    """Say what a value is, where it is of the wrong kind."""
    if isinstance(value, float) and node.get("type") == "integer":
        return f"{show(value)} is not a whole number"
    if isinstance(value, str):
        return f"{show(value)} is text"
    if isinstance(value, bool):
        return f"{show(value)} is a yes or no"
    if isinstance(value, (int, float)):
        return f"{show(value)} is a number"
    if isinstance(value, list) and node.get("type") == "array":
        return f"has {len(value)} entries"
    return f"is {show(value)}"


def _give(value: object, expected: str, node: Node) -> str:
    if isinstance(value, str) and node.get("type") != "string" and _looks_like_a_number(value):
        return f"give {expected}, without quotes"
    if isinstance(value, (int, float)) and node.get("type") == "string":
        return f"put it in quotes, or give {expected}"
    return f"give {expected}"


def _looks_like_a_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
