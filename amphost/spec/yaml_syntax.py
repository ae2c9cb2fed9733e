"""PyYAML's complaints in our words: what is wrong with a line, and what to do about it.

Rules. A complaint is known by how it begins; one that is not known is still reported, at its
place, with a remedy that holds for any. Pure.
"""

from __future__ import annotations

import yaml

from amphost.spec.positions import Place, Problem

__all__ = ["syntax_problem"]

_QUOTE = "put text that holds such a character in quotes"
_INDENT = "line the key up with its neighbours"

# (part of the complaint's context, beginning of the complaint) -> (rule, remedy)
_KNOWN: tuple[tuple[str, str, str, str], ...] = (
    ("scanning a directive", "", "directives (%) are not allowed", "remove the line"),
    ("parsing a directive", "", "directives (%) are not allowed", "remove the line"),
    ("scanning a tag", "", "tags (!) are not allowed", "remove it, or put text in quotes"),
    ("parsing a tag", "", "tags (!) are not allowed", "remove it, or put text in quotes"),
    ("scanning an anchor", "", "anchors (&) are not allowed", _QUOTE),
    ("scanning an alias", "", "aliases (*) are not allowed", _QUOTE),
    (
        "scanning a quoted scalar",
        "found unexpected end of stream",
        "a quoted text has no end",
        "close the quote",
    ),
    (
        "scanning a quoted scalar",
        "found unexpected document separator",
        "a quoted text has no end",
        "close the quote",
    ),
    (
        "",
        "found unknown escape character",
        "a backslash sequence that does not exist",
        "write \\\\ for a backslash, or use single quotes",
    ),
    (
        "",
        "expected escape sequence",
        "a backslash sequence that is no character",
        "write \\\\ for a backslash, or use single quotes",
    ),
    (
        "",
        "mapping values are not allowed",
        "a key cannot stand here",
        "check the indentation, and put text that holds a colon and a space in quotes",
    ),
    ("", "mapping keys are not allowed", "a key cannot stand here", "check the indentation"),
    (
        "",
        "sequence entries are not allowed",
        "a list item cannot stand here",
        "begin it on its own line, or put text that begins with a dash in quotes",
    ),
    ("", "found character", "a text cannot begin with this character", _QUOTE),
    (
        "scanning a simple key",
        "could not find expected ':'",
        "a key without a colon",
        "write `key: value`",
    ),
    (
        "parsing a flow mapping",
        "expected ',' or '}'",
        "a { without its }, or a missing comma",
        "write {key: value, key: value}",
    ),
    (
        "parsing a flow sequence",
        "expected ',' or ']'",
        "a [ without its ], or a missing comma",
        "write [value, value]",
    ),
    ("parsing a block mapping", "expected <block end>", "this does not belong here", _INDENT),
    (
        "parsing a block collection",
        "expected <block end>",
        "this does not belong to the list above",
        "begin each item with `- `, all in one column",
    ),
    (
        "",
        "expected the node content, but found '<stream end>'",
        "the file ends inside a [ or {",
        "close the bracket",
    ),
    ("", "expected the node content", "a value is missing before this", "write the value"),
    (
        "",
        "expected '<document start>'",
        "something stands after the end of the mapping",
        "line it up with the keys above, or remove it",
    ),
    (
        "scanning a block scalar",
        "",
        "a `|` or `>` text that begins wrongly",
        "put the text in quotes",
    ),
)


def syntax_problem(error: yaml.YAMLError | ValueError | OverflowError, place: Place) -> Problem:
    """Return the problem behind an error of PyYAML; `place` is where its reader stood."""
    context, complaint = "", str(error)
    if isinstance(error, yaml.MarkedYAMLError):
        context, complaint = error.context or "", error.problem or ""
        mark = error.problem_mark or error.context_mark
        if "quoted scalar" in context and "found unexpected" in complaint:
            mark = error.context_mark or mark
        if "simple key" in context:
            mark = error.context_mark or mark
        if mark is not None:
            place = (mark.line + 1, mark.column + 1)
    if isinstance(error, (ValueError, OverflowError)):
        complaint = "expected escape sequence"
    for known_context, beginning, rule, remedy in _KNOWN:
        if known_context in context and complaint.startswith(beginning):
            return Problem(path=(), rule=rule, remedy=remedy, place=place)
    return Problem(
        path=(),
        rule="this is not valid YAML",
        remedy="check indentation, quotes and brackets on this line and the one above",
        place=place,
    )
