"""The verbs that ask a running system: one socket, one word, one reply."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from amphost.cli import main as cli

VERBS = ("arm", "disarm", "acknowledge", "stop", "state")
Answering = Callable[[dict[str, object]], list[object]]


@pytest.fixture
def answering(tmp_path: Path) -> Iterator[Answering]:
    """Return a function that stands in for a running system; it collects what it is asked."""
    threads: list[threading.Thread] = []

    def answer(reply: dict[str, object]) -> list[object]:
        folder = tmp_path / "motor"
        folder.mkdir()
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        server.bind(str(folder / "control.sock"))
        server.listen(1)
        asked: list[object] = []

        def serve() -> None:
            client, _ = server.accept()
            with client, server:
                asked.append(json.loads(client.recv(4096)))
                client.sendall(json.dumps(reply).encode() + b"\n")

        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        return asked

    yield answer
    for thread in threads:
        thread.join()


def ask(tmp_path: Path, *words: str) -> int:
    """Run a verb against the systems of `tmp_path`."""
    return cli.main([*words, "--runtime-dir", str(tmp_path)])


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_sends_its_own_word_and_prints_the_mode(
    tmp_path: Path, answering: Answering, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    """One module for verbs that differ in nothing but a word: none may send another's."""
    asked = answering({"ok": True, "mode": "DISARMED"})
    assert ask(tmp_path, verb, "motor") == 0
    assert asked == [{"verb": verb}]
    assert capsys.readouterr().out == "DISARMED\n"


def test_json_prints_the_whole_state(
    tmp_path: Path, answering: Answering, capsys: pytest.CaptureFixture[str]
) -> None:
    """A script wants the process ids and the act of arming too."""
    answering({"ok": True, "mode": "ARMED", "arming": 3})
    assert ask(tmp_path, "arm", "motor", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"mode": "ARMED", "arming": 3}


@pytest.mark.parametrize(("code", "exit_code"), [(1, 1), (77, 77)])
def test_a_no_is_an_exit_code_and_the_reason(
    tmp_path: Path,
    answering: Answering,
    capsys: pytest.CaptureFixture[str],
    code: int,
    exit_code: int,
) -> None:
    """A script must see that nothing was armed, a person why."""
    answering({"ok": False, "error": "not armed: control is dead", "exit": code})
    assert ask(tmp_path, "arm", "motor") == exit_code
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "amphost: not armed: control is dead\n")


def test_a_system_that_does_not_run_is_said_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The usual mistake: the name of the file in place of the name of the system."""
    for system in ("motor", "01_motor.yaml", "../motor", "/etc", "x" * 300):
        assert ask(tmp_path, "arm", system) == 1
        printed = capsys.readouterr()
        assert printed.err.startswith("amphost: nothing runs at ")
        assert printed.out == ""


def test_the_system_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A verb that moves a machine guesses nothing."""
    with pytest.raises(SystemExit) as caught:
        cli.main(["arm"])
    assert caught.value.code == 2
    assert "system" in capsys.readouterr().err
