"""The program of an exec role is found before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from amphost.spec.executable import find_executable
from amphost.spec.positions import Problem

AT = ("roles", "smooth", "command", 0)


def test_a_program_beside_the_spec_is_found(tmp_path: Path) -> None:
    """A path has a slash; it starts at the folder of the spec, wherever amphost is started."""
    program = tmp_path / "build" / "smooth"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert find_executable("build/smooth", tmp_path, AT) == str(program)
    assert find_executable(str(program), Path("/"), AT) == str(program)


def test_a_bare_name_is_looked_for_in_path(tmp_path: Path) -> None:
    """As a shell does it, and never in the folder of the spec."""
    (tmp_path / "sh").write_text("not this one")
    found = find_executable("sh", tmp_path, AT)
    assert isinstance(found, str)
    assert found.endswith("/sh")
    assert not found.startswith(str(tmp_path))


@pytest.mark.parametrize(
    ("word", "rule"),
    [
        ("no_such_program_here", "there is no program no_such_program_here in PATH"),
        ("./gone", "is not there"),
        ("./folder", "is not a file"),
        ("./plain", "is not executable"),
        ("a\0b", "is no file"),
    ],
)
def test_what_cannot_be_started_is_said_before_it_is(tmp_path: Path, word: str, rule: str) -> None:
    """A system whose program was never built must not arm."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "plain").write_text("text")
    found = find_executable(word, tmp_path, AT)
    assert isinstance(found, Problem)
    assert rule in found.rule
    assert found.remedy
