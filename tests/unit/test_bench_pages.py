"""Kept results: what is shown is rendered from them, and current."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench import pages
from bench.benchmarks import ALL
from bench.pages import Benchmark

KEPT = pages.kept(ALL)
NAMES = [one.name for one, _ in KEPT]
ONE = Benchmark(name="one", markdown=str, readme=str, pictures=lambda _: {})


def test_result_survives_its_file() -> None:
    """A file that could not be read back would be lost with the next rendering."""
    found = {"rows": [{"a": 1.5}, {"b": "},{"}], "ratios": {"x": None, "y": {"z": '},"'}}}
    assert json.loads(pages.as_text(found)) == found


def test_page_has_a_part_for_each_kept_result(root: Path) -> None:
    """A file of results that no benchmark owns would be shown nowhere."""
    assert sorted(NAMES) == sorted(path.stem for path in (root / "bench/results").glob("*.json"))


def test_page_is_what_the_results_render_to(root: Path) -> None:
    """A figure that somebody typed over must not survive; `./dev bench --render` mends it."""
    assert (root / "bench/RESULTS.md").read_text(encoding="utf-8") == pages.page(KEPT)


@pytest.mark.parametrize(("one", "found"), KEPT, ids=NAMES)
def test_readme_and_pictures_show_the_kept_result(root: Path, one: Benchmark, found: Any) -> None:
    """After `./dev bench NAME --write`, or `./dev bench --render`, they do."""
    readme = (root / "README.md").read_text(encoding="utf-8")
    assert pages.block(one.name, one.readme(found)) in readme
    for name, picture in one.pictures(found).items():
        assert (root / "bench" / name).read_text(encoding="utf-8") == picture
        assert f"({name})" in one.markdown(found)


def test_block_is_replaced_and_nothing_else() -> None:
    """The README belongs to its authors; only the marked blocks are rendered."""
    other = pages.block("other", "theirs")
    text = f"# a\n\n{pages.block('one', 'old')}\n\n{other}\n\nrest\n"
    wanted = f"# a\n\n{pages.block('one', 'new')}\n\n{other}\n\nrest\n"
    assert pages.with_block(text, ONE.name, "new") == wanted
    assert pages.with_block(wanted, ONE.name, "new") == wanted


def test_new_block_comes_behind_the_last_one() -> None:
    """So that all figures stand together."""
    text = f"# a\n\n{pages.block('other', 'theirs')}\n\nrest\n"
    assert pages.with_block(text, "one", "new") == (
        f"# a\n\n{pages.block('other', 'theirs')}\n\n{pages.block('one', 'new')}\n\nrest\n"
    )


def test_first_block_comes_before_what_you_get() -> None:
    """A README without figures has its place for them."""
    text = "# a\n\n## What you get\n\nrest\n"
    assert pages.with_block(text, "one", "new") == (
        f"# a\n\n## How fast\n\n{pages.block('one', 'new')}\n\n## What you get\n\nrest\n"
    )
