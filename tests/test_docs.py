"""The documents say what is: links lead somewhere, commands parse, names and figures exist.

What runs a whole system is in test_docs_live.py.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import re
from pathlib import Path
from typing import NoReturn

import pytest
import yaml

from amphost import errors
from amphost.cli import main
from amphost.cli.plan import run as plan_verb
from amphost.spec.load import load_board
from tests import markdown

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = markdown.documents(ROOT)
CHAIN = "TIME TO SAFE"
MACHINE = "tests/fake_machines/vm2"


class Parser(argparse.ArgumentParser):
    """Raises where argparse would end the process."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the words."""
        raise AssertionError(message)


def parser_of(verb: main.Verb) -> argparse.ArgumentParser:
    """Return the parser of one verb, as the command line makes it."""
    parser = Parser(prog=f"amphost {verb.name}", allow_abbrev=False)
    importlib.import_module(verb.module).configure(parser)
    return parser


VERBS = {verb.name: verb for verb in main.VERBS}


def parse(words: tuple[str, ...]) -> None:
    """Parse a command; AssertionError says what is wrong with it."""
    if words in {("--help",), ("-h",), ("--version",)}:
        return
    assert words[0] in VERBS, f"there is no verb {words[0]}"
    parser = parser_of(VERBS[words[0]])
    if len(words) == 1 or words[1:] == ("--help",):
        return  # the verb is spoken of, not shown with what it takes
    parser.parse_args(words[1:])


def read(name: str) -> str:
    """Return the text of a document."""
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    """A newcomer who meets a dead link stops there."""
    text = path.read_text(encoding="utf-8")
    for target in markdown.links(text):
        if re.match(r"https?://|mailto:", target):
            continue
        name, _, anchor = target.partition("#")
        there = (path.parent / name).resolve() if name else path
        assert there.exists(), f"{target}: there is no such file"
        assert there.is_relative_to(ROOT), f"{target}: it leads out of the checkout"
        if anchor and there.suffix == ".md":
            known = markdown.anchors(there.read_text(encoding="utf-8"))
            assert anchor in known, f"{target}: no such heading"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_shown_parses(path: Path) -> None:
    """What is shown is typed, letter by letter."""
    for command in markdown.commands(path):
        try:
            parse(command.words)
        except AssertionError as error:
            pytest.fail(f"{command.where}: {error}")


def test_the_commands_of_the_readme_are_found() -> None:
    """A test of nothing would always pass."""
    shown = [command.words for command in markdown.commands(ROOT / "docs/reference/cli.md")]
    assert ("run", "FILE", "--for", "10s", "--json", "--fresh", "--fold", "--hold", "ROLE") in shown
    with pytest.raises(AssertionError):
        parse(("launch", "motor"))
    with pytest.raises(AssertionError):
        parse(("run", "motor", "--fro", "10s"))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_verb_of_dev_exists(path: Path) -> None:
    """`./dev` is the first thing that anybody types."""
    text = path.read_text(encoding="utf-8")
    shown = [*markdown.code_lines(text), *markdown.spans(text)]
    asked = {word for line in shown for word in re.findall(r"\./dev (\w+)", line)}
    known = set(re.findall(r"^ {4}(\w+)(?: \| [^)]*)?\) ", read("dev"), flags=re.MULTILINE))
    assert "run" in known
    assert asked <= known


def test_every_document_is_in_the_index() -> None:
    """A document that nobody finds is not there."""
    index = ROOT / "docs" / "README.md"
    listed = {
        (index.parent / target).resolve() for target in markdown.links(read("docs/README.md"))
    }
    there = {path for path in DOCUMENTS if path.is_relative_to(ROOT / "docs")} - {index}
    assert not there - listed


def test_the_readme_shows_the_example_as_it_is() -> None:
    """The YAML on the first page is the file that runs, without its comments."""
    (shown,) = markdown.blocks(read("README.md"), "yaml")
    assert yaml.safe_load(shown) == yaml.safe_load(read("examples/01_motor.yaml"))


@pytest.mark.parametrize("name", ["README.md", "docs/explanation/safety_chain.md"])
def test_the_chain_shown_is_the_plans(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Bounds on a page are the bounds of the code, row for row."""
    example = str(ROOT / "examples/01_motor.yaml")
    assert (
        plan_verb(argparse.Namespace(file=example, json=False, fold=False, root=ROOT / MACHINE))
        == 0
    )
    printed = capsys.readouterr().out
    table = printed[printed.index(CHAIN) :].split("\n\n")[0].rstrip()
    assert [block for block in markdown.blocks(read(name), "text") if CHAIN in block] == [
        f"{table}\n"
    ]


def test_code_overview_names_files_and_functions_that_exist() -> None:
    """A map with wrong names is worse than none."""
    checked = 0
    for row in markdown.rows(read("docs/code_overview.md")):
        text = ""
        for span in markdown.spans(" ".join(row)):
            if re.fullmatch(r"(amphost|native|examples)/[\w./]+", span):
                text = read(span)
                checked += 1
            elif span.endswith("()"):
                name = span.removesuffix("()")
                found = re.search(rf"^(?: *def | *async def |\w.*?\b){name}\(", text, re.MULTILINE)
                assert found, f"{row}: no function {name}"
    assert checked > 50
    for span in markdown.spans(read("docs/code_overview.md")):
        if re.fullmatch(r"(amphost|native|examples|docs|tests)/[\w./]+", span):
            assert (ROOT / span).exists(), span


@pytest.mark.parametrize("verb", main.VERBS, ids=lambda verb: verb.name)
def test_every_option_is_documented(verb: main.Verb) -> None:
    """The reference is complete, and names no option that is not there."""
    parser = parser_of(verb)
    section = markdown.sections(read("docs/reference/cli.md"))[f"amphost {verb.name}"]
    usage = markdown.code_lines(section)[0]
    told = section.replace(usage, "")
    spoken = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", told))
    there = {one for action in parser._actions for one in action.option_strings}
    there -= {"-h", "--help"}
    assert there == spoken - {"--help"}
    positional = [action for action in parser._actions if not action.option_strings]
    assert len(re.sub(r" \[--[^]]*\]", "", usage).split()) == 2 + len(positional)


def test_every_exit_code_is_documented() -> None:
    """Scripts decide by these numbers."""
    kinds = [one for _, one in inspect.getmembers(errors, inspect.isclass)]
    raised = {one.exit_code for one in kinds if issubclass(one, errors.AmphostError)}
    raised |= {0, 2, main.FAILED, main.INTERRUPTED, main.PIPE_CLOSED}
    section = markdown.sections(read("docs/reference/cli.md"))["Exit codes"]
    assert {int(row[0]) for row in markdown.rows(section)} == raised


def test_the_board_of_the_howto_is_a_board(tmp_path: Path) -> None:
    """It is copied as it stands."""
    (shown,) = markdown.blocks(read("docs/howto/own_board.md"), "yaml")
    (tmp_path / "bench.yaml").write_text(shown, encoding="utf-8")
    assert load_board(tmp_path / "bench.yaml").name == "bench"


def test_no_document_names_what_is_not_the_projects() -> None:
    """The repository speaks of amphost alone."""
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"/work/|/root/|/home/\w", text), path
