"""`amphost cflags` and `amphost.get_include()`: the words name what is there."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

import amphost
from amphost.cli.main import main


def printed(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """Return what the verb prints."""
    assert main(["cflags", *options]) == 0
    return capsys.readouterr().out


def test_each_half_and_both(capsys: pytest.CaptureFixture[str]) -> None:
    """As pkg-config has it; without an option one line serves a small program."""
    compiling, linking = printed(capsys, "--cflags"), printed(capsys, "--libs")
    assert compiling.startswith("-I")
    assert "-lamphost_mailbox" in linking.split()
    both = f"{compiling.strip()} {linking}"
    assert printed(capsys, "--cflags", "--libs") == both == printed(capsys)


def test_folder_and_library_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    """Other build systems take the paths, and a path that is not there fails far away."""
    places = json.loads(printed(capsys, "--json"))
    assert places["include"] == amphost.get_include()
    assert (Path(places["include"]) / "amphost.h").is_file()
    assert Path(places["library"]).is_file()
    assert places["cflags"] == shlex.split(printed(capsys, "--cflags"))
    assert places["libs"] == shlex.split(printed(capsys, "--libs"))
