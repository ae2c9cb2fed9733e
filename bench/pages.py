"""Where kept results stand: one JSON file a benchmark, and everything that is rendered from them.

Rules. bench/results/NAME.json holds a result; RESULTS.md, the pictures beside it and the blocks of
the README are rendered from those files and from nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
HERE = Path(__file__).parent

Result = Mapping[str, Any]

INTRODUCTION = """# Results

Written by `./dev bench NAME --write`; what each row means stands in
[docs/reference/bench.md](../docs/reference/bench.md). Figures are this machine's, at that hour.
Where two figures stand in brackets they are the tenth and the ninetieth percentile of the rounds.
The same as JSON, for whoever renders it again: [results](results).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """One benchmark's name, and how its result is shown.

    Synchronization: none required, immutable.
    """

    name: str
    markdown: Callable[[Any], str]  # its part of RESULTS.md, headings from the second level on
    readme: Callable[[Any], str]  # its block of the README, without the markers
    pictures: Callable[[Any], Mapping[str, str]]  # file name -> SVG, beside RESULTS.md


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Render the lines of a Markdown table, an empty one behind it."""
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _lines(value: Any) -> str:
    """Return JSON with each entry of the outermost list or object on its own line."""
    if isinstance(value, dict):
        return "{\n" + ",\n".join(f"{_compact(k)}:{_compact(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[\n" + ",\n".join(map(_compact, value)) + "]"
    return _compact(value)


def as_text(found: Result) -> str:
    """Return a result as JSON, one row a line."""
    parts = [f"{_compact(name)}:{_lines(value)}" for name, value in found.items()]
    return "{" + ",\n".join(parts) + "}\n"


def markers(name: str) -> tuple[str, str]:
    """Return what a block of the README begins and ends with."""
    return f"<!-- bench: {name} -->", "<!-- end of bench -->"


def block(name: str, text: str) -> str:
    """Return a block of the README with its markers."""
    opened, closed = markers(name)
    return f"{opened}\n{text}\n{closed}"


def with_block(text: str, name: str, content: str) -> str:
    """Return the README's text with one block replaced, or put where the last block ends."""
    opened, closed = markers(name)
    new = block(name, content)
    if opened in text:
        before, _, rest = text.partition(opened)
        return before + new + rest.partition(closed)[2]
    if closed in text:
        before, _, rest = text.rpartition(closed)
        return f"{before}{closed}\n\n{new}{rest}"
    head, mark, rest = text.partition("\n## What you get")
    return f"{head}\n## How fast\n\n{new}\n{mark}{rest}"


def page(shown: Sequence[tuple[Benchmark, Result]]) -> str:
    """Render RESULTS.md."""
    parts = [f"\n# {one.name.capitalize()}\n\n{one.markdown(found)}" for one, found in shown]
    return INTRODUCTION + "".join(parts)


def place_of(one: Benchmark) -> Path:
    """Return the file that holds this benchmark's result."""
    return HERE / "results" / f"{one.name}.json"


def kept(benchmarks: Sequence[Benchmark]) -> list[tuple[Benchmark, Any]]:
    """Read every kept result."""
    there = [(one, place_of(one)) for one in benchmarks if place_of(one).exists()]
    return [(one, json.loads(path.read_text(encoding="utf-8"))) for one, path in there]


def keep(one: Benchmark, found: Result) -> None:
    """Write one benchmark's result."""
    place_of(one).parent.mkdir(exist_ok=True)
    place_of(one).write_text(as_text(found), encoding="utf-8")


def render(benchmarks: Sequence[Benchmark]) -> None:
    """Write RESULTS.md, its pictures and the README's blocks anew from the kept results."""
    shown = kept(benchmarks)
    (HERE / "RESULTS.md").write_text(page(shown), encoding="utf-8")
    for one, found in shown:
        for name, picture in one.pictures(found).items():
            (HERE / name).write_text(picture, encoding="utf-8")
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    for one, found in shown:
        text = with_block(text, one.name, one.readme(found))
    readme.write_text(text, encoding="utf-8")
