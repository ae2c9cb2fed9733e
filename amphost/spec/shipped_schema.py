"""The JSON Schemas as they are shipped: what messages take the words of a key from.

Rules. Read where a message needs them and not before; making them anew from the models
(`spec.schema`) takes ten times as long. A test holds the files to the models.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from amphost.spec.files import read_bytes
from amphost.spec.text import BYTES_MAX

__all__ = ["shipped_board_schema", "shipped_spec_schema"]

Node = dict[str, Any]


@functools.cache
def shipped_spec_schema() -> Node:
    """Return the schema of a spec file; do not change it."""
    return _read("schema.json")


@functools.cache
def shipped_board_schema() -> Node:
    """Return the schema of a board file; do not change it."""
    return _read("board.schema.json")


def _read(name: str) -> Node:
    schema: Node = json.loads(read_bytes(Path(__file__).with_name(name), BYTES_MAX))
    return schema
