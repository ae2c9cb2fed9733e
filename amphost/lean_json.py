"""JSON for processes that start often and stay small: the C core of `json`, without the rest.

Rules. Importing `json` costs a process 5 ms and a megabyte, because its Python half compiles
regular expressions that its C half never asks for. Here that C half is called directly, with the
arguments that `json` itself gives it, so the result is the same; an interpreter that has no such
half is given `json`. What `loads` cannot read is a ValueError. A leaf: imports nothing of ours.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own costs a role 6 ms and 0.6 MB
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def _native() -> Any:
    """Return the C half; None in an interpreter that has none."""
    try:
        import _json
    except ImportError:
        return None
    return _json


_core = _native()

__all__ = ["dumps", "loads"]

_CONSTANTS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


class _Reading:
    """What the C scanner asks of a decoder. Synchronization: none required; immutable."""

    strict = True
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = _CONSTANTS.__getitem__

    def __init__(self, object_hook: Callable[[dict[str, Any]], Any] | None) -> None:
        self.object_hook = object_hook
        self.memo: dict[str, str] = {}


def loads(text: bytes, object_hook: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """Read one value; what `object_hook` makes of an object's dict stands in its place."""
    if _core is None:
        import json

        return json.loads(text, object_hook=object_hook)
    words = text.decode().strip()
    try:
        value, end = _core.make_scanner(_Reading(object_hook))(words, 0)
    except StopIteration as stop:
        raise ValueError(f"no JSON at character {stop.value}") from None
    if end != len(words):
        raise ValueError(f"more than one value: character {end}")
    return value


def dumps(value: Any) -> str:
    """Write a value on one line, as `json.dumps` does."""
    if _core is None:
        import json

        return json.dumps(value)
    text = _core.encode_basestring_ascii
    write = _core.make_encoder({}, _refuse, text, None, ": ", ", ", False, False, True)
    return "".join(write(value, 0))


def _refuse(value: object) -> Any:
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
