from __future__ import annotations

import os
import re
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest

import amphost
from amphost.cli import main as cli
from amphost.errors import HardwareMissingError, NoPermissionError, SpecError

ROOT = Path(__file__).parents[2]
VERB = cli.VERBS[0].name
Install = Callable[[Callable[[], int]], None]


@pytest.fixture
def verb_that(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that lets the first verb of the table do something else."""

    def install(behave: Callable[[], int]) -> None:
        module = types.ModuleType(cli.VERBS[0].module)
        module.__dict__["configure"] = lambda parser: parser.add_argument("words", nargs="*")
        module.__dict__["run"] = lambda _args: behave()
        monkeypatch.setitem(sys.modules, cli.VERBS[0].module, module)

    monkeypatch.delenv("AMPHOST_DEBUG", raising=False)
    return install


def raising(error: BaseException) -> Callable[[], int]:
    """Return a verb that ends in `error`."""

    def behave() -> int:
        raise error

    return behave


def amphost_process(
    *words: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command line as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "amphost", *words],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )


def test_exit_code_is_the_verbs(verb_that: Install) -> None:
    """A script reads nothing else."""
    verb_that(lambda: 0)
    assert cli.main([VERB]) == 0
    verb_that(lambda: 1)
    assert cli.main([VERB, "a", "b"]) == 1


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (SpecError(["a.yaml:1:1: x: y; z", "a.yaml:2:1: x: y; z"]), 78, "a.yaml:1:1: x: y; z\n"),
        (HardwareMissingError(["a.yaml:1:1: x: y; z"]), 69, "a.yaml:1:1: x: y; z\n"),
        (NoPermissionError("no right to X; do Y"), 77, "amphost: no right to X; do Y\n"),
    ],
)
def test_our_errors_are_lines_on_stderr(
    verb_that: Install, capsys: pytest.CaptureFixture[str], error: Exception, code: int, text: str
) -> None:
    """A user's mistake is answered with what to do, and the documented code."""
    verb_that(raising(error))
    assert cli.main([VERB]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(text)
    assert "Traceback" not in printed.err


def test_unexpected_error_is_one_line_that_says_how_to_see_more(
    verb_that: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    """A traceback helps us, not the person at the machine."""
    verb_that(raising(ValueError("two\nlines")))
    assert cli.main([VERB]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("amphost: internal error: ValueError: two lines; set AMPHOST_DEBUG=1 ")


def test_unexpected_error_shows_its_traceback_on_request(
    verb_that: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks for the bug needs all of it."""
    verb_that(raising(ZeroDivisionError()))
    monkeypatch.setenv("AMPHOST_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        cli.main([VERB])


def test_ctrl_c_is_130_and_silent(verb_that: Install, capsys: pytest.CaptureFixture[str]) -> None:
    """As any program of a shell."""
    verb_that(raising(KeyboardInterrupt()))
    assert cli.main([VERB]) == 130
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "words", [[], ["--frobnicate"], ["chek", "x"], ["check"], ["check", "a", "b"]]
)
def test_wrong_usage_is_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """And it says what is right."""
    with pytest.raises(SystemExit) as caught:
        cli.main(words)
    assert caught.value.code == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("usage: amphost")
    assert printed.out == ""


def test_unknown_verb_gets_a_guess(capsys: pytest.CaptureFixture[str]) -> None:
    """A typing mistake is the most common of all."""
    with pytest.raises(SystemExit):
        cli.main(["chek", "x.yaml"])
    assert "there is no verb 'chek'; did you mean check?" in capsys.readouterr().err


def test_help_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    """The first thing that anyone types."""
    with pytest.raises(SystemExit) as caught:
        cli.main(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for verb in cli.VERBS:
        assert re.search(rf"^ +{verb.name}\b", text, re.MULTILINE)
        assert verb.text.split(" ", maxsplit=1)[0] in text


@pytest.mark.parametrize("verb", cli.VERBS, ids=lambda verb: verb.name)
def test_every_verb_of_the_table_has_its_module(
    verb: cli.Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table names modules by text: a wrong one would only show when it is typed."""
    with pytest.raises(SystemExit) as caught:
        cli.main([verb.name, "--help"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: amphost {verb.name} ")


def test_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    """What a bug report begins with."""
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"amphost {amphost.__version__}\n"


def test_importing_the_command_line_imports_little() -> None:
    """pydantic and yaml cost 80 ms: `--help` and a role's start do not pay for them."""
    code = "import sys, amphost.cli.main; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(run.stdout.split())
    assert "amphost.cli.main" in loaded
    assert not loaded & {"pydantic", "yaml", "cffi", "mcap", "asyncio", "amphost.spec.load"}


def test_closed_pipe_is_quiet() -> None:
    """`amphost schema | head -1` must not end in a complaint."""
    process = subprocess.Popen(
        [sys.executable, "-m", "amphost", "schema"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with process.stderr:
        complaint = process.stderr.read()
    assert (process.wait(), complaint) == (141, "")


def test_it_runs_as_a_module() -> None:
    """`python -m amphost` needs no installed script."""
    run = amphost_process("check", "motor")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("examples/01_motor.yaml: ok\n")
