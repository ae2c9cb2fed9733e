from __future__ import annotations

import json
from pathlib import Path

import pytest

from amphost.cli.main import main

FOLDER = Path(__file__).parents[2] / "amphost" / "spec"


@pytest.mark.parametrize(
    ("words", "name"),
    [([], "schema.json"), (["spec"], "schema.json"), (["board"], "board.schema.json")],
)
def test_schema_is_printed_as_it_is_shipped(
    words: list[str], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`amphost schema > file` gives what editors already use."""
    assert main(["schema", *words]) == 0
    printed = capsys.readouterr()
    assert printed.out == (FOLDER / name).read_text(encoding="utf-8")
    assert json.loads(printed.out)["$schema"].endswith("draft-07/schema#")
    assert printed.err == ""


def test_unknown_kind_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """And the message names the two that exist."""
    with pytest.raises(SystemExit) as caught:
        main(["schema", "machine"])
    assert caught.value.code == 2
    message = capsys.readouterr().err
    assert "spec" in message
    assert "board" in message
