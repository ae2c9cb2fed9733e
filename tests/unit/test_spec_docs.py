from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from amphost.spec.load import load
from amphost.spec.schema import board_schema, spec_schema

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"


def keys(schema: dict[str, Any]) -> Iterator[str]:
    """Yield every key of a file, but for those of a law's blocks: they have a page of their own."""
    for name, node in [("", schema), *schema["definitions"].items()]:
        if name != "Block":
            yield from node.get("properties", {})


@pytest.mark.parametrize(
    ("page", "schema"), [("spec.md", spec_schema()), ("board.md", board_schema())]
)
def test_every_key_is_in_the_reference(page: str, schema: dict[str, Any]) -> None:
    """A key that is nowhere explained is a key that nobody uses right."""
    text = (REFERENCE / page).read_text(encoding="utf-8")
    missing = {key for key in keys(schema) if f"`{key}`" not in text and f"`{key}:" not in text}
    assert missing <= {"kind"}
    assert "kind: control" in text or page == "board.md"


@pytest.mark.parametrize("page", ["spec.md", "board.md"])
def test_examples_of_the_reference_are_good(page: str, tmp_path: Path) -> None:
    """People copy them."""
    text = (REFERENCE / page).read_text(encoding="utf-8")
    [example] = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    if page == "board.md":
        (tmp_path / "bench.yaml").write_text(example)
        example = (ROOT / "examples" / "01_motor.yaml").read_text(encoding="utf-8")
        example = example.replace("board: loopback", "board: bench.yaml")
        example = example.replace(", profile: profiles/pick_and_place.csv", "")
    path = tmp_path / "spec.yaml"
    path.write_text(example, encoding="utf-8")
    load(path, boards=[ROOT / "boards"])
