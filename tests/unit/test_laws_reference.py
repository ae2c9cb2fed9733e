from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from amphost.laws.blocks import BLOCKS, BlockSpec
from amphost.laws.parse import parse_block
from amphost.laws.reference import page, schema

ROOT = Path(__file__).resolve().parents[2]


def test_the_shipped_page_is_current() -> None:
    """`python -m amphost.laws.reference > docs/reference/laws.md` brings it up to date."""
    assert (ROOT / "docs/reference/laws.md").read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("name", BLOCKS)
def test_the_pages_example_of_each_block_is_accepted(name: str) -> None:
    """People copy these lines."""
    ((block_name, mapping),) = yaml.safe_load(BLOCKS[name].example).items()
    block = parse_block(block_name, mapping)
    assert isinstance(block, BlockSpec)
    assert block.op == name


def test_the_schema_has_one_alternative_a_block() -> None:
    """An editor offers exactly the keys that the parser takes."""
    alternatives = schema()["oneOf"]
    assert isinstance(alternatives, list)
    keys = {
        alternative["required"][0]: set(alternative["properties"]) for alternative in alternatives
    }
    assert keys == {
        name: {name, *block.keys} | ({"tunable"} if block.can_be_tuned else set())
        for name, block in BLOCKS.items()
    }
    assert all(one["additionalProperties"] is False for one in alternatives)
