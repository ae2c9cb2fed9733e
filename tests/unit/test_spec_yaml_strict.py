from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from amphost.errors import SpecError
from amphost.spec.text import decode
from amphost.spec.yaml_strict import DEPTH_MAX, Document, read

EXAMPLE = Path(__file__).parents[2] / "examples" / "01_motor.yaml"


def lines(text: str) -> list[str]:
    """Return every problem of a text, fatal or not."""
    try:
        document = read(text, "x.yaml")
    except SpecError as error:
        return error.problems
    return document.where.lines(document.problems)


def test_values_and_places_of_a_document() -> None:
    """A message can only be as exact as the place of the value."""
    document = read("a: 1\nb:\n  - x\n  - {c: true, 'd e': 1e3}\n", "x.yaml")
    assert document.root == {"a": 1, "b": ["x", {"c": True, "d e": 1000.0}]}
    assert document.problems == ()
    where = document.where
    assert where.place(("a",)) == (1, 4)
    assert where.place(("a",), key=True) == (1, 1)
    assert where.place(("b", 0)) == (3, 5)
    assert where.place(("b", 1, "c")) == (4, 9)
    assert where.place(("b", 1, "d e"), key=True) == (4, 15)


def test_missing_path_is_placed_at_its_nearest_holder() -> None:
    """What is not there has no place of its own; the mapping that lacks it has."""
    where = read("roles:\n  io: {kind: io}\n", "x.yaml").where
    assert where.place(("roles", "io", "core")) == (2, 3)
    assert where.place(("report", "tracking")) == (1, 1)


def test_example_reads_as_yaml_reads_it() -> None:
    """Strictness must not change what a good file says."""
    text = EXAMPLE.read_text(encoding="utf-8")
    document = read(text, "motor.yaml")
    assert document.problems == ()
    assert document.root == yaml.safe_load(text)


def test_quoted_text_stays_text() -> None:
    """Quotes are how a person says that it is no number."""
    document = read("a: '010'\nb: \"true\"\nc: '~'\nd: ''\n", "x.yaml")
    assert document.root == {"a": "010", "b": "true", "c": "~", "d": ""}
    assert document.problems == ()


def test_first_of_two_keys_is_kept_and_the_second_reported() -> None:
    """PyYAML would silently take the last; both places may look right to their author."""
    document = read("a: 1\nb: {c: 1, c: 2}\na: {x: 010}\n", "x.yaml")
    assert document.root == {"a": 1, "b": {"c": 1}}
    first, second, third = document.where.lines(document.problems)
    assert first == "x.yaml:2:11: b.c: stands here twice; keep one of them"
    assert second == "x.yaml:3:1: a: stands here twice; keep one of them"
    assert third.startswith("x.yaml:3:8: a.x: 010 begins with 0")


def test_reading_goes_on_behind_a_refused_value() -> None:
    """All problems of a file come at once."""
    text = "a: &x 1\nb: *x\nc: !!str 1\nd: {<<: {e: 1}}\nf: 0x1\n? ''\n: 1\n"
    rules = [line.split(": ", 2)[2].split(";")[0] for line in lines(text)]
    assert rules == [
        "anchors (&) are not allowed",
        "aliases (*) are not allowed",
        "tags (!) are not allowed",
        "merge keys (<<) are not allowed",
        "0x1 is a hexadecimal number",
        "a key is empty",
    ]


def test_refused_paths_are_known() -> None:
    """Whoever reads on can keep silent about them."""
    assert read("a: 010\nb: 1\n", "x.yaml").refused == {("a",)}


@pytest.mark.parametrize(
    ("text", "place", "rule"),
    [
        ("a: b: c", "1:5", "a key cannot stand here"),
        ("a: [1, 2\nb: 3", "2:2", "a [ without its ]"),
        ("a: [1,", "1:7", "the file ends inside a [ or {"),
        ("a: {b: c", "1:9", "a { without its }"),
        ("a: @x", "1:4", "a text cannot begin with this character"),
        ("a: %x", "1:4", "a text cannot begin with this character"),
        ("%YAML 1.1\n---\na: b", "1:1", "directives (%) are not allowed"),
        ("%A b\n--- x\n%", "1:1", "directives (%) are not allowed"),
        ("a: *", "1:5", "aliases (*) are not allowed"),
        ("a: &", "1:5", "anchors (&) are not allowed"),
        ("a: !<", "1:6", "tags (!) are not allowed"),
        ('a: "x', "1:4", "a quoted text has no end"),
        ("a: 'x\n--- b'", "1:4", "a quoted text has no end"),
        ('a: "\\q"', "1:6", "a backslash sequence that does not exist"),
        ('a: "\\x1"', "1:7", "a backslash sequence that is no character"),
        ('a: "\\UFFFFFFFF"', "1:7", "a backslash sequence that is no character"),
        ("a:\n  b: 1\n c: 2", "3:2", "this does not belong here"),
        ("- a\nb: c", "2:1", "this does not belong to the list above"),
        ("a:\n- b\nc", "3:1", "a key without a colon"),
        ("a: - b", "1:4", "a list item cannot stand here"),
        ("a: [,]", "1:5", "a value is missing before this"),
        ("a: >#\n", "1:5", "a `|` or `>` text that begins wrongly"),
        ("a: b\n...\nc: d", "3:1", "something stands after the end of the mapping"),
        ("a: b\n---\nc: d", "2:1", "a second document begins here"),
        ("? [a]\n: b", "1:3", "this cannot be a key"),
        ("*a : b", "1:1", "this cannot be a key"),
        ("# nothing", "1:1", "is empty"),
    ],
)
def test_syntax_error_has_its_place_and_our_words(text: str, place: str, rule: str) -> None:
    """PyYAML's own words are about tokens, not about what a person wrote."""
    last = next(line for line in lines(text) if rule in line)
    assert last.startswith(f"x.yaml:{place}: ")
    assert "; " in last


def test_depth_has_a_bound() -> None:
    """Nothing recurses here, but whoever walks the values may."""
    good = "a: " + "[" * (DEPTH_MAX - 1) + "]" * (DEPTH_MAX - 1)
    assert read(good, "x.yaml").problems == ()
    [problem] = lines("a: " + "[" * DEPTH_MAX + "]" * DEPTH_MAX)
    assert "is nested more than 16 levels deep" in problem


@pytest.mark.parametrize(
    ("escape", "name"), [("\\0", "U+0000"), ("\\e", "U+001B"), ("\\u202e", "U+202E")]
)
def test_escapes_bring_in_no_forbidden_character(escape: str, name: str) -> None:
    """A path with a NUL or a message with an escape sequence would go on from here."""
    [problem] = lines(f'a: "x{escape}"')
    assert f"has the invisible character {name}" in problem
    assert problem.isprintable()


def test_forbidden_character_in_a_key_is_refused() -> None:
    """Keys are written into messages as they are."""
    [problem] = lines('"a\\nb": 1')
    assert "is not a key on one line" in problem
    assert problem.isprintable()


PLAIN = st.recursive(
    st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(st.from_regex(r"[a-z_]{1,9}", fullmatch=True), below, max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,9}", fullmatch=True), PLAIN, min_size=1))
def test_what_a_yaml_writer_quotes_comes_back(value: dict[str, object]) -> None:
    """JSON is YAML: whatever it can say in our types is read back equal, and of the same type."""
    document: Document = read(decode(json.dumps(value).encode(), "x.yaml"), "x.yaml")
    if not document.problems:
        assert repr(document.root) == repr(value)
    else:  # floats such as 1e+300 are fine; only what JSON writes and we refuse may be here
        assert all("is too" in one.rule for one in document.problems)
