"""Completion files: every verb and option is in them, and bash really completes."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from amphost.cli.completion import SHELLS, every_verb
from amphost.cli.main import VERBS, main

BASH = shutil.which("bash")
DRIVE = """\
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_amphost
printf '%s\\n' "${COMPREPLY[@]}"
"""


def printed(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Return the file for a shell, as it is printed."""
    assert main(["completion", shell]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


@pytest.mark.parametrize("shell", SHELLS)
def test_every_verb_and_option_is_in_the_file(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is made from the parsers; what it leaves out nobody finds."""
    text = printed(shell, capsys)
    assert [verb.name for verb in every_verb()] == [verb.name for verb in VERBS]
    for verb in every_verb():
        assert verb.name in text
        for option in verb.options:
            for word in (option.flags[-1], *option.choices):
                assert (word if shell != "fish" else word.removeprefix("--")) in text, verb.name
    assert "runtime-dir" not in text


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_itself_can_read_it(
    shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that does not parse breaks every new terminal of its user."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"there is no {shell} here")
    path = tmp_path / "_amphost"
    path.write_text(printed(shell, capsys), encoding="utf-8")
    done = subprocess.run([program, "-n", path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def completed(file: Path, *words: str, folder: Path) -> list[str]:
    """Return what bash offers for the last word; the environment has one running system."""
    done = subprocess.run(
        [str(BASH), "-c", DRIVE, "bash", str(file), "amphost", *words],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        env={"XDG_RUNTIME_DIR": str(folder), "PATH": ""},
    )
    return done.stdout.split()


@pytest.fixture
def file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Return the file for bash."""
    path = tmp_path / "amphost.bash"
    path.write_text(printed("bash", capsys), encoding="utf-8")
    return path


@pytest.mark.skipif(BASH is None, reason="there is no bash")
def test_bash_completes_verbs_options_choices_and_files(tmp_path: Path, file: Path) -> None:
    """With an empty PATH: neither amphost nor anything else is run for it."""
    (tmp_path / "motor.yaml").touch()
    offered = {
        words: completed(file, *words, folder=tmp_path)
        for words in (
            ("pl",),
            ("run", "mo"),
            ("run", "--f"),
            ("latency", "--wait", ""),
            ("run", "motor.yaml", "--for", ""),
            ("--ver",),
        )
    }
    assert offered == {
        ("pl",): ["plan", "plot"],
        ("run", "mo"): ["motor.yaml"],
        ("run", "--f"): ["--for", "--fresh", "--fold"],
        ("latency", "--wait", ""): ["sleep", "hybrid", "spin"],
        ("run", "motor.yaml", "--for", ""): [],
        ("--ver",): ["--version"],
    }


@pytest.mark.skipif(BASH is None, reason="there is no bash")
def test_bash_completes_the_names_of_running_systems(tmp_path: Path, file: Path) -> None:
    """Read from the runtime directory; a folder without a socket is no running system."""
    text = file.read_text(encoding="utf-8")
    assert "base=/run/amphost" in text
    file.write_text(text.replace("base=/run/amphost", f"base={tmp_path}/amphost"))
    for name in ("bench", "left_behind"):
        (tmp_path / "amphost" / name).mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "amphost" / "bench" / "control.sock"))
        assert completed(file, "arm", "", folder=tmp_path)[-1:] == ["bench"]
        assert completed(file, "get", "--system", "", folder=tmp_path) == ["bench"]
        assert "left_behind" not in completed(file, "stop", "", folder=tmp_path)


def test_an_unknown_shell_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """And the message names those that there are."""
    with pytest.raises(SystemExit) as caught:
        main(["completion", "tcsh"])
    assert caught.value.code == 2
    assert "bash" in capsys.readouterr().err
