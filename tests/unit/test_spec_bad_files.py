"""Every bad file says exactly what is wrong with it, through the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from amphost.cli.main import main

FOLDER = Path(__file__).parents[1] / "bad_specs"
FILES = sorted(path.name for path in FOLDER.glob("*.yaml"))
LINE = re.compile(r"[^:\n]+\.(yaml|csv|py):[1-9]\d*:[1-9]\d*: [^:; ]\S*: [^;\n]+; \S[^\n]*")


@pytest.fixture(autouse=True)
def _in_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)


def test_there_are_many_of_them() -> None:
    """A glob that finds nothing would make every test below pass."""
    assert len(FILES) >= 100
    assert {path.stem for path in FOLDER.glob("*.txt")} == {Path(name).stem for name in FILES}


@pytest.mark.parametrize("name", FILES)
def test_bad_file_says_exactly_what_is_wrong(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A message is part of the interface: it may only change on purpose."""
    code = main(["check", name])
    printed = capsys.readouterr()
    assert printed.err == (FOLDER / name).with_suffix(".txt").read_text(encoding="utf-8")
    assert (code, printed.out) == (78, "")


@pytest.mark.parametrize("name", FILES)
def test_every_message_has_place_path_rule_and_remedy(name: str) -> None:
    """An editor jumps to file:line:col, and a person needs to know what to do."""
    lines = (FOLDER / name).with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    assert lines
    for line in lines:
        assert LINE.fullmatch(line), line
        assert not re.search(r"pydantic|input_value|\[type=|validation error", line), line


def test_json_has_the_same_problems_in_parts(capsys: pytest.CaptureFixture[str]) -> None:
    """Tools read the parts; the whole line is there too."""
    assert main(["check", "105_everything_at_once.yaml", "--json"]) == 78
    printed = capsys.readouterr()
    verdict = json.loads(printed.out)
    assert printed.err == ""
    assert (verdict["ok"], verdict["system"], verdict["board"]) == (False, None, None)
    text = Path("105_everything_at_once.txt").read_text(encoding="utf-8")
    assert [one["message"] for one in verdict["problems"]] == text.splitlines()
    first = verdict["problems"][0]
    assert (first["file"], first["line"], first["column"]) == ("105_everything_at_once.yaml", 1, 7)
    assert (first["path"], first["remedy"][:5]) == ("name", "write")


def test_a_path_is_named_as_it_was_typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A message that names another path than the user's sends people looking."""
    monkeypatch.chdir(FOLDER.parent)
    main(["check", "bad_specs/098_board_port_and_loopback.yaml"])
    main(["check", "./bad_specs/001_empty_file.yaml"])
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("bad_specs/boards/port_and_loopback.yaml:3:3: ")
    assert second.startswith("bad_specs/001_empty_file.yaml:1:1: ")
