"""What the tests of the documents read out of Markdown: links, code, commands, tables.

Rules. Text in, values out. Only the Markdown that this project writes is understood: links in one
line, code fenced or indented by four spaces, tables with a rule under their head.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FOLDERS = (".", "docs", "examples", "tests", "native")
_GENERATED = frozenset({"build", "runs"})
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_SHOWN = re.compile(r"^(?:\$ |\./dev exec |\.venv/bin/)?(amphost .*)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """An `amphost ...` that a document shows.

    Synchronization: none required; immutable.
    """

    where: str
    words: tuple[str, ...]


def documents(root: Path) -> list[Path]:
    """Return every Markdown file of the checkout."""
    found: list[Path] = list(root.glob("*.md"))
    for folder in FOLDERS[1:]:
        found += (root / folder).rglob("*.md")
    return sorted(one for one in found if not _GENERATED & set(one.relative_to(root).parts))


def blocks(text: str, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return [code for name, code in _FENCED.findall(text) if name == language]


def links(text: str) -> list[str]:
    """Return the targets of all links outside of code."""
    return _LINK.findall(_INLINE.sub("", _FENCED.sub("", text)))


def anchors(text: str) -> set[str]:
    """Return the anchors of all headings, as forges make them."""
    heads = re.findall(r"^#+ (.+)$", _FENCED.sub("", text), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def spans(text: str) -> list[str]:
    """Return what stands between backticks, outside of blocks."""
    return _INLINE.findall(_FENCED.sub("", text))


def code_lines(text: str) -> list[str]:
    """Return the lines of all blocks, fenced or indented, without their indentation."""
    fenced = [line for _, code in _FENCED.findall(text) for line in code.splitlines()]
    indented = [
        line.strip() for line in _FENCED.sub("", text).splitlines() if line.startswith("    ")
    ]
    return fenced + indented


def commands(path: Path) -> list[Command]:
    """Return every command line of ours that a document shows, placeholders filled in."""
    text = path.read_text(encoding="utf-8")
    found = []
    for line in [*code_lines(text), *spans(text)]:
        match = _SHOWN.match(line)
        if match is None:
            continue
        shown = re.split(r"\s{2,}|\s[#>|&]", match[1])[0]  # remarks, and what the shell does
        found.append(Command(where=f"{path.name}: {line}", words=_words(shown)))
    return [one for one in found if not one.words[0].startswith(("VERB", "<"))]


def _words(shown: str) -> tuple[str, ...]:
    """Fill in what stands for something: `[--for TIME]` is `--for 10s`, `[a|b]` is `a`."""
    text = re.sub(r"\|\w+", "", re.sub(r"[\[\]]|\.\.\.", "", shown))
    examples = {"TIME": "10s", "CORES": "2,3", "PORT": "arduino", "HZ": "20", "N": "7", "P": "80"}
    return tuple(examples.get(word, word) for word in text.split()[1:])


def rows(text: str) -> list[list[str]]:
    """Return the cells of every row of every table, heads and rules left out."""
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        for line in _FENCED.sub("", text).splitlines()
    ]
    rules = {index for index, row in enumerate(cells) if row and set(row[0]) == {"-"}}
    return [row for i, row in enumerate(cells) if row and i not in rules and i + 1 not in rules]


def sections(text: str) -> dict[str, str]:
    """Return the text under each heading, by the heading."""
    parts = re.split(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))
